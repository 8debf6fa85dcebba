"""Pairs by a rank that is known before anybody judges: who wrote an answer, and what it was written with."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from pipeline.select.pairing import Label, worded
from pipeline.select.provenance import CERTAIN, rows_by_provenance
from pipeline.select.sources import Source, check_sources, responses_from, some_of, told
from pipeline.strategy import Answer, Nothing, Table
from schemas.units import ResponseGroup, UnitKind

FEWEST_TIERS = 2


@dataclass(frozen=True, slots=True)
class OrderedList:
    """Pairs of a prompt by the tiers its answers are of, the best tier first (KnowPAT, arXiv 2311.06503).

    A tier is a role or what columns of a response say; an answer is of the first tier that it fits. `per_tier` answers
    are drawn of each by `seed`, all of them without a number. `pairs: all` pairs every two of different tiers, `chain`
    those of each tier with those of the next. With `require: all` a prompt without an answer in every tier makes no pair
    (`tier_missing`); with `any` two tiers do, and a tier that is missing leaves its place empty.

    No judge is asked. `score_gap` is how many tiers the two are apart, and all pairs of a prompt share one unit, so the
    list can be read back: an answer's place from below is its largest `score_gap` as chosen (`pairs: all`; answers that say
    the same are never a pair, and leave a hole). `p_chosen` is the parameter, how often you believe a better tier to be the
    better answer; `confidence` is 1.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    unit: ClassVar[UnitKind] = "responses"
    makes: ClassVar[Table] = "pairs"
    prompts: ClassVar[tuple[str, ...]] = ()
    calls: ClassVar[int] = 0

    tiers: Annotated[tuple[Source, ...], Field(min_length=FEWEST_TIERS)]
    pairs: Literal["all", "chain"] = "all"
    per_tier: Annotated[int, Field(ge=1)] | None = 1
    require: Literal["all", "any"] = "all"
    p_chosen: Annotated[float, Field(gt=0.5, le=1)] = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse a tier that can hold nothing, and a seed that draws nothing."""
        check_sources("tiers", self.tiers)
        if self.seed and self.per_tier is None:
            raise ValueError("without `per_tier` all answers are taken, so `seed` draws nothing")

    @property
    def yields(self) -> int:
        """Every two tiers, or each with the next, times what is drawn of both; 0 where all are taken."""
        count = len(self.tiers)
        couples = count - 1 if self.pairs == "chain" else count * (count - 1) // 2
        return couples * (self.per_tier or 0) ** 2

    def __call__(self, unit: ResponseGroup) -> Answer:
        """The pairs of one prompt, or why there is none."""
        found = responses_from(worded(unit.responses).values(), self.tiers)
        there = [place for place, tier in enumerate(found) if tier]
        missing = [told(self.tiers[place]) for place, tier in enumerate(found) if not tier]
        if len(there) < FEWEST_TIERS or (missing and self.require == "all"):
            return Nothing("tier_missing", f"no answer of {'; '.join(missing)}")
        drawn = {place: some_of(found[place], self.per_tier, "ordered_list", self.seed) for place in there}
        couples = pairwise(there) if self.pairs == "chain" else ((a, b) for a in there for b in there if a < b)
        labels = [
            Label(better.response_id, worse.response_id, float(below - above), self.p_chosen, CERTAIN)
            for above, below in couples
            for better in drawn[above]
            for worse in drawn[below]
        ]
        return rows_by_provenance(unit, labels, [], "ordered_list")
