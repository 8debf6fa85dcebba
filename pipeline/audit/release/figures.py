"""A figure of a release: a value with its interval, and how it stands to a bound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pipeline.audit.accuracy import wilson
from pipeline.audit.release.catalogue import FIGURES

DIGITS = 9
"""Figures are rounded to so many digits: what is added up in another order may differ in the last bits."""

Standing = Literal["ok", "unclear", "over", "told"]


@dataclass(frozen=True, slots=True)
class Measured:
    """A value of `n` things with its 95% interval, where it has one."""

    value: float
    n: int
    low: float | None = None
    high: float | None = None

    def rounded(self) -> Measured:
        """The same, to `DIGITS` digits."""
        low, high = (None if each is None else round(each, DIGITS) for each in (self.low, self.high))
        return Measured(round(self.value, DIGITS), self.n, low, high)


def share_of(part: float, n: int) -> Measured | None:
    """A share of `n` with its Wilson interval; None of nothing."""
    return Measured(part / n, n, *wilson(part, n)) if n else None


def distance(name: str, value: float) -> float:
    """What is held against the bound of a figure: the value, or for a figure that is read from both sides the larger of it
    and 1 minus it, for a shortcut that points the other way is as good a shortcut."""
    return max(value, 1 - value) if FIGURES[name].is_two_sided else value


def standing(name: str, found: Measured) -> Standing:
    """How a figure stands to the bound that is advised: `unclear` is beyond it, but not with its whole interval."""
    spec = FIGURES[name]
    if spec.bound is None:
        return "told"
    if spec.side == "min":
        if found.value >= spec.bound:
            return "ok"
        return "unclear" if found.high is not None and found.high >= spec.bound else "over"
    if distance(name, found.value) <= spec.bound:
        return "ok"
    if found.low is None or found.high is None:
        return "over"
    inside = min(spec.bound, found.high) >= found.low
    if spec.is_two_sided:
        inside = max(found.low, 1 - spec.bound) <= min(found.high, spec.bound)
    return "unclear" if inside else "over"
