"""Drop rows that repeat another row."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter
from typing import ClassVar, Literal

from pydantic import ConfigDict

from pipeline.select.keeping import Keep, check_keep, rank_columns, rank_of
from pipeline.strategy import Drop, Rows
from schemas.columns import Sifted


@dataclass(frozen=True, slots=True)
class ExactDuplicates:
    """Of rows with the same text keep one, and drop the rest.

    Of pairs, `on: pair` compares all turns of the prompt, chosen and rejected, and the words of the condition or the aspect
    that the label holds under if there is one; `on: prompt` the prompt alone. White space at the ends and runs of it do not
    count. Kept is the best by `by` (of pairs the most confident), the `oldest`, or a seeded `random` one; the smallest id
    among equals. A row that is dropped names the one that was kept.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 2

    of: Sifted = "pairs"
    on: Literal["pair", "prompt"] = "pair"
    keep: Keep = "best"
    by: str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what would do nothing."""
        if self.of != "pairs" and self.on != "pair":
            raise ValueError("`on` is for pairs; of other rows the text is compared")
        check_keep(self.of, self.keep, self.by, self.seed)

    def sift(self, rows: Rows) -> Iterator[Drop]:
        """The rows that repeat another; in memory are those alone that say the same."""
        key = "text_key" if self.of != "pairs" else f"{self.on}_key"
        columns = rank_columns(self.of, self.keep, self.by)
        alike = itertools.chain.from_iterable(rows.repeated(key, *columns))
        for _, group in itertools.groupby(alike, key=itemgetter(0)):
            ranks = sorted(rank_of(self.keep, self.seed, values) for _, *values in group)
            kept = ranks[0][1]
            yield from (Drop(row_id, "exact_duplicate", f"repeats {kept}") for _, row_id in ranks[1:])
