"""What a guest may ask: statements that only read, and in them only functions that stay inside the warehouse.

DuckDB's own lock keeps a guest from other files and from the network, with gaps: the scanners of the catalogs open
files and servers past it, and some table functions write. So of table functions only those in `ANSWERS` are allowed.
They are looked for in the syntax tree, where a text or a column of such a name is no call. Two kinds of statement have
no tree: one that EXPLAINs is judged by what it explains, and one with a PIVOT whose values are still to be found by
all its words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import duckdb

from schemas.errors import RequestError
from warehouse.connection import LAKE

READING = {duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN, duckdb.StatementType.RELATION}
ANSWERS = re.compile(
    r"(duckdb|pragma)_\w+|histogram(_values)?|(icu_calendar|pg_timezone)_names|json_(each|tree)|range|generate_series"
    r"|repeat(_row)?|summary|unnest|test_(all|vector)_types"
    r"|(ducklake_)?((current_|last_committed_)?snapshots?|list_files|options|settings"
    r"|table_(info|changes|insertions|deletions))"
)
"""Table functions that compute or describe: they open nothing, write nothing and run no query of their own."""
BINDS_A_QUERY = "json_serialize_plan"
"""No table function, but it opens whatever the query in its argument names."""
CATALOG = f"__ducklake_metadata_{LAKE}"
"""The lake's own tables; beside them lies all that its PostgreSQL database holds, and the accounts of its server."""
EXPLAINING = re.compile(r"\s*EXPLAIN\b(?:\s+ANALYZE\b)?", re.IGNORECASE)
NAMES = """
SELECT list_distinct(json_extract_string(tree, '$..function.function_name')),
    json_extract_string(tree, '$..function_name') || json_extract_string(tree, '$..catalog_name')
        || json_extract_string(tree, '$..schema_name')
FROM (SELECT json_serialize_sql(?)::JSON AS tree) WHERE NOT (tree->>'error')::BOOLEAN
"""
TABLE_FUNCTIONS = "SELECT function_name FROM duckdb_functions() WHERE function_type IN ('table', 'table_macro', 'pragma')"


def read_question(connection: duckdb.DuckDBPyConnection, query: str) -> list[duckdb.Statement]:
    """The statements of a query; raises `RequestError` unless all they do is read this warehouse."""
    statements = connection.extract_statements(query)
    if not statements:
        raise RequestError('no question is given; write one, as in `prefmill sql "FROM funnel"`')
    for statement in statements:
        # DuckDB prepares a PIVOT with a type of its own making; that statement has no text.
        if statement.type not in READING and statement.query.strip():
            kind = statement.type.name.replace("_", " ")
            raise RequestError(f"{kind} is not a question; the warehouse is read-only here, only builds write to it")
    for name in _names_that_leave(connection, query, statements):
        raise RequestError(f"{name!r} reaches outside the warehouse or writes, and is not allowed here")
    return statements


def _names_that_leave(
    connection: duckdb.DuckDBPyConnection, query: str, statements: list[duckdb.Statement]
) -> Iterable[str]:
    """The names in a query that a guest may not use."""
    texts = [query]
    if len(statements) == 1:
        # What is explained, or what DuckDB puts in the place of a PRAGMA.
        texts.append(EXPLAINING.sub("", statements[0].query, count=1))
    for text in texts:
        tree = connection.execute(NAMES, [text]).fetchone()
        if tree is not None:
            called, used = tree
            return [name for name in called if not _answers(name)] or _refused(used, {BINDS_A_QUERY, CATALOG})
    known = {row[0] for row in connection.execute(TABLE_FUNCTIONS).fetchall()}
    # The lake has its functions under short names too, which DuckDB does not list.
    known |= {name.removeprefix("ducklake_") for name in known}
    refused = {name for name in known if not _answers(name)} | {BINDS_A_QUERY, CATALOG}
    words = re.findall(r"\w+", " ".join([query, *(statement.query for statement in statements)]), re.ASCII)
    return _refused(words, refused)


def _answers(function: str) -> bool:
    return ANSWERS.fullmatch(function.lower()) is not None


def _refused(names: Iterable[str], refused: set[str]) -> list[str]:
    return [name for name in names if name and name.lower() in refused]
