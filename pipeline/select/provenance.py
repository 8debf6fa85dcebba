"""Labels that rest on where answers come from, and on nothing that anybody said of them."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.select.pairing import Label, commonest, texts_differ, worded
from pipeline.strategy import Answer, Nothing
from schemas.rows import PairAnswer, Row
from schemas.units import ResponseGroup

CERTAIN = 1.0
"""The confidence of a label that rests on a rule alone: all that was said about it says the same."""


def rows_by_provenance(unit: ResponseGroup, labels: Iterable[Label], reasons: Iterable[Nothing], rule: str) -> Answer:
    """The labels as rows, but for those of equal texts, in the order of their gaps, the smallest first."""
    candidates = worded(unit.responses)
    differ, alike = [], list(reasons)
    for label in labels:
        if texts_differ(candidates, label.duel):
            differ.append(label)
        else:
            alike.append(Nothing("identical_texts", "the two say the same"))
    rows: list[Row] = [
        PairAnswer(
            prompt_id=unit.prompt.prompt_id,
            chosen_id=label.chosen,
            rejected_id=label.rejected,
            score_gap=label.gap,
            p_chosen=label.p,
            confidence=label.confidence,
            rule=rule,
        )
        for label in sorted(differ, key=lambda label: (label.gap, label.chosen, label.rejected))
    ]
    return rows or commonest(alike)
