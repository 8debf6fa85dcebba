"""When enough votes have been asked for: the Beta rule of Adaptive-Consistency (EMNLP 2023)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable


def lead_probability(most: int, next_most: int) -> float:
    """P(p1 > p2) after v1 = `most` ≥ v2 = `next_most` votes for the two leading verdicts, under a flat prior; in [0.5, 1).

    1 - I½(v1 + 1, v2 + 1). For whole numbers the incomplete beta function is the tail of a binomial, so this is exact:
    I½(v1 + 1, v2 + 1) = P(at least v1 + 1 heads in v1 + v2 + 1 throws). Five unanimous votes give 0.984.
    """
    throws = most + next_most + 1
    tail = sum(math.comb(throws, heads) for heads in range(most + 1, throws + 1))
    return 1 - tail / (1 << throws)


def is_settled(votes: Iterable[str], stop_at: float) -> bool:
    """Whether the leading verdict is ahead of the next one with a probability above `stop_at`."""
    counts = [count for _, count in Counter(votes).most_common(2)]
    first, second = (*counts, 0, 0)[:2]
    return first > 0 and lead_probability(first, second) > stop_at
