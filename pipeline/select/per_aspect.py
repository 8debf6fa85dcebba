"""Pairs by each aspect alone, with what the other aspects say of both sides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from pipeline.select.pairing import are_too_few, commonest, worded
from pipeline.select.scores import (
    Draw,
    Rating,
    Require,
    aspects_of,
    draw_pairs,
    logistic,
    ratings_of,
    share_above,
)
from pipeline.strategy import Answer, Nothing, Table
from schemas.conditions import AspectScore
from schemas.rows import PairAnswer, Row
from schemas.units import Candidates, UnitKind


@dataclass(frozen=True, slots=True)
class PerAspect:
    """Pairs for each of several aspects: by that aspect the higher answer is chosen, an equal makes no pair.

    An aspect's value is its mean over repeats, then judges. `pairs: all` takes every two answers, `best_worst` the highest
    and the lowest by the aspect. With `require: all` an answer without one of the aspects is left out; with `any` it takes
    part where it was rated. `unanimous: drop` leaves out two answers of which no aspect says the opposite of another, ties
    aside: MiCRo (arXiv 2505.24846) trains on what is in dispute. `keep` is MODPO's (arXiv 2310.03708).

    Each pair has its `aspect`, the rule `per_aspect/ASPECT`, and `aspect_scores`: the values of all other aspects on both
    sides, from which MODPO's margins are made, in their own units and missing where they were not rated. Pairs of two
    aspects may contradict each other: train on them by aspect. `score_gap` is the difference of values, `p_chosen` is
    1 / (1 + e^(-gap/scale)), `confidence` the share of like ratings (one judge and draw of the aspect) that say the same.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    unit: ClassVar[UnitKind] = "candidates"
    makes: ClassVar[Table] = "pairs"
    prompts: ClassVar[tuple[str, ...]] = ()
    calls: ClassVar[int] = 0

    aspects: Annotated[tuple[str, ...], Field(min_length=2)]
    pairs: Literal["all", "best_worst"] = "all"
    unanimous: Literal["keep", "drop"] = "keep"
    require: Require = "all"
    min_gap: Annotated[float, Field(ge=0)] = 0.0
    scale: Annotated[float, Field(gt=0)] = 1.0

    def __post_init__(self) -> None:
        if twice := [name for name in self.aspects if self.aspects.count(name) > 1]:
            raise ValueError(f"`aspects` names {twice[0]!r} twice")

    @property
    def yields(self) -> int:
        """One pair an aspect, or as many as the candidates allow."""
        return len(self.aspects) if self.pairs == "best_worst" else 0

    def __call__(self, unit: Candidates) -> Answer:
        """The pairs of one prompt by aspect, or why there is none."""
        candidates = worded(unit.responses)
        if too_few := are_too_few(candidates):
            return too_few
        ratings = [each for each in ratings_of(unit.signals, self.aspects) if each.response in candidates]
        values = {
            response: by_name
            for response, by_name in aspects_of(ratings).items()
            if self.require == "any" or len(by_name) == len(self.aspects)
        }
        if len(values) < 2:
            return Nothing("unjudged", f"{len(values)} of {len(candidates)} candidates were rated")
        rows: list[Row] = []
        reasons: list[Nothing] = []
        by: Draw = "all_pairs" if self.pairs == "all" else "best_worst"
        for aspect in self.aspects:
            scores = {response: by_name[aspect] for response, by_name in values.items() if aspect in by_name}
            of_aspect = [each for each in ratings if each.name == aspect]
            for better, worse in sorted(draw_pairs(scores, by, candidates, 0)):
                found = self._pair(unit.prompt.prompt_id, aspect, values, of_aspect, better, worse)
                if isinstance(found, Nothing):
                    reasons.append(found)
                else:
                    rows.append(found)
        return rows or commonest(reasons)

    def _pair(
        self,
        prompt_id: str,
        aspect: str,
        values: Mapping[str, Mapping[str, float]],
        ratings: Sequence[Rating],
        better: str,
        worse: str,
    ) -> PairAnswer | Nothing:
        """The pair of two answers by one aspect, or why there is none."""
        gap = values[better][aspect] - values[worse][aspect]
        if gap <= 0:
            return Nothing("tie", f"the two are equal in {aspect}")
        if gap < self.min_gap:
            return Nothing("gap_too_small", f"gap {gap:.3f} in {aspect} is under {self.min_gap:g}")
        scores: list[AspectScore] = [
            {"name": name, "chosen": values[better].get(name), "rejected": values[worse].get(name)}
            for name in self.aspects
        ]
        if self.unanimous == "drop" and not any(_is_lower(each) for each in scores):
            return Nothing("unanimous", "no aspect says the opposite of another")
        return PairAnswer(
            prompt_id=prompt_id,
            chosen_id=better,
            rejected_id=worse,
            score_gap=gap,
            p_chosen=logistic(gap, self.scale),
            confidence=share_above(ratings, better, worse),
            rule=f"per_aspect/{aspect}",
            aspect=aspect,
            aspect_scores=[each for each in scores if each["name"] != aspect],
        )


def _is_lower(score: AspectScore) -> bool:
    """Whether an aspect prefers the rejected answer."""
    chosen, rejected = score["chosen"], score["rejected"]
    return chosen is not None and rejected is not None and chosen < rejected
