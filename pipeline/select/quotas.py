"""Quotas of kinds of pairs: each prompt gives pairs of one kind alone, and no kind gives more than so many."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from pydantic import ConfigDict, Field

from pipeline.select.keeping import Keep, Rank, rank_columns, rank_of
from pipeline.strategy import Drop, Found, Rows, Said
from schemas.columns import Sifted, check_column, is_number
from schemas.fingerprints import derive_seed

Cell = tuple[str, str]
"""What a pair is counted under: its value of `within`, and of `cell`."""
Most = Annotated[int, Field(ge=1)] | None


@dataclass(frozen=True, slots=True)
class Quotas:
    """Divide prompts between kinds of pairs, so that each gives pairs of one kind, and keep at most so many of a kind.

    A kind is a value of the column `cell`: the role of the rejected answer says which error it stands for (KnowPO, AAAI
    2025: half of the eligible items make pairs against overinclusion, half against ignorance, at most 3,000 a cell).
    `within` divides further: its values have cells of their own. With `once` a prompt that has pairs in several cells keeps
    those of one, each as likely as another and drawn by `seed` for the prompt alone, so that what other prompts do never
    moves it (`other_cell`). `most` bounds each cell, `cells` names the ones that are meant, each with a bound of its own;
    the pairs of values that it does not name, and those without a value, stay and do not count. Which stay is said by
    `keep`: a seeded `random` draw, the `best` by the column `by`, or the `oldest`; the rest is `over_quota`.

    The fit holds how many pairs each cell had, had left after the division, and kept.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    of: ClassVar[Sifted] = "pairs"

    cell: str = "rejected_role"
    within: str | None = None
    once: bool = True
    most: Most = None
    cells: Mapping[str, Most] = field(default_factory=dict)
    keep: Keep = "random"
    by: str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what would do nothing, and columns that name no kinds."""
        for name in filter(None, (self.cell, self.within)):
            check_column(self.of, name)
            if is_number(name):
                raise ValueError(f"{name!r} is a number; quotas are of kinds, such as `rejected_role` or `rule`")
        if self.cell == self.within:
            raise ValueError(f"`within` is `cell`, {self.cell!r}: each cell would stand alone")
        if self.most is not None and self.cells:
            raise ValueError("`cells` says how many of each; leave out `most`")
        is_bounded = self.most is not None or any(bound is not None for bound in self.cells.values())
        if not self.once and not is_bounded:
            raise ValueError("it would drop nothing; give `most`, `cells`, or once: true")
        if (self.keep != "random" or self.by is not None) and not is_bounded:
            raise ValueError("`keep` and `by` say which are kept under a bound; give `most` or `cells`")
        rank_columns(self.of, self.keep, self.by)

    def sift(self, rows: Rows) -> Iterator[Said]:
        """The pairs that are dropped, and how many each cell has. In memory are ids and values, no texts."""
        told = list(self._in_cells(rows))
        eligible = Counter(cell for cell, _, _ in told)
        home: dict[str, Cell] = {}
        if self.once:
            for cell, prompt_id, _ in told:
                if home.setdefault(prompt_id, cell) != cell:
                    home[prompt_id] = min(home[prompt_id], cell, key=functools.partial(self._lot, prompt_id))
        by_cell: dict[Cell, list[Rank]] = {}
        for cell, prompt_id, rank in told:
            if home.get(prompt_id, cell) == cell:
                by_cell.setdefault(cell, []).append(rank)
            else:
                yield Drop(rank[1], "other_cell", f"its prompt gives pairs of {_named(home[prompt_id])}")
        found: dict[str, dict[str, int]] = {}
        for cell in sorted(eligible):
            ranks = sorted(by_cell.get(cell, []))
            bound = self.cells.get(cell[1], self.most)
            for _, row_id in ranks[bound:] if bound is not None else []:
                yield Drop(row_id, "over_quota", f"{_named(cell)} has its {bound}")
            kept = len(ranks) if bound is None else min(bound, len(ranks))
            found[_named(cell)] = {"pairs": eligible[cell], "divided": len(ranks), "kept": kept}
        yield Found({"cells": found})

    def _in_cells(self, rows: Rows) -> Iterator[tuple[Cell, str, Rank]]:
        """The cell, prompt and rank of each pair that is in one."""
        ranked_by = rank_columns(self.of, self.keep, self.by)
        known: dict[Cell, Cell] = {}
        columns = ("prompt_id", self.cell, *([self.within] if self.within else []), *ranked_by)
        for batch in rows.read(*columns):
            for prompt_id, value, *rest in batch:
                beside = _text(rest.pop(0)) if self.within else ""
                kind = _text(value)
                if kind is not None and beside is not None and (not self.cells or kind in self.cells):
                    cell = known.setdefault((beside, kind), (beside, kind))
                    yield cell, str(prompt_id), rank_of(self.keep, self.seed, rest)

    def _lot(self, prompt_id: str, cell: Cell) -> tuple[int, Cell]:
        return derive_seed("quotas", self.seed, prompt_id, *cell), cell


def _text(value: Any) -> str | None:
    """A kind as a word: of a list, its members; None where there is none."""
    return ", ".join(sorted(map(str, value))) or None if isinstance(value, list) else value


def _named(cell: Cell) -> str:
    return " · ".join(filter(None, cell))
