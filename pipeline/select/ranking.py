"""Judges' rankings of all candidates: the order each gives a pair, consensus, and how far two rankings agree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from pipeline.select.votes import Duel, Verdict, counts
from pipeline.strategy import Nothing
from schemas.rows import Signal

RANK, SCORE = "/rank", "/score"


@dataclass(frozen=True, slots=True)
class Ranking:
    """One judge's view of the candidates under one principle, in one draw: higher is better, equals tie."""

    principle: str
    evaluator: str
    draw: int
    places: Mapping[str, float]

    def side(self, duel: Duel) -> int | None:
        """1 if it puts the first of the two higher, -1 if the second, 0 if it ties them, None if it lacks one."""
        one, other = (self.places.get(each) for each in duel)
        return None if one is None or other is None else (one > other) - (one < other)


def rankings_of(signals: Iterable[Signal], principles: Sequence[str] = ()) -> list[Ranking]:
    """The rankings among some signals: `<principle>/rank` (1 is best), or where a judge gave none `<principle>/score`.

    `principles` are those that count, all when empty. Values of one judge, principle and draw for one response are averaged.
    """
    given: dict[tuple[str, str, int], dict[str, dict[str, list[float]]]] = {}
    for signal in signals:
        principle, slash, kind = signal.name.rpartition("/")
        is_one = slash + kind in (RANK, SCORE) and len(signal.response_ids) == 1 and signal.value is not None
        if not is_one or not counts(signal) or (principles and principle not in principles):
            continue
        by_kind = given.setdefault((principle, signal.evaluator, signal.draw), {})
        by_kind.setdefault(slash + kind, {}).setdefault(signal.response_ids[0], []).append(float(signal.value or 0.0))
    rankings = []
    for key in sorted(given):
        kind = RANK if RANK in given[key] else SCORE
        sign = -1 if kind == RANK else 1
        places = {response: sign * fmean(values) for response, values in given[key][kind].items()}
        rankings.append(Ranking(*key, places))
    return rankings


def consensus(rankings: Iterable[Ranking], duel: Duel, agree: int, judges: int) -> Verdict | Nothing:
    """K of M: at least `judges` rankings hold both responses, at least `agree` of them put the same one higher, and more
    than put the other one higher (RewardAnything asks for three of four). P is the share that does, ties counting half.
    """
    sides = [side for each in rankings if (side := each.side(duel)) is not None]
    if not sides:
        return Nothing("unjudged", "no judge ranked both")
    if len(sides) < judges:
        return Nothing("no_quorum", f"{len(sides)} judges ranked both, {judges} are needed")
    first, second = sides.count(1), sides.count(-1)
    if first == second:
        return Nothing("tie", f"{first} judges against {second}")
    if max(first, second) < agree:
        return Nothing("no_consensus", f"{max(first, second)} of {len(sides)} judges agree, {agree} are needed")
    return Verdict(0.5 + (first - second) / len(sides) / 2, first / len(sides), second / len(sides))


def mean_places(rankings: Iterable[Ranking]) -> dict[str, float]:
    """Each response's mean share of the others that a ranking puts under it, ties counting half; in [0, 1]."""
    shares: dict[str, list[float]] = {}
    for ranking in rankings:
        for response, place in ranking.places.items():
            others = [other for each, other in ranking.places.items() if each != response]
            points = [(1 + (place > other) - (place < other)) / 2 for other in others]
            if points:
                shares.setdefault(response, []).append(fmean(points))
    return {response: fmean(each) for response, each in shares.items()}
