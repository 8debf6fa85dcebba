"""What was counted once and what is counted with each question come to the same, before and after."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import builds
import pytest
from mills import Mill

from benchmarks import lake
from warehouse.address import Address, resolve_address
from warehouse.connection import connect
from warehouse.counting import count_landed, count_releases
from warehouse.guest import locked_guest, run_sql

VIEWS = ("cost_by_step", "dropped", "judge_consistency", "release_coverage", "release_length", "release_models", "release_principles")
PAIRS = 1000


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Address:
    """The warehouse that the benchmark asks, with few pairs; nothing in it has been counted."""
    address = resolve_address(str(tmp_path_factory.mktemp("planted") / "lake"))
    lake.write(address, PAIRS, is_counted=False)
    return address


def said(connection: Any) -> dict[str, list[Any]]:
    """All rows of the views that rest on counts, with sums of fractions to nine digits."""
    rows = {view: connection.execute(f"FROM {view}").fetchall() for view in VIEWS}
    return {view: sorted(map(_rounded, found), key=str) for view, found in rows.items()}


def _rounded(row: tuple[Any, ...]) -> list[Any]:
    return [round(value, 9) if isinstance(value, float) else value for value in row]


def test_the_planted_warehouse_is_one_that_prefmill_could_have_made(planted: Address) -> None:
    assert set(builds.audits(planted).values()) == {0}
    ((pairs,),) = builds.ask(planted, "SELECT count(*) FROM pairs")
    assert PAIRS <= pairs < PAIRS + lake.PAIRS_OF_CYCLE
    assert builds.ask(planted, "SELECT count(*) FROM funnel_balance WHERE difference <> 0 OR rows_in IS NULL") == [(0,)]
    told = builds.ask(planted, "SELECT count(*), count(evidence_start) FROM lineage")
    assert told == [(pairs, pairs)]
    released = builds.ask(planted, "SELECT release, pairs, (FROM release_rows l SELECT count(*) WHERE l.release = r.release) FROM releases r")
    assert [(name, count) for name, count, rows in released if count != rows] == []
    split = "SELECT count(*) FROM (SELECT document_id FROM release_rows JOIN pairs USING (pair_id) GROUP BY 1 HAVING count(DISTINCT split) > 1)"
    assert builds.ask(planted, split) == [(0,)]


def test_answers_stay_the_same_when_rows_are_counted_and_when_files_are_merged(planted: Address) -> None:
    connection = connect(planted)
    try:
        before = said(connection)
        assert all(before.values())
        assert count_landed(connection, least=10**9) is False
        assert count_landed(connection, least=1) is True
        count_releases(connection)
        assert connection.execute("SELECT count(*) FROM outcomes_uncounted").fetchall() == [(0,)]
        assert connection.execute("SELECT count(*) FROM releases_uncounted").fetchall() == [(0,)]
        assert said(connection) == before
        # Another unit, of another build, is added to what was counted.
        connection.execute("INSERT INTO outcomes SELECT * REPLACE ('u' AS unit_id, 'build-9' AS build_id) FROM outcomes LIMIT 1")
        later = said(connection)
        assert sum(row[2] for row in later["cost_by_step"]) == sum(row[2] for row in before["cost_by_step"]) + 1
        connection.execute("CALL ducklake_flush_inlined_data('lake')")
        connection.execute("CALL ducklake_merge_adjacent_files('lake')")
        assert said(connection) == later
        assert count_landed(connection, least=1) is True
        assert said(connection) == later
    finally:
        connection.close()


@pytest.fixture
def uncounted(mill: Mill, tmp_path: Path) -> Iterator[Any]:
    """A real build's warehouse whose release has lost its counts, to be counted from the tables."""
    connection = connect(mill.address)
    connection.execute("BEGIN")
    yield connection
    connection.execute("ROLLBACK")
    connection.close()


def test_a_release_is_counted_from_its_file_as_from_the_tables(uncounted: Any) -> None:
    ((counted,),) = uncounted.execute("SELECT count(*) FROM release_counts").fetchall()
    assert counted > 0
    before = said(uncounted)
    uncounted.execute("DELETE FROM release_counts")
    assert said(uncounted) == before


def test_every_question_of_the_benchmark_is_answered(planted: Address) -> None:
    from benchmarks.sql import QUESTIONS, words_of

    with locked_guest(planted) as connection:
        words = words_of(connection)
        found = {each.about: list(run_sql(connection, each.filled(words))[1]) for each in QUESTIONS}
    assert [about for about, rows in found.items() if not rows] == []
