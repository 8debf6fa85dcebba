"""Keep any one group, a source or a topic, from being too much of what is kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, inf
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from pipeline.select.best import Entry, cuts_of, losers_of, numbers_of
from pipeline.select.draw_lots import Seed, lot
from pipeline.select.exact import exact
from pipeline.select.groups import called, check_group, read_groups, read_numbers, told_by_group
from pipeline.select.keeping import Keep, rank_columns
from pipeline.select.shares import capped
from pipeline.strategy import Drop, Found, Rows, Said
from schemas.columns import Sifted
from schemas.errors import RequestError


@dataclass(frozen=True, slots=True)
class Cap:
    """No group has more than `max_share` of the rows that are kept, nor more than `max_rows`.

    `per` is a column, such as `source`, or `tag:PREFIX` for the first tag with a prefix; the rows that have no value there
    are a group too. Of all that a share allows as many rows are kept as can be: the share is of what is kept in the end,
    not of what was there. With fewer than 1 / `max_share` groups no number of rows would do: `RequestError`.

    `keep` says which rows of a group stay: `random` those that draw the highest lots, by `seed` and their ids alone, so
    that mostly the same stay when rows are added; `best` those with the highest numbers in `by` (of pairs the most
    confident), those without a number last; `oldest` those of the earliest builds. Of equals the smallest ids stay. The
    others are dropped (`over_cap`). Run on its own output it drops nothing.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1

    per: str
    of: Sifted = "pairs"
    max_share: Annotated[float, Field(gt=0, lt=1)] | None = None
    max_rows: Annotated[int, Field(ge=1)] | None = None
    keep: Keep = "random"
    by: str | None = None
    seed: Seed = 0

    def __post_init__(self) -> None:
        if self.max_share is None and self.max_rows is None:
            raise ValueError("it caps nothing; give `max_share`, `max_rows` or both")
        rank_columns(self.of, self.keep, self.by)
        if self.keep != "random" and self.seed:
            raise ValueError(f"`seed` does nothing with `keep: {self.keep}`, which draws no lots; leave it out")
        check_group(self.of, self.per)

    def sift(self, rows: Rows) -> Iterator[Said]:
        """The rows over their group's cap, and what each group has and keeps. Holds one number a row."""

        def read() -> Iterator[Entry]:
            if self.keep == "random":
                for row_id, group in read_groups(rows, self.per):
                    yield row_id, group, lot(self.seed, row_id)
                return
            _, column = rank_columns(self.of, self.keep, self.by)
            side = -1 if self.keep == "oldest" else 1
            for row_id, group, value in read_numbers(rows, column, self.per):
                yield row_id, group, -inf if value is None else side * value

        sizes = Counter(group for _, group in read_groups(rows, self.per))
        kept = capped(sizes, self.max_share, self.max_rows)
        if kept is None:
            raise RequestError(self._impossible(sizes))
        counts = {group: {"rows": size, "kept": kept[group]} for group, size in sizes.items()}
        yield Found(told_by_group(self.per, counts))
        if kept == sizes:
            return
        values = numbers_of((group, value) for _, group, value in read())
        limits = {"max_share": self.max_share, "max_rows": self.max_rows}
        words = " and ".join(f"{name} {limit:g}" for name, limit in limits.items() if limit is not None)
        for row_id, group, _ in losers_of(read, *cuts_of(values, kept)):
            yield Drop(row_id, "over_cap", f"{self.per} {called(group)} is over {words}")

    def _impossible(self, sizes: Counter[str]) -> str:
        share = self.max_share or 1.0
        need = ceil(1 / exact(share))
        few = ", ".join(called(group) for group, _ in sizes.most_common(3))
        return (
            f"`select/cap`: no group can be within `max_share: {share:g}` unless there are {need} or more by "
            f"`{self.per}`, and there are {len(sizes)} ({few}); give at least {1 / len(sizes):.3g}, or more sources"
        )
