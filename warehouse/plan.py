"""The plan of one build: which rows are in scope, which units they form, and which of those are still to do.

A row is in scope when the unit that made it is, all the way up to the documents that this build was given. So rows of
deleted documents, earlier prompts or other recipes stay in the tables and out of this build. What is still to do is an
anti-join of units against outcomes, asked once for each step and shard; the ledger sees to it that none is stored twice.

The scratch database holds `live` (rows in scope, each with its `parent_id`), `units` (all of each step) and `pending`.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import duckdb

from schemas.columns import Sifted
from schemas.units import Unit, UnitKind
from warehouse import sifting
from warehouse.connection import LAKE, literal
from warehouse.forming import EVERYTHING, TABLES, UNITS
from warehouse.frames import Frame
from warehouse.naming import NOUNS as EXPLAINED
from warehouse.reading import Key, read_page
from warehouse.sifting import take_out
from warehouse.store import SCRATCH, Store
from warehouse.tallies import Work, count_scope

Result = TypeVar("Result")
EVERY_SHARD = -1
START: Key = ("", "", "")
Saying = tuple[str, str | None, str | None, str | None, float | None, str | None]
"""What is said of a row: its id, the reason and detail why it leaves; or the name, value and text of a note."""
NOUNS = EXPLAINED | {"labels": "label", "vectors": "vector", "notes": "note"}
PARENTS = {
    "documents": "document_id",
    "passages": "document_id",
    "prompts": "document_id",
    "responses": "prompt_id",
    "signals": "prompt_id",
    "pairs": "prompt_id",
    "labels": "prompt_id",
    "vectors": "subject_id",
}

STEP_COLUMNS = {"position": "INTEGER", "step": "VARCHAR", "fingerprint": "VARCHAR"}
SAID_COLUMNS = dict.fromkeys(("row_id", "reason", "detail", "name"), "VARCHAR") | {"value": "DOUBLE", "text": "VARCHAR"}
SAID_AT_ONCE = 20_000
ITEM_COLUMNS = {"uri": "VARCHAR", "item_id": "VARCHAR", "licence": "VARCHAR"}


@dataclass(frozen=True, slots=True)
class Counts:
    """How many units a step has in a shard, and how many of them have no outcome yet."""

    units: int
    pending: int


@dataclass(frozen=True, slots=True)
class Sifting(Counts):
    """The same of a set-wide decision; `kept` is what it remembers, as queries by table, to land with its outcomes."""

    kept: list[tuple[str, str]]


class Plan:
    """The scope of one build, kept in the scratch database of an open store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._formed: set[int] = set()

    async def begin(self, steps: Sequence[tuple[int, str, str]]) -> None:
        """Start an empty plan for these (position, step, fingerprint)."""

        def work(cursor: duckdb.DuckDBPyConnection) -> None:
            cursor.execute(TABLES)
            rows = [dict(zip(STEP_COLUMNS, step, strict=True)) for step in steps]
            cursor.execute(f"INSERT INTO {SCRATCH}.steps FROM {self._store.stage('steps', rows, STEP_COLUMNS)}")

        await self._store.read(work)

    async def add_items(self, items: Sequence[tuple[str, str, str | None]], fingerprint: str) -> set[str]:
        """Note (uri, item_id, licence) of the sources; returns the items that no build has read yet."""

        def work(cursor: duckdb.DuckDBPyConnection) -> set[str]:
            rows = [dict(zip(ITEM_COLUMNS, item, strict=True)) for item in items]
            found = self._store.stage("found", rows, ITEM_COLUMNS)
            cursor.execute(f"INSERT INTO {SCRATCH}.items FROM {found}")
            query = (
                f"SELECT DISTINCT item_id FROM {found} f ANTI JOIN {LAKE}.outcomes o "
                f"ON o.fingerprint = {literal(fingerprint)} AND o.unit_id = f.item_id"
            )
            return {row[0] for row in cursor.execute(query).fetchall()}

        return await self._store.read(work)

    async def share_out(
        self, position: int, fingerprint: str, *, documents_per_shard: int, most_shards: int, limit: int | None
    ) -> int:
        """Put the documents of all items in scope and deal them out to shards by id; returns the number of shards.

        A shard is a range of ids, so that the rows of its units lie side by side in the tables. Of two documents with the
        same text, which differ in kind, only the one found first is in scope, whichever was read first.
        """

        def work(cursor: duckdb.DuckDBPyConnection) -> int:
            cursor.execute(
                f"INSERT INTO {SCRATCH}.units SELECT DISTINCT {position}, {EVERY_SHARD}, item_id, item_id, NULL, NULL, NULL "
                f"FROM {SCRATCH}.items"
            )
            cursor.execute(
                f"""
                CREATE TABLE {SCRATCH}.documents AS
                SELECT d.document_id, min(i.uri) AS uri, arg_min(i.licence, i.uri) AS licence FROM {SCRATCH}.items i
                JOIN {LAKE}.outcomes o
                    ON o.fingerprint = {literal(fingerprint)} AND o.unit_id = i.item_id AND o.status = 'ok'
                JOIN {LAKE}.documents d ON d.document_id = o.subject_id
                GROUP BY d.document_id, d.sha256
                QUALIFY row_number() OVER (PARTITION BY d.sha256 ORDER BY min(i.uri), d.document_id) = 1
                ORDER BY min(i.uri) {f"LIMIT {int(limit)}" if limit else ""}
            """
            )
            count = _one(cursor.execute(f"SELECT count(*) FROM {SCRATCH}.documents"))
            shards = max(1, min(most_shards, -(-count // documents_per_shard)))
            cursor.execute(f"""
                INSERT INTO {SCRATCH}.live SELECT 'documents', ('0x' || substr(document_id, 5, 7))::BIGINT * {shards} >> 28,
                document_id, document_id, document_id FROM {SCRATCH}.documents
            """)
            count_scope(cursor, position, "true", "documents", "reads")
            return shards

        return await self._store.read(work)

    async def form_units(self, position: int, shard: int, kind: UnitKind, fingerprint: str) -> Counts:
        """Form the units of a step from the rows in scope, and find those without an outcome.

        A shard, or `EVERY_SHARD`: then the units of each shard are formed, and are there when it comes to them.
        """

        def work(cursor: duckdb.DuckDBPyConnection) -> Counts:
            here = f"position = {position} AND {_in(shard)}"
            if position not in self._formed:
                units = UNITS[kind].format(here=_in(shard))
                cursor.execute(f"INSERT INTO {SCRATCH}.units SELECT {position}, u.* FROM ({units}) u")
                cursor.execute(f"""
                    INSERT INTO {SCRATCH}.pending SELECT u.* FROM (FROM {SCRATCH}.units WHERE {here}) u
                    ANTI JOIN {LAKE}.outcomes o ON o.fingerprint = {literal(fingerprint)} AND o.unit_id = u.unit_id
                """)
            if shard == EVERY_SHARD:
                self._formed.add(position)
            count = _one(cursor.execute(f"SELECT count(*) FROM {SCRATCH}.units WHERE {here}"))
            return Counts(count, _one(cursor.execute(f"SELECT count(*) FROM {SCRATCH}.pending WHERE {here}")))

        return await self._store.read(work)

    async def pending(self, position: int, shard: int, kind: UnitKind) -> AsyncIterator[list[Unit]]:
        """The pending units of a step in a shard or in all, a page at a time; those of one document together."""
        source, after = f"FROM {SCRATCH}.pending WHERE position = {position} AND {_in(shard)}", START
        while True:
            units, after = await self._store.read(read_page, kind, source, after)
            if not units:
                return
            yield units

    async def over_all(self, kind: UnitKind, work: Callable[[Iterator[Unit]], Result]) -> Result:
        """What `work` makes of all units in scope, of all shards, by document; it is handed them one at a time."""
        source = EVERYTHING[kind]

        def units_of(cursor: duckdb.DuckDBPyConnection) -> Iterator[Unit]:
            units, after = read_page(cursor, kind, source, START)
            while units:
                yield from units
                units, after = read_page(cursor, kind, source, after)

        return await self._store.read(lambda cursor: work(units_of(cursor)))

    async def form_fitted(self, position: int, kind: UnitKind, fingerprint: str, fit_id: str) -> Counts:
        """Form the units of a fitted step, each with the fit in its id, and find those without an outcome."""

        def work(cursor: duckdb.DuckDBPyConnection) -> Counts:
            cursor.execute(f"""
                INSERT INTO {SCRATCH}.units
                SELECT {position}, u.* REPLACE (plan.group_id([u.unit_id, {literal(fit_id)}]) AS unit_id)
                FROM ({EVERYTHING[kind]}) u
            """)
            cursor.execute(f"""
                INSERT INTO {SCRATCH}.pending SELECT u.* FROM (FROM {SCRATCH}.units WHERE position = {position}) u
                ANTI JOIN {LAKE}.outcomes o ON o.fingerprint = {literal(fingerprint)} AND o.unit_id = u.unit_id
            """)
            count = _one(cursor.execute(f"SELECT count(*) FROM {SCRATCH}.units WHERE position = {position}"))
            pending = f"SELECT count(*) FROM {SCRATCH}.pending WHERE position = {position}"
            return Counts(count, _one(cursor.execute(pending)))

        return await self._store.read(work)

    async def settle(
        self, position: int, shard: int, table: str, fingerprint: str, *, deferred: bool, sifts: bool = False
    ) -> None:
        """After a step: put the rows it made in scope, and set aside documents with units that are still pending.

        A step that sifts has also said which of its rows leave, and all that hangs on them: those that it did not keep,
        and those that a row it made takes the place of.
        """
        units = f"(FROM {SCRATCH}.units WHERE position = {position} AND {_in(shard)}) u"

        def work(cursor: duckdb.DuckDBPyConnection) -> None:
            made = f"{LAKE}.{table} t JOIN {units} ON u.unit_id = t.unit_id WHERE t.fingerprint = {literal(fingerprint)}"
            if sifts:
                ended = f"{LAKE}.outcomes o ON o.fingerprint = {literal(fingerprint)} AND o.unit_id = u.unit_id"
                leaving = f"SELECT u.subject_id FROM {units} JOIN {ended} WHERE o.status <> 'ok'"
                take_out(cursor, table, leaving if table == "documents" else f"{leaving} UNION SELECT u.subject_id FROM {made}")
            if not sifts or table != "documents":
                cursor.execute(f"""
                    INSERT INTO {SCRATCH}.live
                    SELECT '{table}', u.shard, t.{NOUNS[table]}_id, t.{PARENTS[table]}, t.document_id FROM {made}
                """)
            does: Work = "sifts" if sifts else "makes"
            count_scope(cursor, position, _in(shard), table, does, out=not deferred)
            if deferred:
                cursor.execute(f"""
                    DELETE FROM {SCRATCH}.live WHERE {_in(shard)} AND document_id IN (
                        SELECT u.document_id FROM {units} ANTI JOIN {LAKE}.outcomes o
                        ON o.fingerprint = {literal(fingerprint)} AND o.unit_id = u.unit_id)
                """)
                count_scope(cursor, position, _in(shard), table, does, done=False)

        await self._store.read(work)

    async def sift(
        self, position: int, table: Sifted, decide: Callable[[Frame], Iterable[Saying]], fingerprint: str
    ) -> Sifting:
        """Decide over all rows of a table that are in scope; what `decide` does not name stays.

        A row that is kept without a note is its own unit; else the unit holds what was said of it, so that the row is
        decided on anew when that changes. What leaves is taken out of scope; the units without an outcome wait in
        `sifted` for `Ledger.record_sifted`.
        """

        def work(cursor: duckdb.DuckDBPyConnection) -> Sifting:
            cursor.execute(f"DELETE FROM {SCRATCH}.said")
            with contextlib.closing(Frame(cursor, table, self._store.scratch)) as frame:
                said = iter(decide(frame))
                while some := [dict(zip(SAID_COLUMNS, each, strict=True)) for each in itertools.islice(said, SAID_AT_ONCE)]:
                    cursor.execute(f"INSERT INTO {SCRATCH}.said FROM {self._store.stage('said', some, SAID_COLUMNS)}")
            sifting.form_units(cursor, position, table)
            cursor.execute(sifting.PENDING.format(fingerprint=literal(fingerprint)))
            take_out(cursor, table, f"SELECT row_id FROM {SCRATCH}.said WHERE reason IS NOT NULL")
            count_scope(cursor, position, "true", table, "sifts")
            count = _one(cursor.execute(f"SELECT count(*) FROM {SCRATCH}.units WHERE position = {position}"))
            pending = _one(cursor.execute(f"SELECT count(*) FROM {SCRATCH}.sifted"))
            return Sifting(count, pending, [each for memory in frame.memories for each in memory.kept])

        return await self._store.read(work)

    async def open_rows(self, position: int, shard: int) -> dict[str, int]:
        """How many live rows of each table belong to documents with pending units in a step; for forecasts."""
        query = f"""
            SELECT tab, count(*) FROM {SCRATCH}.live WHERE shard = {shard} AND document_id IN (
                SELECT document_id FROM {SCRATCH}.pending WHERE position = {position} AND shard = {shard}) GROUP BY tab
        """
        return await self._store.read(lambda cursor: dict(cursor.execute(query).fetchall()))

    async def usual_tokens(self, fingerprint: str, step: str) -> tuple[float, float] | None:
        """Tokens in and out of a call so far, in this very step or else in any of its strategy; None before the first."""

        def work(cursor: duckdb.DuckDBPyConnection) -> tuple[float, float] | None:
            for column, value in (("fingerprint", fingerprint), ("step", step)):
                row = cursor.execute(
                    f"SELECT sum(tokens_in) / sum(calls), sum(tokens_out) / sum(calls) FROM {LAKE}.outcomes "
                    f"WHERE {column} = {literal(value)} AND calls > 0"
                ).fetchone()
                if row and row[0] is not None:
                    return float(row[0]), float(row[1])
            return None

        return await self._store.read(work)


def _in(shard: int) -> str:
    """What rows of a shard, or of every shard, fulfil."""
    return "true" if shard == EVERY_SHARD else f"shard = {shard}"


def _one(cursor: duckdb.DuckDBPyConnection) -> int:
    row = cursor.fetchone()
    return int(row[0]) if row else 0
