"""The plan: units are read page by page, and steps with nothing to do are passed over, without a trace in what is made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import builds
import pytest
from mills import MakeCatalog

from flows import build
from schemas.errors import BuildError
from warehouse import plan, reading
from warehouse.address import Address
from warehouse.store import Store


def content_of(address: Address) -> tuple[dict[str, list[str]], list[tuple[object, ...]]]:
    """All ids, and how all units ended."""
    return builds.ids(address), builds.ask(address, "SELECT step, unit_id, status, reason FROM outcomes ORDER BY ALL")


async def test_neither_pages_nor_shards_change_what_is_made(
    tmp_path: Path, documents: Path, monkeypatch: pytest.MonkeyPatch, make_catalog: MakeCatalog
) -> None:
    recipe = builds.write_recipe(tmp_path)
    whole, cut = (make_catalog("sqlite", tmp_path / name) for name in ("whole", "cut"))
    await builds.run(recipe, documents, whole)
    monkeypatch.setattr(reading, "PAGE", {})
    monkeypatch.setattr(reading, "USUAL_PAGE", 3)
    monkeypatch.setattr(build, "DOCUMENTS_PER_SHARD", 1)
    built = await builds.run(recipe, documents, cut)
    assert max(report.shard for report in built.reports) >= 2
    assert content_of(cut) == content_of(whole)
    assert not any(builds.audits(cut).values())


async def test_groups_with_many_members_make_small_pages(
    tmp_path: Path, documents: Path, monkeypatch: pytest.MonkeyPatch, make_catalog: MakeCatalog
) -> None:
    """However many signals there are, a page holds a bounded number of them, and every unit is read once."""
    recipe = builds.write_recipe(tmp_path)
    whole, cut = (make_catalog("sqlite", tmp_path / name) for name in ("whole", "cut"))
    await builds.run(recipe, documents, whole)
    read: list[int] = []

    def read_page(*arguments: Any) -> Any:
        units, after = reading.read_page(*arguments)
        if arguments[1] == "candidates" and units:
            read.append(sum(len(unit.responses) + len(unit.signals) for unit in units))
            assert read[-1] <= 10 or len(units) == 1
        return units, after

    monkeypatch.setattr(reading, "MEMBERS", 10)
    monkeypatch.setattr(plan, "read_page", read_page)
    await builds.run(recipe, documents, cut)
    assert len(read) > 2
    assert sum(read) == builds.ask(cut, "SELECT (SELECT count(*) FROM responses) + (SELECT count(*) FROM signals)")[0][0]
    assert content_of(cut) == content_of(whole)


async def test_a_step_with_nothing_to_do_is_passed_over_for_all_shards_at_once(
    tmp_path: Path, documents: Path, monkeypatch: pytest.MonkeyPatch, lake: Address
) -> None:
    """And the first step that has something to do goes on shard by shard, with the rows of the steps before it."""
    monkeypatch.setattr(build, "DOCUMENTS_PER_SHARD", 1)
    await builds.run(builds.write_recipe(tmp_path, steps=builds.STEPS[:4]), documents, lake)
    built = await builds.run(builds.write_recipe(tmp_path), documents, lake)
    over = [report.step for report in built.reports if report.shard < 0]
    assert over == ["mine/read", "mine/chunk", "mine/qa", "sample/grid", "sample/gold", "select/exact_duplicates"]
    judged = [report for report in built.reports if report.step == "judge/pairwise"]
    assert len(judged) > 1
    assert sum(report.done for report in judged) == builds.ask(
        lake, "SELECT count(*) FROM outcomes WHERE step = 'judge/pairwise'"
    )[0][0]


def test_any_text_can_be_staged(lake: Address) -> None:
    """Quotes, NULs, other alphabets, lists and structures come out of SQL as they went in; so does nothing at all."""
    store = Store.open(lake)
    row = {
        "id": "it's \\ \"x\"\u2028\n\0é🙂",
        "ids": ["a", ""],
        "turns": [{"role": "user", "content": "x'"}],
        "moment": None,
    }
    kinds = {"id": "VARCHAR", "ids": "VARCHAR[]", "turns": "STRUCT(role VARCHAR, content VARCHAR)[]", "moment": "TIMESTAMP"}
    long = row | {"id": "long " * 200_000}
    try:
        source, nothing = store.stage("some", [row, long], kinds), store.stage("none", [], kinds)
        read = store._connection.execute(f"SELECT id, ids, turns, moment FROM {source}").fetchall()
        assert [dict(zip(row, values, strict=True)) for values in read] == [row, long]
        assert store._connection.execute(f"SELECT count(*) FROM {nothing}").fetchall() == [(0,)]
    finally:
        store.close()


@pytest.mark.parametrize(("way", "word"), [("read", "read"), ("write", "written")])
async def test_what_duckdb_cannot_do_is_one_sentence(lake: Address, way: str, word: str) -> None:
    """A full disk, memory that does not suffice, a broken file: each ends the build, none with a traceback."""
    store = Store.open(lake)
    try:
        with pytest.raises(BuildError, match=f"^the warehouse cannot be {word}: .*; what was finished is kept.*$"):
            await getattr(store, way)(lambda cursor: cursor.execute("FROM nowhere"))
    finally:
        store.close()
