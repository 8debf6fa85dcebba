"""The recipe: one YAML file that names the models and the steps, with the line of everything it says.

    recipe: quickstart
    about: Question and answer pairs from documents, judged in both orders.
    paper: arXiv 2311.10614, section 3
    models:
      default: {model: Qwen/Qwen3-8B}
    steps:
      - mine/chunk: {tokens: 300}
      - sample/gold

Reading only checks form. Whether strategies, parameters and models exist is checked when the recipe is bound to the
registry (`pipeline.binding`), before any work.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schemas.errors import RecipeError, nearest
from schemas.models import ModelSpec

Lines = dict[tuple[Any, ...], int]


class Limits(BaseModel):
    """What may be spent, at most: calls, and money in the currency of the models' prices. None is no limit."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    max_calls: int | None = Field(None, ge=0, strict=True)
    max_cost: float | None = Field(None, ge=0)


UNLIMITED = Limits()


class StepSpec(BaseModel):
    """One step: the strategy's registry key and parameters, an optional prompt file of the user's own, and its limits."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    strategy: str
    params: dict[str, Any] = {}
    prompt: str | None = None
    limits: Limits = UNLIMITED


class Recipe(BaseModel):
    """A recipe as written; `recipe` is its name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    recipe: str
    about: str = ""
    paper: str = ""
    models: dict[str, ModelSpec] = {}
    limits: Limits = UNLIMITED
    steps: tuple[StepSpec, ...]


@dataclass(frozen=True)
class RecipeFile:
    """A recipe with where it came from: its text, and the 1-based line of every key and item."""

    recipe: Recipe
    text: str
    path: Path
    lines: Lines

    def mistake(self, message: str, *place: Any) -> RecipeError:
        """A `RecipeError` at the nearest known line of `place`, a path such as `("steps", 2, "draws")`."""
        while place and place not in self.lines:
            place = place[:-1]
        return RecipeError(message, file=self.path, line=self.lines.get(place))


def read_recipe(path: Path) -> RecipeFile:
    """Read a recipe file and check its form; raises `RecipeError` with file and line."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise RecipeError(f"cannot be read ({problem}); give the path of a recipe file", file=path) from None
    lines: Lines = {}
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        value = None if node is None else _value(node, (), lines)
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        what = (getattr(problem, "problem", None) or str(problem)).splitlines()[0]
        raise RecipeError(f"is not valid YAML: {what}", file=path, line=mark.line + 1 if mark else None) from None
    except _DuplicateKey as problem:
        raise RecipeError(f"the key `{problem.key}` is given twice; keep one", file=path, line=problem.line) from None
    if not isinstance(value, dict):
        raise RecipeError("is not a recipe: expected the keys `recipe`, `models` and `steps`", file=path, line=1)
    return _checked(value, text, path, lines)


def _checked(value: dict[str, Any], text: str, path: Path, lines: Lines) -> RecipeFile:
    """The recipe that `value` says, or a `RecipeError` with the line of the first mistake."""
    steps = value.get("steps")
    if "steps" in value and not isinstance(steps, list):
        line = lines.get(("steps",), 1)
        raise RecipeError(f"`steps` is {steps!r}: it must be a list of steps, each after a `-`", file=path, line=line)
    if isinstance(steps, list):
        value = {**value, "steps": [_step(step, index, path, lines) for index, step in enumerate(steps)]}
    if value.get("steps") == [] or "steps" not in value:
        raise RecipeError("has no steps; add a list under `steps:`", file=path, line=lines.get(("steps",), 1))
    try:
        recipe = Recipe.model_validate(value)
    except ValidationError as problem:
        raise _form_error(problem, path, lines) from None
    return RecipeFile(recipe=recipe, text=text, path=path, lines=lines)


def _step(step: Any, index: int, path: Path, lines: Lines) -> dict[str, Any]:
    """`judge/pairwise: {…}` or the bare `sample/gold`, as the fields of a `StepSpec`."""
    if isinstance(step, str):
        return {"strategy": step}
    if isinstance(step, dict) and len(step) == 1:
        strategy, params = next(iter(step.items()))
        if params is None or isinstance(params, dict):
            within = ("steps", index, strategy)
            lines.update(
                {("steps", index, *place[3:]): line for place, line in list(lines.items()) if place[:3] == within}
            )
            params = dict(params or {})
            limits = {name: params.pop(name) for name in Limits.model_fields if name in params}
            prompt = params.pop("prompt", None)
            return {"strategy": strategy, "prompt": prompt, "limits": limits, "params": params}
    raise RecipeError(
        f"a step is `stage/strategy` or `stage/strategy: {{parameters}}`, not {step!r}",
        file=path,
        line=lines.get(("steps", index)),
    )


def _form_error(problem: ValidationError, path: Path, lines: Lines) -> RecipeError:
    """The first complaint of pydantic, in one sentence with the line it is about."""
    first = problem.errors(include_url=False)[0]
    place = tuple(first["loc"])
    if place[:1] == ("steps",) and "limits" in place:
        place = (*place[:2], *place[3:])  # as people write it: beside the parameters
    models: dict[Any, type[BaseModel]] = {"models": ModelSpec, "limits": Limits}
    known = models.get(place[0] if len(place) > 1 else "", Recipe).model_fields
    name = str(place[-1])
    if first["type"] == "extra_forbidden":
        message = f"unknown key `{name}`{nearest(name, known)}"
    elif first["type"] == "missing":
        message = f"the key `{name}` is missing"
    else:
        message = f"`{'.'.join(map(str, place))}` is {first['input']!r}: {first['msg']}"
    while place and place not in lines:
        place = place[:-1]
    return RecipeError(message, file=path, line=lines.get(place, 1))


class _DuplicateKey(Exception):
    """The same key twice in one YAML mapping."""

    def __init__(self, key: str, line: int) -> None:
        self.key, self.line = key, line
        super().__init__(key)


_CONSTRUCTOR = yaml.SafeLoader("")
NULL = "tag:yaml.org,2002:null"


def _value(node: yaml.Node, place: tuple[Any, ...], lines: Lines, above: tuple[yaml.Node, ...] = ()) -> Any:
    """The plain value of a YAML node; notes the line of every place below it."""
    if node in above:
        raise yaml.MarkedYAMLError(problem="an alias names what it is part of", problem_mark=node.start_mark)
    lines[place] = node.start_mark.line + 1
    above = (*above, node)
    if isinstance(node, yaml.SequenceNode):
        return [_value(child, (*place, index), lines, above) for index, child in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        mapping: dict[Any, Any] = {}
        for key_node, child in node.value:
            # As it is written: YAML 1.1 would read the key `on` as true.
            key = key_node.value
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag == NULL:
                raise yaml.MarkedYAMLError(problem="keys are plain words", problem_mark=key_node.start_mark)
            if key in mapping:
                raise _DuplicateKey(str(key), key_node.start_mark.line + 1)
            mapping[key] = _value(child, (*place, key), lines, above)
            lines[(*place, key)] = key_node.start_mark.line + 1
        return mapping
    return _CONSTRUCTOR.construct_object(node)
