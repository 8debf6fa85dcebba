"""Keep few rows that lie as far apart as they can."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from pydantic import ConfigDict

from pipeline.extras import demand
from pipeline.strategy import Drop, Found, Note, Rows, Said
from pipeline.vectors.centres import farthest_first
from pipeline.vectors.gathering import Embedded, gathered, vector_column
from schemas.fingerprints import derive_seed

NEEDED_FOR = "`select/diverse`"


@dataclass(frozen=True, slots=True)
class Diverse:
    """Keep `count` rows, or a `share` of them: a seeded first one, then each the farthest from those kept before it.

    That is k-center greedy (Gonzalez 1985; for training data Sener and Savarese, arXiv 1708.00489): the row that is left
    worst off is at most twice as far from a kept one as under the best choice of as many. It takes outliers first, so
    what is junk should be gone by then. Kept rows are noted with their turn as `diverse_rank`, from 0. Of pairs prompts
    are counted, and all pairs of a prompt stay or leave. A row without a vector leaves.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    needs: ClassVar[tuple[str, ...]] = ("vectors",)

    of: Embedded = "prompts"
    count: int | None = None
    share: float | None = None
    seed: int = 0
    vectors: str | None = None

    def __post_init__(self) -> None:
        """Refuse what says nothing about how many."""
        demand(("numpy",), NEEDED_FOR, "embeddings")
        if (self.count is None) == (self.share is None):
            raise ValueError("give one of `count` and `share`: how many rows are to be kept")
        if self.count is not None and self.count < 1:
            raise ValueError(f"`count` is {self.count}; give how many rows are to be kept, 1 or more")
        if self.share is not None and not 0.0 < self.share < 1.0:
            raise ValueError(f"`share` is {self.share}; give a share between 0 and 1")
        vector_column(self.of, self.vectors)

    def sift(self, rows: Rows) -> Iterator[Said]:
        """The rows that leave, and the turn of those that stay."""
        with gathered(rows, self.of, self.vectors, needed_for=NEEDED_FOR) as found:
            total = len(found.ids)
            count = self.count if self.count is not None else math.ceil((self.share or 0.0) * total - 1e-9)
            order = sorted(range(total), key=lambda place: (derive_seed("diverse", self.seed, found.ids[place]), place))
            taken, whose, cosine = farthest_first(found.vectors, count, order)
            turn = {place: number for number, place in enumerate(taken)}
            for place, row_id in found.rows:
                if place in turn:
                    yield Note(row_id, "diverse_rank", float(turn[place]))
                else:
                    near = f"cosine {cosine[place]:.3f} with {found.ids[whose[place]]}"
                    yield Drop(row_id, "not_diverse", near)
            yield from (Drop(row_id, "no_vector") for row_id in found.without)
            values = cosine.tolist()
            yield Found(
                {
                    "kept": len(taken),
                    "of": total,
                    "without_vector": len(found.without),
                    "farthest": round(min(values), 4) if values else None,
                    "mean_cosine": round(math.fsum(values) / total, 4) if values else None,
                }
            )
