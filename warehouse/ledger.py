"""The outcome ledger: rows and the outcome of the unit that made them land in one transaction, or not at all."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa
import tenacity

from schemas.errors import BuildError
from schemas.rows import Outcome
from warehouse.connection import LAKE
from warehouse.store import Store

COMMIT_ATTEMPTS = 8


@dataclass(frozen=True, slots=True)
class Finished:
    """One finished unit: its outcome, and the stored form of the rows it made."""

    outcome: Outcome
    table: str
    rows: Sequence[dict[str, Any]]


class Ledger:
    """The one appender of a warehouse. Units that finish while a commit runs share the next one."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: list[tuple[Finished, asyncio.Future[None]]] = []
        self._committer: asyncio.Task[None] | None = None
        self._schemas: dict[str, pa.Schema] = {}

    async def record(self, finished: Finished) -> None:
        """Return once the unit is on disk. A unit that already has an outcome in this step is left as it is."""
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((finished, done))
        if self._committer is None or self._committer.done():
            self._committer = asyncio.create_task(self._commit_waiting())
        await done

    async def _commit_waiting(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                await self._store.write(self._commit, [finished for finished, _ in batch])
            except Exception as cause:
                problem = cause
                if isinstance(cause, duckdb.Error):
                    problem = BuildError(f"the warehouse cannot be written: {str(cause).splitlines()[0]}")
                for _, done in batch:
                    if not done.cancelled():
                        done.set_exception(problem)
            else:
                for _, done in batch:
                    if not done.cancelled():
                        done.set_result(None)

    @tenacity.retry(
        retry=tenacity.retry_if_exception_type((duckdb.TransactionException, duckdb.IOException)),
        stop=tenacity.stop_after_attempt(COMMIT_ATTEMPTS),
        wait=tenacity.wait_random_exponential(multiplier=0.05, max=2),
        reraise=True,
    )
    def _commit(self, cursor: duckdb.DuckDBPyConnection, batch: Sequence[Finished]) -> None:
        """One transaction: a failed commit is begun again from the start, because only then is the guard asked anew."""
        by_table: dict[str, list[dict[str, Any]]] = defaultdict(list)
        batch = list({(each.outcome.fingerprint, each.outcome.unit_id): each for each in reversed(batch)}.values())[
            ::-1
        ]
        for finished in batch:
            by_table[finished.table].extend(finished.rows)
        outcomes = [finished.outcome.model_dump() for finished in batch]
        cursor.execute("BEGIN")
        try:
            cursor.register("new_outcomes", pa.Table.from_pylist(outcomes, self._schema(cursor, "outcomes")))
            fresh = cursor.execute(
                f"SELECT n.fingerprint, n.unit_id FROM new_outcomes n ANTI JOIN {LAKE}.outcomes o "
                "ON o.fingerprint = n.fingerprint AND o.unit_id = n.unit_id"
            ).to_arrow_table()
            for table, rows in by_table.items():
                if rows:
                    self._insert(cursor, table, pa.Table.from_pylist(rows, self._schema(cursor, table)), fresh)
            self._insert(cursor, "outcomes", pa.Table.from_pylist(outcomes, self._schema(cursor, "outcomes")), fresh)
            cursor.execute("COMMIT")
        except BaseException:
            cursor.execute("ROLLBACK")
            raise

    def _insert(self, cursor: duckdb.DuckDBPyConnection, table: str, rows: pa.Table, fresh: pa.Table) -> None:
        """Insert the rows of units that had no outcome yet; a document known from another file is not stored again."""
        cursor.register("new_rows", rows)
        cursor.register("fresh", fresh)
        select = (
            "SELECT r.* FROM new_rows r SEMI JOIN fresh f ON f.fingerprint = r.fingerprint AND f.unit_id = r.unit_id"
        )
        if table == "documents":
            known = f"ANTI JOIN {LAKE}.documents d ON d.document_id = r.document_id"
            select = f"{select} {known} QUALIFY row_number() OVER (PARTITION BY r.document_id ORDER BY r.uri) = 1"
        cursor.execute(f"INSERT INTO {LAKE}.{table} BY NAME {select}")

    def _schema(self, cursor: duckdb.DuckDBPyConnection, table: str) -> pa.Schema:
        """The Arrow schema of a table, as DuckDB sees it."""
        if table not in self._schemas:
            self._schemas[table] = cursor.execute(f"SELECT * FROM {LAKE}.{table} LIMIT 0").to_arrow_table().schema
        return self._schemas[table]
