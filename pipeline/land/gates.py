"""What a release must reach before it becomes `latest`; one that does not is kept, named and held back."""

from __future__ import annotations

import math
from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field

FUNNEL = '`prefmill sql "FROM funnel"`'
REMEDIES = {
    "min_pairs": f"add documents, or ask {FUNNEL} what was dropped and why",
    "min_documents": f"add documents, or ask {FUNNEL} where they were lost",
    "min_position_consistency": "take a stronger judge, or keep only pairs that both orders agree on",
    "max_failed_share": f"ask {FUNNEL} for the reasons of the failures and mend the most frequent one",
    "max_pending_share": "run the same build again once the server answers",
}


class Gates(BaseModel):
    """The bounds of a release: `min_x` and `max_x` bound the figure `x`, counted or measured by the build."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_pairs: int = Field(default=1, ge=0)
    min_documents: int = Field(default=0, ge=0)
    min_position_consistency: float = Field(default=0.0, ge=0, le=1)
    max_failed_share: float = Field(default=1.0, ge=0, le=1)
    max_pending_share: float = Field(default=0.0, ge=0, le=1)


class GateResult(BaseModel):
    """What one gate said of one release; `value` is None where nothing was measured."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    wanted: float
    value: float | None
    passed: bool
    sentence: str


def check(gates: Gates, figures: Mapping[str, float]) -> list[GateResult]:
    """Hold `figures` (`pairs`, `documents`, `position_consistency`, …) against every gate, in the order of `Gates`.

    A figure that is missing or NaN was not measured: it fails its gate, unless the gate is wide open (`min_x: 0` or
    `max_x: 1`), so that a recipe without a judge needs no special case.
    """
    return [_check_one(name, float(getattr(gates, name)), figures) for name in Gates.model_fields]


def _check_one(name: str, wanted: float, figures: Mapping[str, float]) -> GateResult:
    """The result of the gate `name`."""
    side, _, figure = name.partition("_")
    is_floor = side == "min"
    words = figure.replace("_", " ")
    bound = f"{'at least' if is_floor else 'at most'} {_number(wanted)} wanted"
    value = figures.get(figure)
    if value is None or math.isnan(value):
        passed = wanted <= 0 if is_floor else wanted >= 1
        sentence, remedy, value = f"{words}: not measured, {bound}", "add a step that measures it", None
    else:
        value = float(value)
        passed = value >= wanted if is_floor else value <= wanted
        sentence, remedy = f"{words}: {_number(value)}, {bound}", REMEDIES[name]
    if not passed:
        sentence = f"{sentence}; {remedy}, or change `{name}`"
    return GateResult(name=name, wanted=wanted, value=value, passed=passed, sentence=sentence)


def _number(value: float) -> str:
    """Digits enough that a value just short of its bound does not look equal to it."""
    return f"{value:.12g}"
