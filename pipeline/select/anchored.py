"""Pairs whose two sides come from different places: chosen from some models, rejected from others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from pipeline.select.pairing import are_too_few, worded
from pipeline.select.scores import Rating, Require, logistic, ratings_of, score_all, share_above
from pipeline.select.sources import Source, check_sources, responses_from, told
from pipeline.strategy import Answer, Nothing, Table
from schemas.rows import PairAnswer, Response
from schemas.units import Candidates, UnitKind


@dataclass(frozen=True, slots=True)
class Anchored:
    """The best answer of some sources against the worst of others, by score (Temporal Self-Rewarding, arXiv 2508.06026).

    A source is a role, or what columns of a response say. Chosen is the highest of the first source in `chosen_from`,
    unless a later one has a strictly higher one: with [current, future] the future model replaces what it betters (the
    paper's second phase). Rejected is the lowest of the first source in `rejected_from`, unless a later one has a strictly
    lower one: with [current, anchor] the past model's worst (its first phase). Every source named must have a scored
    answer (`source_missing`). A score is the mean of `aspects`, first over repeats and judges, of all ratings when empty.

    With `also_chosen_from` the pair has a list on the chosen side: `also_chosen` holds the best answer of each of these
    sources, best first, each scoring above rejected. WRPO's quadruple (arXiv 2412.03187) is chosen from the sources, also
    from the target, and rejected from the target.

    Equals are no pair. `score_gap` is the difference of scores, `p_chosen` is 1 / (1 + e^(-gap/scale)), `confidence` the
    share of like ratings (one judge, aspect and draw) that put chosen above rejected.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    unit: ClassVar[UnitKind] = "candidates"
    makes: ClassVar[Table] = "pairs"
    prompts: ClassVar[tuple[str, ...]] = ()
    calls: ClassVar[int] = 0
    yields: ClassVar[int] = 1

    chosen_from: Annotated[tuple[Source, ...], Field(min_length=1)]
    rejected_from: Annotated[tuple[Source, ...], Field(min_length=1)]
    also_chosen_from: tuple[Source, ...] = ()
    aspects: tuple[str, ...] = ()
    require: Require = "all"
    min_gap: Annotated[float, Field(ge=0)] = 0.0
    max_gap: Annotated[float, Field(gt=0)] | None = None
    scale: Annotated[float, Field(gt=0)] = 1.0

    def __post_init__(self) -> None:
        """Refuse a source that can hold nothing, and an empty window."""
        for name in ("chosen_from", "rejected_from", "also_chosen_from"):
            check_sources(name, getattr(self, name))
        if both := [each for each in self.also_chosen_from if each in self.chosen_from]:
            raise ValueError(f"{told(both[0])!r} is among `chosen_from` and among `also_chosen_from`")
        if self.max_gap is not None and self.max_gap < self.min_gap:
            raise ValueError("`max_gap` is under `min_gap`")

    def __call__(self, unit: Candidates) -> Answer:
        """The one pair of a prompt, or why there is none."""
        candidates = worded(unit.responses)
        if too_few := are_too_few(candidates):
            return too_few
        ratings = [each for each in ratings_of(unit.signals, self.aspects) if each.response in candidates]
        scores = score_all(ratings, self.aspects, self.require)
        scored = [candidates[each] for each in scores]
        groups = [
            responses_from(scored, each) for each in (self.chosen_from, self.rejected_from, self.also_chosen_from)
        ]
        named = [*self.chosen_from, *self.rejected_from, *self.also_chosen_from]
        found = [group for several in groups for group in several]
        missing = sorted({told(source) for source, group in zip(named, found, strict=True) if not group})
        if missing:
            return Nothing("source_missing", f"no scored answer of {'; '.join(missing)}")
        return self._pair(unit, groups, scores, ratings)

    def _pair(
        self,
        unit: Candidates,
        groups: Sequence[Sequence[Sequence[Response]]],
        scores: Mapping[str, float],
        ratings: Sequence[Rating],
    ) -> Answer:
        """The pair of the best and the worst of these groups, if it is one."""
        chosen = _best(groups[0], scores, [])
        rejected = None if chosen is None else _worst(groups[1], scores, [chosen])
        if chosen is None or rejected is None:
            return Nothing("identical_texts", "all that may be rejected repeats the chosen answer")
        gap = scores[chosen.response_id] - scores[rejected.response_id]
        if gap <= 0:
            return Nothing("tie", "the best does not score above the worst")
        if gap < self.min_gap:
            return Nothing("gap_too_small", f"score gap {gap:.3f} is under {self.min_gap:g}")
        if self.max_gap is not None and gap > self.max_gap:
            return Nothing("gap_too_large", f"score gap {gap:.3f} is over {self.max_gap:g}")
        also = self._also(groups[2], scores, chosen, rejected)
        if isinstance(also, Nothing):
            return also
        return [
            PairAnswer(
                prompt_id=unit.prompt.prompt_id,
                chosen_id=chosen.response_id,
                rejected_id=rejected.response_id,
                score_gap=gap,
                p_chosen=logistic(gap, self.scale),
                confidence=share_above(ratings, chosen.response_id, rejected.response_id),
                rule="anchored",
                also_chosen=also or None,
            )
        ]

    def _also(
        self, groups: Sequence[Sequence[Response]], scores: Mapping[str, float], chosen: Response, rejected: Response
    ) -> list[str] | Nothing:
        """The best of each group that says something else and scores above rejected, best first."""
        found: list[Response] = []
        for group in groups:
            best = _best([group], scores, [chosen, rejected, *found])
            if best is None:
                return Nothing("identical_texts", "an answer that is to be chosen as well repeats another one")
            if scores[best.response_id] <= scores[rejected.response_id]:
                return Nothing("tie", "an answer that is to be chosen as well does not score above the rejected one")
            found.append(best)
        return sorted((each.response_id for each in found), key=lambda each: (-scores[each], each))


def _best(
    groups: Sequence[Sequence[Response]], scores: Mapping[str, float], other_than: Sequence[Response]
) -> Response | None:
    """The highest of the first group, or of a later one that has a strictly higher; of equals the smaller id."""
    return _furthest(groups, {each: -score for each, score in scores.items()}, other_than)


def _worst(
    groups: Sequence[Sequence[Response]], scores: Mapping[str, float], other_than: Sequence[Response]
) -> Response | None:
    """The lowest of the first group, or of a later one that has a strictly lower; of equals the smaller id."""
    return _furthest(groups, scores, other_than)


def _furthest(
    groups: Sequence[Sequence[Response]], places: Mapping[str, float], other_than: Sequence[Response]
) -> Response | None:
    said = {each.text.strip() for each in other_than}
    ranked = [
        (places[each.response_id], number, each.response_id, each)
        for number, group in enumerate(groups)
        for each in group
        if each.text.strip() not in said
    ]
    return min(ranked, key=lambda each: each[:3])[3] if ranked else None
