"""Opening a warehouse: DuckDB with DuckLake, without a network."""

from __future__ import annotations

import atexit
import functools
import hashlib
import importlib.util
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from schemas.errors import WarehouseError
from warehouse.address import Address

SQL = Path(__file__).parent / "sql"
LAKE = "lake"
MEMORY_LIMIT = "160MB"
EXTENSIONS = ("sqlite_scanner", "postgres_scanner", "ducklake")
FRUGAL: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_file_cache": False,
    "allocator_background_threads": True,
    "allocator_flush_threshold": "8MB",
}
"""A build reads each of its files about once: to keep them costs memory and saves nothing. What is freed is given back."""


def extension_file(name: str) -> Path:
    """The extension's file inside its wheel; DuckDB would fetch it over the network otherwise."""
    spec = importlib.util.find_spec(f"duckdb_extension_{name}")
    found = (
        sorted(Path(next(iter(spec.submodule_search_locations or [])), "extensions").rglob(f"{name}.duckdb_extension"))
        if spec
        else []
    )
    if not found:
        raise WarehouseError(
            f"the DuckDB extension {name!r} is missing; install it: "
            f"pip install duckdb-extension-{name.replace('_', '-')}=={duckdb.__version__}"
        )
    return found[-1]


def attach_statements(
    address: Address, *, read_only: bool, passfile: Path | None = None, snapshot: int | None = None
) -> list[str]:
    """The SQL that attaches this warehouse (as of a snapshot, read-only) as `lake` in any DuckDB of the same version.

    A password is never part of it: DuckDB shows the words of an attached catalog to everybody who asks.
    """
    names = [name for name in EXTENSIONS if name != ("sqlite_scanner" if address.is_postgres else "postgres_scanner")]
    options = ["READ_ONLY"] if read_only else []
    if not address.is_postgres:
        # The files lie beside their catalog, also after somebody has moved or copied the folder.
        options += [f"DATA_PATH {literal(address.data)}", "OVERRIDE_DATA_PATH true"]
    elif not read_only:
        options.append(f"DATA_PATH {literal(address.data)}")
    if not read_only and not address.is_postgres:
        options.append("META_JOURNAL_MODE 'WAL'")
    if snapshot is not None:
        options.append(f"SNAPSHOT_VERSION {int(snapshot)}")
    words = f"{address.catalog} passfile='{passfile}'" if passfile else address.catalog
    attach = f"ATTACH {literal('ducklake:' + words)} AS {LAKE}"
    return [
        *(f"LOAD {literal(str(extension_file(name)))}" for name in names),
        f"{attach} ({', '.join(options)})" if options else attach,
        f"USE {LAKE}",
    ]


def connect(
    address: Address, *, read_only: bool = False, memory_limit: str = MEMORY_LIMIT, threads: int | None = None,
    snapshot: int | None = None,
) -> duckdb.DuckDBPyConnection:
    """A DuckDB connection with the warehouse attached as `lake` and in use; makes the warehouse when it is new.

    With a snapshot, which goes with `read_only`, the tables and views are those of then.
    """
    if read_only:
        require(address)
    else:
        make_folder(address, Path(address.data))
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": memory_limit,
        "preserve_insertion_order": "false",
        # They come from packages that are pinned; to hash 70 MB of them at every start takes longer than a small build.
        "allow_unsigned_extensions": not read_only,
    }
    if not read_only:
        config |= FRUGAL
    if threads is not None:
        config["threads"] = threads
    connection = duckdb.connect(config=config)
    try:
        for statement in attach_statements(
            address, read_only=read_only, passfile=_passfile(address), snapshot=snapshot
        ):
            connection.execute(statement)
    except duckdb.Error as problem:
        connection.close()
        first_line = str(problem).splitlines()[0]
        raise WarehouseError(f"warehouse {address.shown!r} cannot be opened: {first_line}") from None
    if read_only and snapshot is None:
        _require_today(connection, address)
    return connection


def _require_today(connection: duckdb.DuckDBPyConnection, address: Address) -> None:
    """Refuse a warehouse of an earlier prefmill, whose tables a reader cannot bring up to date."""
    try:
        applied = {row[0] for row in connection.execute(f"SELECT name FROM {LAKE}.migrations").fetchall()}
    except duckdb.CatalogException:
        applied = set()
    if {file.name for file in SQL.glob("[0-9]*.sql")} - applied:
        connection.close()
        raise WarehouseError(
            f"warehouse {address.shown!r} is from an earlier prefmill; `prefmill tidy` or any build brings it up to date"
        )


def require(address: Address) -> None:
    """Raise `WarehouseError` where nobody has made a warehouse; only PostgreSQL itself knows of one there."""
    if not address.is_postgres and not (address.root / "catalog.sqlite").exists():
        raise WarehouseError(
            f"there is no warehouse in {address.shown!r}; make one with `prefmill build`, or name another with --warehouse"
        )


def make_folder(address: Address, folder: Path) -> None:
    """Make a folder of the warehouse; raises `WarehouseError` with the system's reason."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise WarehouseError(
            f"warehouse {address.shown!r} cannot be made: {problem.strerror}; name another with --warehouse"
        ) from None


@functools.cache
def _passfile(address: Address) -> Path | None:
    """A file that only we may read and that lives as long as we do, with the password of the catalog's server."""
    if not address.password:
        return None
    descriptor, name = tempfile.mkstemp(prefix="prefmill-")
    escaped = address.password.replace("\\", "\\\\").replace(":", "\\:")
    with os.fdopen(descriptor, "w") as file:
        file.write(f"*:*:*:*:{escaped}\n")
    atexit.register(Path(name).unlink, missing_ok=True)
    return Path(name)


def migrate(connection: duckdb.DuckDBPyConnection) -> None:
    """Apply the numbered SQL files that this warehouse has not seen, each in one transaction, and renew the views."""
    connection.execute(f"CREATE TABLE IF NOT EXISTS {LAKE}.migrations (name VARCHAR NOT NULL, sha256 VARCHAR NOT NULL)")
    applied = dict(connection.execute(f"SELECT name, max(sha256) FROM {LAKE}.migrations GROUP BY name").fetchall())
    for file in [*sorted(SQL.glob("[0-9]*.sql")), SQL / "views.sql"]:
        text = file.read_text(encoding="utf-8")
        digest = hashlib.sha256(text.encode()).hexdigest()
        if applied.get(file.name) == digest or (file.name in applied and file.name != "views.sql"):
            continue
        connection.execute("BEGIN")
        connection.execute(text)
        connection.execute(f"DELETE FROM {LAKE}.migrations WHERE name = '{file.name}'")
        connection.execute(f"INSERT INTO {LAKE}.migrations VALUES ('{file.name}', '{digest}')")
        connection.execute("COMMIT")


def literal(value: str | Sequence[str]) -> str:
    """A text or a list of texts as SQL; a NUL, which would end the statement, is left out.

    We write values into statements, because DuckDB imports pandas, wherever it is installed, to look at a parameter.
    """
    if isinstance(value, str):
        return "'" + value.replace("\0", "").replace("'", "''") + "'"
    return f"[{', '.join(map(literal, value))}]::VARCHAR[]"


def rows_of(cursor: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    """All rows of a query."""
    rows = cursor.execute(query).fetchall()
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in rows]
