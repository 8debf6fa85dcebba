"""Shares of counts without rounding: a share is what was written in the recipe, 0.1 is a tenth."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from math import ceil, floor


def exact(number: float) -> Fraction:
    """A number as it is written: 0.1 is 1/10, not the binary number that is nearest to it."""
    return Fraction(str(number))


def at_most(share: float, count: int) -> int:
    """The most whole rows that are no more than this share of `count`."""
    return floor(exact(share) * count)


def at_least(share: float, count: int) -> int:
    """The fewest whole rows that are no less than this share of `count`."""
    return ceil(exact(share) * count)


def nearest_to(share: float, count: int) -> int:
    """The whole number of rows nearest to this share of `count`, half a row upwards."""
    return floor(exact(share) * count + Fraction(1, 2))


def plus(one: float, other: float) -> float:
    """The float nearest to the sum of two numbers as they are written: 0.3 and 0.1 make 0.4."""
    return float(Decimal(str(one)) + Decimal(str(other)))
