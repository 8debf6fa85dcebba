"""From a recipe as written to steps that can run: every mistake is found here, before any work."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pipeline.model_checks import check_models
from pipeline.parameters import expand, identity_of, make_strategy
from pipeline.registry import STAGES, STRATEGIES
from pipeline.strategy import Fitted, Sieve
from prompts.library import Template, load_template, shipped_template
from schemas.errors import RequestError, nearest
from schemas.fingerprints import identify
from schemas.models import ModelSpec
from schemas.recipe import Limits, RecipeFile, StepSpec
from schemas.requests import CAGE

DEFAULT_MODEL = "default"
NEEDS = {
    "document": ("documents",),
    "passage": ("passages",),
    "prompt": ("prompts",),
    "sourced_prompt": ("prompts",),
    "sourced_responses": ("responses",),
    "response": ("responses",),
    "responses": ("responses",),
    "response_pair": ("responses",),
    "categorised_pair": ("responses",),
    "candidates": ("responses", "signals"),
    "pair": ("pairs",),
    "judged_response": ("responses", "signals"),
    "judged_pair": ("pairs", "signals"),
    "all_candidates": ("responses", "signals"),
    "all_documents": ("documents",),
    "all_passages": ("passages",),
    "all_prompts": ("prompts",),
    "all_responses": ("responses",),
    "all_pairs": ("pairs",),
}
RELEASE = "land/release"


@dataclass(frozen=True)
class BoundStep:
    """One step, ready to run. `label` is unique within its recipe, `identity` is what the fingerprint stands for.

    `index` is its place in the recipe as written: steps that one of them stands for share it, and share its limits.
    """

    label: str
    key: str
    strategy: Any
    templates: Mapping[str, Template]
    fingerprint: str
    identity: dict[str, Any]
    index: int
    limits: Limits

    @property
    def models(self) -> tuple[str, ...]:
        """The aliases of the models it asks; none for a step without a model."""
        return _aliases(self.strategy)

    @property
    def at_once(self) -> int:
        """The calls of one unit that may be under way at once."""
        return int(getattr(self.strategy, "at_once", self.strategy.calls))

    @property
    def is_set_wide(self) -> bool:
        """Whether it must see all rows before it can answer for one."""
        return isinstance(self.strategy, Sieve | Fitted)

    @property
    def sifts(self) -> bool:
        """Whether it decides, row by row, which rows of a table stay."""
        return bool(getattr(self.strategy, "sifts", False))

    @property
    def unit(self) -> str:
        """The kind of unit that it works on."""
        return f"all_{self.strategy.of}" if isinstance(self.strategy, Sieve) else str(self.strategy.unit)


@dataclass(frozen=True)
class BoundRecipe:
    """A recipe whose every step can run: `body` is all steps but the release, in the order they run."""

    file: RecipeFile
    models: Mapping[str, ModelSpec]
    body: tuple[BoundStep, ...]
    release: BoundStep | None

    @property
    def name(self) -> str:
        """The recipe's name."""
        return self.file.recipe.recipe

    @property
    def steps(self) -> tuple[BoundStep, ...]:
        """All steps in the order they run."""
        return (*self.body, *([self.release] if self.release else []))

    @property
    def stretches(self) -> list[list[BoundStep]]:
        """The body cut at its barriers: each set-wide step by itself, and the row-local ones between two of them."""
        return [
            each
            for is_set_wide, group in itertools.groupby(self.body, key=lambda step: step.is_set_wide)
            for steps in [list(group)]
            for each in ([[step] for step in steps] if is_set_wide else [steps])
        ]


def bind(file: RecipeFile, models: Mapping[str, ModelSpec] | None = None) -> BoundRecipe:
    """Check a recipe against the registry and give every step its fingerprint.

    `models` are the resolved specifications by alias; without them the recipe's own are used, which is enough to check.
    Raises `RecipeError` for the first mistake, with file, line and the nearest right name.
    """
    if CAGE in file.recipe.models:
        raise file.mistake(f"`{CAGE}` is where checks run; give the model another alias", "models", CAGE)
    specs = {DEFAULT_MODEL: ModelSpec(), **file.recipe.models, **(models or {})}
    seen: Counter[str] = Counter()
    steps = []
    for index, step in enumerate(file.recipe.steps):
        for bound in _bind_step(file, index, step, specs):
            seen[bound.label] += 1
            count = seen[bound.label]
            steps.append(bound if count == 1 else replace(bound, label=f"{bound.label}#{count}"))
    _check_order(file, steps)
    _check_limits(file, steps, specs)
    check_models(file, steps, specs)
    release = steps[-1] if steps[-1].key == RELEASE else None
    body = steps[:-1] if release else steps
    return BoundRecipe(
        file,
        specs,
        tuple(body),
        release,
    )


def models_used(recipe: BoundRecipe) -> list[str]:
    """The aliases that some step asks."""
    return sorted({alias for step in recipe.body for alias in step.models})


def _bind_step(file: RecipeFile, index: int, step: StepSpec, specs: Mapping[str, ModelSpec]) -> Iterator[BoundStep]:
    """The bound steps that one step of a recipe stands for; their labels are not unique yet."""
    strategy_class = STRATEGIES.get(step.strategy)
    if strategy_class is None:
        raise file.mistake(
            f"unknown strategy `{step.strategy}`{_nearest_strategy(step.strategy)}", "steps", index, step.strategy
        )
    for which, params in expand(file, index, step, strategy_class):
        strategy = make_strategy(file, index, step.strategy, strategy_class, params)
        for alias in _aliases(strategy):
            if alias not in specs:
                field = "model" if "model" in step.params or "models" not in step.params else "models"
                raise file.mistake(
                    f"`{step.strategy}` asks model `{alias}`, which is not under `models:`{nearest(alias, specs)}",
                    "steps",
                    index,
                    field,
                )
        templates = _templates(file, index, step, strategy)
        identity = _identity(step.strategy, strategy, templates, specs)
        label = f"{step.strategy}[{which}]" if which else step.strategy
        yield BoundStep(
            label, step.strategy, strategy, templates, identify("steps", identity), identity, index, step.limits
        )


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
            turns = getattr(strategy, "turns", len(own.parts))
            if len(own.parts) != turns:
                raise RequestError(f"{own.path}: `{names[0]}` needs {turns} turns, and here are {len(own.parts)}")
            templates[names[0]] = own
    except RequestError as problem:
        raise file.mistake(str(problem), "steps", index, "prompt") from None
    return templates


def _identity(
    key: str, strategy: Any, templates: Mapping[str, Template], specs: Mapping[str, ModelSpec]
) -> dict[str, Any]:
    """Everything that could change this step's answers; see `schemas.fingerprints` for what is left out."""
    return {
        "strategy": key,
        "version": strategy.version,
        "params": identity_of(strategy),
        "models": [specs[alias].identity() for alias in _aliases(strategy)],
        "prompts": {name: template.sha256 for name, template in sorted(templates.items())},
    }


def _aliases(strategy: Any) -> tuple[str, ...]:
    """The aliases of the models that a strategy asks, in its own order."""
    return (strategy.model,) if hasattr(strategy, "model") else tuple(getattr(strategy, "models", ()))


def _check_order(file: RecipeFile, steps: list[BoundStep]) -> None:
    """Every step finds rows of the kind it works on, and none loses what was made of them; a release comes last."""
    made = {"documents"}
    for place, step in enumerate(steps):
        index = step.index
        needed = (*NEEDS[step.unit], *getattr(step.strategy, "needs", ()))
        if missing := [table for table in needed if table not in made]:
            makers = [
                key
                for key, other in STRATEGIES.items()
                if isinstance(other, type)
                and getattr(other, "makes", "") == missing[0]
                and not getattr(other, "sifts", False)
                and not getattr(other, "audits_only", False)
            ]
            raise file.mistake(
                f"`{step.key}` works on {missing[0]}, but no earlier step makes them; put one of {', '.join(makers)} before it",
                "steps",
                index,
            )
        if step.key == RELEASE:
            if place != len(steps) - 1:
                raise file.mistake(f"`{RELEASE}` is the last step of a recipe; move it to the end", "steps", index)
        elif getattr(step.strategy, "rewrites", False) and (lost := _made_of(step.strategy.makes, steps[:place])):
            raise file.mistake(
                f"`{step.key}` rewrites {step.strategy.makes} that have {lost.strategy.makes} by then, which would be lost; "
                f"put it before `{lost.key}`",
                "steps",
                index,
            )
        elif not isinstance(step.strategy, Sieve):
            made.add(step.strategy.makes)


def _made_of(table: str, earlier: list[BoundStep]) -> BoundStep | None:
    """The first of some steps that made something of the rows of a table, which leaves with them; None if none did."""
    makers = (step for step in earlier if not step.sifts and not isinstance(step.strategy, Sieve))
    return next((step for step in makers if table in NEEDS[step.unit]), None)


def _check_limits(file: RecipeFile, steps: list[BoundStep], specs: Mapping[str, ModelSpec]) -> None:
    """A limit limits something: calls where models are asked, money where they have a price."""
    for step in steps:
        limits, prices = step.limits, [specs[alias].price for alias in step.models]
        for name in (name for name in Limits.model_fields if getattr(limits, name) is not None):
            if not prices:
                raise file.mistake(f"`{step.key}` asks no model, so it takes no `{name}`", "steps", step.index, name)
            if name == "max_cost" and all(price.is_free for price in prices):
                raise file.mistake(
                    f"`{name}` of `{step.key}` would limit nothing: give its model a `price`", "steps", step.index, name
                )
    asked = [specs[alias].price for step in steps for alias in step.models]
    if file.recipe.limits.max_cost is not None and all(price.is_free for price in asked):
        raise file.mistake("`max_cost` would limit nothing: give the models a `price`", "limits", "max_cost")


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
