"""Opening a warehouse: DuckDB with DuckLake, without a network."""

from __future__ import annotations

import hashlib
import importlib.util
import re
from pathlib import Path

import duckdb

from schemas.errors import WarehouseError
from warehouse.address import Address

SQL = Path(__file__).parent / "sql"
LAKE = "lake"
MEMORY_LIMIT = "256MB"
EXTENSIONS = ("sqlite_scanner", "postgres_scanner", "ducklake")


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


def attach_statements(address: Address, *, read_only: bool) -> list[str]:
    """The SQL that attaches this warehouse as `lake` in any DuckDB of the same version."""
    names = [name for name in EXTENSIONS if name != ("sqlite_scanner" if address.is_postgres else "postgres_scanner")]
    # The journal mode belongs to the catalog file and is set when it is made; a reader cannot set it.
    options = ["READ_ONLY"] if read_only else []
    if not read_only:
        options.append(f"DATA_PATH {literal(address.data)}")
        if not address.is_postgres:
            options.append("META_JOURNAL_MODE 'WAL'")
    attach = f"ATTACH {literal('ducklake:' + address.catalog)} AS {LAKE}"
    return [
        *(f"LOAD {literal(str(extension_file(name)))}" for name in names),
        f"{attach} ({', '.join(options)})",
        f"USE {LAKE}",
    ]


def connect(
    address: Address, *, read_only: bool = False, memory_limit: str = MEMORY_LIMIT, threads: int | None = None
) -> duckdb.DuckDBPyConnection:
    """A DuckDB connection with the warehouse attached as `lake` and in use; makes the warehouse when it is new."""
    if read_only and not address.is_postgres and not (address.root / "catalog.sqlite").exists():
        raise WarehouseError(
            f"there is no warehouse in {address.shown!r}; make one with `prefmill build`, or name another with --warehouse"
        )
    if not read_only:
        try:
            Path(address.data).mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise WarehouseError(
                f"warehouse {address.shown!r} cannot be made: {problem.strerror}; name another with --warehouse"
            ) from None
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": memory_limit,
        "preserve_insertion_order": "false",
    }
    if threads is not None:
        config["threads"] = threads
    connection = duckdb.connect(config=config)
    try:
        for statement in attach_statements(address, read_only=read_only):
            connection.execute(statement)
    except duckdb.Error as problem:
        connection.close()
        raise WarehouseError(f"warehouse {address.shown!r} cannot be opened: {_first_line(problem)}") from None
    return connection


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
        connection.execute(f"DELETE FROM {LAKE}.migrations WHERE name = ?", [file.name])
        connection.execute(f"INSERT INTO {LAKE}.migrations VALUES (?, ?)", [file.name, digest])
        connection.execute("COMMIT")


def literal(value: str) -> str:
    """A SQL string literal."""
    return "'" + value.replace("'", "''") + "'"


def _first_line(problem: Exception) -> str:
    """DuckDB's complaint without its stack, and without a password that a connection string may carry."""
    return re.sub(r"password=('[^']*'|\S+)", "password=…", str(problem).splitlines()[0])
