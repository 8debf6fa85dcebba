"""What a release must reach before it becomes `latest`; one that does not is kept, named and held back."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Collection, Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from pipeline.audit.release.catalogue import BY_GATE, FIGURES, NEEDS
from pipeline.audit.release.figures import distance

FUNNEL = '`prefmill sql "FROM funnel"`'
REMEDIES = {
    "min_pairs": f"add documents, or ask {FUNNEL} what was dropped and why",
    "min_documents": f"add documents, or ask {FUNNEL} where they were lost",
    "min_position_consistency": "take a stronger judge, or keep only pairs that both orders agree on",
    "max_failed_share": f"ask {FUNNEL} for the reasons of the failures and mend the most frequent one",
    "max_pending_share": "run the same build again once the server answers",
    **{gate: spec.remedy for gate, spec in BY_GATE.items()},
}
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[float, Field(ge=0)]


class Gates(BaseModel):
    """The bounds of a release: `min_x` and `max_x` bound the figure `x`, counted or measured by the build.

    The figures of `pipeline.audit.release.catalogue` are measured only for a gate that is narrower than by default, for
    they take time.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_pairs: int = Field(default=1, ge=0)
    min_documents: int = Field(default=0, ge=0)
    min_position_consistency: float = Field(default=0.0, ge=0, le=1)
    max_failed_share: float = Field(default=1.0, ge=0, le=1)
    max_pending_share: float = Field(default=0.0, ge=0, le=1)

    max_longer_chosen: Share = 1.0
    max_length_auc: Share = 1.0
    max_length_auc_matched: Share = 1.0
    max_lists_chosen: Share = 1.0
    max_markdown_auc: Share = 1.0
    max_markdown_auc_matched: Share = 1.0
    max_probe_auc: Share = 1.0
    max_probe_auc_matched: Share = 1.0
    max_refusal_share_chosen: Share = 1.0
    max_refusal_share_rejected: Share = 1.0
    max_identity_share_chosen: Share = 1.0
    max_identity_share_rejected: Share = 1.0
    max_model_win_rate: Share = 1.0
    max_first_position_wins: Share = 1.0
    max_order_flips: Share = 1.0
    min_jury_agreement: Share = 0.0
    max_voter_error: Share = 1.0
    max_label_noise: Share = 1.0
    min_label_accuracy: Share = 0.0
    max_always_longest: Share = 1.0
    max_leakage: Share = 1.0
    max_shared_prompts: Share = 1.0
    max_shared_documents: Share = 1.0
    max_shared_answers: Share = 1.0
    max_near_duplicates_across_splits: Share = 1.0
    max_source_share: Share = 1.0
    max_document_share: Share = 1.0
    max_topic_share: Share = 1.0
    max_language_share: Share = 1.0
    min_effective_sources: Count = 0.0
    min_effective_documents: Count = 0.0
    min_effective_topics: Count = 0.0
    min_effective_languages: Count = 0.0

    @property
    def asked(self) -> list[str]:
        """The figures that must be measured before these gates can say anything, in the order of the gates."""
        return [BY_GATE[name].name for name in type(self).model_fields if name in BY_GATE and not self._is_open(name)]

    def _is_open(self, name: str) -> bool:
        return bool(getattr(self, name) == type(self).model_fields[name].default)

    def check_libraries(self) -> None:
        """Raise `ValueError`, with what to install, unless everything that these gates need is there."""
        for spec in map(FIGURES.__getitem__, self.asked):
            module, extra = NEEDS.get(spec.part, ("", ""))
            if module and importlib.util.find_spec(module) is None:
                raise ValueError(
                    f"the gate `{spec.gate}` needs {module}: pip install 'prefmill[{extra}]', or leave the gate out"
                )


class GateResult(BaseModel):
    """What one gate said of one release; `value` is None where nothing was measured."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    wanted: float
    value: float | None
    passed: bool
    sentence: str


def check(gates: Gates, figures: Mapping[str, float], vacant: Collection[str] = ()) -> list[GateResult]:
    """Hold `figures` (`pairs`, `documents`, `position_consistency`, …) against every gate, in the order of `Gates`.

    A figure that is missing or NaN was not measured: it fails its gate, unless the gate is wide open (`min_x: 0` or
    `max_x: 1`), so that a recipe without a judge needs no special case. Wide open gates of figures that are measured only
    when they are asked for are left out. `vacant` are figures that were looked for and have no case in these pairs (no
    list anywhere, no second split): what does not occur breaks no bound.
    """
    asked = {FIGURES[name].gate for name in gates.asked}
    names = [name for name in Gates.model_fields if name in asked or name not in BY_GATE]
    return [check_one(name, float(getattr(gates, name)), figures, vacant) for name in names]


def check_one(name: str, wanted: float, figures: Mapping[str, float], vacant: Collection[str] = ()) -> GateResult:
    """The result of the gate `name` at the bound `wanted`.

    A figure that is read from both sides (`Spec.is_two_sided`) is held against an upper bound with the larger of itself
    and 1 minus itself.
    """
    side, _, figure = name.partition("_")
    is_floor = side == "min"
    words = figure.replace("_", " ")
    bound = f"{'at least' if is_floor else 'at most'} {_number(wanted)} wanted"
    value = figures.get(figure)
    spec = BY_GATE.get(name)
    if value is None and figure in vacant:
        passed, remedy, sentence = True, "", f"{words}: no case of it, {bound}"
    elif value is None or math.isnan(value):
        passed = wanted <= 0 if is_floor else wanted >= 1
        remedy = spec.absent if spec else "add a step that measures it"
        sentence, value = f"{words}: not measured, {bound}", None
    else:
        value = float(value)
        held = distance(figure, value) if spec else value
        passed = held >= wanted if is_floor else held <= wanted
        either = f" ({_number(held)} from the other side)" if held != value else ""
        sentence, remedy = f"{words}: {_number(value)}{either}, {bound}", REMEDIES[name]
    if not passed:
        sentence = f"{sentence}; {remedy}, or change `{name}`"
    return GateResult(name=name, wanted=wanted, value=value, passed=passed, sentence=sentence)


def _number(value: float) -> str:
    """Digits enough that a value just short of its bound does not look equal to it."""
    return f"{value:.12g}"
