"""The style of a response in numbers: how long it is, and how dense in headers, lists and bold type."""

from __future__ import annotations

import re
from typing import Literal, get_args

Feature = Literal["length", "headers", "lists", "bold"]
FEATURES: tuple[Feature, ...] = get_args(Feature)
"""The style covariates of Arena-Hard v2."""

_MARKS: dict[Feature, re.Pattern[str]] = {
    "headers": re.compile(r"^\s{0,3}#{1,6}\s", re.MULTILINE),
    "lists": re.compile(r"^\s*(?:[-*+]|\d+[.)])\s", re.MULTILINE),
    "bold": re.compile(r"\*\*[^*\n]+\*\*|__[^_\n]+__"),
}


def features_of(text: str) -> dict[Feature, float]:
    """Length in words, and headers, list items and bold stretches for each word; all 0 of a text without words."""
    words = len(text.split())
    dense = {name: len(mark.findall(text)) / words if words else 0.0 for name, mark in _MARKS.items()}
    return {"length": float(words), **dense}


def relative_difference(one: float, other: float) -> float:
    """(one - other) / (one + other), in [-1, 1]; 0 when both are 0."""
    return (one - other) / (one + other) if one + other else 0.0


def style_difference(one: str, other: str, names: tuple[Feature, ...]) -> list[float]:
    """How the style of two texts differs in each of `names`; the other way round it is the negative."""
    first, second = features_of(one), features_of(other)
    return [relative_difference(first[name], second[name]) for name in names]
