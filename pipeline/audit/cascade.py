"""Fit a cascade's policy on rows where both judges' performance is known, and say what a policy is worth.

AutoMix (arXiv 2310.12963): a policy is worth what it gains over the cheap judge for each unit of money, against what
asking the dear judge always would gain (section 4, "incremental benefit per cost").
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from prompts.policies import Policy, Route, Verdict, bin_of, decide
from schemas.errors import RequestError

BINS = 8
"""Eight verifications give nine values of v: 0, 1/8 … 1 (section 4)."""
REWARDS = range(5000)
SIGMA = 2.0
TRUNCATE = 4.0
"""A Gaussian is cut at so many standard deviations, as `scipy.ndimage` does."""
Family = Literal["threshold", "double", "triple", "pomdp", "greedy", "union"]
FAMILIES: tuple[Family, ...] = ("threshold", "double", "triple", "pomdp", "greedy", "union")
Category = Literal["needy", "good", "hopeless", "undefined"]


@dataclass(frozen=True, slots=True)
class CascadeRow:
    """One pair: v in [0, 1], how well each judge did (1 right, 0 wrong, or any score), and what each call cost.

    The released code's costs are the defaults: 1 for the cheap judge, 1 for its verification, 50 for the dear one.
    """

    v: float
    small: float
    large: float
    verdict: Verdict = "a"
    cost_small: float = 1.0
    cost_verify: float = 1.0
    cost_large: float = 50.0


@dataclass(frozen=True, slots=True)
class Worth:
    """What a policy is worth on some rows. Costs and performances are means for one row.

    `ibc` = (performance - performance_small) / (cost - cost_small); `ibc_base` the same of the dear judge alone;
    `lift` = 100 (ibc - ibc_base) / ibc_base, in percent: the paper's ΔIBC. Each is None where it would divide by nothing,
    and `lift` also where the dear judge is no better than the cheap one: then no escalation pays.
    """

    rows: int
    escalated: float
    performance: float
    performance_small: float
    performance_large: float
    cost: float
    cost_small: float
    cost_large: float
    ibc: float | None
    ibc_base: float | None
    lift: float | None

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return dataclasses.asdict(self)


@dataclass(frozen=True, slots=True)
class Fit:
    """The best of `candidates` policies on the rows it was fitted on, and its worth there."""

    policy: Policy
    worth: Worth
    candidates: int


def worth_of(policy: Policy, rows: Sequence[CascadeRow]) -> Worth:
    """Hold a policy against rows: C = C_small + C_verify + w C_large with w = 1 where it escalates (section 4)."""
    if not rows:
        raise RequestError("there are no rows to hold a policy against; give pairs with v, small and large")
    routes = [decide(policy, row.v, row.verdict) == "escalate" for row in rows]
    count = len(rows)
    performance = math.fsum(row.large if up else row.small for row, up in zip(rows, routes, strict=True)) / count
    small, large = math.fsum(row.small for row in rows) / count, math.fsum(row.large for row in rows) / count
    cost_small, cost_large = (
        math.fsum(r.cost_small for r in rows) / count,
        math.fsum(r.cost_large for r in rows) / count,
    )
    cost = (
        cost_small
        + math.fsum(row.cost_verify + (row.cost_large if up else 0) for row, up in zip(rows, routes, strict=True))
        / count
    )
    ibc = incremental_benefit(performance, small, cost, cost_small)
    base = incremental_benefit(large, small, cost_large, cost_small)
    lift = 100 * (ibc - base) / base if ibc is not None and base is not None and base > 0 else None
    escalated = sum(routes) / count
    return Worth(count, escalated, performance, small, large, cost, cost_small, cost_large, ibc, base, lift)


def incremental_benefit(performance: float, small: float, cost: float, cost_small: float) -> float | None:
    """IBC = (P - P_small) / (C - C_small); None for a method that costs no more than the cheap judge alone."""
    return (performance - small) / (cost - cost_small) if cost > cost_small else None


def fit(
    rows: Sequence[CascadeRow],
    family: Family = "union",
    *,
    bins: int = BINS,
    always: tuple[Literal["tie", "split"], ...] = (),
    cost_between: tuple[float, float] | None = None,
    name: str = "fitted",
) -> Fit:
    """The candidate with the highest ΔIBC on these rows; of equal ones the cheaper, then the first.

    `cost_between` takes only candidates whose mean cost lies there. Raises `RequestError` where nothing can be chosen.
    """
    candidates = list(candidates_of(rows, family, bins=bins, always=always))
    worths = [worth_of(policy, rows) for policy in candidates]
    low, high = cost_between or (-math.inf, math.inf)
    lifts = [
        (-worth.lift, worth.cost, place)
        for place, worth in enumerate(worths)
        if worth.lift is not None and low <= worth.cost <= high
    ]
    if not lifts:
        first = worths[0]
        if first.performance_large <= first.performance_small:
            raise RequestError(
                f"the dear judge ({first.performance_large:.3f}) is no better than the cheap one "
                f"({first.performance_small:.3f}) on these {len(rows)} rows; no policy pays"
            )
        if first.cost_large <= first.cost_small:
            raise RequestError(
                f"the dear judge costs {first.cost_large:g}, the cheap one {first.cost_small:g}; ask the dear one always"
            )
        costs = sorted(worth.cost for worth in worths)
        raise RequestError(f"no candidate costs {low:g} to {high:g} a row; they cost {costs[0]:g} to {costs[-1]:g}")
    best = min(lifts)[2]
    return Fit(candidates[best].model_copy(update={"name": name}), worths[best], len(candidates))


def lift_over_regions(
    train: Sequence[CascadeRow], test: Sequence[CascadeRow], family: Family = "union", regions: int = 5
) -> float | None:
    """The paper's Table 1: mean ΔIBC on `test` of policies fitted on `train` in equally wide regions of cost.

    They span what asking nobody else and asking the dear judge always would cost; regions without a candidate are left out.
    """
    nothing, all_of_them = (worth_of(Policy(table=(route,)), train).cost for route in ("keep", "escalate"))
    width = (all_of_them - nothing) / regions
    lifts = []
    for region in range(regions):
        try:
            found = fit(train, family, cost_between=(nothing + region * width, nothing + (region + 1) * width))
        except RequestError:
            continue
        if (lift := worth_of(found.policy, test).lift) is not None:
            lifts.append(lift)
    return math.fsum(lifts) / len(lifts) if lifts else None


def candidates_of(
    rows: Sequence[CascadeRow],
    family: Family,
    *,
    bins: int = BINS,
    always: tuple[Literal["tie", "split"], ...] = (),
) -> Iterator[Policy]:
    """The policies of a family, on the grid 0, 1/bins … 1. `union` is AutoMix's: pomdp, greedy, double and threshold."""
    grid = [place / bins for place in range(bins + 1)]
    match family:
        case "threshold":
            yield from (Policy(threshold=t, always=always) for t in grid)
        case "double":
            yield from (Policy(double=(lo, hi), always=always) for lo in grid for hi in grid if lo <= hi)
        case "triple":
            yield from (
                Policy(triple=(low, lo, hi), always=always)
                for low in grid
                for lo in grid
                for hi in grid
                if low < lo <= hi
            )
        case "pomdp":
            yield from (Policy(table=table, always=always) for table in simple_tables(rows, bins))
        case "greedy":
            yield from (Policy(table=table, always=always) for table in greedy_tables(rows, bins))
        case "union":
            for each in ("pomdp", "greedy", "double", "threshold"):
                yield from candidates_of(rows, each, bins=bins, always=always)
        case _:
            raise RequestError(f"{family!r} is no family of policies; there is: {', '.join(FAMILIES)}")


def simple_tables(rows: Sequence[CascadeRow], bins: int = BINS) -> list[tuple[Route, ...]]:
    """POMDPSimple: the distinct tables that are best for some reward r in 0 … 4999 (released code).

    Rows are needy, good, hopeless or undefined. Keeping is worth -r, 0 and -r - 1 to the first three, escalating -100,
    -100 and -r - 100; each value of v does what is worth more on average over its rows, and keeps when equal.
    """
    counts: list[Counter[Category]] = [Counter() for _ in range(bins + 1)]
    for row, category in zip(rows, categories(rows), strict=True):
        counts[bin_of(row.v, bins)][category] += 1
    tables: dict[tuple[Route, ...], None] = {}
    for reward in REWARDS:
        tables[tuple(_worth_more(each, reward) for each in counts)] = None
    return list(tables)


def _worth_more(count: Counter[Category], reward: int) -> Route:
    keep = -reward * count["needy"] - (reward + 1) * count["hopeless"]
    escalate = -100 * count["needy"] - 100 * count["good"] - (reward + 100) * count["hopeless"]
    return "escalate" if escalate > keep else "keep"


def categories(rows: Sequence[CascadeRow]) -> list[Category]:
    """What escalation would do for each row: needy (the dear judge is better), good (both equal, and not 0), hopeless
    (both at or below their 10th percentile), else undefined; tested in this order (released code).
    """
    low_small, low_large = (tenth([getattr(row, judge) for row in rows]) for judge in ("small", "large"))
    found: list[Category] = []
    for row in rows:
        if row.large > row.small:
            found.append("needy")
        elif row.large == row.small != 0:
            found.append("good")
        else:
            found.append("hopeless" if row.small <= low_small and row.large <= low_large else "undefined")
    return found


def tenth(values: Sequence[float]) -> float:
    """The 10th percentile, between neighbours in proportion, as numpy reckons it; 0 of nothing."""
    if not values:
        return 0.0
    ordered = sorted(values)
    place = 0.1 * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def greedy_tables(rows: Sequence[CascadeRow], bins: int = BINS) -> list[tuple[Route, ...]]:
    """GreedyPOMDP: nested tables that add the values of v in the order of their smoothed mean gain (released code).

    The gain of a value is the mean of large - small over its rows; a value without rows has gain 0 before smoothing.
    """
    gains: list[list[float]] = [[] for _ in range(bins + 1)]
    for row in rows:
        gains[bin_of(row.v, bins)].append(row.large - row.small)
    smooth = smoothed([math.fsum(each) / len(each) if each else 0.0 for each in gains])
    ranked = sorted(range(bins + 1), key=lambda place: (-smooth[place], place))
    return [
        tuple("escalate" if place in ranked[:count] else "keep" for place in range(bins + 1))
        for count in range(bins + 2)
    ]


def smoothed(values: Sequence[float], sigma: float = SIGMA) -> list[float]:
    """A Gaussian filter with mirrored ends (d c b a | a b c d | d c b a), as `scipy.ndimage.gaussian_filter1d` has it."""
    radius, count = int(TRUNCATE * sigma + 0.5), len(values)
    weights = [math.exp(-0.5 * (step / sigma) ** 2) for step in range(-radius, radius + 1)]
    mirrored = [*values, *reversed(values)]
    return [
        math.fsum(weight * mirrored[(place + step) % (2 * count)] for step, weight in enumerate(weights, start=-radius))
        / math.fsum(weights)
        for place in range(count)
    ]
