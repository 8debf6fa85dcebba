"""What a warehouse holds, as hashes to compare, and what it must not hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from schemas.errors import WarehouseError
from warehouse.address import resolve_address
from warehouse.guest import guest

COLUMNS = {
    "documents": "* EXCLUDE (added_at)",
    "passages": "*",
    "prompts": "*",
    "responses": "*",
    "signals": "*",
    "pairs": "*",
    "outcomes": "* EXCLUDE (build_id, seconds)",
    "fingerprints": "*",
    "release_rows": "pair_id, split",
}
"""What must be the same however often a build was interrupted: all but times and the names of builds and releases."""
# Each row is hashed alone, so that a table of any size needs no room for its text.
HASH = """
SELECT count(*), coalesce(md5(string_agg(hash, '' ORDER BY hash)), '')
FROM (SELECT md5(to_json(r)::VARCHAR) AS hash FROM (SELECT {columns} FROM {name}) r)
"""


@dataclass(frozen=True, slots=True)
class Contents:
    """A warehouse in short: rows and hash of each table, units by step, and rows in each view that must be empty."""

    tables: Mapping[str, tuple[int, str]]
    units: Mapping[str, int]
    broken: Mapping[str, int]

    @property
    def rows(self) -> int:
        """All rows."""
        return sum(count for count, _ in self.tables.values())

    def differs_from(self, other: Contents) -> list[str]:
        """The tables that are not the same, with their rows here and there."""
        return [
            f"{name}: {here[0]} rows, not {other.tables[name][0]}"
            if here[0] != other.tables[name][0]
            else f"{name}: other rows"
            for name, here in self.tables.items()
            if here != other.tables[name]
        ]


def read_contents(lake: Path) -> Contents:
    """The contents of the warehouse in a folder."""
    with guest(resolve_address(str(lake))) as cursor:
        tables = {
            name: cursor.execute(HASH.format(name=name, columns=columns)).fetchone()
            for name, columns in COLUMNS.items()
        }
        units = dict(cursor.execute("SELECT step, count(*) FROM outcomes GROUP BY 1").fetchall())
        views = [
            row[0]
            for row in cursor.execute("SELECT view_name FROM duckdb_views() WHERE view_name LIKE 'audit_%'").fetchall()
        ]
        counted = {view: cursor.execute(f"SELECT count(*) FROM {view}").fetchone() for view in views}
    assert views
    return Contents(tables, units, {view: row[0] for view, row in counted.items() if row and row[0]})  # type: ignore[arg-type]


def count_outcomes(lake: Path) -> int:
    """How many units have an outcome; none where there is no warehouse yet."""
    try:
        return int(ask(lake, "SELECT count(*) FROM outcomes")[0][0])
    except (WarehouseError, duckdb.Error):
        return 0


def ask(lake: Path, query: str) -> list[tuple[Any, ...]]:
    """The rows of a query."""
    with guest(resolve_address(str(lake))) as cursor:
        return cursor.execute(query).fetchall()
