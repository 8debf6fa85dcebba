"""Taking a release back: nothing is deleted, nothing that asks for the latest release finds it, and it can be undone."""

from __future__ import annotations

from dataclasses import replace

import duckdb

from schemas.errors import RequestError
from warehouse.builds import now
from warehouse.connection import LAKE, literal
from warehouse.releases import ReleaseRow, find_release
from warehouse.store import Store

WITHDRAWN = "withdrawn"


async def withdraw(store: Store, release: str, note: str) -> ReleaseRow:
    """Withdraw a release and say why; one that is withdrawn already gets the new note. Returns it as it is now.

    Raises `WarehouseError` for a release that is not there, `RequestError` for `latest` and for an empty note.
    """
    if not note.strip():
        raise RequestError("--note is empty; say why the release is withdrawn, for those who ask later")

    def work(cursor: duckdb.DuckDBPyConnection) -> ReleaseRow:
        row = _named(cursor, release)
        since = row.withdrawn_at or now()
        _write(cursor, row.release, WITHDRAWN, f"'{since}'", literal(note))
        return replace(row, status=WITHDRAWN, withdrawn_at=since, withdrawn_note=note)

    return await store.write(work)


async def lift(store: Store, release: str) -> ReleaseRow:
    """End a withdrawal: the release is published again or, where a gate had held it, held. Returns it as it is now."""

    def work(cursor: duckdb.DuckDBPyConnection) -> ReleaseRow:
        row = _named(cursor, release)
        if row.status != WITHDRAWN:
            raise RequestError(
                f"the release {row.release!r} is not withdrawn, it is {row.status}; there is nothing to lift"
            )
        status = "published" if all(gate["passed"] for gate in row.gates) else "held"
        _write(cursor, row.release, status, "NULL", "NULL")
        return replace(row, status=status, withdrawn_at=None, withdrawn_note=None)

    return await store.write(work)


def _named(cursor: duckdb.DuckDBPyConnection, release: str) -> ReleaseRow:
    """The release of that very name: run twice, `latest` would mean two of them."""
    row = find_release(cursor, release)
    if release == "latest":
        raise RequestError(f"`latest` is {row.release!r} now, and another one afterwards; give the name itself")
    return row


def _write(cursor: duckdb.DuckDBPyConnection, release: str, status: str, since: str, note: str) -> None:
    cursor.execute(f"""
        UPDATE {LAKE}.releases SET status = {literal(status)}, withdrawn_at = {since}, withdrawn_note = {note}
        WHERE release = {literal(release)}
    """)
