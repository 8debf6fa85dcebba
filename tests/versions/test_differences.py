"""What differs between two releases: each kind of change planted once, and what must hold of any two."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import builds
import duckdb
import pytest
from mills import DOCUMENTS, MakeCatalog

from schemas.errors import RequestError, WarehouseError
from warehouse.address import Address
from warehouse.connection import connect, migrate
from warehouse.differences import Difference, compare, comparer
from warehouse.guest import locked_guest, run_sql
from warehouse.revocations import Wanted, lift, revoke
from warehouse.store import Store

CERTAIN = {"misquote": 0, "noise": 0, "position_bias": 0, "softness": 0}
EDITED = DOCUMENTS["stones.md"].replace("Marne valley", "Marne valley near Paris")
LATER = (
    "# Sieves\n\nThe sieve of the mill is a frame with gauze made of silk. Bolters shake the flour through it twice.\n"
)


def steps(
    name: str, *, judge: dict[str, Any] | None = None, filters: list[Any] | None = None, **release: Any
) -> list[Any]:
    """The whole way, under a name."""
    return [
        "mine/chunk",
        "mine/qa",
        {"sample/grid": {"draws": 2, "show": "passage"}},
        "sample/gold",
        {"judge/pairwise": {"principle": "grounded", "model": "judge"} | (judge or {})},
        "select/best_worst",
        "select/exact_duplicates",
        *(filters or []),
        {"land/release": {"name": name, "splits": {"train": 0.5, "test": 0.5}} | release},
    ]


@dataclass
class Made:
    """A warehouse with releases by name, and the documents they were made of."""

    address: Address
    folder: Path
    revocation: str = ""

    def build(self, name: str, *, texts: dict[str, str] = DOCUMENTS, noise: float = 0, **words: Any) -> builds.Built:
        """Build a release from these documents."""
        place = self.folder / "documents"
        place.mkdir(exist_ok=True)
        for path in place.iterdir():
            path.unlink()
        for file, text in texts.items():
            (place / file).write_text(text, encoding="utf-8")
        models = {
            "default": {"model": "rehearsal", "options": CERTAIN},
            "judge": {"model": "rehearsal", "options": CERTAIN | {"noise": noise}},
        }
        recipe = builds.write_recipe(self.folder, steps=steps(name, **words), models=models, name="mill")
        return asyncio.run(builds.run(recipe, place, self.address))

    def revoke_stones(self) -> None:
        """Revoke one document."""
        store = Store.open(self.address)
        try:
            wanted = [Wanted("document", str(self.folder / "documents" / "stones.md"))]
            (row,) = asyncio.run(revoke(store, wanted))
            self.revocation = row.revocation_id
        finally:
            store.close()

    def lift(self) -> None:
        """End that."""
        store = Store.open(self.address)
        try:
            asyncio.run(lift(store, [self.revocation]))
        finally:
            store.close()


def make_all(made: Made) -> Made:
    """One release for each change."""
    assert made.build("base").problem is None
    made.build("later", texts=DOCUMENTS | {"sieves.md": LATER})
    made.build("fewer", texts={name: text for name, text in DOCUMENTS.items() if name != "stones.md"})
    made.build("edited", texts=DOCUMENTS | {"stones.md": EDITED})
    made.build("strict", judge={"reasoning": "none"})
    made.build("turned", noise=1)
    made.build("short", filters=[{"select/cap": {"max_rows": 1, "per": "uri"}}])
    made.revoke_stones()
    made.build("revoked")
    made.lift()
    held = made.build("held", gates={"min_pairs": 1000})
    assert held.problem is not None
    return made


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, make_catalog: MakeCatalog) -> Made:
    """All releases in one warehouse."""
    folder = tmp_path_factory.mktemp("made")
    return make_all(Made(make_catalog("sqlite", folder), folder))


@pytest.fixture(scope="module")
def cursor(made: Made) -> Iterator[duckdb.DuckDBPyConnection]:
    """A guest who compares."""
    with comparer(made.address) as connection:
        yield connection


def told(found: Difference) -> dict[tuple[str, str, str | None, str | None], int]:
    """The number of pairs by kind, reason, step and detail."""
    return {(each.kind, each.reason, each.step, each.detail): each.pairs for each in found.groups}


def pairs_of(cursor: duckdb.DuckDBPyConnection, release: str, where: str = "true") -> int:
    """How many pairs of a release fulfil something."""
    query = f"SELECT count(*) FROM release_pairs WHERE release = '{release}' AND {where}"
    return int(cursor.execute(query).fetchall()[0][0])


def test_documents_that_come_and_go(cursor: duckdb.DuckDBPyConnection) -> None:
    sieves = pairs_of(cursor, "later", "uri LIKE '%sieves.md'")
    assert sieves > 0
    assert told(compare(cursor, "base", "later")) == {("added", "document_absent", None, None): sieves}
    stones = pairs_of(cursor, "base", "uri LIKE '%stones.md'")
    assert stones > 0
    assert told(compare(cursor, "base", "fewer")) == {("removed", "document_absent", None, None): stones}


def test_a_document_that_was_edited(cursor: duckdb.DuckDBPyConnection) -> None:
    """Pairs of sections that nobody touched are kept under other ids; the others changed because their document did."""
    found = compare(cursor, "base", "edited")
    assert found.kept >= pairs_of(cursor, "base", "uri NOT LIKE '%stones.md'")
    assert {each.reason for each in found.groups} == {"document_changed"}
    assert sum(found.counts.values()) > 0
    assert all("stones.md" in (each["a"] or each["b"])["uri"] for group in found.groups for each in group.examples)


def test_a_judge_that_is_asked_otherwise(cursor: duckdb.DuckDBPyConnection) -> None:
    """Certain judges say the same with and without reasons: every pair is made anew, and all are kept."""
    found = compare(cursor, "base", "strict")
    assert found.kept == pairs_of(cursor, "base")
    assert found.groups == []
    assert [each["step"] for each in found.steps] == ["judge/pairwise"]
    assert "+    reasoning: none" in found.recipe
    shared = cursor.execute("SELECT count(*) FROM release_rows a JOIN release_rows b USING (pair_id) "
                            "WHERE a.release = 'base' AND b.release = 'strict'").fetchall()  # fmt: skip
    assert shared == [(0,)]


def test_a_judge_that_says_the_opposite(cursor: duckdb.DuckDBPyConnection) -> None:
    found = compare(cursor, "base", "turned")
    assert found.counts["flipped"] > 0
    assert ("flipped", "step_changed", "judge/pairwise", "changed") in told(found)
    (group,) = [each for each in found.groups if each.kind == "flipped"]
    for example in group.examples:
        assert example["a"]["chosen"] == example["b"]["rejected"]
        assert example["a"]["rejected"] == example["b"]["chosen"]


def test_a_filter_that_was_added(cursor: duckdb.DuckDBPyConnection) -> None:
    found = compare(cursor, "base", "short")
    gone = pairs_of(cursor, "base") - pairs_of(cursor, "short")
    assert gone > 0
    (reason,) = cursor.execute(
        "SELECT DISTINCT reason FROM outcomes WHERE step = 'select/cap' AND status = 'none'"
    ).fetchall()
    assert told(found) == {("removed", "dropped", "select/cap", reason[0]): gone}
    assert [(each["step"], each["a"]) for each in found.steps] == [("select/cap", None)]
    assert told(compare(cursor, "short", "base")) == {("added", "dropped", "select/cap", reason[0]): gone}


def test_what_was_revoked_and_what_is_no_longer(made: Made, cursor: duckdb.DuckDBPyConnection) -> None:
    stones = pairs_of(cursor, "base", "uri LIKE '%stones.md'")
    assert told(compare(cursor, "base", "revoked")) == {("removed", "revoked", None, made.revocation): stones}
    assert told(compare(cursor, "revoked", "held.held")) == {("added", "revoked", None, made.revocation): stones}


def test_a_release_that_is_held_is_compared_like_any_other(cursor: duckdb.DuckDBPyConnection) -> None:
    found = compare(cursor, "base", "held.held")
    assert (found.groups, found.kept) == ([], pairs_of(cursor, "base"))
    assert [each["name"] for each in found.gates] == ["min_pairs"]


@pytest.mark.parametrize(
    ("a", "b"), [("base", "base"), ("edited", "turned"), ("later", "short"), ("strict", "revoked")]
)
def test_it_adds_up_and_is_its_own_mirror(cursor: duckdb.DuckDBPyConnection, a: str, b: str) -> None:
    """Every pair of either release is in one kind; the other way round, added and removed change places."""
    found, back = compare(cursor, a, b), compare(cursor, b, a)
    same = found.kept + sum(found.counts[kind] for kind in ("flipped", "relabelled", "text_changed"))
    assert same + found.counts["removed"] == pairs_of(cursor, a)
    assert same + found.counts["added"] == pairs_of(cursor, b)
    assert found.counts["moved"] == 0
    mirrored = {"added": "removed", "removed": "added"}
    assert found.counts == {mirrored.get(kind, kind): number for kind, number in back.counts.items()}
    if a == b:
        assert (found.groups, found.steps, found.recipe, found.figures, found.gates) == ([], [], "", [], [])
    sides = {"added": ("b",), "removed": ("a",)}
    for group in found.groups:
        assert group.reason != "unknown"
        for example in group.examples:
            assert [side for side in ("a", "b") if example[side]] == list(sides.get(group.kind, ("a", "b")))
    only_pairs = {kind: n for (kind, reason, *_), n in told(found).items() if kind in mirrored}
    assert set(only_pairs) <= set(mirrored)


def test_people_ask_for_the_same_in_sql(made: Made) -> None:
    with locked_guest(made.address) as connection:
        names, rows = run_sql(
            connection, "SELECT kind, count(*) FROM release_diff('base', 'turned') GROUP BY ALL ORDER BY 1"
        )
        found = dict(rows)
        assert names == ["kind", "count_star()"]
        assert found["flipped"] > 0
        _, rows = run_sql(connection, "SELECT DISTINCT kind FROM release_diff('base', 'base')")
        assert list(rows) == [("kept",)]
        _, rows = run_sql(
            connection, "SELECT kind, count(*) FROM release_diff('base', 'later') WHERE kind <> 'kept' GROUP BY ALL"
        )
        assert [kind for kind, _ in rows] == ["added"]


def test_what_is_not_there_is_one_sentence(cursor: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(WarehouseError, match="there is no release 'bese'; did you mean `base`"):
        compare(cursor, "base", "bese")
    with pytest.raises(RequestError, match="--limit -1"):
        compare(cursor, "base", "base", limit=-1)


def test_pairs_without_rows_are_still_counted(tmp_path: Path, lake: Address) -> None:
    """A release whose pairs the tables do not hold is compared by its ids alone; one that moved is told of."""
    connection = connect(lake)
    migrate(connection)
    for name, rows in (("x", "('p1', 'train'), ('p2', 'train')"), ("y", "('p2', 'test'), ('p3', 'test')")):
        connection.execute(f"""
            INSERT INTO releases BY NAME SELECT '{name}' AS release, 'rel' AS release_id, 'r' AS recipe, 'published' AS status,
                2 AS pairs, 1 AS documents, '' AS build_id, '' AS folder, '' AS manifest_sha256, now()::TIMESTAMP AS created_at
        """)
        connection.execute(f"INSERT INTO release_rows SELECT '{name}', * FROM (VALUES {rows})")
    connection.close()
    with comparer(lake) as cursor:
        found = compare(cursor, "x", "y", root=tmp_path)
        assert told(found) == {
            ("removed", "unknown", None, None): 1,
            ("added", "unknown", None, None): 1,
            ("moved", "label", None, "train to test"): 1,
        }
        assert [each.examples for each in found.groups if each.kind == "removed"] == [
            [{"a": {"pair_id": "p1"}, "b": None}]
        ]
        assert json.dumps(found.counts) == json.dumps(
            {"added": 1, "removed": 1, "flipped": 0, "relabelled": 0, "text_changed": 0, "moved": 1}
        )
