"""From the numbers of all rows to the range of those that are kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import fsum, inf, sqrt

from pipeline.select.exact import at_least, exact, plus


@dataclass(frozen=True, slots=True)
class Span:
    """All numbers from `low` to `high`, both included."""

    low: float = -inf
    high: float = inf

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    def told(self) -> dict[str, float]:
        """The bounds that there are, as plain JSON."""
        return {name: value for name, value in (("low", self.low), ("high", self.high)) if abs(value) < inf}


def near(centre: float, distance: float) -> Span:
    """The numbers at most `distance` from a centre, on either side."""
    return Span(plus(centre, -distance), plus(centre, distance))


def quantile(ordered: Sequence[float], share: float) -> float:
    """The quantile of numbers in ascending order, between two of them by their distance (type 7 of Hyndman and Fan 1996).

    The same as `quantile_cont` of DuckDB and numpy's default. `share` is in [0, 1]; there is one number at least.
    """
    place = exact(share) * (len(ordered) - 1)
    before = int(place)
    low, high = ordered[before], ordered[min(before + 1, len(ordered) - 1)]
    return low if low == high else low + (high - low) * float(place - before)


def between_quantiles(values: Iterable[float], low: float | None, high: float | None) -> Span:
    """The span from one quantile to another; None leaves that side open."""
    ordered = sorted(values)
    return Span(
        -inf if low is None else quantile(ordered, low),
        inf if high is None else quantile(ordered, high),
    )


def mean_and_sd(values: Sequence[float]) -> tuple[float, float]:
    """Mean and standard deviation (of the whole, not of a sample), exact to the last bit and so in any order of rows."""
    lowest, highest = min(values), max(values)
    if lowest == highest:
        return lowest, 0.0
    mean = min(max(fsum(values) / len(values), lowest), highest)
    return mean, sqrt(fsum((value - mean) ** 2 for value in values) / len(values))


def around_mean(values: Sequence[float], below: float | None, above: float | None) -> Span:
    """The span from `below` standard deviations under the mean to `above` over it; None leaves that side open."""
    mean, sd = mean_and_sd(values)
    return Span(-inf if below is None else mean - below * sd, inf if above is None else mean + above * sd)


def at_recall(gold: Iterable[float], target: float, *, kept: int = 0, lost: int = 0) -> Span:
    """The narrowest span without an upper end that holds at least the target share of the gold rows.

    `gold` are their numbers. Gold rows without a number are `kept` or `lost` whatever the threshold is, and count: where
    too many are lost, the span holds all that have one. The threshold is itself the number of a gold row.
    """
    ordered = sorted(gold, reverse=True)
    needed = at_least(target, len(ordered) + kept + lost) - kept
    if not ordered:
        return Span()
    return Span(inf if needed <= 0 else ordered[min(needed, len(ordered)) - 1])
