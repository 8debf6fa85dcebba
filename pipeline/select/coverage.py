"""Measure how much of what was asked the pairs still stand for; drops nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from pydantic import ConfigDict

from pipeline.extras import demand
from pipeline.strategy import Found, Note, Rows, Said
from pipeline.vectors.gathering import gathered, vector_column
from pipeline.vectors.neighbours import nearest_cosine
from schemas.columns import Sifted

NEEDED_FOR = "`select/coverage`"


@dataclass(frozen=True, slots=True)
class Coverage:
    """Notes for each prompt the cosine with the nearest prompt that has a pair in scope, as `coverage`; drops nothing.

    What is found over all prompts goes into the table `fits`: `mean_cosine` is the facility-location value of the prompts
    with pairs among all prompts (Wei, Iyer and Bilmes, "Submodularity in data subset selection and active learning", ICML
    2015), 1 when nothing was lost; `farthest` the cosine of the prompt that is worst off (k-center); `covered` the share of
    prompts for which it is `within` or more. It measures what selection left bare, not how varied the prompts are.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    of: ClassVar[Sifted] = "prompts"
    needs: ClassVar[tuple[str, ...]] = ("vectors", "pairs")

    within: float = 0.8
    vectors: str | None = None

    def __post_init__(self) -> None:
        """Refuse a cosine that none can miss or reach."""
        demand(("numpy",), NEEDED_FOR, "embeddings")
        if not -1.0 < self.within <= 1.0:
            raise ValueError(f"`within` is {self.within}; give a cosine above -1 and at most 1")
        vector_column("prompts", self.vectors)

    def sift(self, rows: Rows) -> Iterator[Said]:
        """How near a prompt with pairs is to each prompt, and what that comes to."""
        with gathered(rows, "prompts", self.vectors, "pairs", needed_for=NEEDED_FOR) as found:
            with_pairs = [place for place, _, pairs in found.rows if pairs]
            cosines: list[float] = []
            if with_pairs:
                near = nearest_cosine(found.vectors, found.vectors[with_pairs], NEEDED_FOR).tolist()
                has_pairs = set(with_pairs)
                cosines = [1.0 if place in has_pairs else round(value, 4) for place, value in enumerate(near)]
                yield from (Note(row_id, "coverage", cosines[place]) for place, row_id, _ in found.rows)
            total = len(cosines)
            yield Found(
                {
                    "prompts": len(found.ids),
                    "with_pairs": len(with_pairs),
                    "without_vector": len(found.without),
                    "covered": round(sum(value >= self.within for value in cosines) / total, 4) if total else None,
                    "mean_cosine": round(math.fsum(cosines) / total, 4) if total else None,
                    "farthest": min(cosines) if total else None,
                }
            )
