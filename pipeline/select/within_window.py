"""Pairs whose score gap is neither small nor large among all gaps: a window in quantiles."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from pipeline.select.from_scores import FromScores
from pipeline.select.pairing import Label, answer_with, commonest
from pipeline.select.scores import Draw, Require, Ties
from pipeline.strategy import Answer, Nothing, Table
from schemas.rows import Response
from schemas.units import Candidates, UnitKind

DIGITS = 12
EVERYWHERE = ""


@dataclass(frozen=True, slots=True)
class WithinWindow:
    """Pairs by score, those of them whose gap lies between two quantiles of all gaps.

    FuseChat-3.0 keeps 0.01 ≤ gap ≤ 0.10 on the scale of its reward model (arXiv 2503.04222, section 3); on another scale
    those numbers say nothing, and quantiles say the same on each. Pairs are drawn as `FromScores` draws them; `low` and
    `high` (0 to 1) name the quantiles, both inclusive, between which a gap may be: `per: model` among the gaps of pairs
    whose chosen answer is by the same model, `per: all` among all. The fit holds the window and the number of gaps. When
    new rows move a window, all labels are made anew.

    `score_gap` is the difference of scores, `p_chosen` is 1 / (1 + e^(-gap/scale)), `confidence` the share of like ratings
    that say the same.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    unit: ClassVar[UnitKind] = "all_candidates"
    makes: ClassVar[Table] = "pairs"

    aspects: Annotated[tuple[str, ...], Field(min_length=1)]
    low: Annotated[float, Field(ge=0, le=1)] = 0.2
    high: Annotated[float, Field(ge=0, le=1)] = 0.9
    per: Literal["model", "all"] = "model"
    pair: Draw = "within_model"
    require: Require = "all"
    passing: tuple[str, ...] = ()
    ties: Ties = "by_id"
    min_score: float | None = None
    scale: Annotated[float, Field(gt=0)] = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse a window that holds nothing or everything, and what `FromScores` refuses."""
        if self.low >= self.high:
            raise ValueError(f"`low` is {self.low:g} and `high` {self.high:g}: the window is empty")
        if (self.low, self.high) == (0, 1):
            raise ValueError("a window from 0 to 1 leaves nothing out; use select/from_scores")
        self._unwindowed()

    def fit(self, units: Iterable[Candidates]) -> Mapping[str, Any]:
        """The window of each group of gaps, and of how many gaps. Holds 8 bytes a pair."""
        gaps: dict[str, array[float]] = {}
        for unit in units:
            for group, label in self._labels(unit)[0]:
                gaps.setdefault(group, array("d")).append(label.gap)
        windows = {}
        for group in sorted(gaps):
            ordered = sorted(gaps[group])
            low, high = (_rounded(quantile(ordered, share)) for share in (self.low, self.high))
            windows[group] = {"low": low, "high": high, "gaps": len(ordered)}
        return {"windows": windows}

    def answer(self, unit: Candidates, fit: Mapping[str, Any]) -> Answer:
        """The pairs of one prompt whose gap is in the window, or why there is none."""
        labelled, reasons = self._labels(unit)
        kept = []
        for group, label in labelled:
            window, gap = fit["windows"][group], _rounded(label.gap)
            if gap < window["low"]:
                reasons.append(Nothing("gap_too_small", "the gap is under the window"))
            elif gap > window["high"]:
                reasons.append(Nothing("gap_too_large", "the gap is over the window"))
            else:
                kept.append(label)
        return answer_with(unit, kept, reasons, "within_window") if labelled else commonest(reasons)

    def _labels(self, unit: Candidates) -> tuple[list[tuple[str, Label]], list[Nothing]]:
        """The labels without a window, each with the group that its gap belongs to, and why there are not more."""
        found = self._unwindowed().labels(unit)
        if isinstance(found, Nothing):
            return [], [found]
        writers: dict[str, Response] = {each.response_id: each for each in unit.responses}
        labels, reasons = found
        return [(writers[each.chosen].model if self.per == "model" else EVERYWHERE, each) for each in labels], reasons

    def _unwindowed(self) -> FromScores:
        return FromScores(
            combine="single" if len(self.aspects) == 1 else "mean",
            pair=self.pair,
            aspects=self.aspects,
            require=self.require,
            passing=self.passing,
            ties=self.ties,
            min_score=self.min_score,
            scale=self.scale,
            seed=self.seed,
        )


def quantile(ordered: Sequence[float], share: float) -> float:
    """The value below which a share of these sorted values lies, straight between neighbours (Hyndman and Fan's type 7)."""
    place = share * (len(ordered) - 1)
    below, above = ordered[floor(place)], ordered[ceil(place)]
    return below + (above - below) * (place - floor(place))


def _rounded(value: float) -> float:
    """A figure to so many digits that it is the same on any machine."""
    return float(f"{value:.{DIGITS}g}")
