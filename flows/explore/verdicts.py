"""All verdicts on one pair side by side: a row for each criterion, judge and draw, a cell for each order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Said:
    """What one call said: `side` is chosen, rejected or tie, or empty where it named none."""

    side: str
    words: str
    rationale: str
    raw: str
    id: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """All that one judge said of a pair by one criterion in one draw."""

    name: str
    evaluator: str
    draw: int
    cells: dict[str, list[Said]]

    @property
    def contradicts(self) -> bool:
        """Whether the judge changed its mind with the order."""
        sides = [{each.side for each in self.cells.get(order, [])} for order in ("ab", "ba")]
        return all(sides) and sides[0] != sides[1]


COLUMNS = {
    "ab": "shown in this order",
    "ba": "shown the other way round",
    "": "no order",
    "chosen": "of chosen",
    "rejected": "of rejected",
}
"""The cells of a verdict; those that nobody filled are not shown."""


def verdicts_of(signals: Iterable[Mapping[str, Any]], chosen_id: str, rejected_id: str) -> list[Verdict]:
    """The verdicts on a pair from the signals about its two responses, in the order of their criteria."""
    table: dict[tuple[str, str, int], dict[str, list[Said]]] = defaultdict(lambda: defaultdict(list))
    for signal in signals:
        ids = list(signal["response_ids"])
        key = (signal["name"], signal["evaluator"], signal["draw"] or 0)
        if len(ids) == 1:
            column = "chosen" if ids[0] == chosen_id else "rejected"
        else:
            column = _order(signal["order"], swapped=ids[0] == rejected_id)
        table[key][column].append(_said(signal, ids, chosen_id))
    return [Verdict(*key, dict(cells)) for key, cells in sorted(table.items())]


def _order(order: str | None, *, swapped: bool) -> str:
    """The order as seen from chosen: the letters of a signal are those of its own ids."""
    if order not in ("ab", "ba"):
        return ""
    return {"ab": "ba", "ba": "ab"}[order] if swapped else order


def _said(signal: Mapping[str, Any], ids: list[str], chosen_id: str) -> Said:
    vote, value, probability = signal["vote"], signal["value"], signal["probability"]
    side = ""
    if len(ids) == 2 and vote in ("a", "b"):
        side = "chosen" if ids["ab".index(vote)] == chosen_id else "rejected"
    elif vote == "tie":
        side = "tie"
    if side or vote:
        words = side or str(vote)
        if probability is not None and vote in ("a", "b"):
            words += f", p {probability if vote == 'a' else 1 - probability:.2f}"
    elif value is not None:
        words = f"{value:g}"
    else:
        words = "declined" if signal["abstained"] else "no verdict"
    return Said(side, words, signal["rationale"] or "", signal["raw"] or "", signal["signal_id"])
