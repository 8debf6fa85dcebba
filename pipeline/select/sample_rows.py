"""Keep a sample of the rows, by lot, from all or from each stratum."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from pipeline.select.best import Entry, cuts_of, losers_of, numbers_of
from pipeline.select.draw_lots import Seed, lot
from pipeline.select.exact import nearest_to
from pipeline.select.groups import check_group, read_groups, told_by_group
from pipeline.select.shares import equal, proportional
from pipeline.strategy import Drop, Found, Rows, Said
from schemas.columns import Sifted


@dataclass(frozen=True, slots=True)
class SampleRows:
    """Keep so many `rows`, or so great a `share` of them to the nearest row; the others are dropped (`not_sampled`).

    Each row draws a lot from its id and the `seed`, and the highest win: the order of rows counts for nothing, a larger
    sample contains a smaller one, and when rows are added only those that the newcomers outdraw are lost.

    With `per`, a column or `tag:PREFIX`, each group gives its part: in proportion to its size by largest remainders, or
    with `how: equal` the same number of rows, where what a small group cannot give the others do.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1

    of: Sifted = "pairs"
    rows: Annotated[int, Field(ge=1)] | None = None
    share: Annotated[float, Field(gt=0, lt=1)] | None = None
    per: str | None = None
    how: Literal["proportional", "equal"] = "proportional"
    seed: Seed = 0

    def __post_init__(self) -> None:
        if (self.rows is None) == (self.share is None):
            raise ValueError("how large is the sample? give either `rows` or `share`")
        if self.how == "equal" and self.per is None:
            raise ValueError("`how: equal` does nothing without `per`, which says equal parts of what")
        check_group(self.of, self.per)

    def sift(self, rows: Rows) -> Iterator[Said]:
        """The rows that are not in the sample, and what each stratum has and keeps. Holds one number a row."""

        def read() -> Iterator[Entry]:
            for row_id, group in read_groups(rows, self.per):
                yield row_id, group, lot(self.seed, row_id)

        sizes = Counter(group for _, group in read_groups(rows, self.per))
        everything = sizes.total()
        total = nearest_to(self.share, everything) if self.share is not None else self.rows or 0
        kept = (equal if self.how == "equal" else proportional)(sizes, total)
        counts = {group: {"rows": size, "kept": kept[group]} for group, size in sizes.items()}
        yield Found(told_by_group(self.per, counts))
        if total >= everything:
            return
        values = numbers_of((group, value) for _, group, value in read())
        for row_id, _, _ in losers_of(read, *cuts_of(values, kept)):
            yield Drop(row_id, "not_sampled")
