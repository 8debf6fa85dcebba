"""Labels from ratings of single responses: aspects combined into a score, pairs by score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from pipeline.select.pairing import Label, answer_with, are_too_few, worded
from pipeline.select.scores import (
    WEIGHTS,
    Combination,
    Draw,
    Rating,
    Require,
    Ties,
    draw_pairs,
    logistic,
    passed,
    ratings_of,
    score_all,
    share_above,
    without_own_ratings,
)
from pipeline.strategy import Answer, Nothing, Table
from schemas.units import Candidates, UnitKind

Named = Literal["helpsteer2_340b", "helpsteer2_70b"]


@dataclass(frozen=True, slots=True)
class FromScores:
    """Pairs of a prompt by the scores of its candidates.

    Ratings of one aspect are averaged over repeats, then over judges; `combine` makes one score of the aspects
    (`scores.combine`), `pair` pairs by score (`scores.draw_pairs`). "Not applicable" is missing: with `require: all` its
    response has no score, with `require: any` the mean goes over what is there. `aspects` are those that count, all
    ratings there are when empty. With `passing` only an answer that passes all of these checks (value 1) is chosen; where
    all fail there is no pair (`all_fail`; FuseChat-3.0, arXiv 2503.04222). `ties` says which of several equals is taken.

    `score_gap` is the difference of the scores. `p_chosen` is 1 / (1 + e^(-gap/scale)), or with `p_from: repeats` the share
    of repeats (one judge, one draw) whose own score puts chosen above rejected, an equal counting half. `confidence` is
    the share of like ratings (one judge, aspect and draw) that do so; an equal counts nothing.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    unit: ClassVar[UnitKind] = "candidates"
    makes: ClassVar[Table] = "pairs"
    prompts: ClassVar[tuple[str, ...]] = ()
    calls: ClassVar[int] = 0

    combine: Combination = "mean"
    pair: Draw = "best_worst"
    aspects: tuple[str, ...] = ()
    weights: Named | Mapping[str, float] = field(default_factory=dict)
    require: Require = "all"
    passing: tuple[str, ...] = ()
    ties: Ties = "by_id"
    min_score: float | None = None
    min_gap: Annotated[float, Field(ge=0)] = 0.0
    max_gap: Annotated[float, Field(gt=0)] | None = None
    p_from: Literal["gap", "repeats"] = "gap"
    scale: Annotated[float, Field(gt=0)] = 1.0
    self_votes: Literal["drop", "keep"] = "keep"
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what would do nothing, or a score that silently takes a missing aspect for 0."""
        if (self.combine == "weighted_sum") != bool(self.weights):
            raise ValueError("`weights` goes with combine: weighted_sum, which needs it")
        if self.combine == "weighted_sum" and self.aspects:
            raise ValueError("`weights` names the aspects already; leave out `aspects`")
        if self.combine == "single" and len(self.aspects) != 1:
            raise ValueError("combine: single takes one aspect; name it in `aspects`")
        if self.combine in ("weighted_sum", "product") and self.require == "any":
            raise ValueError(f"combine: {self.combine} needs every aspect; require: any goes with combine: mean")
        if self.max_gap is not None and self.max_gap < self.min_gap:
            raise ValueError("`max_gap` is under `min_gap`")
        if self.passing and not (self.aspects or self.weights):
            raise ValueError("`passing` needs `aspects`: with all ratings there are, the checks would be rated as well")
        if self.ties != "by_id" and self.pair == "all_pairs":
            raise ValueError("pair: all_pairs takes none of several equals; leave out `ties`")

    @property
    def yields(self) -> int:
        """One pair, or as many as the candidates allow."""
        return 0 if self.pair in ("all_pairs", "within_model") else 1

    @property
    def _weights(self) -> Mapping[str, float]:
        return WEIGHTS[self.weights] if isinstance(self.weights, str) else self.weights

    def __call__(self, unit: Candidates) -> Answer:
        """The pairs of one prompt, or why there is none."""
        found = self.labels(unit)
        return found if isinstance(found, Nothing) else answer_with(unit, *found, f"from_scores/{self.combine}")

    def labels(self, unit: Candidates) -> tuple[list[Label], list[Nothing]] | Nothing:
        """The labels of one prompt and why there are not more, or why there is none at all."""
        candidates = worded(unit.responses)
        if too_few := are_too_few(candidates):
            return too_few
        names = self.aspects or tuple(self._weights)
        said = [each for each in ratings_of(unit.signals, names) if each.response in candidates]
        ratings = said if self.self_votes == "keep" else without_own_ratings(said, unit.responses)
        if said and not ratings:
            return Nothing("self_judged", f"all {len(said)} ratings are of models that wrote some of the candidates")
        scores = self.scores(ratings, names)
        if len(scores) < 2:
            return Nothing("unjudged", f"{len(scores)} of {len(candidates)} candidates have a score")
        may_win = self._may_win(unit, scores)
        if isinstance(may_win, Nothing):
            return may_win
        labels, reasons = [], []
        for better, worse in draw_pairs(scores, self.pair, candidates, self.seed, ties=self.ties, may_win=may_win):
            found = self._label(ratings, names, scores, better, worse)
            if isinstance(found, Label):
                labels.append(found)
            else:
                reasons.append(found)
        return labels, reasons

    def scores(self, ratings: list[Rating], names: tuple[str, ...]) -> dict[str, float]:
        """The score of each response that has one."""
        return score_all(ratings, names, self.require, self.combine, self._weights)

    def _may_win(self, unit: Candidates, scores: Mapping[str, float]) -> list[str] | Nothing | None:
        """The scored responses that pass every check of `passing`, or why none may win; None where there is no check."""
        if not self.passing:
            return None
        told = passed(unit.signals, self.passing, 1.0, 0.0)
        if not any(response in told for response in scores):
            return Nothing("unjudged", f"no candidate has a verdict of {', '.join(self.passing)}")
        if winners := [response for response in scores if told.get(response)]:
            return winners
        return Nothing("all_fail", f"no candidate passes {', '.join(self.passing)}")

    def _label(
        self, ratings: list[Rating], names: tuple[str, ...], scores: Mapping[str, float], better: str, worse: str
    ) -> Label | Nothing:
        gap = scores[better] - scores[worse]
        if gap <= 0:
            return Nothing("tie", "the two have the same score")
        if self.min_score is not None and scores[better] < self.min_score:
            return Nothing("score_too_low", f"the best score {scores[better]:.3f} is under {self.min_score:g}")
        if gap < self.min_gap:
            return Nothing("gap_too_small", f"score gap {gap:.3f} is under {self.min_gap:g}")
        if self.max_gap is not None and gap > self.max_gap:
            return Nothing("gap_too_large", f"score gap {gap:.3f} is over {self.max_gap:g}")
        p = logistic(gap, self.scale) if self.p_from == "gap" else self._share_of_repeats(ratings, names, better, worse)
        if p <= 0.5:
            return Nothing("tie", "no more repeats say so than say the opposite")
        return Label(better, worse, gap, p, share_above(ratings, better, worse, self._weights))

    def _share_of_repeats(self, ratings: list[Rating], names: tuple[str, ...], better: str, worse: str) -> float:
        """The share of repeats that put `better` above `worse`; ½ when no repeat rated both."""
        repeats: dict[tuple[str, int], list[Rating]] = {}
        for each in ratings:
            repeats.setdefault((each.evaluator, each.draw), []).append(each)
        points = []
        for repeat in repeats.values():
            scores = self.scores(repeat, names)
            if better in scores and worse in scores:
                points.append((1 + (scores[better] > scores[worse]) - (scores[better] < scores[worse])) / 2)
        return sum(points) / len(points) if points else 0.5
