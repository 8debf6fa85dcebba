"""Reading a warehouse as a guest: read-only, beside a build that writes, with the user's own SQL."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from schemas.errors import RequestError
from warehouse.address import Address
from warehouse.connection import attach_statements, connect

MEMORY_LIMIT = "1GB"
READING = {duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN, duckdb.StatementType.RELATION}
LEAVES_THE_WAREHOUSE = re.compile(r"\b(?:sqlite|postgres)_\w+|\bquery(?:_table)?\W*\(", re.IGNORECASE)
"""The scanners of the catalogs open files and servers by themselves, past DuckDB's own lock; `query` could hide them."""
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
def locked_guest(address: Address) -> Iterator[duckdb.DuckDBPyConnection]:
    """A read-only connection for a user's SQL: it sees the warehouse's files and no other, and no network."""
    connection = connect(address, read_only=True, memory_limit=MEMORY_LIMIT)
    try:
        data = address.data.replace("'", "''")
        connection.execute(f"SET allowed_directories = ['{data}']")
        if not address.is_postgres:
            catalog = str(address.root / "catalog.sqlite").replace("'", "''")
            connection.execute(
                f"SET allowed_paths = ['{catalog}', '{catalog}-wal', '{catalog}-shm', '{catalog}-journal']"
            )
        for statement in LOCKDOWN:
            connection.execute(statement)
        yield connection
    finally:
        connection.close()


def run_sql(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[list[str], Iterator[tuple[object, ...]]]:
    """Column names and rows of a query, streamed; raises `RequestError` with DuckDB's own complaint."""
    _refuse_what_is_no_question(connection, query)
    with _complaints():
        cursor = connection.execute(query)
    names = [column[0] for column in cursor.description or []]

    def rows() -> Iterator[tuple[object, ...]]:
        with _complaints():
            while batch := cursor.fetchmany(1000):
                yield from batch

    return names, rows()


def _refuse_what_is_no_question(connection: duckdb.DuckDBPyConnection, query: str) -> None:
    """Raise for statements that write, attach or set, and for functions that leave the warehouse."""
    with _complaints():
        statements = connection.extract_statements(query)
    if not statements:
        raise RequestError('no question is given; write one, as in `prefmill sql "FROM funnel"`')
    for statement in statements:
        # DuckDB prepares a PIVOT with a type of its own making; that statement has no text.
        if statement.type not in READING and statement.query.strip():
            kind = statement.type.name.replace("_", " ")
            raise RequestError(f"{kind} is not a question; the warehouse is read-only here, only builds write to it")
    if leak := LEAVES_THE_WAREHOUSE.search(query):
        raise RequestError(f"{leak.group()!r} reaches outside the warehouse, and is not allowed here")


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


def attach_script(address: Address) -> str:
    """SQL for DuckDB's own shell that attaches this warehouse read-only as `lake`.

    A password is left to libpq: to `$PGPASSWORD`, or to `~/.pgpass`.
    """
    return "".join(f"{statement};\n" for statement in attach_statements(address, read_only=True))
