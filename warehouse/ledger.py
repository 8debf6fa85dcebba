"""The outcome ledger: rows and the outcome of the unit that made them land in one transaction, or not at all."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import duckdb
import tenacity

from schemas.fingerprints import identify
from schemas.rows import Outcome
from warehouse import sifting
from warehouse.connection import LAKE, literal
from warehouse.restoring import has_brought_rows, make_room
from warehouse.store import Store

COMMIT_ATTEMPTS = 8
COMPANY = 64
"""A commit takes some 20 ms of CPU, be it of one unit or of hundreds: so many units do not wait for more."""
COMPANY_SECONDS = 0.06
"""How long fewer units wait for others to commit with."""


COMMITTING: dict[str, Any] = {
    "retry": tenacity.retry_if_exception_type((duckdb.TransactionException, duckdb.IOException)),
    "stop": tenacity.stop_after_attempt(COMMIT_ATTEMPTS),
    "wait": tenacity.wait_random_exponential(multiplier=0.05, max=2),
    "reraise": True,
}


def _retrying(commit: Callable[..., None]) -> Callable[..., None]:
    """A commit that lost against somebody else's is made again."""
    again: Callable[..., None] = tenacity.retry(**COMMITTING)(commit)
    return again


@dataclass(frozen=True, slots=True)
class Finished:
    """One finished unit: its outcome, and the stored form of the rows it made."""

    outcome: Outcome
    table: str
    rows: Sequence[dict[str, Any]]


class Ledger:
    """The one appender of a warehouse. Units that finish at about the same time share a commit.

    DuckLake has no unique keys. The lease keeps other writers away, so what has an outcome is read once for each step
    that appends, and remembered: no unit is ever stored twice, and no commit has to search all that came before it.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: list[tuple[Finished, asyncio.Future[None]]] = []
        self._committer: asyncio.Task[None] | None = None
        self._crowded = asyncio.Event()
        self._columns: dict[str, dict[str, str]] = {}
        self._known: dict[str, set[str]] = {}
        self._is_room_needed: bool | None = None
        self._rested = 0.0

    async def record(self, finished: Finished) -> None:
        """Return once the unit is on disk. A unit that already has an outcome in this step is left as it is."""
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((finished, done))
        if len(self._waiting) >= COMPANY:
            self._crowded.set()
        if self._committer is None or self._committer.done():
            self._committer = asyncio.create_task(self._commit_waiting())
        await done

    async def note_fit(self, fingerprint: str, step: str, fit: Mapping[str, Any]) -> str:
        """Keep what a fitted step found out, once; returns its id."""
        fit_id = identify("fits", fingerprint, fit)

        def work(cursor: duckdb.DuckDBPyConnection) -> None:
            known = cursor.execute(f"SELECT 1 FROM {LAKE}.fits WHERE fit_id = {literal(fit_id)}").fetchone()
            if known is None:
                row = {"fit_id": fit_id, "fingerprint": fingerprint, "step": step, "fit": fit}
                self._insert(cursor, "fits", [row])

        await self._store.write(work)
        return fit_id

    async def record_sifted(
        self, fingerprint: str, step: str, build_id: str, remembered: Sequence[tuple[str, str]] = ()
    ) -> None:
        """Keep a set-wide decision: the outcome of each of its units that has none, with its notes and what it remembers."""
        words = {"fingerprint": literal(fingerprint), "step": literal(step), "build": literal(build_id)}
        inserts = [sifting.NOTES.format(**words), sifting.OUTCOMES.format(**words)]
        inserts += [f"INSERT INTO {LAKE}.{table} BY NAME {query}" for table, query in remembered]
        await self._store.write(self._commit_sifted, inserts, sifting.LANDED.format(**words))
        self._known.pop(fingerprint, None)

    def _commit_sifted(self, cursor: duckdb.DuckDBPyConnection, inserts: Sequence[str], landed: str) -> None:
        """One transaction; one that failed is begun again, unless it landed all the same."""
        for attempt in tenacity.Retrying(**COMMITTING):
            with attempt:
                if attempt.retry_state.attempt_number > 1 and cursor.execute(landed).fetchone():
                    return
                cursor.execute("BEGIN")
                try:
                    for insert in inserts:
                        cursor.execute(insert)
                    cursor.execute("COMMIT")
                except BaseException:
                    with suppress(duckdb.TransactionException):
                        cursor.execute("ROLLBACK")
                    raise

    async def _commit_waiting(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            if len(self._waiting) < COMPANY:
                self._crowded.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(self._rested):
                        await self._crowded.wait()
            batch, self._waiting = self._waiting, []
            try:
                await self._store.write(self._commit, [finished for finished, _ in batch])
            except Exception as problem:
                for _, done in batch:
                    if not done.cancelled():
                        done.set_exception(problem)
            else:
                for _, done in batch:
                    if not done.cancelled():
                        done.set_result(None)
            self._rested = loop.time() + COMPANY_SECONDS

    @_retrying
    def _commit(self, cursor: duckdb.DuckDBPyConnection, batch: Sequence[Finished]) -> None:
        """One transaction; one that failed is begun again from the start."""
        new: dict[tuple[str, str], Finished] = {}
        for finished in batch:
            fingerprint, unit_id = finished.outcome.fingerprint, finished.outcome.unit_id
            if unit_id not in self._units_known(cursor, fingerprint):
                new.setdefault((fingerprint, unit_id), finished)
        if not new:
            return
        by_table: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for finished in new.values():
            by_table[finished.table].extend(finished.rows)
        by_table["outcomes"] = [finished.outcome.model_dump() for finished in new.values()]
        cursor.execute("BEGIN")
        try:
            for table, rows in by_table.items():
                if rows:
                    self._insert(cursor, table, rows)
            cursor.execute("COMMIT")
        except BaseException:
            self._known.clear()  # a commit may have landed though it failed: ask again
            with suppress(duckdb.TransactionException):  # a failed commit has ended its transaction; its cause is told
                cursor.execute("ROLLBACK")
            raise
        for fingerprint, unit_id in new:
            self._known[fingerprint].add(unit_id)

    def _insert(self, cursor: duckdb.DuckDBPyConnection, table: str, rows: Sequence[dict[str, Any]]) -> None:
        """Insert new rows; a document known from another file is not stored again."""
        if table not in self._columns:
            described = cursor.execute(f"SELECT * FROM {LAKE}.{table} LIMIT 0").description or []
            self._columns[table] = {column[0]: str(column[1]) for column in described}
        staged = self._store.stage(table, rows, self._columns[table])
        if self._is_room_needed is None:
            self._is_room_needed = has_brought_rows(cursor)
        if self._is_room_needed:
            make_room(cursor, table, staged)
        select = f"FROM {staged} r"
        if table == "documents":
            known = f"ANTI JOIN {LAKE}.documents d ON d.document_id = r.document_id"
            select += f" {known} QUALIFY row_number() OVER (PARTITION BY r.document_id ORDER BY r.uri) = 1"
        cursor.execute(f"INSERT INTO {LAKE}.{table} BY NAME {select}")

    def _units_known(self, cursor: duckdb.DuckDBPyConnection, fingerprint: str) -> set[str]:
        """The units that have an outcome in this step."""
        if fingerprint not in self._known:
            query = f"SELECT unit_id FROM {LAKE}.outcomes WHERE fingerprint = {literal(fingerprint)}"
            self._known[fingerprint] = {row[0] for row in cursor.execute(query).fetchall()}
        return self._known[fingerprint]
