"""How a release is spread over sources, topics and languages."""

from __future__ import annotations

import math
from collections.abc import Iterable

from pipeline.audit.release.figures import Measured, share_of


def largest_share(counts: Iterable[tuple[str, int]]) -> Measured | None:
    """The share of pairs that the most frequent value has."""
    sizes = [count for _, count in counts]
    return share_of(max(sizes), sum(sizes)) if sizes else None


def effective_number(counts: Iterable[tuple[str, int]]) -> Measured | None:
    """How many equally frequent values would be as diverse: exp of the Shannon entropy (Hill 1973, the number of order 1).

    It is at least 1, and at most the number of values.
    """
    sizes = sorted(count for _, count in counts if count)
    if not sizes:
        return None
    total = sum(sizes)
    entropy = -math.fsum(size / total * math.log(size / total) for size in sizes)
    return Measured(math.exp(entropy), total)
