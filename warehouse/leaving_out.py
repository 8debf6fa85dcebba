"""Leaving revoked documents out of a build: found in its scope, taken out of it, and each told of in an outcome.

The scratch table `revoked` has one row for each document in scope and each revocation that it is under.
"""

from __future__ import annotations

from typing import Any

import duckdb

from warehouse.connection import LAKE, literal, rows_of
from warehouse.plan import Counts
from warehouse.sources import under_sql
from warehouse.store import SCRATCH, Store

HOLDING = f"(FROM {LAKE}.revocations WHERE lifted_at IS NULL)"


async def is_anything_revoked(store: Store) -> bool:
    """Whether some revocation holds; a warehouse that is only read may be from before there were any."""

    def work(cursor: duckdb.DuckDBPyConnection) -> bool:
        known = f"SELECT 1 FROM duckdb_tables() WHERE database_name = '{LAKE}' AND table_name = 'revocations'"
        return (
            cursor.execute(known).fetchone() is not None
            and cursor.execute(f"SELECT 1 FROM {HOLDING} LIMIT 1").fetchone() is not None
        )

    return await store.read(work)


async def leave_out(store: Store, position: int, intake: str) -> Counts:
    """Take what is revoked out of the scope of a plan, as the step at `position`; `intake` is the step that read it all.

    A document is revoked where this build has found it at a revoked place, wherever else it lies; where it has the text of
    one that was ever found there; and where its licence is revoked. The units of the step are the documents; one that is
    revoked is a unit of its own with the revocations that it is under. Writes nothing but the plan.
    """

    def work(cursor: duckdb.DuckDBPyConnection) -> Counts:
        cursor.execute(f"CREATE TABLE {SCRATCH}.revoked AS {_revoked_sql(intake)}")
        cursor.execute(f"""
            INSERT INTO {SCRATCH}.units SELECT {position}, l.shard,
                if(r.document_id IS NULL, l.row_id, plan.group_id(list_append(r.ids, l.row_id))),
                l.row_id, l.document_id, NULL, NULL
            FROM {SCRATCH}.live l LEFT JOIN (
                SELECT document_id, list(revocation_id) AS ids FROM {SCRATCH}.revoked GROUP BY ALL
            ) r ON r.document_id = l.row_id WHERE l.tab = 'documents'
        """)
        cursor.execute(f"DELETE FROM {SCRATCH}.live WHERE document_id IN (SELECT document_id FROM {SCRATCH}.revoked)")
        ((units,),) = cursor.execute(f"SELECT count(*) FROM {SCRATCH}.units WHERE position = {position}").fetchall()
        ((left_out,),) = cursor.execute(f"SELECT count(DISTINCT document_id) FROM {SCRATCH}.revoked").fetchall()
        return Counts(units, left_out)

    return await store.read(work)


async def note_left_out(
    store: Store, position: int, intake: str, *, step: str, fingerprint: str, build_id: str, reason: str
) -> int:
    """Write the outcomes that are new, and which documents this build found at revoked places; returns how many are new.

    What was found at a revoked place once is revoked under any name.
    """

    def work(cursor: duckdb.DuckDBPyConnection) -> int:
        cursor.execute("BEGIN")
        cursor.execute(f"""
            INSERT INTO {LAKE}.revocation_documents
            SELECT p.revocation_id, p.document_id FROM ({_at_revoked_places(intake)}) p
            ANTI JOIN {LAKE}.revocation_documents c USING (revocation_id, document_id)
        """)
        ((new,),) = cursor.execute(f"""
            INSERT INTO {LAKE}.outcomes BY NAME
            SELECT {literal(fingerprint)} AS fingerprint, u.unit_id, {literal(step)} AS step, u.subject_id, u.document_id,
                if(r.document_id IS NULL, 'ok', 'none') AS status,
                if(r.document_id IS NULL, '', {literal(reason)}) AS reason, coalesce(r.detail, '') AS detail,
                if(r.document_id IS NULL, 1, 0) AS rows, 0 AS calls, 0 AS tokens_in, 0 AS tokens_out, 0 AS tokens_cached,
                0.0 AS cost, 0.0 AS seconds, {literal(build_id)} AS build_id
            FROM {SCRATCH}.units u LEFT JOIN (
                SELECT document_id, string_agg(kind || ' ' || value || ' (' || revocation_id || ')', '; '
                    ORDER BY revocation_id) AS detail
                FROM {SCRATCH}.revoked GROUP BY ALL
            ) r ON r.document_id = u.subject_id
            ANTI JOIN {LAKE}.outcomes o ON o.fingerprint = {literal(fingerprint)} AND o.unit_id = u.unit_id
            WHERE u.position = {position} ORDER BY u.document_id
        """).fetchall()
        cursor.execute("COMMIT")
        return int(new)

    return await store.write(work)


async def count_left_out(store: Store) -> list[dict[str, Any]]:
    """How many documents each revocation kept out of this build: `revocation_id`, `kind`, `value`, `documents`.

    A document under several is counted under the first of them, so that the counts add up.
    """

    def work(cursor: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
        known = f"SELECT 1 FROM duckdb_tables() WHERE database_name = '{SCRATCH}' AND table_name = 'revoked'"
        if cursor.execute(known).fetchone() is None:
            return []
        return rows_of(
            cursor,
            f"""
            SELECT revocation_id, kind, value, count(*) AS documents FROM (
                FROM {SCRATCH}.revoked
                QUALIFY row_number() OVER (PARTITION BY document_id ORDER BY revoked_at, revocation_id) = 1
            ) GROUP BY ALL ORDER BY revocation_id
        """,
        )

    return await store.read(work)


def _at_revoked_places(intake: str) -> str:
    """SQL: `revocation_id` and `document_id` of what this build has found at revoked places."""
    return f"""
        SELECT DISTINCT r.revocation_id, o.subject_id AS document_id
        FROM {SCRATCH}.items i JOIN {HOLDING} r
            ON (r.kind = 'document' AND i.uri = r.value) OR (r.kind = 'source' AND {under_sql("i.uri", "r.value")})
        JOIN {LAKE}.outcomes o ON o.fingerprint = {literal(intake)} AND o.unit_id = i.item_id AND o.status = 'ok'
    """


def _revoked_sql(intake: str) -> str:
    """SQL: the documents in scope that are revoked, a row for each revocation that they are under."""
    return f"""
        WITH covered AS (
            SELECT revocation_id, document_id FROM {LAKE}.revocation_documents UNION {_at_revoked_places(intake)}
        ), texts AS (
            SELECT DISTINCT c.revocation_id, d.sha256 FROM covered c JOIN {LAKE}.documents d USING (document_id)
        ), scope AS (
            SELECT d.document_id, d.sha256, coalesce(n.licence, d.licence) AS licence
            FROM {SCRATCH}.documents n JOIN {LAKE}.documents d USING (document_id)
        )
        SELECT DISTINCT s.document_id, r.revocation_id, r.kind, r.value, r.revoked_at
        FROM scope s LEFT JOIN texts t ON t.sha256 = s.sha256
        JOIN {HOLDING} r ON r.revocation_id = t.revocation_id
            OR (r.kind = 'licence' AND lower(r.value) = lower(s.licence))
    """
