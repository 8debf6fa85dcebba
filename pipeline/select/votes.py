"""Votes on pairs of candidates: what each call said, and what the calls on one pair say together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import fsum
from statistics import fmean
from typing import Literal

from pipeline.strategy import Nothing
from schemas.rows import Response, Signal, Vote

Duel = tuple[str, str]
"""Two response ids, the smaller first."""
Rule = Literal["order_mean", "both_orders", "majority"]
PROBABILITY: dict[Vote, float] = {"a": 1.0, "tie": 0.5, "b": 0.0}


@dataclass(frozen=True, slots=True)
class Call:
    """One verdict on a duel: `p` is the probability that its first response is the better one.

    `order` says which of the two was shown first (`ab`: the first), None where the judge saw no order.
    """

    duel: Duel
    name: str
    evaluator: str
    draw: int
    order: str | None
    p: float
    signal: Signal

    @property
    def comparison(self) -> tuple[str, str, int]:
        """What the calls in both orders of one comparison share, besides the duel."""
        return (self.name, self.evaluator, self.draw)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What all calls on a duel say: P(its first is better), and the shares of calls for each side in [0, 1].

    The two shares sum to 1 at most: ties, and calls that a rule left aside as inconsistent, are on no side.
    """

    p: float
    for_first: float
    for_second: float

    def toward(self, duel: Duel, response: str) -> tuple[float, float]:
        """Probability that `response` is the better one, and the share of calls that say so."""
        return (self.p, self.for_first) if response == duel[0] else (1 - self.p, self.for_second)


def counts(signal: Signal, names: Iterable[str] = ()) -> bool:
    """Whether labels may rest on a signal: it is no control, the judge did not abstain, and its name was asked for."""
    wanted = tuple(names)
    return not signal.abstained and not signal.is_control and (not wanted or signal.name in wanted)


def calls_of(signals: Iterable[Signal], names: Iterable[str] = ()) -> list[Call]:
    """The verdicts on pairs among some signals; one that is missing or abstained is no call, whatever its fields say."""
    wanted = tuple(names)
    calls = []
    for signal in signals:
        p = PROBABILITY.get(signal.vote) if signal.probability is None and signal.vote else signal.probability
        if p is None or len(signal.response_ids) != 2 or not counts(signal, wanted):
            continue
        a, b = signal.response_ids
        order: str | None = signal.order
        if b < a:
            a, b, p, order = b, a, 1 - p, order and order[::-1]
        calls.append(Call((a, b), signal.name, signal.evaluator, signal.draw, order, p, signal))
    return calls


def without_self_votes(calls: Iterable[Call], responses: Iterable[Response]) -> list[Call]:
    """The calls of judges that have no stake: who wrote one of the two responses, and not the other, is left out."""
    writer = {each.response_id: each.model for each in responses}
    return [call for call in calls if [writer.get(each) for each in call.duel].count(call.evaluator) != 1]


def decide(
    calls: Iterable[Call],
    rule: Rule,
    weights: Mapping[str, float] | None = None,
    *,
    both: bool = True,
    margin: float = 0.0,
    judges: int = 1,
) -> Verdict | Nothing:
    """What the calls on one duel say by a rule, or why they say nothing.

    `order_mean`: the mean probability over both orders (arXiv 2309.00267, section 2.1), then over the draws of a judge,
    the judges of a principle, and the principles by weight. `both_orders`: the same over the comparisons alone whose two
    orders name the same side. `majority`: each call is one vote of its principle's weight, ties on no side; the winner
    needs more votes than the loser, and `margin` more at least. With `both`, a comparison asked in one order alone is
    missing. `judges` is the quorum: so many judges must have been counted.
    """
    comparisons = comparisons_of(calls, both=both)
    if not comparisons:
        return Nothing(
            "unjudged", "no comparison has a verdict in both orders" if both else "no comparison has a verdict"
        )
    counted = [each for each in comparisons if rule != "both_orders" or is_consistent(each)]
    if not counted:
        return Nothing("order_inconsistent", f"all {len(comparisons)} comparisons change with the order")
    present = len({each[0].evaluator for each in counted})
    if present < judges:
        return Nothing("no_quorum", f"{present} judges, {judges} are needed")
    heavy = weights or {}
    sides = [(heavy.get(call.name, 1.0), call.p) for each in counted for call in each]
    total = fsum(heavy.get(call.name, 1.0) for each in comparisons for call in each)
    first = fsum(weight for weight, p in sides if p > 0.5)
    second = fsum(weight for weight, p in sides if p < 0.5)
    if rule == "majority":
        if first != second and abs(first - second) < margin:
            return Nothing("margin_too_small", f"{max(first, second):g} votes against {min(first, second):g}")
        p = 0.5 + (first - second) / total / 2
    else:
        p = _nested_mean(counted, heavy)
    return Verdict(p, first / total, second / total)


def comparisons_of(calls: Iterable[Call], *, both: bool) -> list[list[Call]]:
    """The calls by comparison; with `both`, those alone that were asked in both orders, or of a judge that sees none."""
    grouped: dict[tuple[str, str, int], list[Call]] = {}
    for call in calls:
        grouped.setdefault(call.comparison, []).append(call)
    whole = [grouped[key] for key in sorted(grouped)]
    return [each for each in whole if not both or {call.order for call in each} not in ({"ab"}, {"ba"})]


def is_consistent(comparison: list[Call]) -> bool:
    """Whether all calls of a comparison are on the same side; a tie is a side."""
    return len({(call.p > 0.5) - (call.p < 0.5) for call in comparison}) == 1


def _nested_mean(comparisons: Iterable[list[Call]], weights: Mapping[str, float]) -> float:
    """Over orders, then the draws of a judge, then judges, then principles by weight: nobody counts more by saying it
    more often."""
    names: dict[str, dict[str, list[float]]] = {}
    for calls in comparisons:
        by_order: dict[str | None, list[float]] = {}
        for call in calls:
            by_order.setdefault(call.order, []).append(call.p)
        name, evaluator, _ = calls[0].comparison
        p = fmean(fmean(each) for each in by_order.values())
        names.setdefault(name, {}).setdefault(evaluator, []).append(p)
    by_name = {name: fmean(fmean(draws) for draws in judges.values()) for name, judges in names.items()}
    total = fsum(weights.get(name, 1.0) for name in by_name)
    return fsum(weights.get(name, 1.0) * p for name, p in by_name.items()) / total
