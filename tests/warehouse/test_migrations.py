"""Migrations: a warehouse is made once, and opening it again changes nothing."""

from __future__ import annotations

import duckdb
import pytest

from schemas.errors import WarehouseError
from warehouse.address import Address
from warehouse.connection import SQL, connect, migrate
from warehouse.store import Store

SNAPSHOTS = "SELECT count(*) FROM ducklake_snapshots('lake')"
NAMES = "SELECT table_name, table_type FROM information_schema.tables WHERE table_catalog = 'lake' ORDER BY ALL"


def scalar(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    """One number."""
    row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def test_a_warehouse_is_made_once(catalog: Address) -> None:
    Store.open(catalog).close()
    with connect(catalog) as connection:
        tables, snapshots = connection.execute(NAMES).fetchall(), scalar(connection, SNAPSHOTS)
        migrate(connection)
        migrate(connection)
        assert scalar(connection, SNAPSHOTS) == snapshots
        assert connection.execute(NAMES).fetchall() == tables
        applied = connection.execute("SELECT name FROM lake.migrations ORDER BY name").fetchall()
        assert applied == sorted((file.name,) for file in SQL.glob("*.sql"))
    names = {name for name, _ in tables}
    assert {"documents", "passages", "prompts", "responses", "signals", "pairs", "outcomes", "fingerprints"} <= names
    assert {"latest_pairs", "lineage", "funnel", "judge_consistency", "cost_by_step", "releases"} <= names


def test_views_are_renewed_when_their_words_change_and_tables_are_left_alone(lake: Address) -> None:
    Store.open(lake).close()
    with connect(lake) as connection:
        connection.execute("CREATE OR REPLACE VIEW lake.funnel AS SELECT 'old' AS build_id")
        connection.execute("UPDATE lake.migrations SET sha256 = 'old'")
        connection.execute("INSERT INTO lake.listings VALUES ('lst_1', 'a.md', 'itm_1')")
        migrate(connection)
        assert scalar(connection, "SELECT count(*) FROM lake.funnel") == 0
        assert scalar(connection, "SELECT count(*) FROM lake.listings") == 1


def test_a_migration_that_fails_leaves_nothing_behind(lake: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is tried again as a whole by the next build."""
    import warehouse.connection

    folder = lake.root / "sql"
    folder.mkdir(parents=True)
    for file in SQL.glob("*.sql"):
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "002_more.sql").write_text("CREATE TABLE more (name VARCHAR); CREATE TABLE more (name VARCHAR);")
    monkeypatch.setattr(warehouse.connection, "SQL", folder)
    with pytest.raises(WarehouseError, match="cannot be opened"):
        Store.open(lake)
    (folder / "002_more.sql").write_text("CREATE TABLE more (name VARCHAR);")
    store = Store.open(lake)
    store.close()
    with connect(lake, read_only=True) as connection:
        assert scalar(connection, "SELECT count(*) FROM more") == 0


def test_pairs_from_before_conditions_and_aspects_are_kept_and_have_none(
    catalog: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    import warehouse.connection

    folder = catalog.root / "sql"
    folder.mkdir(parents=True)
    for file in SQL.glob("*.sql"):
        if not file.name.startswith(("003", "004")):
            (folder / file.name).write_bytes(file.read_bytes())
    (folder / "views.sql").write_text("SELECT 1;")  # today's views speak of what these migrations add
    with monkeypatch.context() as patch:
        patch.setattr(warehouse.connection, "SQL", folder)
        Store.open(catalog).close()
        with connect(catalog) as connection:
            connection.execute(
                "INSERT INTO lake.pairs VALUES ('par_1', 'u', 'f', 'd', 'q', 'a', 'b', 1, 1, 1, 'best_worst', NULL)"
            )
    Store.open(catalog).close()
    with connect(catalog, read_only=True) as connection:
        found = connection.execute("SELECT pair_id, condition, aspect, aspect_scores, also_chosen FROM lake.pairs").fetchall()
    assert found == [("par_1", None, None, None, None)]
