"""Builds: what ran, on what, with which steps, and how every unit of it ended."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import orjson

from schemas.fingerprints import canonical_json
from warehouse import tallies
from warehouse.connection import LAKE, literal
from warehouse.counting import count_landed
from warehouse.store import SCRATCH, Store

MERGE_FROM_FILES = 24
"""A table in more data files than this is merged after a build: every small commit makes one."""

BUILD_COLUMNS = {
    **dict.fromkeys(("build_id", "recipe", "recipe_text", "kind", "status", "code_version", "models"), "VARCHAR"),
    "started_at": "TIMESTAMP",
}
STEP_COLUMNS = {**dict.fromkeys(("build_id", "step", "fingerprint", "identity"), "VARCHAR"), "position": "INTEGER"}


@dataclass(frozen=True, slots=True)
class FunnelRow:
    """How many units of a step ended how, and how many rows they made."""

    position: int
    step: str
    status: str
    reason: str
    units: int
    rows: int


def now() -> datetime.datetime:
    """The time in UTC, as the warehouse keeps it."""
    return datetime.datetime.now(datetime.UTC).replace(tzinfo=None)


async def start_build(
    store: Store,
    *,
    recipe: str,
    recipe_text: str,
    kind: str,
    code_version: str,
    models: Mapping[str, Any],
    steps: Sequence[tuple[int, str, str, Mapping[str, Any]]],
) -> str:
    """Note a new build with its steps (position, label, fingerprint, identity); returns its id, `build-7`.

    We hold the lease, so a build still marked as running belongs to a dead process: it is marked `interrupted`.
    """

    def work(cursor: duckdb.DuckDBPyConnection) -> str:
        cursor.execute("BEGIN")
        ((count, running),) = cursor.execute(
            f"SELECT count(*), count(*) FILTER (WHERE status = 'running') FROM {LAKE}.builds"
        ).fetchall()
        if running:
            cursor.execute(
                f"UPDATE {LAKE}.builds SET status = 'interrupted', finished_at = '{now()}' WHERE status = 'running'"
            )
        build = {
            "build_id": f"build-{count + 1}",
            "recipe": recipe,
            "recipe_text": recipe_text,
            "kind": kind,
            "status": "running",
            "code_version": code_version,
            "models": orjson.dumps(models).decode(),
            "started_at": now(),
        }
        cursor.execute(f"INSERT INTO {LAKE}.builds BY NAME FROM {store.stage('build', [build], BUILD_COLUMNS)}")
        rows = [
            build | {"position": position, "step": step, "fingerprint": fingerprint, "identity": canonical_json(identity)}
            for position, step, fingerprint, identity in steps
        ]
        new = store.stage("build_steps", rows, STEP_COLUMNS)
        cursor.execute(
            f"INSERT INTO {LAKE}.build_steps BY NAME SELECT build_id, position, step, fingerprint FROM {new}"
        )
        cursor.execute(
            f"INSERT INTO {LAKE}.fingerprints "
            f"SELECT DISTINCT ON (n.fingerprint) n.fingerprint, n.step, n.identity FROM {new} n "
            f"ANTI JOIN {LAKE}.fingerprints f ON f.fingerprint = n.fingerprint ORDER BY n.position"
        )
        cursor.execute("COMMIT")
        return str(build["build_id"])

    return await store.write(work)


async def note_listing(store: Store, build_id: str) -> str:
    """Keep which items the build was given; builds that were given the same share one listing."""

    # Writing to the lake while reading the plan: a transaction may write to one database only, reading both is fine.
    def work(cursor: duckdb.DuckDBPyConnection) -> str:
        cursor.execute("BEGIN")
        listing_id = "lst_" + str(
            _scalar(
                cursor,
                "SELECT substr(md5(coalesce(string_agg(uri || chr(0) || item_id, chr(0) ORDER BY uri, item_id), '')), 1, 20) "
                f"FROM (SELECT DISTINCT uri, item_id FROM {SCRATCH}.items)",
            )
        )
        cursor.execute(
            f"INSERT INTO {LAKE}.listings SELECT DISTINCT '{listing_id}', uri, item_id FROM {SCRATCH}.items "
            f"WHERE NOT EXISTS (FROM {LAKE}.listings WHERE listing_id = '{listing_id}')"
        )
        cursor.execute(f"UPDATE {LAKE}.builds SET listing_id = '{listing_id}' WHERE build_id = {literal(build_id)}")
        # A file that was renamed is the same document; it goes by the name that it has now, under the licence said last.
        cursor.execute(f"""
            UPDATE {LAKE}.documents SET
                uri = if(documents.uri IN (SELECT uri FROM {SCRATCH}.items), documents.uri, n.uri),
                licence = coalesce(n.licence, documents.licence)
            FROM {SCRATCH}.documents n WHERE n.document_id = documents.document_id AND (
                documents.uri NOT IN (SELECT uri FROM {SCRATCH}.items)
                OR documents.licence IS DISTINCT FROM coalesce(n.licence, documents.licence))
        """)
        cursor.execute("COMMIT")
        return listing_id

    return await store.write(work)


async def finish_build(store: Store, build_id: str, *, status: str, message: str = "") -> None:
    """Note how a build ended: `done`, `held`, `deferred`, `stopped` or `failed`."""

    def work(cursor: duckdb.DuckDBPyConnection) -> None:
        cursor.execute(
            f"UPDATE {LAKE}.builds SET status = {literal(status)}, message = {literal(message)}, finished_at = '{now()}' "
            f"WHERE build_id = {literal(build_id)}"
        )

    await store.write(work)


async def note_funnel(store: Store, build_id: str) -> list[FunnelRow]:
    """Count how the units of this build ended, those done by earlier builds included, and keep the counts.

    Kept with them is how many rows were in scope after each step, which `funnel_balance` holds against them.
    """

    def work(cursor: duckdb.DuckDBPyConnection) -> list[FunnelRow]:
        cursor.execute("BEGIN")
        cursor.execute(f"DELETE FROM {LAKE}.build_funnel WHERE build_id = {literal(build_id)}")
        cursor.execute(f"""
            INSERT INTO {LAKE}.build_funnel
            SELECT {literal(build_id)}, s.position, s.step, coalesce(o.status, 'pending'), coalesce(o.reason, ''),
                count(*), coalesce(sum(o.rows), 0)
            FROM {SCRATCH}.units u JOIN {SCRATCH}.steps s ON s.position = u.position
            LEFT JOIN {LAKE}.outcomes o ON o.fingerprint = s.fingerprint AND o.unit_id = u.unit_id
            GROUP BY ALL
        """)
        cursor.execute(tallies.NOTE.format(build=literal(build_id)))
        cursor.execute("COMMIT")
        rows = cursor.execute(
            f"SELECT position, step, status, reason, units, rows FROM {LAKE}.build_funnel "
            f"WHERE build_id = {literal(build_id)} ORDER BY position, status = 'pending', status, units DESC, reason"
        ).fetchall()
        return [FunnelRow(*row) for row in rows]

    return await store.write(work)


async def audit(store: Store) -> dict[str, int]:
    """How many rows each `audit_*` view has; all must be zero."""

    def work(cursor: duckdb.DuckDBPyConnection) -> dict[str, int]:
        names = [
            row[0]
            for row in cursor.execute(
                f"SELECT view_name FROM duckdb_views() WHERE database_name = '{LAKE}' AND view_name LIKE 'audit_%' ORDER BY ALL"
            ).fetchall()
        ]
        return {name: _scalar(cursor, f"SELECT count(*) FROM {LAKE}.{name}") for name in names}

    return await store.read(work)


async def compact(store: Store) -> None:
    """Count what has landed and merge the many small files of a build; older snapshots keep theirs until they are expired."""

    def work(cursor: duckdb.DuckDBPyConnection) -> None:
        count_landed(cursor)
        files = _scalar(cursor, f"SELECT coalesce(max(file_count), 0) FROM ducklake_table_info('{LAKE}')")
        if files >= MERGE_FROM_FILES:
            cursor.execute(f"CALL ducklake_flush_inlined_data('{LAKE}')")
            cursor.execute(f"CALL ducklake_merge_adjacent_files('{LAKE}')")

    await store.write(work)


def _scalar(cursor: duckdb.DuckDBPyConnection, query: str) -> Any:
    row = cursor.execute(query).fetchone()
    return row[0] if row else None
