"""What was said of two candidates under each principle, in one order and in the other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from schemas.rows import Signal

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


def _mean(values: list[float]) -> float:
    return sum(sorted(values)) / len(values)
