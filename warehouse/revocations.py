"""Revocations: documents that no later release may have rows from, and the earlier releases that have some.

Nothing is deleted. A revocation names a place (`document`: a uri, or the id of one text; `source`: a folder, table,
dataset or host) or a licence. It covers what any build found at the place before, under whatever name it comes back,
and what is found there later; a licence covers what is under it now.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import duckdb

from schemas.errors import RequestError, nearest
from schemas.fingerprints import identify
from warehouse.builds import now
from warehouse.connection import LAKE, literal, rows_of
from warehouse.naming import NOUNS, TABLES
from warehouse.sources import SOURCE_SQL, under_sql
from warehouse.store import Store

RevocationKind = Literal["document", "licence", "source"]
MOST_NAMES = 12
"""So many names are listed where none is near to the one that was given."""

PLACES = f"""
    SELECT uri, document_id FROM {LAKE}.documents
    UNION SELECT l.uri, o.document_id FROM {LAKE}.listings l
    JOIN {LAKE}.outcomes o ON o.unit_id = l.item_id AND o.step = 'mine/read' AND o.status = 'ok'
"""
"""Every place at which a build has found a document."""
REVOCATION_TYPES = dict.fromkeys(("revocation_id", "kind", "value", "note"), "VARCHAR")
FOUND_TYPES = dict.fromkeys(("revocation_id", "document_id"), "VARCHAR")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be revoked: a uri, an id, a licence or a source, in the form that the tables have it in."""

    kind: RevocationKind
    value: str


@dataclass(frozen=True, slots=True)
class Revocation:
    """One row of `revocations`, with how many documents it covers. `lifted_at` is None while it holds."""

    revocation_id: str
    kind: str
    value: str
    note: str
    revoked_at: datetime.datetime
    lifted_at: datetime.datetime | None
    documents: int


@dataclass(frozen=True, slots=True)
class Affected:
    """A release that has rows from revoked documents: how many of its pairs, from how many documents."""

    release: str
    recipe: str
    status: str
    pairs: int
    affected_pairs: int
    affected_documents: int


async def revoke(store: Store, wanted: Sequence[Wanted], note: str = "") -> list[Revocation]:
    """Revoke all of this or nothing; what is revoked already is brought up to date.

    Raises `RequestError` for what names no document of this warehouse, with what is nearest.
    """

    def work(cursor: duckdb.DuckDBPyConnection) -> list[Revocation]:
        found = [_find(cursor, each) for each in dict.fromkeys(wanted)]
        ids = {identify("revocations", each.kind, each.value.lower() if each.kind == "licence" else each.value): (each, of)
               for each, of in found}  # fmt: skip
        live = {row.revocation_id for row in list_revocations(cursor) if row.lifted_at is None}
        new = [
            {"revocation_id": key, "kind": each.kind, "value": each.value, "note": note}
            for key, (each, _) in ids.items() if key not in live
        ]  # fmt: skip
        covered = [
            {"revocation_id": key, "document_id": document_id}
            for key, (each, documents) in ids.items() if each.kind != "licence" for document_id in documents
        ]  # fmt: skip
        cursor.execute("BEGIN")
        cursor.execute(
            f"INSERT INTO {LAKE}.revocations SELECT *, '{now()}'::TIMESTAMP, NULL "
            f"FROM {store.stage('revocations', new, REVOCATION_TYPES)}"
        )
        cursor.execute(
            f"INSERT INTO {LAKE}.revocation_documents BY NAME FROM {store.stage('covered', covered, FOUND_TYPES)} c "
            f"ANTI JOIN {LAKE}.revocation_documents d USING (revocation_id, document_id)"
        )
        if note and len(new) < len(ids):
            cursor.execute(
                f"UPDATE {LAKE}.revocations SET note = {literal(note)} "
                f"WHERE lifted_at IS NULL AND list_contains({literal(sorted(ids))}, revocation_id)"
            )
        cursor.execute("COMMIT")
        return [row for row in list_revocations(cursor) if row.revocation_id in ids and row.lifted_at is None]

    return await store.write(work)


async def lift(store: Store, revocation_ids: Sequence[str]) -> list[Revocation]:
    """End revocations, all or none: their documents are in scope again. Raises `RequestError` for one that does not hold."""

    def work(cursor: duckdb.DuckDBPyConnection) -> list[Revocation]:
        rows = {row.revocation_id: row for row in list_revocations(cursor) if row.lifted_at is None}
        for each in revocation_ids:
            if each not in rows:
                raise RequestError(f"no revocation {each!r} holds{nearest(each, rows)}; see `prefmill revoke --list`")
        cursor.execute(
            f"UPDATE {LAKE}.revocations SET lifted_at = '{now()}' "
            f"WHERE lifted_at IS NULL AND list_contains({literal(list(revocation_ids))}, revocation_id)"
        )
        return [rows[each] for each in dict.fromkeys(revocation_ids)]

    return await store.write(work)


def has_revocations(cursor: duckdb.DuckDBPyConnection) -> bool:
    """Whether this warehouse knows of revocations at all: one that no build has opened since knows none."""
    query = f"SELECT 1 FROM duckdb_views() WHERE database_name = '{LAKE}' AND view_name = 'revoked_documents'"
    return cursor.execute(query).fetchone() is not None


def list_revocations(cursor: duckdb.DuckDBPyConnection) -> list[Revocation]:
    """All revocations, those that were lifted too, newest first; a lifted one covers no document."""
    if not has_revocations(cursor):
        return []
    rows = rows_of(
        cursor,
        f"""
        SELECT r.revocation_id, r.kind, r.value, r.note, r.revoked_at, r.lifted_at, coalesce(c.documents, 0) AS documents
        FROM {LAKE}.revocations r LEFT JOIN (
            SELECT revocation_id, count(*) AS documents FROM {LAKE}.revoked_documents GROUP BY ALL
        ) c ON c.revocation_id = r.revocation_id AND r.lifted_at IS NULL
        ORDER BY r.revoked_at DESC, r.kind, r.value
    """,
    )
    return [Revocation(**row) for row in rows]


def affected_releases(cursor: duckdb.DuckDBPyConnection, by: Iterable[str] | None = None) -> list[Affected]:
    """The releases that have rows from documents revoked (by these revocations alone), newest first."""
    if not has_revocations(cursor):
        return []
    which = "" if by is None else f"WHERE list_contains({literal(sorted(by))}, revocation_id)"
    rows = rows_of(
        cursor,
        f"""
        SELECT r.release, r.recipe, r.status, r.pairs, count(*) AS affected_pairs,
            count(DISTINCT p.document_id) AS affected_documents
        FROM {LAKE}.releases r JOIN {LAKE}.release_rows l USING (release) JOIN {LAKE}.pairs p USING (pair_id)
        SEMI JOIN (FROM {LAKE}.revoked_documents {which}) d ON d.document_id = p.document_id
        GROUP BY r.release, r.recipe, r.status, r.pairs, r.created_at ORDER BY r.created_at DESC, r.release DESC
    """,
    )
    return [Affected(**row) for row in rows]


def revocations_of(cursor: duckdb.DuckDBPyConnection, document_id: str) -> list[dict[str, Any]]:
    """The revocations that a document is under now."""
    if not has_revocations(cursor):
        return []
    return rows_of(
        cursor,
        f"SELECT revocation_id, kind, value, note, revoked_at FROM {LAKE}.revoked_documents "
        f"WHERE document_id = {literal(document_id)} ORDER BY revoked_at, revocation_id",
    )


def _find(cursor: duckdb.DuckDBPyConnection, wanted: Wanted) -> tuple[Wanted, list[str]]:
    """What is wanted in its final form, and the documents that it means now."""
    match wanted.kind:
        case "document":
            return _find_document(cursor, wanted.value)
        case "source":
            return wanted, _find_source(cursor, wanted.value)
        case "licence":
            return _find_licence(cursor, wanted.value)


def _find_document(cursor: duckdb.DuckDBPyConnection, value: str) -> tuple[Wanted, list[str]]:
    if documents := _column(cursor, f"SELECT DISTINCT document_id FROM ({PLACES}) WHERE uri = {literal(value)}"):
        return Wanted("document", value), documents
    prefix, underscore, _ = value.partition("_")
    if underscore and (table := TABLES.get(prefix)):
        query = f"SELECT DISTINCT document_id FROM {LAKE}.{table} WHERE {NOUNS[table]}_id = {literal(value)}"
        if documents := _column(cursor, query):
            return Wanted("document", documents[0]), documents
        raise RequestError(f"{value!r} is not among the {table} of this warehouse; nothing was revoked")
    uris = _column(cursor, f"SELECT DISTINCT uri FROM ({PLACES})")
    raise RequestError(f"no build has found a document at {value!r}{_near(value, uris)}; nothing was revoked")


def _find_source(cursor: duckdb.DuckDBPyConnection, value: str) -> list[str]:
    query = f"SELECT DISTINCT document_id FROM ({PLACES}) WHERE {under_sql('uri', literal(value))}"
    if documents := _column(cursor, query):
        return documents
    sources = _column(cursor, f"SELECT DISTINCT {SOURCE_SQL} FROM ({PLACES})")
    raise RequestError(f"no build has found a document under {value!r}{_near(value, sources)}; nothing was revoked")


def _find_licence(cursor: duckdb.DuckDBPyConnection, value: str) -> tuple[Wanted, list[str]]:
    where = f"WHERE lower(licence) = lower({literal(value)})"
    if documents := _column(cursor, f"SELECT document_id FROM {LAKE}.documents {where}"):
        (stated,) = _column(cursor, f"SELECT min(licence) FROM {LAKE}.documents {where}")
        return Wanted("licence", stated), documents
    there = _column(cursor, f"SELECT DISTINCT licence FROM {LAKE}.documents WHERE licence IS NOT NULL")
    near = _near(value, there) or "; no document states its licence"
    raise RequestError(f"no document is under the licence {value!r}{near}; nothing was revoked")


def _near(value: str, names: list[str]) -> str:
    """The nearest name, or the names if they are few."""
    hint = nearest(value, names)
    return hint if hint.startswith("; did you mean") or len(names) <= MOST_NAMES else "; see `prefmill sql \"FROM documents\"`"


def _column(cursor: duckdb.DuckDBPyConnection, query: str) -> list[str]:
    return sorted(row[0] for row in cursor.execute(query).fetchall())
