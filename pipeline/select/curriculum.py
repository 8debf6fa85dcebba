"""Number the rows from easy to hard, for trainers that take them in that order."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import ClassVar, Literal

from pydantic import ConfigDict

from pipeline.select.groups import check_group, check_number, read_numbers
from pipeline.strategy import Note, Rows, Said
from schemas.columns import Sifted


@dataclass(frozen=True, slots=True)
class Curriculum:
    """Note `curriculum_rank` of every row that has a number in `by`: 1 is the easiest, of equals the smallest id first.

    `easiest: high` begins with the largest numbers, as margins and pass rates want it (CRM, arXiv 2505.10597, goes from
    large margins to small ones); `low` with the smallest, as difficulties want it. With `per`, every group is numbered
    from 1. A row without a number has no rank and stays. Ranks are those of the build: they move when rows come or go.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1

    by: str
    easiest: Literal["low", "high"]
    of: Sifted = "pairs"
    per: str | None = None

    def __post_init__(self) -> None:
        check_number(self.of, self.by)
        check_group(self.of, self.per)

    def sift(self, rows: Rows) -> Iterator[Said]:
        """One note for every row with a number. Holds 40 bytes a row, most of them its id."""
        ids, values = _Ids(), array("d")
        groups: dict[str, array[int]] = {}
        for row_id, group, value in read_numbers(rows, self.by, self.per):
            if value is not None:
                groups.setdefault(group, array("L")).append(len(values))
                values.append(value)
                ids.append(row_id)
        for group in sorted(groups):
            rank = 0
            ordered = sorted(groups[group], key=values.__getitem__, reverse=self.easiest == "high")
            for _, equals in groupby(ordered, key=values.__getitem__):
                for row_id in sorted(ids[place] for place in equals):
                    rank += 1
                    yield Note(row_id, "curriculum_rank", float(rank))


class _Ids:
    """Ids in one piece of memory: a third of what so many texts take."""

    def __init__(self) -> None:
        self._text, self._ends = bytearray(), array("Q", [0])

    def append(self, row_id: str) -> None:
        self._text += row_id.encode("utf-8", "surrogatepass")
        self._ends.append(len(self._text))

    def __getitem__(self, place: int) -> str:
        return self._text[self._ends[place] : self._ends[place + 1]].decode("utf-8", "surrogatepass")
