"""Reading a warehouse as a guest: read-only, beside a build that writes, with the user's own SQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from schemas.errors import RequestError
from warehouse.address import Address
from warehouse.connection import attach_statements, connect, literal
from warehouse.questions import read_question
from warehouse.travel import at_releases, snapshot_of

MEMORY_LIMIT = "1GB"
LOCKDOWN = (
    "SET enable_external_access = false",
    "SET lock_configuration = true",
)


@contextmanager
def guest(address: Address) -> Iterator[duckdb.DuckDBPyConnection]:
    """A read-only connection for our own queries."""
    connection = connect(address, read_only=True, memory_limit=MEMORY_LIMIT)
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def locked_guest(address: Address, at: str | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """A read-only connection for a user's SQL: it sees the warehouse's files and no other, and no network.

    `at` names a release: then all tables and views are what they were when it became visible.
    """
    connection = connect(address, read_only=True, memory_limit=MEMORY_LIMIT, snapshot=_moment(address, at))
    try:
        connection.execute(f"SET allowed_directories = {literal([address.data])}")
        if not address.is_postgres:
            files = [f"{address.root / 'catalog.sqlite'}{end}" for end in ("", "-wal", "-shm", "-journal")]
            connection.execute(f"SET allowed_paths = {literal(files)}")
        for statement in LOCKDOWN:
            connection.execute(statement)
        yield connection
    finally:
        connection.close()


def run_sql(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[list[str], Iterator[tuple[object, ...]]]:
    """Column names and rows of a query, streamed; raises `RequestError` with DuckDB's own complaint.

    The query may name releases where DuckLake wants versions: `FROM pairs AT (RELEASE => 'name')`.
    """
    cursor = connection
    with _complaints():
        for statement in read_question(connection, at_releases(connection, query)):
            cursor = connection.execute(statement)
    names = [column[0] for column in cursor.description or []]

    def rows() -> Iterator[tuple[object, ...]]:
        with _complaints():
            while batch := cursor.fetchmany(1000):
                yield from batch

    return names, rows()


@contextmanager
def _complaints() -> Iterator[None]:
    """DuckDB's errors as one sentence each, with its suggestion."""
    try:
        yield
    except duckdb.Error as problem:
        text = str(problem).split("\n\nLINE")[0].splitlines()
        raise RequestError(
            " ".join([text[0], *(line for line in text[1:] if line.startswith("Did you mean"))])
        ) from None


def attach_script(address: Address, at: str | None = None) -> str:
    """SQL for DuckDB's own shell that attaches this warehouse read-only as `lake`, as of a release where one is named.

    A password is left to libpq: to `$PGPASSWORD`, or to `~/.pgpass`.
    """
    statements = attach_statements(address, read_only=True, snapshot=_moment(address, at))
    return "".join(f"{statement};\n" for statement in statements)


def _moment(address: Address, release: str | None) -> int | None:
    """The snapshot in which a release became visible; None for none."""
    if release is None:
        return None
    with guest(address) as connection:
        return snapshot_of(connection, release)
