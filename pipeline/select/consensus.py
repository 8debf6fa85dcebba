"""Labels that K of M judges agree on, each of whom ranked all candidates."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from pipeline.select.pairing import Pairing, answer_with, are_too_few, choose, texts_differ, worded
from pipeline.select.ranking import consensus, mean_places, rankings_of
from pipeline.strategy import Answer, Table
from schemas.units import Candidates, UnitKind


@dataclass(frozen=True, slots=True)
class Consensus:
    """Pairs whose order at least `agree` of at least `judges` rankings give alike (`ranking.consensus`).

    A ranking is what one judge said in one draw under one principle, as `<principle>/rank` or `<principle>/score`;
    `principles` are those that count, all when empty. `pairs: all` makes every pair there is consensus on, `best_worst` and
    `chain` those of the order by mean place (`ranking.mean_places`), where there is. `p_chosen` is the share of rankings
    for it, ties counting half; `confidence` the share without them. `score_gap` is the lead in shares (`all`), or the
    difference of mean places.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    unit: ClassVar[UnitKind] = "candidates"
    makes: ClassVar[Table] = "pairs"
    prompts: ClassVar[tuple[str, ...]] = ()
    calls: ClassVar[int] = 0

    agree: Annotated[int, Field(ge=1)] = 3
    judges: Annotated[int, Field(ge=1)] = 4
    principles: tuple[str, ...] = ()
    pairs: Pairing = "all"

    def __post_init__(self) -> None:
        """Refuse a promise that cannot be kept."""
        if self.agree > self.judges:
            raise ValueError(f"`agree` asks for {self.agree} of {self.judges} `judges`")

    @property
    def yields(self) -> int:
        """One pair of best and worst; how many other pairs there are depends on the candidates."""
        return 1 if self.pairs == "best_worst" else 0

    def __call__(self, unit: Candidates) -> Answer:
        """The pairs of one prompt, or why there is none."""
        candidates = worded(unit.responses)
        if too_few := are_too_few(candidates):
            return too_few
        rankings = rankings_of(unit.signals, self.principles)
        ranked = sorted({response for each in rankings for response in each.places} & set(candidates))
        duels = [duel for duel in combinations(ranked, 2) if texts_differ(candidates, duel)]
        verdicts = {duel: consensus(rankings, duel, self.agree, self.judges) for duel in duels}
        places = {response: place for response, place in mean_places(rankings).items() if response in candidates}
        labels, reasons = choose(verdicts, self.pairs, places)
        return answer_with(unit, labels, reasons, "consensus")
