"""Rows for steps over all rows, as tests hand them over: columns by name, in batches, in any order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import made

from pipeline.strategy import Drop, Found, Note

BATCH = 3


class Table(made.Columns):
    """Rows made of plain values; each pass begins elsewhere, because nobody may rest on the order."""

    def __init__(self, rows: Iterable[Mapping[str, Any]]) -> None:
        super().__init__(rows)
        self.passes = 0

    def read(self, *columns: str) -> Iterator[list[tuple[Any, ...]]]:
        """Batches of the columns asked for."""
        start = self.passes % max(1, len(self.rows))
        self.passes += 1
        turned = self.rows[start:] + self.rows[:start]
        for first in range(0, len(turned), BATCH):
            yield [tuple(row.get(column) for column in columns) for row in turned[first : first + BATCH]]

    def without(self, dropped: Iterable[str]) -> Table:
        """What is left of it."""
        gone = set(dropped)
        return Table(row for row in self.rows if row["id"] not in gone)


def column(name: str, values: Mapping[str, Any] | Iterable[Any]) -> Table:
    """Rows with one column: by id, or numbered `p00`, `p01` …"""
    by_id = values if isinstance(values, Mapping) else {f"p{place:02}": value for place, value in enumerate(values)}
    return Table({"id": row_id, name: value} for row_id, value in by_id.items())


def dropped(sieve: Any, rows: Table) -> dict[str, str]:
    """The reason by id of each row that a sieve drops, each once."""
    drops = [each for each in sieve.sift(rows) if isinstance(each, Drop)]
    assert len({each.row_id for each in drops}) == len(drops), "every row is dropped once"
    assert {each.row_id for each in drops} <= {row["id"] for row in rows.rows}
    return {each.row_id: each.reason for each in drops}


def details(sieve: Any, rows: Table) -> dict[str, str]:
    """What is told of each row that is dropped."""
    return {each.row_id: each.detail for each in sieve.sift(rows) if isinstance(each, Drop)}


def notes(sieve: Any, rows: Table, name: str) -> dict[str, Any]:
    """The values noted under a name."""
    return {each.row_id: each.value for each in sieve.sift(rows) if isinstance(each, Note) and each.name == name}


def found(sieve: Any, rows: Table) -> dict[str, Any]:
    """What was found out over all rows."""
    (fit,) = [each for each in sieve.sift(rows) if isinstance(each, Found)]
    return dict(fit.values)
