"""The case files of strategies (`tests/cases/<stage>/<name>.yaml`), and how the step of a case is bound."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import yaml

from pipeline.binding import BoundStep, bind
from pipeline.registry import STRATEGIES
from schemas.models import ModelSpec
from schemas.recipe import Recipe, RecipeFile, StepSpec

CASES = Path(__file__).parent / "cases"
# What a strategy needs before it, so that a step alone makes a recipe.
BEFORE: dict[str, list[Any]] = {
    "mine": [],
    "sample": ["mine/chunk", "mine/qa"],
    "judge": ["mine/chunk", "mine/qa", "sample/gold"],
    "select": ["mine/chunk", "mine/qa", "sample/gold", {"judge/pairwise": {"principle": "helpful"}}],
}
Case = dict[str, Any]


def load_cases() -> dict[str, list[Case]]:
    """All cases by the key of their strategy."""
    files = sorted(CASES.glob("*/*.yaml"))
    return {
        path.relative_to(CASES).with_suffix("").as_posix(): yaml.safe_load(path.read_text("utf-8")) for path in files
    }


def bind_case(key: str, case: Case) -> BoundStep:
    """The step of a case, bound as a recipe binds it: parameters are checked and principles are loaded."""
    before = [*BEFORE[key.split("/")[0]]]
    if key == "mine/qa":
        before = ["mine/chunk"]
    strategy_class = STRATEGIES[key]
    if hasattr(strategy_class, "of") or strategy_class.unit in ("pair", "judged_pair"):
        before = [*BEFORE["select"], "select/best_worst"]
    if hasattr(strategy_class, "rewrites"):  # before anything is made of the rows
        before = before[: {"passages": 1, "prompts": 2, "responses": 3}.get(_table_of(strategy_class, case))]
    before += ["judge/embed"] if "vectors" in getattr(strategy_class, "needs", ()) else []
    steps = [
        StepSpec(strategy=each)
        if isinstance(each, str)
        else StepSpec(strategy=next(iter(each)), params=each[next(iter(each))])
        for each in before
    ]
    steps.append(StepSpec(strategy=key, params=case.get("params", {})))
    models = {alias: ModelSpec(model=alias) for alias in case.get("models", [])}
    recipe = Recipe(recipe="case", models=models, steps=tuple(steps))
    return bind(RecipeFile(recipe, "", CASES / "case.yaml", {})).steps[-1]


def _table_of(strategy_class: Any, case: Case) -> str:
    """The table whose rows a case sifts: the one it names, or the strategy's own choice."""
    defaults = {field.name: field.default for field in dataclasses.fields(strategy_class)}
    return str(case.get("params", {}).get("of", defaults.get("of")))
