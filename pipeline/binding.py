"""From a recipe as written to steps that can run: every mistake is found here, before any work."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError

from pipeline.registry import STAGES, STRATEGIES
from pipeline.strategy import SetWide
from prompts.library import Template, load_template, shipped_template
from prompts.principles import Principle, load_principle
from schemas.errors import RequestError, nearest
from schemas.fingerprints import identify
from schemas.models import ModelSpec
from schemas.recipe import RecipeFile, StepSpec

DEFAULT_MODEL = "default"
NEEDS = {
    "document": ("documents",),
    "passage": ("passages",),
    "prompt": ("prompts",),
    "response_pair": ("responses",),
    "candidates": ("responses", "signals"),
    "all_pairs": ("pairs",),
}
RELEASE = "land/release"


@dataclass(frozen=True)
class BoundStep:
    """One step, ready to run. `label` is unique within its recipe, `identity` is what the fingerprint stands for."""

    label: str
    key: str
    strategy: Any
    templates: Mapping[str, Template]
    fingerprint: str
    identity: dict[str, Any]

    @property
    def models(self) -> tuple[str, ...]:
        """The aliases of the models it asks; none for a step without a model."""
        return _aliases(self.strategy)

    @property
    def is_set_wide(self) -> bool:
        """Whether it must see all pairs at once."""
        return isinstance(self.strategy, SetWide)


@dataclass(frozen=True)
class BoundRecipe:
    """A recipe whose every step can run: row-local steps first, then set-wide ones, then at most one release."""

    file: RecipeFile
    models: Mapping[str, ModelSpec]
    row_local: tuple[BoundStep, ...]
    set_wide: tuple[BoundStep, ...]
    release: BoundStep | None

    @property
    def name(self) -> str:
        """The recipe's name."""
        return self.file.recipe.recipe

    @property
    def steps(self) -> tuple[BoundStep, ...]:
        """All steps in the order they run."""
        return (*self.row_local, *self.set_wide, *([self.release] if self.release else []))


def bind(file: RecipeFile, models: Mapping[str, ModelSpec] | None = None) -> BoundRecipe:
    """Check a recipe against the registry and give every step its fingerprint.

    `models` are the resolved specifications by alias; without them the recipe's own are used, which is enough to check.
    Raises `RecipeError` for the first mistake, with file, line and the nearest right name.
    """
    specs = {DEFAULT_MODEL: ModelSpec(), **file.recipe.models, **(models or {})}
    labels: dict[str, int] = {}
    steps = []
    for index, step in enumerate(file.recipe.steps):
        labels[step.strategy] = labels.get(step.strategy, 0) + 1
        count = labels[step.strategy]
        steps.append(_bind_step(file, index, step, specs, step.strategy if count == 1 else f"{step.strategy}#{count}"))
    _check_order(file, steps)
    release = steps[-1] if steps[-1].key == RELEASE else None
    body = steps[:-1] if release else steps
    return BoundRecipe(
        file,
        specs,
        tuple(step for step in body if not step.is_set_wide),
        tuple(step for step in body if step.is_set_wide),
        release,
    )


def models_used(recipe: BoundRecipe) -> list[str]:
    """The aliases that some step asks."""
    return sorted({alias for step in recipe.row_local for alias in step.models})


def _bind_step(file: RecipeFile, index: int, step: StepSpec, specs: Mapping[str, ModelSpec], label: str) -> BoundStep:
    strategy_class = STRATEGIES.get(step.strategy)
    if strategy_class is None:
        raise file.mistake(
            f"unknown strategy `{step.strategy}`{_nearest_strategy(step.strategy)}", "steps", index, step.strategy
        )
    strategy = _with_params(file, index, step, strategy_class)
    for alias in _aliases(strategy):
        if alias not in specs:
            field = "model" if hasattr(strategy, "model") else "models"
            raise file.mistake(
                f"`{step.strategy}` asks model `{alias}`, which is not under `models:`{nearest(alias, specs)}",
                "steps",
                index,
                field,
            )
    templates = _templates(file, index, step, strategy)
    identity = _identity(step.strategy, strategy, templates, specs)
    return BoundStep(label, step.strategy, strategy, templates, identify("steps", identity), identity)


def _with_params(file: RecipeFile, index: int, step: StepSpec, strategy_class: type[Any]) -> Any:
    """The strategy with its parameters, each checked; a principle's name becomes the principle."""
    hints = get_type_hints(strategy_class)
    fields = {field.name for field in dataclasses.fields(strategy_class)}
    params = dict(step.params)
    for name, value in params.items():
        if name not in fields:
            raise file.mistake(
                f"`{step.strategy}` has no parameter `{name}`{nearest(str(name), fields)}", "steps", index, name
            )
        if hints.get(name) is Principle and isinstance(value, str):
            try:
                params[name] = load_principle(value, file.path.parent).model_dump()
            except RequestError as problem:
                raise file.mistake(str(problem), "steps", index, name) from None
    try:
        # JSON in strict mode: lists become tuples, but "3" does not become 3, nor 0.5 an integer.
        return TypeAdapter(strategy_class).validate_json(json.dumps(params, allow_nan=False), strict=True)
    except ValidationError as problem:
        first = problem.errors(include_url=False)[0]
        place: list[int | str] = [
            part for part in first["loc"] if not isinstance(part, str) or not part.startswith("function")
        ]
        name = str(place[0]) if place else ""
        said = first["msg"].removeprefix("Value error, ")
        inner = getattr(hints.get(name), "model_fields", {})
        if first["type"] == "extra_forbidden":
            message = f"`{step.strategy}`: `{name}` has no key `{place[-1]}`{nearest(str(place[-1]), inner)}"
        elif first["type"] == "missing" and len(place) > 1:
            message = f"`{step.strategy}`: `{name}` needs the key `{place[-1]}`"
        elif first["type"] == "missing":
            message = f"`{step.strategy}` needs the parameter `{name}`"
        else:
            message = (
                f"`{step.strategy}`: `{'.'.join(map(str, place))}` is {first['input']!r}: {said}"
                if place
                else f"`{step.strategy}`: {said}"
            )
        raise file.mistake(message, "steps", index, *place) from None
    except (TypeError, ValueError) as problem:
        raise file.mistake(
            f"`{step.strategy}`: parameters are plain numbers, words and lists ({problem})", "steps", index
        ) from None


def _templates(file: RecipeFile, index: int, step: StepSpec, strategy: Any) -> dict[str, Template]:
    """The prompt templates of a step: the shipped ones, or the user's own in place of its first."""
    names: tuple[str, ...] = getattr(strategy, "prompts", ())
    if step.prompt is not None and not names:
        raise file.mistake(f"`{step.strategy}` asks no model, so it takes no `prompt`", "steps", index, "prompt")
    try:
        templates = {name: shipped_template(name) for name in names}
        if step.prompt is not None:
            own = load_template((file.path.parent / step.prompt).resolve(), names[0])
            given = templates[names[0]].inputs
            if unknown := sorted(set(own.inputs) - set(given)):
                raise RequestError(
                    f"{own.path}: input `{unknown[0]}` is not given to `{names[0]}`{nearest(unknown[0], given)}"
                )
            templates[names[0]] = own
    except RequestError as problem:
        raise file.mistake(str(problem), "steps", index, "prompt") from None
    return templates


def _identity(
    key: str, strategy: Any, templates: Mapping[str, Template], specs: Mapping[str, ModelSpec]
) -> dict[str, Any]:
    """Everything that could change this step's answers; see `schemas.fingerprints` for what is left out."""
    params = TypeAdapter(type(strategy)).dump_python(strategy, mode="json")
    for field in ("model", "models"):
        params.pop(field, None)
    return {
        "strategy": key,
        "version": strategy.version,
        "params": params,
        "models": [specs[alias].identity() for alias in _aliases(strategy)],
        "prompts": {name: template.sha256 for name, template in sorted(templates.items())},
    }


def _aliases(strategy: Any) -> tuple[str, ...]:
    """The aliases of the models that a strategy asks, in its own order."""
    return (strategy.model,) if hasattr(strategy, "model") else tuple(getattr(strategy, "models", ()))


def _check_order(file: RecipeFile, steps: list[BoundStep]) -> None:
    """Every step finds rows of the kind it works on; set-wide steps come after row-local ones; a release comes last."""
    made = {"documents"}
    seen_set_wide: str | None = None
    for index, step in enumerate(steps):
        if missing := [table for table in NEEDS[step.strategy.unit] if table not in made]:
            makers = [
                key
                for key, other in STRATEGIES.items()
                if isinstance(other, type) and getattr(other, "makes", "") == missing[0]
            ]
            raise file.mistake(
                f"`{step.key}` works on {missing[0]}, but no earlier step makes them; put one of {', '.join(makers)} before it",
                "steps",
                index,
            )
        if step.key == RELEASE:
            if index != len(steps) - 1:
                raise file.mistake(f"`{RELEASE}` is the last step of a recipe; move it to the end", "steps", index)
        elif step.is_set_wide:
            seen_set_wide = step.key
        elif seen_set_wide:
            raise file.mistake(
                f"`{step.key}` works row by row and comes after `{seen_set_wide}`, which needs all rows; swap them",
                "steps",
                index,
            )
        else:
            made.add(step.strategy.makes)


def _nearest_strategy(key: str) -> str:
    """The nearest key, by its last part first: `judge/pairwize` and plain `pairwise` both find `judge/pairwise`."""
    if "/" not in key:
        matches = [full for full in STRATEGIES if full.endswith(f"/{key}")]
        return f"; did you mean `{matches[0]}`?" if matches else nearest(key, STRATEGIES)
    stage, _ = key.split("/", 1)
    return (
        nearest(key, STRATEGIES)
        if stage in STAGES
        else f"; the stages are {', '.join(STAGES)}{'' if not (near := nearest(key, STRATEGIES)).startswith('; did') else near}"
    )
