"""Asking as of a release: in a query, for a whole catalog, and what is said where that cannot be."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest
from mills import Mill

from schemas.errors import RequestError, WarehouseError
from warehouse.guest import attach_script, guest, locked_guest, run_sql
from warehouse.travel import at_releases, moments, snapshot_of


@pytest.fixture(scope="module")
def asker(mill: Mill) -> Iterator[duckdb.DuckDBPyConnection]:
    """A guest of each catalog."""
    with locked_guest(mill.address) as connection:
        yield connection


@pytest.fixture
def name(mill: Mill) -> str:
    """The release of that warehouse."""
    assert mill.built.landed is not None
    return mill.built.landed.release.release


def test_a_release_is_found_where_it_became_visible(asker: duckdb.DuckDBPyConnection, name: str) -> None:
    (moment,) = moments(asker)
    assert moment.release == name
    assert moment.before < moment.visible == snapshot_of(asker, name) == snapshot_of(asker, "latest")
    count = "SELECT count(*) FROM releases AT (VERSION => {})"
    assert asker.execute(count.format(moment.visible)).fetchall() == [(1,)]
    assert asker.execute(count.format(moment.before)).fetchall() == [(0,)]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT count(*) FROM pairs AT (RELEASE => '{name}')",
        "select count(*) from pairs p at(release=>'{name}') where p.pair_id is not null",
        "SELECT count(*) FROM \"pairs\" AS p AT /* then */ ( RELEASE -- so\n => '{name}' )",
        "SELECT count(*) FROM lake.main.pairs AT (RELEASE => 'latest')",
        "SELECT count(*) FROM pairs a AT (RELEASE => '{name}') JOIN pairs b AT (RELEASE => '{name}') USING (pair_id)",
    ],
)
def test_a_table_as_of_a_release(asker: duckdb.DuckDBPyConnection, mill: Mill, name: str, query: str) -> None:
    assert mill.built.landed is not None
    _, rows = run_sql(asker, query.format(name=name))
    assert list(rows) == [(mill.built.landed.release.pairs,)]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 'FROM pairs AT (RELEASE => ''x'')' AS said",
        "SELECT 1 -- AT (RELEASE => 'x')",
        "SELECT 1 /* AT (RELEASE => 'x') */",
        "SELECT $$AT (RELEASE => 'x')$$ AS said",
        "SELECT 1 AS \"AT (RELEASE => 'x')\"",
        "SELECT 'Mühlrad 水車 🌾' AS said FROM pairs AT (VERSION => 3)",
        "SELECT 'never ends",
        "",
        "AT (",
        "\0 ;",
    ],
)
def test_what_only_looks_like_one_stays_as_it_is(asker: duckdb.DuckDBPyConnection, query: str) -> None:
    assert at_releases(asker, query) == query


def test_texts_around_it_stay_as_they_are(asker: duckdb.DuckDBPyConnection, name: str) -> None:
    """Offsets of tokens are in bytes; what is beyond ASCII must not shift them."""
    query = f"SELECT 'Mühlrad 🌾', x FROM pairs AT (RELEASE => '{name}') WHERE 'it''s 水' <> '' -- ü"
    assert at_releases(asker, query) == query.replace(f"RELEASE => '{name}'", f"VERSION => {snapshot_of(asker, name)}")


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("FROM pairs AT (RELEASE => 'r-1999')", "there is no release 'r-1999'"),
        ("FROM pairs AT (RELEASE => 'it''s')", 'there is no release "it\'s"'),
        ("FROM pairs AT (RELEASE => 3)", "named by a text"),
        ("FROM funnel AT (RELEASE => 'latest')", "'funnel' is a view, .*`prefmill sql --at latest"),
        ("FROM funnel AS f AT (RELEASE => 'latest')", "'funnel' is a view"),
        ("SELECT * FROM lake.funnel f AT (RELEASE => 'latest')", "'funnel' is a view"),
        ("FROM \"latest_pairs\" AT (RELEASE => 'latest')", "'latest_pairs' is a view"),
    ],
)
def test_what_cannot_be_is_one_sentence(asker: duckdb.DuckDBPyConnection, query: str, sentence: str) -> None:
    with pytest.raises(RequestError, match=sentence):
        run_sql(asker, query)


def test_nothing_gets_past_the_guard_in_the_shape_of_a_release(asker: duckdb.DuckDBPyConnection, name: str) -> None:
    with pytest.raises(RequestError, match="is not a question"):
        run_sql(asker, f"SELECT count(*) FROM pairs AT (RELEASE => '{name}'); DELETE FROM pairs")


def test_a_whole_catalog_as_of_a_release(mill: Mill, name: str) -> None:
    """Tables and views; what was written after the release, such as how its build ended, is not there yet."""
    assert mill.built.landed is not None
    with locked_guest(mill.address, name) as then:
        assert list(run_sql(then, "SELECT count(*) FROM latest_pairs")[1]) == [(mill.built.landed.release.pairs,)]
        assert list(run_sql(then, "SELECT DISTINCT status FROM builds")[1]) == [("running",)]
    with locked_guest(mill.address) as now:
        assert list(run_sql(now, "SELECT DISTINCT status FROM builds")[1]) == [("done",)]
    with pytest.raises(WarehouseError, match="there is no release 'nope'"), locked_guest(mill.address, "nope"):
        pass


def test_duckdb_itself_attaches_as_of_a_release(mill: Mill, name: str) -> None:
    with guest(mill.address) as cursor:
        snapshot = snapshot_of(cursor, name)
    script = attach_script(mill.address, name)
    assert f"SNAPSHOT_VERSION {snapshot}" in script
    assert "SNAPSHOT" not in attach_script(mill.address)
    if not mill.address.is_postgres:  # that needs a password, which the script leaves to libpq
        connection = duckdb.connect(config={"allow_unsigned_extensions": True})
        connection.execute(script)
        assert connection.execute("SELECT DISTINCT status FROM builds").fetchall() == [("running",)]
        connection.close()
