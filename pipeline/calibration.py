"""A calibration: how often a judge that gives a probability is right, as measured on labelled pairs and kept in a file."""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from prompts.words import Words

Share = Annotated[float, Field(ge=0, le=1)]


class Calibration(Words):
    """A map of probabilities, piecewise linear through the points (x, y) and flat beyond them.

    `x` rises strictly and `y` does not fall, as isotonic regression leaves them; both are in [0, 1]. Points that begin
    below ½ are a map of P(a), which is made symmetric; others are a map of the probability of the likelier side.
    """

    folder: ClassVar[str] = "calibrations"
    kind: ClassVar[str] = "calibration"

    x: Annotated[tuple[Share, ...], Field(min_length=1)]
    y: Annotated[tuple[Share, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _is_a_map(self) -> Self:
        if len(self.x) != len(self.y):
            raise ValueError("`x` and `y` are equally long")
        if any(after <= before for before, after in pairwise(self.x)):
            raise ValueError("`x` rises strictly")
        if any(after < before for before, after in pairwise(self.y)):
            raise ValueError("`y` does not fall")
        return self

    def apply(self, p: float) -> float:
        """The calibrated probability; `apply(1 - p)` is `1 - apply(p)`, so it does not matter who is called a."""
        if p == 0.5:
            return p
        if self.x[0] < 0.5:
            return (self._at(p) + 1 - self._at(1 - p)) / 2
        return self._at(p) if p > 0.5 else 1 - self._at(1 - p)

    def _at(self, x: float) -> float:
        """The line through the points, at x."""
        right = bisect_right(self.x, x)
        if right == 0:
            return self.y[0]
        if right == len(self.x):
            return self.y[-1]
        (x0, x1), (y0, y1) = self.x[right - 1 : right + 1], self.y[right - 1 : right + 1]
        return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
