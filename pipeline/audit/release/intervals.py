"""Areas under a curve with intervals that know of documents, and the interval of a difference."""

from __future__ import annotations

import bisect
import math
from collections import defaultdict
from collections.abc import Iterable

from pipeline.audit.accuracy import NORMAL_95
from pipeline.audit.release.figures import Measured


def area_of(leads: Iterable[tuple[str, float]]) -> Measured | None:
    """How well a lead of chosen over rejected tells the two apart, given as `(document, lead)`: 0.5 says not at all.

    Each pair stands once from either side, so the area is the chance that the chosen one's lead in one pair is above the
    rejected one's in another, equal ones counting one half. See `interval_of_area` for its interval. None of no pairs.
    """
    rows = list(leads)
    if not rows:
        return None
    n = len(rows)
    values = sorted(lead for _, lead in rows)
    parts: dict[str, list[float]] = defaultdict(list)
    for document, lead in rows:
        above = n - (bisect.bisect_left(values, -lead) + bisect.bisect_right(values, -lead)) / 2
        parts[document].append(above / n)
    value = math.fsum(part for each in parts.values() for part in each) / n
    squares = math.fsum((math.fsum(each) - len(each) * value) ** 2 for each in parts.values())
    return interval_of_area(value, n, len(parts), squares)


def interval_of_area(value: float, pairs: int, documents: int, squares: float) -> Measured:
    """The area with its 95% interval, from the squared influence of each document.

    The area is a U-statistic of the leads; its variance is four times that of its projection on one lead (Hoeffding 1948,
    as DeLong et al. 1988 use it for areas), summed by document because pairs of one document are no independent trials,
    with the factor G / (G - 1) for G of them. Without a second document there is no interval.
    """
    if documents < 2:
        return Measured(value, pairs)
    half = NORMAL_95 * 2 * math.sqrt(squares * documents / (documents - 1)) / pairs
    return Measured(value, pairs, max(0.0, value - half), min(1.0, value + half))


def difference(one: Measured, other: Measured) -> Measured:
    """`one - other` with the interval that follows from theirs (Newcombe 1998, method 10; Zou & Donner 2008, section 2).

    It takes the two for independent: of releases that share pairs it is too wide, never too narrow for a change.
    """
    change = one.value - other.value
    bounds = (one.low, one.high, other.low, other.high)
    if any(bound is None for bound in bounds):
        return Measured(change, min(one.n, other.n))
    low, high, other_low, other_high = (float(bound or 0.0) for bound in bounds)
    below = math.hypot(one.value - low, other_high - other.value)
    above = math.hypot(high - one.value, other.value - other_low)
    return Measured(change, min(one.n, other.n), change - below, change + above)
