"""What a guest may ask: statements that only read, calling only functions that stay inside the warehouse.

DuckDB's own lock keeps a guest from other files and from the network, with gaps: the scanners of the catalogs open
files and servers past it, and some table functions write. So of table functions only those in `ANSWERS` are allowed.
They are looked for in the syntax tree, where a text or a column of such a name is no call. A PIVOT whose values are
still to be found has no tree: there every word counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import duckdb

from schemas.errors import RequestError
from warehouse.connection import LAKE, literal

READING = {duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN, duckdb.StatementType.RELATION}
ANSWERS = re.compile(
    r"(duckdb|pragma)_\w+|histogram(_values)?|(icu_calendar|pg_timezone)_names|json_(each|tree)|range|generate_series"
    r"|repeat(_row)?|summary|unnest|test_(all|vector)_types"
    r"|(ducklake_)?((current_|last_committed_)?snapshots?|list_files|options|settings"
    r"|table_(info|changes|insertions|deletions))"
    r"|release_diff"
)
"""Table functions that compute or describe: they open nothing, write nothing, and run no query of their own. The last is
a macro of ours, which asks the tables."""
ELSEWHERE = {"json_serialize_plan", f"__ducklake_metadata_{LAKE}"}
"""A function that opens what the query in its argument names; and the lake's own tables, beside which lies all that
their PostgreSQL database holds, the accounts of its server included."""
EXPLAINING = re.compile(r"\s*EXPLAIN\b(?:\s+ANALYZE\b|\s*\(\s*(?:ANALYZE|FORMAT)\b[^()]*\))?", re.IGNORECASE)
NAMES = """
SELECT json_extract_string(tree, '$..function.function_name'), list_concat(
    json_extract_string(tree, '$..function_name'), json_extract_string(tree, '$..catalog_name'),
    json_extract_string(tree, '$..schema_name'))
FROM (SELECT json_serialize_sql({})::JSON AS tree) WHERE NOT (tree->>'error')::BOOLEAN
"""
TABLE_FUNCTIONS = "SELECT function_name FROM duckdb_functions() WHERE function_type IN ('table', 'table_macro')"


def read_question(connection: duckdb.DuckDBPyConnection, query: str) -> Sequence[duckdb.Statement]:
    """The statements of a query; raises `RequestError` unless all they do is ask this warehouse."""
    statements = connection.extract_statements(query)
    if not statements:
        raise RequestError('no question is given; write one, as in `prefmill sql "FROM funnel"`')
    for statement in statements:
        # DuckDB prepares a PIVOT with a type of its own making; that statement has no text.
        if statement.type not in READING and (statement.type.name != "CREATE" or statement.query.strip()):
            kind = statement.type.name.replace("_", " ")
            raise RequestError(f"{kind} is not a question; the warehouse is read-only here, only builds write to it")
    for name in _names_elsewhere(connection, query, statements):
        raise RequestError(f"{name!r} writes, or reaches outside the warehouse, and is not allowed here")
    return statements


def _names_elsewhere(
    connection: duckdb.DuckDBPyConnection, query: str, statements: Sequence[duckdb.Statement]
) -> Iterable[str]:
    """The names in a query that lead out of the warehouse, or write."""
    texts = [query]
    if len(statements) == 1:
        # What is explained, or what DuckDB puts in the place of a PRAGMA.
        texts.append(EXPLAINING.sub("", statements[0].query, count=1))
    for text in texts:
        if tree := connection.execute(NAMES.format(literal(text))).fetchone():
            called, named = tree
            return [name for name in called if not _answers(name)] + _found(named, ELSEWHERE)
    if any(statement.type.name == "EXPLAIN" for statement in statements):
        raise RequestError("EXPLAIN explains one SELECT here; ask it alone, and give a PIVOT its values with IN")
    known = {row[0] for row in connection.execute(TABLE_FUNCTIONS).fetchall()}
    # The lake has its functions under short names too, and DuckDB does not list those.
    known |= {name.removeprefix("ducklake_") for name in known}
    words = re.findall(r"\w+", " ".join([query, *(statement.query for statement in statements)]), re.ASCII)
    return _found(words, ELSEWHERE | {name for name in known if not _answers(name)})


def _answers(function: str) -> bool:
    return ANSWERS.fullmatch(function.lower()) is not None


def _found(names: Iterable[str], wanted: set[str]) -> list[str]:
    return [name for name in names if name.lower() in wanted]
