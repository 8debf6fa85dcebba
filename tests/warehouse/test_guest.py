"""Guests: they ask what they like of the warehouse, while others write, and get at nothing else."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import duckdb
import pytest
import writing
from mills import PASSWORD, Mill, written

from schemas.errors import RequestError, WarehouseError
from warehouse.address import Address, resolve_address
from warehouse.guest import attach_script, guest, locked_guest, run_sql
from warehouse.store import Store

COMMITS = 60


@pytest.fixture(scope="module")
def asker(mill: Mill) -> Iterator[duckdb.DuckDBPyConnection]:
    """A guest of each catalog."""
    with locked_guest(mill.address) as connection:
        yield connection


def ask(connection: duckdb.DuckDBPyConnection, query: str) -> list[tuple[object, ...]]:
    """All rows of a query."""
    return list(run_sql(connection, query)[1])


# --- what guests may do ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM latest_pairs",
        "FROM lineage",
        "FROM funnel",
        "FROM judge_consistency",
        "FROM cost_by_step",
        "FROM releases",
        "WITH p AS (FROM pairs) SELECT count(*) FROM p",
        "SHOW TABLES",
        "DESCRIBE pairs",
        "SUMMARIZE pairs",
        "EXPLAIN SELECT * FROM pairs",
        "VALUES (1)",
        "SELECT 1; SELECT 2",
        "SELECT count(*) FROM pairs AT (VERSION => 5)",
        "FROM ducklake_snapshots('lake')",
        "SELECT unnest(messages).content FROM prompts",
        "SELECT 'a;b' -- a remark; with a semicolon",
    ],
)
def test_a_question_is_answered(asker: duckdb.DuckDBPyConnection, query: str) -> None:
    names, rows = run_sql(asker, query)
    assert names
    assert next(rows, None) is not None


def test_names_and_rows_belong_together(asker: duckdb.DuckDBPyConnection) -> None:
    names, rows = run_sql(asker, "SELECT 1 AS one, 'zwei' AS two UNION ALL SELECT 2, NULL ORDER BY one")
    assert names == ["one", "two"]
    assert list(rows) == [(1, "zwei"), (2, None)]


def test_many_rows_are_streamed(asker: duckdb.DuckDBPyConnection) -> None:
    _, rows = run_sql(asker, "SELECT range FROM range(1_000_000) ORDER BY range")
    assert sum(1 for _ in rows) == 1_000_000


# --- what guests may not do ------------------------------------------------------------------------------------------

WRITING = [
    "INSERT INTO pairs SELECT * FROM pairs",
    "UPDATE pairs SET rule = 'x'",
    "DELETE FROM pairs",
    "TRUNCATE pairs",
    "DROP TABLE pairs",
    "DROP VIEW funnel",
    "ALTER TABLE pairs ADD COLUMN x INTEGER",
    "CREATE TABLE x AS SELECT 1",
    "CREATE TEMP TABLE x AS SELECT 1",
    "CREATE OR REPLACE VIEW funnel AS SELECT 1",
    "CREATE MACRO f(x) AS x",
    "CREATE SECRET (TYPE s3)",
    "SELECT 1; DROP TABLE pairs",
    "BEGIN",
    "CHECKPOINT",
    "VACUUM",
    "CALL ducklake_expire_snapshots('lake', older_than => now())",
    "CALL ducklake_merge_adjacent_files('lake')",
    "EXPLAIN ANALYZE DELETE FROM pairs",
    "FROM force_checkpoint('lake')",
    "FROM lake.merge_adjacent_files()",
    "SELECT 1 WHERE EXISTS (FROM checkpoint('lake'))",
    "PIVOT (FROM lake.merge_adjacent_files()) ON table_name USING count(*)",
    "PREPARE q AS DELETE FROM pairs",
]
REACHING_OUT = [
    "EXPLAIN ANALYZE COPY (SELECT 1) TO '{data}out.csv'",
    "COPY (PIVOT outcomes ON status USING count(*)) TO '{data}out.csv'",
    "SELECT json_serialize_plan('FROM ' || 'pairs')",
    "FROM __ducklake_metadata_lake.ducklake_snapshot",
    "DESCRIBE __ducklake_metadata_lake.ducklake_snapshot",
    "FROM __ducklake_metadata_lake.pg_catalog.pg_shadow",
    "PIVOT (FROM \"query\"('FROM pairs')) ON rule USING count(*)",
    "PIVOT (FROM query\u00a0('FROM pairs')) ON rule USING count(*)",
    "EXPLAIN/**/FROM query('FROM pairs')",
    "WITH q AS (SELECT (FROM QUERY_TABLE('pairs') LIMIT 1)) FROM q",
    "COPY pairs TO '{folder}/out.csv'",
    "COPY (SELECT 1) TO '{folder}/out.parquet'",
    "EXPORT DATABASE '{folder}/out'",
    "ATTACH '{folder}/out.duckdb' AS other",
    "ATTACH '{folder}/foreign.sqlite' AS other (TYPE sqlite)",
    "DETACH lake",
    "USE memory",
    "SET enable_external_access = true",
    "SET lock_configuration = false",
    "RESET lock_configuration",
    "SET memory_limit = '100GB'",
    "PRAGMA enable_profiling",
    "LOAD httpfs",
    "INSTALL httpfs",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/etc/passwd')",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_csv('/etc/passwd', columns = {{'x': 'VARCHAR'}})",
    "FROM '/etc/passwd'",
    "SELECT * FROM '{folder}/foreign.csv'",
    "SELECT * FROM glob('/etc/*')",
    "SELECT * FROM read_parquet('{folder}/*.parquet')",
    "SELECT * FROM read_text('{folder}/lake/writer.lock')",
    "SELECT * FROM read_text('{folder}/lake/data/../../foreign.csv')",
    "SELECT * FROM 'http://127.0.0.1:9/x.csv'",
    "SELECT * FROM read_text('/proc/self/environ')",
    "SELECT getenv('HOME')",
    "SELECT * FROM ducklake_add_data_files('lake', 'pairs', '/etc/passwd')",
    "SELECT * FROM ducklake_expire_snapshots('lake', dry_run => false, older_than => now())",
    "SELECT * FROM ducklake_delete_orphaned_files('lake', cleanup_all => true)",
]


@pytest.mark.parametrize("query", [*WRITING[-12:], *REACHING_OUT])
def test_anything_else_is_refused_in_one_sentence(
    asker: duckdb.DuckDBPyConnection, mill: Mill, tmp_path: Path, query: str
) -> None:
    (tmp_path / "foreign.csv").write_text("x\n1\n")
    sqlite3.connect(tmp_path / "foreign.sqlite").close()
    with pytest.raises(RequestError) as caught:
        ask(asker, query.format(folder=tmp_path, data=mill.address.data))
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2
    assert PASSWORD not in str(caught.value)
    assert not (tmp_path / "out.csv").exists()
    assert not (tmp_path / "out").exists()
    assert not Path(f"{mill.address.data}out.csv").exists()


def test_nothing_that_was_refused_was_done(asker: duckdb.DuckDBPyConnection, mill: Mill) -> None:
    assert mill.built.landed is not None
    for query in WRITING:
        with pytest.raises(RequestError):
            ask(asker, query)
    assert ask(asker, "SELECT count(*), max(rule) FROM latest_pairs") == [
        (mill.built.landed.release.pairs, "best_worst")
    ]
    assert "x" not in {row[0] for row in ask(asker, "SHOW TABLES")}


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("FROM pair", 'Did you mean "pairs'),
        ("SELECT chosen FROM pairs", "chosen"),
        ("SELEC 1", 'syntax error at or near "SELEC"'),
        ("SELECT ?", "parameters"),
        ("SELECT 'a", "unterminated"),
        ("SELECT CAST('x' AS INTEGER)", "Could not convert"),
        ("DELETE FROM pairs", "DELETE is not a question"),
    ],
)
def test_a_mistake_is_told_in_duckdbs_own_words(asker: duckdb.DuckDBPyConnection, query: str, words: str) -> None:
    with pytest.raises(RequestError) as caught:
        ask(asker, query)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_guest_does_not_make_a_warehouse(lake: Address) -> None:
    with pytest.raises(WarehouseError, match="there is no warehouse in"), locked_guest(lake):
        pass
    assert not lake.root.exists()


# --- beside a writer -------------------------------------------------------------------------------------------------


def test_a_guest_reads_whole_commits_while_another_process_writes(catalog: Address) -> None:
    writer = writing.start("commit", written(catalog), str(COMMITS))
    seen: list[int] = []
    query = """SELECT (SELECT count(*) FROM outcomes), (SELECT count(*) FROM passages),
        (SELECT count(DISTINCT passage_id) FROM passages)"""
    with locked_guest(catalog) as connection:
        while writer.poll() is None or not seen:
            ((outcomes, passages, distinct),) = ask(connection, query)
            assert passages == distinct
            assert isinstance(outcomes, int)
            assert passages == 2 * outcomes, "rows and outcome come together"
            seen.append(outcomes)
        with pytest.raises(RequestError):
            ask(connection, "DELETE FROM outcomes")
        final = ask(connection, "SELECT count(*) FROM outcomes")
    assert final == [(COMMITS,)]
    assert seen == sorted(seen)
    assert len(set(seen)) > 1, "the guest saw the writer at work"


# --- other ways in ---------------------------------------------------------------------------------------------------


def test_the_script_for_duckdbs_own_shell_attaches_the_warehouse(mill: Mill, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", mill.address.password)
    with duckdb.connect() as connection:
        connection.execute(attach_script(mill.address))
        assert connection.execute("SELECT count(*) > 0 FROM latest_pairs").fetchone() == (True,)
        with pytest.raises(duckdb.Error, match="read-only"):
            connection.execute("DELETE FROM pairs")


def test_our_own_guest_is_read_only_too(mill: Mill) -> None:
    with guest(mill.address) as connection, pytest.raises(duckdb.Error, match="read-only"):
        connection.execute("DELETE FROM pairs")


@pytest.mark.parametrize("query", ["", "  ", ";", "-- a remark"])
def test_no_question_is_a_mistake_like_any_other(asker: duckdb.DuckDBPyConnection, query: str) -> None:
    with pytest.raises(RequestError):
        ask(asker, query)


def test_a_query_that_fails_on_the_way_is_told_in_one_sentence(asker: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(RequestError):
        ask(asker, "SELECT CASE WHEN range = 2_000_000 THEN error('boom') ELSE 'x' END FROM range(3_000_000)")


def test_a_question_that_needs_too_much_is_told_what_to_do(asker: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(RequestError, match=r"more than the 1 GB of memory and 4 GB of disk .* join the texts of those alone"):
        list(run_sql(asker, "SELECT len(list(i)) FROM range(200_000_000) t(i)")[1])


def test_a_pivot_is_a_question(asker: duckdb.DuckDBPyConnection) -> None:
    assert ask(asker, "PIVOT outcomes ON status USING count(*) GROUP BY step")


@pytest.mark.parametrize("mill", ["sqlite"], indirect=True)
def test_a_foreign_sqlite_file_cannot_be_read(mill: Mill, tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "foreign.sqlite")
    connection.execute("CREATE TABLE secrets AS SELECT 'hidden' AS word")
    connection.commit()
    connection.close()
    with locked_guest(mill.address) as asker, pytest.raises(RequestError):
        ask(asker, f"FROM sqlite_scan('{tmp_path}/foreign.sqlite', 'secrets')")


POSTGRES_HOLES = [
    pytest.param("FROM postgres_query('__ducklake_metadata_lake', 'SELECT 1 AS x')", id="any query of the server"),
    pytest.param(
        "FROM postgres_query('__ducklake_metadata_lake', $$SELECT pg_read_file('/etc/passwd') AS x$$)",
        id="files of the server",
    ),
    pytest.param("FROM postgres_scan('{words}', 'pg_catalog', 'pg_class')", id="any other server"),
]


@pytest.mark.parametrize("query", POSTGRES_HOLES)
@pytest.mark.parametrize("mill", ["postgres"], indirect=True)
def test_the_server_of_the_catalog_cannot_be_asked(mill: Mill, query: str) -> None:
    words = mill.address.catalog.removeprefix("postgres:")
    with locked_guest(mill.address) as asker, pytest.raises(RequestError):
        ask(asker, query.format(words=words))


@pytest.mark.parametrize(
    "query", ["FROM duckdb_databases()", "PRAGMA database_list", "FROM duckdb_settings() WHERE name = 'allowed_paths'"]
)
@pytest.mark.parametrize("mill", ["postgres"], indirect=True)
def test_a_guest_never_sees_the_password_of_the_catalog(mill: Mill, query: str) -> None:
    with locked_guest(mill.address) as asker:
        assert PASSWORD not in str(ask(asker, query))


@pytest.mark.parametrize("mill", ["postgres"], indirect=True)
def test_the_script_for_duckdbs_own_shell_prints_no_password(mill: Mill) -> None:
    assert PASSWORD not in attach_script(mill.address)


def hidden(folder: Path, how: str) -> str:
    """A query that asks for a foreign SQLite file without naming the scanner."""
    connection = sqlite3.connect(folder / "foreign.sqlite")
    connection.execute("CREATE TABLE IF NOT EXISTS secrets AS SELECT 'hidden' AS word")
    connection.commit()
    connection.close()
    with duckdb.connect() as other:
        query = f"FROM sqxlite_scan('{folder}/foreign.sqlite', 'secrets')"
        row = other.execute(f"SELECT json_serialize_sql($${query}$$)").fetchone()
    assert row is not None
    return how.format(f"json_execute_serialized_sql(replace('{row[0]}', 'sqxlite', 'sq' || 'lite'))")


@pytest.mark.parametrize("how", ["FROM {}", "PRAGMA {}"])
@pytest.mark.parametrize("mill", ["sqlite"], indirect=True)
def test_a_query_inside_a_query_cannot_leave_the_warehouse(mill: Mill, tmp_path: Path, how: str) -> None:
    with locked_guest(mill.address) as asker, pytest.raises(RequestError):
        ask(asker, hidden(tmp_path, how))


def test_a_guest_leaves_no_file_in_the_warehouse(tmp_path: Path) -> None:
    address = resolve_address(str(tmp_path / "lake"))
    Store.open(address).close()
    query = f"FROM enable_logging(level = 'debug', storage = 'file', storage_path = '{address.data}log')"
    with locked_guest(address) as asker, suppress(RequestError):
        ask(asker, query)
        ask(asker, "SELECT 1")
    assert not (address.root / "data" / "log").exists()


@pytest.mark.parametrize(
    "query",
    [
        "SELECT count(*) FROM documents WHERE text LIKE '%sqlite_scan%'",
        "SELECT count(*) FROM prompts WHERE messages[1].content LIKE '%query (%'",
        "SELECT 1 AS postgres_version",
        "SELECT query FROM range(3) t(query)",
        "EXPLAIN SELECT 'query('",
        "EXPLAIN (FORMAT json) SELECT 'query('",
        "EXPLAIN (FROM pairs)",
        "PIVOT (SELECT 'glob' AS read_text) ON read_text IN ('glob') USING count(*)",
    ],
)
def test_a_question_about_such_words_is_a_question(asker: duckdb.DuckDBPyConnection, query: str) -> None:
    assert ask(asker, query)
