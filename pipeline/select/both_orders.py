"""What was said of two candidates under each principle, in one order and in the other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from schemas.rows import Signal
from schemas.units import PairText

Couple = tuple[str, str]
"""Two candidates (a, b) in the order of their ids."""
Shares = tuple[float, float]
"""P(a) as the judges said it in order ab, and in order ba; each in [0, 1]."""


def shares_by_principle(signals: Iterable[Signal], names: Collection[str]) -> Mapping[Couple, Mapping[str, Shares]]:
    """The shares of each couple under each of these principles that has a verdict in both orders.

    The share of an order is the mean over its calls, whichever judge and draw: the likelihood itself where there is one
    call that tells it, the share of votes (a tie is half a vote) where votes were repeated. Abstentions are no calls.
    The result does not depend on the order of signals.
    """
    said: dict[tuple[Couple, str], dict[str, list[float]]] = defaultdict(lambda: {"ab": [], "ba": []})
    for signal in signals:
        is_verdict = signal.probability is not None and not signal.abstained and signal.order is not None
        if is_verdict and signal.name in names and len(signal.response_ids) == 2:
            a, b = signal.response_ids
            said[(a, b), signal.name][str(signal.order)].append(float(signal.probability or 0.0))
    found: dict[Couple, dict[str, Shares]] = defaultdict(dict)
    for (couple, name), orders in sorted(said.items()):
        if orders["ab"] and orders["ba"]:
            found[couple][name] = (_mean(orders["ab"]), _mean(orders["ba"]))
    return found


def sides_of(pair: PairText, names: Iterable[str]) -> dict[str, int]:
    """What each principle says of a pair's label: 1 agrees in both orders, -1 contradicts in both, 0 says nothing."""
    chosen, rejected = pair.pair.chosen_id, pair.pair.rejected_id
    couple = (min(chosen, rejected), max(chosen, rejected))
    wanted = set(names)
    shares = shares_by_principle(pair.signals, wanted).get(couple, {})
    said = dict.fromkeys(sorted(wanted), 0)
    for name, (one, other) in shares.items():
        side = 1 if chosen == couple[0] else -1
        said[name] = side if one > 0.5 and other > 0.5 else -side if one < 0.5 and other < 0.5 else 0
    return said


def _mean(values: list[float]) -> float:
    return sum(sorted(values)) / len(values)
