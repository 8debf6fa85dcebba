"""Leaving revoked documents out of a build: found in its scope, taken out of it, and each told of in an outcome.

The scratch table `revoked` has one row for each document in scope and each revocation that it is under.
"""

from __future__ import annotations

from typing import Any

import duckdb

from warehouse import sifting
from warehouse.connection import LAKE, literal, rows_of
from warehouse.plan import Counts
from warehouse.sifting import take_out
from warehouse.sources import source_sql, under_sql
from warehouse.store import SCRATCH, Store
from warehouse.tallies import count_scope

HOLDING = f"(FROM {LAKE}.revocations WHERE lifted_at IS NULL)"


async def is_anything_revoked(store: Store) -> bool:
    """Whether some revocation holds."""
    return await store.read(lambda cursor: cursor.execute(f"SELECT 1 FROM {HOLDING} LIMIT 1").fetchone() is not None)


async def leave_out(store: Store, position: int, intake: str, *, fingerprint: str, reason: str) -> Counts:
    """Take what is revoked out of the scope of a plan, as the step at `position`; `intake` is the step that read it all.

    A document is revoked where this build has found it at a revoked place, wherever else it lies; where it has the text of
    one that was ever found there; and where its licence is revoked. The documents are the units of the step; those
    without an outcome wait in `sifted` for `Ledger.record_sifted`. Writes nothing but the plan.
    """

    def work(cursor: duckdb.DuckDBPyConnection) -> Counts:
        cursor.execute(f"CREATE TABLE {SCRATCH}.revoked AS {_revoked_sql(intake)}")
        cursor.execute(f"""
            DELETE FROM {SCRATCH}.said;
            INSERT INTO {SCRATCH}.said
            SELECT document_id, {literal(reason)}, string_agg(kind || ' ' || value || ' (' || revocation_id || ')', '; '
                ORDER BY revocation_id), NULL, NULL, NULL
            FROM {SCRATCH}.revoked GROUP BY document_id
        """)
        sifting.form_units(cursor, position, "documents")
        cursor.execute(sifting.PENDING.format(fingerprint=literal(fingerprint)))
        take_out(cursor, "documents", f"SELECT DISTINCT document_id FROM {SCRATCH}.revoked")
        count_scope(cursor, position, "true", "documents", "sifts")
        ((units,),) = cursor.execute(f"SELECT count(*) FROM {SCRATCH}.units WHERE position = {position}").fetchall()
        ((pending,),) = cursor.execute(f"SELECT count(*) FROM {SCRATCH}.sifted").fetchall()
        return Counts(units, pending)

    return await store.read(work)


async def note_found(store: Store, intake: str) -> None:
    """Keep which documents this build has found at revoked places: from now on they are revoked under any name."""

    def work(cursor: duckdb.DuckDBPyConnection) -> None:
        cursor.execute(f"""
            INSERT INTO {LAKE}.revocation_documents
            SELECT p.revocation_id, p.document_id FROM ({_at_revoked_places(intake)}) p
            ANTI JOIN {LAKE}.revocation_documents c USING (revocation_id, document_id)
        """)

    await store.write(work)


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
        FROM (SELECT uri, item_id, {source_sql("uri")} AS own FROM {SCRATCH}.items) i JOIN {HOLDING} r
            ON (r.kind = 'document' AND i.uri = r.value) OR (r.kind = 'source' AND {under_sql("i.uri", "r.value", "i.own")})
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
