"""The best rows of each group, in a few passes that hold a number for each row and no ids but those that tie."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import inf

Entry = tuple[str, str, float]
"""A row's id, its group, and the number it is ranked by: the larger, the better."""
Pass = Callable[[], Iterable[Entry]]
"""All rows in any order; each call is another pass over them."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Where a group is cut: rows above `at` win, and of those at it the first `ties` by id."""

    at: float
    ties: int


def numbers_of(entries: Iterable[tuple[str, float]]) -> dict[str, array[float]]:
    """The numbers of each group."""
    found: dict[str, array[float]] = {}
    for group, value in entries:
        if group not in found:
            found[group] = array("d")
        found[group].append(value)
    return found


def cut_at(values: array[float], wanted: int) -> tuple[Cut, bool]:
    """The cut that leaves `wanted` of these numbers, and whether some that tie at it must go."""
    if wanted >= len(values):
        return Cut(-inf, len(values)), False
    if wanted <= 0:
        return Cut(inf, 0), False
    ordered = sorted(values, reverse=True)
    at = ordered[wanted - 1]
    above = ordered.index(at)
    return Cut(at, wanted - above), ordered[wanted] == at


def cuts_of(values: Mapping[str, array[float]], wanted: Mapping[str, int]) -> tuple[dict[str, Cut], set[str]]:
    """The cut of each group, and the groups in which ids decide between rows that tie."""
    cuts = {group: cut_at(each, wanted[group]) for group, each in values.items()}
    return {group: cut for group, (cut, _) in cuts.items()}, {group for group, (_, is_tied) in cuts.items() if is_tied}


def losers_of(read: Pass, cuts: Mapping[str, Cut], tied: set[str]) -> Iterator[Entry]:
    """The rows that are below the cut of their group, or tie at it and have no place left; in the order they are read."""
    winners = _tied_winners(read, cuts, tied) if tied else set()
    for row_id, group, value in read():
        cut = cuts[group]
        if value < cut.at or (value == cut.at and group in tied and row_id not in winners):
            yield row_id, group, value


def _tied_winners(read: Pass, cuts: Mapping[str, Cut], tied: set[str]) -> set[str]:
    """Of the rows that tie at the cut of their group those with the smallest ids, as many as have a place."""
    waiting: dict[str, list[str]] = {group: [] for group in tied}
    for row_id, group, value in read():
        if group in tied and value == cuts[group].at:
            waiting[group].append(row_id)
    return {row_id for group, ids in waiting.items() for row_id in sorted(ids)[: cuts[group].ties]}
