"""Upkeep of the files: small ones are merged, snapshots that nobody needs expire, and what no snapshot needs is deleted.

The snapshots around every release stay, whatever its status: the one before it and the one in which it became visible.
DuckLake itself protects none, so the list of those that go is computed here and given to it by number. The folder of
releases is never touched. Only the one writer of a warehouse may do this.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import duckdb

from warehouse.connection import LAKE
from warehouse.travel import moments

SECONDS_A_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What was done, or with `dry_run` would be: counts of files and snapshots, and bytes of the data folder.

    `pinned` are the snapshots that stay for a release, `kept` all that stay. A dry run merges nothing, so it knows only of
    files that nothing needs already: the true `deleted` and `bytes_free` are larger.
    """

    dry_run: bool
    merged: int
    expired: int
    kept: int
    pinned: int
    deleted: int
    orphans: int
    bytes_before: int
    bytes_free: int


def tidy(cursor: duckdb.DuckDBPyConnection, data: Path, *, keep_days: float, dry_run: bool = False) -> Upkeep:
    """Tidy a warehouse whose Parquet files are in `data`; snapshots younger than `keep_days` stay as well.

    Each of the steps is whole by itself: one that is killed leaves a warehouse in order, and more to do for the next.
    """
    before = _bytes(data)
    pinned = {each for moment in moments(cursor) for each in (moment.before, moment.visible)}
    if dry_run:
        going, staying = _sort_out(cursor, pinned, keep_days)
        files = _paths(cursor, "cleanup_old_files", dry_run=True)
        orphans = _paths(cursor, "delete_orphaned_files", dry_run=True)
        free = sum(_size(Path(path)) for path in {*files, *orphans})
        return Upkeep(True, 0, len(going), len(staying), len(pinned & staying), len(files), len(orphans), before, free)
    cursor.execute(f"CALL ducklake_flush_inlined_data('{LAKE}')")
    # All rows are fetched: a result that is left standing takes what the function did back with it.
    merged = cursor.execute(f"SELECT files_processed FROM ducklake_merge_adjacent_files('{LAKE}')").fetchall()
    count = sum(row[0] for row in merged)
    # Looked for after merging, which makes a snapshot: the newest one can never go.
    going, staying = _sort_out(cursor, pinned, keep_days)
    if going:
        numbers = ", ".join(map(str, sorted(going)))
        cursor.execute(f"SELECT count(*) FROM ducklake_expire_snapshots('{LAKE}', versions => [{numbers}])").fetchall()
    deleted = _paths(cursor, "cleanup_old_files", dry_run=False)
    orphans = _paths(cursor, "delete_orphaned_files", dry_run=False)
    return Upkeep(
        False, int(count), len(going), len(staying), len(pinned & staying), len(deleted), len(orphans), before,
        max(0, before - _bytes(data)),
    )  # fmt: skip


def _sort_out(cursor: duckdb.DuckDBPyConnection, pinned: set[int], keep_days: float) -> tuple[set[int], set[int]]:
    """The snapshots that go, and those that stay: pinned ones, young ones, and the newest."""
    # The time is compared as a number: Python reads no time stamp with a zone without a further package.
    rows = cursor.execute(f"SELECT snapshot_id, epoch(snapshot_time) FROM ducklake_snapshots('{LAKE}')").fetchall()
    oldest = time.time() - keep_days * SECONDS_A_DAY
    newest = max(number for number, _ in rows)
    staying = {number for number, moment in rows if number in pinned or number == newest or moment > oldest}
    return {number for number, _ in rows} - staying, staying


def _paths(cursor: duckdb.DuckDBPyConnection, function: str, *, dry_run: bool) -> list[str]:
    """The files that one of DuckLake's functions deletes, or would."""
    how = "dry_run => true, " if dry_run else ""
    rows = cursor.execute(f"SELECT path FROM ducklake_{function}('{LAKE}', {how}cleanup_all => true)").fetchall()
    return [str(row[0]) for row in rows]


def _bytes(folder: Path) -> int:
    """What the files of a folder take."""
    return sum(_size(path) for path in folder.rglob("*"))


def _size(path: Path) -> int:
    """The size of a file; 0 for one that is gone meanwhile, and for a folder."""
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:
        return 0
