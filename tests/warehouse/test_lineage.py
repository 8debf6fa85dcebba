"""Lineage: every id of the warehouse, followed both ways."""

from __future__ import annotations

from collections.abc import Iterator

import builds
import duckdb
import pytest
from mills import Mill

from schemas.errors import WarehouseError
from warehouse.guest import guest
from warehouse.lineage import Trace, trace

TABLES = ("documents", "passages", "prompts", "responses", "signals", "pairs")
ABOVE = {
    "documents": set(),
    "passages": {"documents"},
    "prompts": {"documents", "passages"},
    "responses": {"documents", "passages", "prompts"},
    "signals": {"documents", "passages", "prompts", "responses"},
    "pairs": {"documents", "passages", "prompts", "responses"},
}
BELOW = {
    "documents": {"passages", "prompts", "responses", "pairs"},
    "passages": {"prompts", "responses", "pairs"},
    "prompts": {"responses", "pairs"},
    "responses": {"signals", "pairs"},
    "signals": set(),
    "pairs": {"signals"},
}


@pytest.fixture(scope="module")
def cursor(mill: Mill) -> Iterator[duckdb.DuckDBPyConnection]:
    """A guest of each catalog."""
    with guest(mill.address) as connection:
        yield connection


def released(cursor: duckdb.DuckDBPyConnection) -> tuple[str, str, str, str, str]:
    """One released pair with its prompt, its candidates and its document."""
    columns = "pair_id, prompt_id, chosen_id, rejected_id, document_id"
    row = cursor.execute(f"SELECT {columns} FROM latest_pairs ORDER BY pair_id LIMIT 1").fetchone()
    assert row is not None
    return row  # type: ignore[return-value]


def some_id(cursor: duckdb.DuckDBPyConnection, table: str) -> str:
    """The id of a row on the way to a released pair."""
    pair, prompt, chosen, rejected, document = released(cursor)
    if table in ("passages", "signals"):
        query = {
            "passages": "SELECT passage_ids[1] FROM prompts WHERE prompt_id = ?",
            "signals": "SELECT signal_id FROM signals WHERE list_has_all(response_ids, ?) ORDER BY 1",
        }[table]
        row = cursor.execute(query, [prompt if table == "passages" else [chosen, rejected]]).fetchone()
        assert row is not None
        return str(row[0])
    return {"documents": document, "prompts": prompt, "responses": chosen, "pairs": pair}[table]


def tables_below(found: Trace) -> set[str]:
    """The tables of everything that came of a row."""
    return {node.table for node in found.node.walk()} - {found.node.table}


@pytest.mark.parametrize("table", TABLES)
def test_every_kind_of_id_is_followed_both_ways(cursor: duckdb.DuckDBPyConnection, table: str) -> None:
    row_id = some_id(cursor, table)
    found = trace(cursor, row_id)
    assert (found.node.table, found.node.id) == (table, row_id)
    assert {node.table for node in found.above} == ABOVE[table]
    assert tables_below(found) == BELOW[table]
    for node in [*found.above, *found.node.walk()]:
        assert node.outcome is not None, node.id
        assert (node.outcome["unit_id"], node.outcome["status"]) == (node.row["unit_id"], "ok")
        assert '"strategy":' in node.outcome["identity"], "what the step stands for"


def test_a_pair_goes_back_to_the_sentence_it_came_from(cursor: duckdb.DuckDBPyConnection) -> None:
    found = trace(cursor, released(cursor)[0])
    rows = {node.table: node.row for node in found.above}
    assert rows["prompts"]["evidence"] in rows["passages"]["text"]
    text = rows["documents"]["text"]
    assert text[rows["passages"]["start"] : rows["passages"]["end"]] == rows["passages"]["text"]
    assert [node.table for node in found.above][:3] == ["documents", "passages", "prompts"]


def test_a_pair_shows_every_verdict_on_its_two_candidates_and_no_other(cursor: duckdb.DuckDBPyConnection) -> None:
    pair, _, chosen, rejected, _ = released(cursor)
    found = trace(cursor, pair)
    assert [node.id for node in found.above[-2:]] == [chosen, rejected]
    verdicts = [child.row for child in found.node.children]
    assert {frozenset(row["response_ids"]) for row in verdicts} == {frozenset((chosen, rejected))}
    assert sorted(row["order"] for row in verdicts) == ["ab", "ba"]


def test_a_document_shows_all_its_passages_in_the_order_of_the_text(cursor: duckdb.DuckDBPyConnection) -> None:
    document = released(cursor)[-1]
    children = trace(cursor, document).node.children
    starts = [child.row["start"] for child in children]
    assert starts == sorted(starts)
    assert cursor.execute("SELECT count(*) FROM passages WHERE document_id = ?", [document]).fetchone() == (
        len(starts),
    )


def test_what_is_in_a_release_says_so(cursor: duckdb.DuckDBPyConnection, mill: Mill) -> None:
    assert mill.built.landed is not None
    name = mill.built.landed.release.release
    pair, prompt, _, rejected, document = released(cursor)
    for row_id in (pair, prompt, rejected, document, some_id(cursor, "passages")):
        (release,) = trace(cursor, row_id).releases
        assert (release["release"], release["status"]) == (name, "published")
        assert release["pairs"] >= 1


def test_a_prompt_without_a_pair_says_why(mill: Mill) -> None:
    query = "SELECT subject_id, reason FROM outcomes WHERE step = 'select/best_worst' AND status = 'none' LIMIT 1"
    found = builds.ask(mill.address, query)
    if not found:
        pytest.skip("every prompt made a pair this time")
    with guest(mill.address) as connection:
        refused = trace(connection, found[0][0]).refused
    assert ("select/best_worst", found[0][1]) in {(each["step"], each["reason"]) for each in refused}


@pytest.mark.parametrize("table", ["responses", "signals"])
def test_the_start_of_an_id_is_enough_while_it_is_the_only_one(cursor: duckdb.DuckDBPyConnection, table: str) -> None:
    row_id = some_id(cursor, table)
    assert trace(cursor, row_id[:-4]).node.id == row_id


@pytest.mark.parametrize(
    ("row_id", "words"),
    [
        ("par_0000000000", "'par_0000000000' is not among the pairs of this warehouse"),
        ("rsp_", "'rsp_' is the start of several responses"),
        ("xyz_123", "'xyz_123' is not an id; ids start with doc_, psg_"),
        ("stp_123", "'stp_123' is not an id"),
        ("", "'' is not an id"),
        ("pairs", "'pairs' is not an id"),
        ("par_'; DROP TABLE pairs; --", "is not among the pairs"),
        ("par_%", "is not among the pairs"),
        ("DOC_1", "'DOC_1' is not an id"),
    ],
)
def test_an_id_that_is_none_is_one_sentence(cursor: duckdb.DuckDBPyConnection, row_id: str, words: str) -> None:
    with pytest.raises(WarehouseError) as caught:
        trace(cursor, row_id)
    assert words in str(caught.value)
    assert caught.value.exit_code == 2
