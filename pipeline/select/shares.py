"""How many rows of each group stay: caps on groups, and samples by strata."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from itertools import accumulate
from math import floor

from pipeline.select.exact import exact

Sizes = Mapping[str, int]
"""Rows of each group, 1 or more."""


def capped(sizes: Sizes, max_share: float | None, max_rows: int | None) -> dict[str, int] | None:
    """How many rows of each group stay, so that as many as possible do; None when no number of rows would do.

    No group has more than `max_rows`, nor more than `max_share` of all that stay. The second is a fixpoint: with T rows
    in all a group has min(its size, floor(max_share · T)), and T is the largest whole number that these add up to.
    """
    room = {group: min(size, max_rows or size) for group, size in sizes.items()}
    if max_share is None or not room:
        return room
    share, ordered = exact(max_share), sorted(room.values())
    below = [0, *accumulate(ordered)]
    total = below[-1]
    while total:
        most = floor(share * total)
        whole = bisect_right(ordered, most)
        over = len(ordered) - whole
        fits = below[whole] + over * most
        if fits == total:
            break
        # What a smaller total would leave of each large group is its share of that, so no solution is above this line.
        if share * over < 1:
            fits = min(fits, floor(below[whole] / (1 - share * over)))
        total = fits
    most = floor(share * total)
    return {group: min(size, most) for group, size in room.items()} if total else None


def proportional(sizes: Sizes, total: int) -> dict[str, int]:
    """So many rows of all, of each group in proportion to its size, by largest remainders; of equals the first by name."""
    everything = sum(sizes.values())
    if total >= everything:
        return dict(sizes)
    wanted = {group: total * size // everything for group, size in sizes.items()}
    by_remainder = sorted(sizes, key=lambda group: (-(total * sizes[group] % everything), group))
    for group in by_remainder[: total - sum(wanted.values())]:
        wanted[group] += 1
    return wanted


def equal(sizes: Sizes, total: int) -> dict[str, int]:
    """So many rows of all, of each group the same number; what a small group cannot give the others do.

    Where the number does not divide evenly, the first groups by name give one more.
    """
    wanted: dict[str, int] = {}
    left = min(total, sum(sizes.values()))
    ascending = sorted(sizes, key=lambda group: (sizes[group], group))
    for place, group in enumerate(ascending):
        level, more = divmod(left, len(ascending) - place)
        if sizes[group] > level:
            rest = sorted(ascending[place:])
            return wanted | dict.fromkeys(rest, level) | dict.fromkeys(rest[:more], level + 1)
        wanted[group] = sizes[group]
        left -= sizes[group]
    return wanted
