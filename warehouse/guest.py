"""Reading a warehouse as a guest: read-only, beside a build that writes, with the user's own SQL."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from schemas.errors import RequestError
from warehouse.address import Address
from warehouse.connection import LAKE, attach_statements, connect, literal
from warehouse.questions import read_question
from warehouse.travel import at_releases, snapshot_of

MEMORY_LIMIT = "1 GB"
THREADS = min(8, os.cpu_count() or 1)
TEMPORARY = "4 GB"
"""A question that does not fit into memory may put so much on the disk, in a folder of its own."""
STRIKE_SECONDS = 0.2
"""An interrupt that comes between two steps of a question is lost, so it is repeated this often."""
LOCKDOWN = (
    # A name in a question must never be a variable of ours.
    "SET python_enable_replacements = false",
    f"SET max_temp_directory_size = '{TEMPORARY}'",
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
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

    It has `MEMORY_LIMIT` of memory, `THREADS` threads and `TEMPORARY` of disk; for a limit of time, see `stopped_after`.
    """
    with tempfile.TemporaryDirectory(prefix="prefmill-sql-") as folder:
        moment = _moment(address, at)
        connection = connect(address, read_only=True, memory_limit=MEMORY_LIMIT, threads=THREADS, snapshot=moment)
        try:
            connection.execute(f"SET temp_directory = {literal(folder)}")
            lock(connection, address)
            yield connection
        finally:
            connection.close()


def lock(connection: duckdb.DuckDBPyConnection, address: Address) -> None:
    """Shut a connection in with the warehouse's own files, for good."""
    connection.execute(f"SET allowed_directories = {literal([address.data])}")
    if not address.is_postgres:
        files = [f"{address.root / 'catalog.sqlite'}{end}" for end in ("", "-wal", "-shm", "-journal")]
        connection.execute(f"SET allowed_paths = {literal(files)}")
    for statement in LOCKDOWN:
        connection.execute(statement)


@contextmanager
def desk(connection: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """A place of one's own at a guest's connection: several people ask at once, and one is stopped without the others."""
    with connection.cursor() as cursor:
        cursor.execute(f"USE {LAKE}")
        yield cursor


@contextmanager
def stopped_after(connection: duckdb.DuckDBPyConnection, seconds: float | None) -> Iterator[None]:
    """Stop whatever this connection does inside the block after so many seconds; None never stops it.

    Raises `RequestError` in one sentence where something was stopped.
    """
    if seconds is None:
        yield
        return
    done, struck = threading.Event(), threading.Event()

    def watch() -> None:
        if done.wait(seconds):
            return
        struck.set()
        while not done.wait(STRIKE_SECONDS):
            connection.interrupt()

    watcher = threading.Thread(target=watch, name="prefmill-time-limit", daemon=True)
    watcher.start()
    try:
        yield
    except (duckdb.InterruptException, RequestError):
        if not struck.is_set():
            raise
        raise RequestError(
            f"this took longer than {seconds:g} seconds and was stopped; ask for less (WHERE, LIMIT), or allow more time"
        ) from None
    finally:
        done.set()
        watcher.join()


def run_sql(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[list[str], Iterator[tuple[object, ...]]]:
    """Column names and rows of a query, streamed; raises `RequestError` with DuckDB's own complaint.

    The query may name releases where DuckLake wants versions: `FROM pairs AT (RELEASE => 'name')`.
    """
    cursor = connection
    with _complaints(connection):
        for statement in read_question(connection, at_releases(connection, query)):
            cursor = connection.execute(statement)
    names = [column[0] for column in cursor.description or []]

    def rows() -> Iterator[tuple[object, ...]]:
        with _complaints(connection):
            while batch := cursor.fetchmany(1000):
                yield from batch

    return names, rows()


@contextmanager
def _complaints(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """DuckDB's errors as one sentence each, with its suggestion; Ctrl-C as what it is, with the question stopped."""
    try:
        yield
    except RuntimeError as problem:
        if str(problem) != "Query interrupted":
            raise
        connection.interrupt()  # Python has stopped waiting, the threads of the question have not stopped
        raise KeyboardInterrupt from None
    except duckdb.OutOfMemoryException:
        raise RequestError(
            f"this needs more than the {MEMORY_LIMIT} of memory and {TEMPORARY} of disk that a question gets; choose rows by "
            "their ids and numbers first and join the texts of those alone, or ask less at once (WHERE, LIMIT)"
        ) from None
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
