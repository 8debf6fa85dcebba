"""Selective judging: from which confidence on a judge may be believed, with a promise about how often it is then wrong.

Confidence is any number in [0, 1] that grows with sureness; of a probability p that a is better it is 2 |p - 1/2|, so
that a coin has 0 and certainty 1 (`confidence_of`). A pair is kept when its confidence reaches the threshold.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from schemas.errors import RequestError

STEPS = 20
"""Thresholds are tried at 1, 0.95 … 0: a fixed sequence, chosen before any label is seen."""
HALVINGS = 60
FORGIVEN = (0, 1, 2)
"""The first threshold that is tested could forgive so many mistakes: the most whose pairs are a third of the gold or less.

With alpha = delta = 0.1 and 200 gold pairs that is 52 pairs. It rests on the number of gold pairs alone, not on labels.
"""


@dataclass(frozen=True, slots=True)
class Judged:
    """One gold pair: how sure the judge was, in [0, 1], and whether it said what people say."""

    confidence: float
    correct: bool


@dataclass(frozen=True, slots=True)
class Selection:
    """What was found on `gold` pairs: keep from `threshold` on, and with probability 1 - delta at most alpha is wrong.

    `threshold` is None where no threshold is safe: then abstain from everything. `kept` of the gold pairs reach it,
    `wrong` of them wrongly judged; `bound` is the Clopper-Pearson upper bound at 1 - delta on the share of wrong ones,
    and never above alpha. A threshold that keeps fewer than `least` pairs was not tested.
    """

    threshold: float | None
    alpha: float
    delta: float
    gold: int
    kept: int
    wrong: int
    bound: float | None
    least: int

    @property
    def coverage(self) -> float:
        """The share of gold pairs that is kept."""
        return self.kept / self.gold if self.gold else 0.0

    def as_dict(self) -> dict[str, Any]:
        """For `--json` and `--save`."""
        return {**dataclasses.asdict(self), "coverage": self.coverage}


def confidence_of(probability: float) -> float:
    """How sure a judge is that says P(a) = `probability`: 2 |p - 1/2|, in [0, 1]; `p_chosen` of a pair gives the same."""
    return abs(2 * probability - 1)


def select_threshold(
    judged: Sequence[Judged], *, alpha: float = 0.1, delta: float = 0.1, steps: int = STEPS
) -> Selection:
    """The threshold that keeps most with P(wrong | kept) <= alpha, right with probability 1 - delta over draws of gold pairs.

    Fixed-sequence testing (arXiv 2407.18370): thresholds 1, 1 - 1/steps … 0 are tested from the strictest down, each at
    level delta by the exact binomial tail P(Bin(kept, alpha) <= wrong) <= delta, until one fails; no correction is needed
    since the order is fixed. Those that keep fewer than `least` pairs are passed over: they would end the search at the
    first mistake of a good judge. The promise stays exact as long as less confident pairs are wrong no less often. It
    speaks of pairs drawn like the gold ones. Of thresholds that keep the same gold pairs, the strictest is told. Raises
    `RequestError` for an alpha or delta outside (0, 1).
    """
    for name, value in (("alpha", alpha), ("delta", delta)):
        if not 0 < value < 1:
            raise RequestError(f"{name} is {value:g}; it lies between 0 and 1")
    if steps < 1:
        raise RequestError(f"steps is {steps}; at least one threshold is tried")
    wanted = [least_kept(alpha, delta, mistakes) for mistakes in FORGIVEN]
    least = max([count for count in wanted if 3 * count <= len(judged)], default=wanted[0])
    found = Selection(None, alpha, delta, len(judged), 0, 0, None, least)
    for step in range(steps, -1, -1):
        threshold = step / steps
        kept = [each for each in judged if each.confidence >= threshold]
        if len(kept) < least:
            continue
        wrong = sum(not each.correct for each in kept)
        if binomial_tail(wrong, len(kept), alpha) > delta:
            break
        if len(kept) > found.kept:
            bound = upper_bound(wrong, len(kept), delta)
            found = Selection(threshold, alpha, delta, len(judged), len(kept), wrong, bound, least)
    return found


def least_kept(alpha: float, delta: float, mistakes: int = 0) -> int:
    """The fewest kept pairs that show, with so many mistakes among them, that at most alpha are wrong.

    Without a mistake it is the least n with (1 - alpha)^n <= delta.
    """
    count = max(mistakes + 1, math.floor(math.log(delta) / math.log1p(-alpha)))
    while binomial_tail(mistakes, count, alpha) > delta:
        count += 1
    return count


def binomial_tail(most: int, count: int, share: float) -> float:
    """P(X <= most) for X ~ Bin(count, share), exact but for rounding; terms in logarithms, so that none is lost."""
    if most >= count or share <= 0:
        return 1.0
    if most < 0 or share >= 1:
        return 0.0
    log_hit, log_miss, log_all = math.log(share), math.log1p(-share), math.lgamma(count + 1)
    return min(
        1.0,
        math.fsum(
            math.exp(
                log_all
                - math.lgamma(hits + 1)
                - math.lgamma(count - hits + 1)
                + hits * log_hit
                + (count - hits) * log_miss
            )
            for hits in range(most + 1)
        ),
    )


def upper_bound(wrong: int, kept: int, delta: float) -> float:
    """Clopper and Pearson's upper bound at 1 - delta: the largest share under which so few wrong are not rarer than delta."""
    if wrong >= kept:
        return 1.0
    low, high = wrong / kept, 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if binomial_tail(wrong, kept, middle) > delta else (low, middle)
    return high
