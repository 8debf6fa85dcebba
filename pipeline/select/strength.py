"""Ordinal annotations in the manner of HelpSteer: the closest three of several, and whether to ask for more.

arXiv 2406.08673 (HelpSteer2) and arXiv 2410.01257 (HelpSteer2-Preference, signed strengths of -3 to 3).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import copysign, floor
from statistics import fmean

from pipeline.select.votes import Duel, counts
from schemas.rows import Signal

CLOSEST = 3


def closest_three(values: Sequence[float]) -> tuple[float, ...] | None:
    """The three values that agree most, ascending; None for fewer than three.

    Least spread, then least variance, then nearest to the mean of all, then nearest to 0. Of two triples that are alike in
    all four and lie on opposite sides of 0, none is closer: that is None too, so that turning every sign round always
    turns the answer round.
    """
    ordered = sorted(values)
    triples = [tuple(ordered[place : place + CLOSEST]) for place in range(len(ordered) - CLOSEST + 1)]
    if not triples:
        return None
    middle = fmean(ordered)

    def distance(triple: tuple[float, ...]) -> tuple[float, ...]:
        mean = fmean(triple)
        variance = fmean((each - mean) ** 2 for each in triple)
        # Rounded, so that triples that differ by an error of the last digit are alike.
        return tuple(round(each, 9) for each in (triple[-1] - triple[0], variance, abs(mean - middle), abs(mean)))

    least = min(map(distance, triples))
    nearest = {triple for triple in triples if distance(triple) == least}
    return nearest.pop() if len(nearest) == 1 else None


def spread(values: Sequence[float]) -> float:
    """The largest less the smallest."""
    return max(values) - min(values)


def round_half_out(value: float) -> int:
    """The nearest integer, halves away from 0; so rounding -x is the negative of rounding x."""
    return int(copysign(floor(abs(value) + 0.5), value))


def strengths_of(signals: Iterable[Signal], names: Iterable[str] = ()) -> dict[Duel, list[float]]:
    """The signed strengths on each duel, one for each judge and draw, above 0 where the first response is better.

    A signal's `value` is how much better, its `vote` which one; without a vote the sign of the value says so (above 0:
    the first of its `response_ids`). Both orders of one judge are averaged.
    """
    wanted = tuple(names)
    grouped: dict[Duel, dict[tuple[str, str, int], list[float]]] = {}
    for signal in signals:
        if len(signal.response_ids) != 2 or signal.value is None or not counts(signal, wanted):
            continue
        a, b = signal.response_ids
        strength = signal.value
        if signal.vote is not None:
            strength = {"a": abs(strength), "tie": 0.0, "b": -abs(strength)}[signal.vote]
        duel, strength = ((a, b), strength) if a < b else ((b, a), -strength)
        annotator = (signal.name, signal.evaluator, signal.draw)
        grouped.setdefault(duel, {}).setdefault(annotator, []).append(strength)
    return {duel: [fmean(each) for each in by_annotator.values()] for duel, by_annotator in grouped.items()}
