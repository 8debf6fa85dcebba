"""A hundred statements that would read, write or reach what is not the warehouse: each refused in one sentence."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from mills import Mill

from schemas.errors import RequestError
from warehouse.guest import desk, locked_guest, run_sql, stopped_after

SECRET = "word-that-nobody-may-see"
READERS = [
    "read_text('{f}')", "read_blob('{f}')", "read_csv('{f}')", "read_csv_auto('{f}')", "read_json('{f}')",
    "read_json_auto('{f}')", "read_json_objects('{f}')", "read_ndjson('{f}')", "read_ndjson_objects('{f}')",
    "read_parquet('{f}')", "parquet_scan('{f}')", "parquet_metadata('{f}')", "parquet_schema('{f}')",
    "parquet_file_metadata('{f}')", "parquet_kv_metadata('{f}')", "sniff_csv('{f}')", "glob('{d}/*')", "read_duckdb('{f}')",
    "sqlite_scan('{s}', 'secrets')", "sqlite_query('{s}', 'SELECT 1')", "sqlite_attach('{s}')",
    "postgres_scan('host=127.0.0.1', 'public', 't')", "postgres_query('lake', 'SELECT 1')", "query('SELECT 1')",
    "query_table('pairs')", "json_execute_serialized_sql('{{}}')", "arrow_scan(1, 2, 3)", "pandas_scan(1)",
    "seq_scan('{f}')", "which_secret('{f}', 's3')",
]  # fmt: skip
WRAPPINGS = [
    "FROM {}",
    "WITH q AS (FROM {}) FROM q",
    "SELECT (SELECT count(*) FROM {})",
    "SELECT * FROM pairs WHERE EXISTS (FROM {})",
    "FROM/**/{} -- a remark",
]
OTHERS = [
    "FROM '{f}'", 'FROM "{f}"', "SELECT * FROM '{d}/*.csv'", "FROM 'http://127.0.0.1:9/x.parquet'", "FROM 's3://a/b.csv'",
    "COPY pairs TO '{d}/out'", "COPY (SELECT 1) TO '{d}/out' (FORMAT csv)", "COPY pairs FROM '{f}'",
    "ATTACH '{s}' AS x (TYPE sqlite)", "ATTACH ':memory:' AS x", "DETACH lake", "EXPORT DATABASE '{d}/out'",
    "IMPORT DATABASE '{d}'", "INSTALL httpfs", "LOAD '{f}'", "FORCE INSTALL spatial FROM community", "UPDATE EXTENSIONS",
    "SET memory_limit = '99GB'", "SET threads = 99", "SET temp_directory = '{d}'", "RESET memory_limit",
    "SET GLOBAL enable_external_access = true", "SET lock_configuration = false", "SET VARIABLE x = 1",
    "PRAGMA memory_limit = '99GB'", "PRAGMA enable_logging", "CALL enable_logging(storage_path = '{d}/out')",
    "CALL enable_profiling()", "FROM truncate_duckdb_logs()", "CREATE SECRET (TYPE s3)", "DROP SECRET x",
    "CREATE MACRO f() AS TABLE FROM '{f}'", "CREATE TEMP VIEW v AS FROM '{f}'", "CREATE TEMP TABLE t (x INT)",
    "PREPARE q AS SELECT 1", "EXECUTE q", "DEALLOCATE q", "SELECT 1; DROP TABLE pairs", "SELECT 1;;COPY pairs TO '{d}/out'",
    "/* SELECT */ DELETE FROM pairs", "--x\nDELETE FROM pairs", "\ufeffDELETE FROM pairs", "DELETE\u00a0FROM pairs",
    "DE\0LETE FROM pairs", "\u202eDELETE FROM pairs", "INSERT INTO pairs FROM pairs", "UPDATE pairs SET rule = ''",
    "MERGE INTO pairs USING pairs p ON false WHEN NOT MATCHED THEN INSERT", "ALTER TABLE pairs RENAME TO x",
    "COMMENT ON TABLE pairs IS 'x'", "BEGIN; DELETE FROM pairs; COMMIT", "USE memory", "CHECKPOINT lake", "VACUUM pairs",
    "CALL ducklake_expire_snapshots('lake', older_than => now())", "CALL ducklake_cleanup_old_files('lake')",
    "CALL ducklake_add_data_files('lake', 'pairs', '{f}')", "CALL lake.set_option('data_path', '{d}')",
    "FROM ducklake_set_option('lake', 'x', 'y')", "FROM ducklake_merge_adjacent_files('lake')", "FROM lake.flush_inlined_data()",
    "FROM ducklake_commit('lake')",
    "FROM ducklake_set_commit_message('lake', 'a', 'b')", "FROM ducklake_rewrite_data_files('lake')",
    "SELECT getenv('HOME')", "EXPLAIN ANALYZE DELETE FROM pairs", "EXPLAIN COPY pairs TO '{d}/out'", "FROM asker", "FROM SECRET",
    "SELECT json_serialize_plan('FROM ''{f}''')", "PIVOT (FROM read_csv('{f}')) ON word USING count(*)",
]  # fmt: skip
STATEMENTS = [*(WRAPPINGS[at % len(WRAPPINGS)].replace("{}", each) for at, each in enumerate(READERS)), *OTHERS]


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder beside the warehouse, with a secret in a text file and in an SQLite file."""
    folder = tmp_path_factory.mktemp("outside")
    (folder / "secret.csv").write_text(f"word\n{SECRET}\n")
    with sqlite3.connect(folder / "secret.sqlite") as connection:
        connection.execute(f"CREATE TABLE secrets AS SELECT '{SECRET}' AS word")
    connection.close()
    return folder


@pytest.fixture(scope="module")
def asker(mill: Mill) -> Iterator[duckdb.DuckDBPyConnection]:
    """A guest's connection."""
    with locked_guest(mill.address) as connection:
        yield connection


pytestmark = pytest.mark.parametrize("mill", ["sqlite"], indirect=True)


def test_there_are_a_hundred(mill: Mill) -> None:
    assert len(set(STATEMENTS)) >= 100


@pytest.mark.parametrize("statement", STATEMENTS, ids=range(len(STATEMENTS)))
def test_it_is_refused(asker: duckdb.DuckDBPyConnection, outside: Path, statement: str) -> None:
    before = sorted(outside.iterdir())
    query = statement.format(f=outside / "secret.csv", d=outside, s=outside / "secret.sqlite")
    with desk(asker) as own, pytest.raises(RequestError) as caught:
        list(run_sql(own, query)[1])
    assert "\n" not in str(caught.value)
    assert SECRET not in str(caught.value)
    assert sorted(outside.iterdir()) == before


ENDLESS = "SELECT count(*) FROM range(1_000_000) a, range(1_000_000) b WHERE (a.range * b.range) % 7 = 3"


def test_a_question_is_stopped_in_time_and_the_next_is_answered(asker: duckdb.DuckDBPyConnection) -> None:
    with desk(asker) as own:
        began = time.monotonic()
        with pytest.raises(RequestError, match=r"took longer than 0\.5 seconds"), stopped_after(own, 0.5):
            list(run_sql(own, ENDLESS)[1])
        assert time.monotonic() - began < 30
        assert list(run_sql(own, "SELECT 1")[1]) == [(1,)]


def test_a_mistake_within_the_time_is_told_as_it_is(asker: duckdb.DuckDBPyConnection) -> None:
    with desk(asker) as own, pytest.raises(RequestError, match="SELEC"), stopped_after(own, 60):
        list(run_sql(own, "SELEC 1")[1])


def test_memory_threads_and_disk_are_limited(asker: duckdb.DuckDBPyConnection) -> None:
    names = "('memory_limit', 'max_temp_directory_size', 'python_enable_replacements')"
    found = dict(run_sql(asker, f"SELECT name, value FROM duckdb_settings() WHERE name IN {names}")[1])
    assert found["memory_limit"] == "953.6 MiB"
    assert found["max_temp_directory_size"] == "3.7 GiB"
    assert found["python_enable_replacements"] == "false"
