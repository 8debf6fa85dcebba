"""Drop rows that say what another row says in other words, by the cosine of their vectors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pydantic import ConfigDict

from pipeline.extras import demand
from pipeline.select.keeping import Keep, check_keep, rank_columns, rank_of
from pipeline.strategy import Drop, Found, Note, Rows, Said
from pipeline.vectors.alike import find_leaders
from pipeline.vectors.gathering import Embedded, Gathered, gathered, vector_column
from pipeline.vectors.planes import MOST_BANDS, Planes, bands_for, recall_at

NEEDED_FOR = "`select/semantic_duplicates`"
MOST_BITS = 20


@dataclass(frozen=True, slots=True)
class SemanticDuplicates:
    """Of rows whose vectors have a cosine of `threshold` or more keep one, or mark them as a cluster that no split may cut.

    Of pairs the prompts are compared, and all pairs of a prompt go together. Rows are taken in the order of the rule `keep`;
    each is put down to the first row kept before it that it is alike to, so every row that is dropped has at least that
    cosine with the row it names. `bits` and `bands` are those of the signatures by which rows are found that may be alike
    (`pipeline.vectors.planes`); without `bands` so many are taken that of pairs at the threshold one in a thousand is
    missed. .9 is what semhash removes at; SemDeDup (arXiv 2303.09540) chooses its threshold by the share to be removed.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    needs: ClassVar[tuple[str, ...]] = ("vectors",)

    of: Embedded = "prompts"
    threshold: float = 0.9
    do: Literal["drop", "cluster"] = "drop"
    keep: Keep = "oldest"
    by: str | None = None
    seed: int = 0
    vectors: str | None = None
    bits: int = 16
    bands: int | None = None

    def __post_init__(self) -> None:
        """Refuse what would find nothing, take for ever, or do nothing, and what cannot be done here."""
        demand(("numpy", "numba"), NEEDED_FOR, "dedup")
        if not 0.0 < self.threshold <= 1.0:
            raise ValueError(f"`threshold` is {self.threshold}; a cosine to reach is above 0 and at most 1")
        if not 1 <= self.bits <= MOST_BITS:
            raise ValueError(f"`bits` is {self.bits}; give 1 to {MOST_BITS}")
        if self.bands is not None and not 1 <= self.bands <= MOST_BANDS:
            raise ValueError(f"`bands` is {self.bands}; give 1 to {MOST_BANDS}")
        if self.planes.bands > MOST_BANDS:
            raise ValueError(
                f"a threshold of {self.threshold} with {self.bits} bits needs {self.planes.bands} bands, more than "
                f"{MOST_BANDS}; give fewer `bits`, a higher `threshold`, or `bands` of your own"
            )
        check_keep(self.of, self.keep, self.by, self.seed)
        vector_column(self.of, self.vectors)

    @property
    def planes(self) -> Planes:
        """The signatures by which rows are found that may be alike."""
        return Planes(self.bits, bands_for(self.threshold, self.bits) if self.bands is None else self.bands)

    def sift(self, rows: Rows) -> Iterator[Said]:
        """The rows that are dropped or marked."""
        _, *by = rank_columns(self.of, self.keep, self.by)
        with gathered(rows, self.of, self.vectors, *by, needed_for=NEEDED_FOR, extra="dedup") as found:
            leader, cosine = find_leaders(found.vectors, self._order(found), self.threshold, self.planes)
            sizes = Counter(leader.tolist())
            repeated = 0
            for place, row_id, *_ in found.rows:
                led_by = int(leader[place])
                repeated += led_by != place
                if self.do == "cluster" and sizes[led_by] > 1:
                    yield Note(row_id, "cluster/semantic", round(float(cosine[place]), 3), found.ids[led_by])
                elif self.do == "drop" and led_by != place:
                    yield Drop(row_id, "semantic_duplicate", f"cosine {cosine[place]:.3f} with {found.ids[led_by]}")
            yield Found(
                {
                    "rows": len(found.rows),
                    "without_vector": len(found.without),
                    "repeated": repeated,
                    "clusters": sum(size > 1 for size in sizes.values()),
                    "bands": self.planes.bands,
                    "recall_at_threshold": round(recall_at(self.threshold, self.bits, self.planes.bands), 6),
                }
            )

    def _order(self, found: Gathered) -> list[int]:
        """What is compared, from the one to be kept first to the last: a prompt stands where its best pair does."""
        ranks: dict[int, Any] = {}
        for place, row_id, *values in found.rows:
            rank = rank_of(self.keep, self.seed, (row_id, *values))
            ranks[place] = min(ranks.get(place, rank), rank)
        return sorted(ranks, key=ranks.__getitem__)
