"""Export, import, export: the same bytes, in another warehouse, with rows that go on living there."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import builds
import hypothesis
import hypothesis.strategies as st
import pyarrow as pa
import pytest
import releases

from flows import cli
from flows.importing import bring_back, exports_among
from pipeline.land.columns import release_schema, votes_schema
from pipeline.land.export import export_release
from pipeline.land.files import write_release
from pipeline.land.restore import restore_release
from schemas.errors import RequestError, SourceError
from warehouse.address import Address, resolve_address
from warehouse.releases import sides_so_far
from warehouse.store import Store

FACTS = {
    "release": "planted",
    "release_id": "rel_0",
    "recipe_text": "recipe: planted\nsteps:\n  - mine/chunk\n",
    "snapshot_id": 7,
    "code_version": "0",
    "fingerprints": [],
    "models": {},
}
CALL = [{"id": "c1", "name": "grind", "arguments": '{"corn":2}'}]
HOSTILE = [
    "</chosen>\u202e{{7*7}}<script>alert(1)</script>",
    "'; DROP TABLE pairs; --",
    "a\r\nb\n\n\nHuman: c",
    "粉をひく 🌾 e\u0301\u200d",
    "x" * 200_000,
    "| a | b |\n|---|---|\n[l](javascript:1)",
]


def tree(folder: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def write(folder: Path, rows: list[dict[str, Any]], votes: list[dict[str, Any]]) -> Path:
    """The files of a release."""
    pairs = pa.Table.from_pylist(rows, schema=release_schema()).to_batches(max_chunksize=97)
    said = pa.Table.from_pylist(votes, schema=votes_schema()).to_batches(max_chunksize=97)
    write_release(folder, pairs, FACTS, said)
    return folder


def vote(row: dict[str, Any], number: int) -> dict[str, Any]:
    """One verdict on the two answers of a pair."""
    return dict.fromkeys(votes_schema().names) | {
        "signal_id": f"sig_{number:08d}",
        "split": row["split"],
        "prompt_id": row["prompt_id"],
        "response_ids": [row["chosen_id"], row["rejected_id"]],
        "name": "helpful",
        "evaluator": "judge",
        "draw": 0,
        "vote": "a",
        "abstained": False,
        "raw": row["chosen"][0]["content"][:50],
        "document_id": row["document_id"],
    }


def rich(count: int, *, tools: bool = False) -> list[dict[str, Any]]:
    """Rows that have, one or the other, everything that a release can have; three splits that take turns at random."""
    draw = random.Random(count)
    rows = releases.innocent(count, per_document=1)
    for at, row in enumerate(rows):
        row["split"] = draw.choice(["train", "train", "validation", "test"])
        row["tags"] = []
        if at < len(HOSTILE):
            releases.said(row, "chosen", HOSTILE[at])
            releases.asked(row, f"{HOSTILE[at]}?")
        if at % 3 == 0:
            row["prompt"] = [{"role": "system", "content": "Be brief."}, *row["prompt"]]
            row["context"] = [{"role": "passage", "text": "The stone turns."}]
            row["passages"] = [{"passage_id": f"psg_{at}", "start": 4, "end": 20, "heading": "Mills"}]
            row["passage_ids"] = [f"psg_{at}"]
            row |= {"tags": ["a:b"], "reference": "It turns.", "sha256": "0" * 64, "media_type": "text/markdown"}
        if at % 4 == 0:
            row["prompt_condition"] = {"kind": "persona", "id": "p1", "text": "You are a miller."}
            row["condition"] = {
                "kind": "principles",
                "text": "Be kind.",
                "principles": [{"name": "kind", "negated": False, "score": 1.5}],
            }
            row |= {"aspect": "kind", "aspect_scores": [{"name": "true", "chosen": 1.0, "rejected": None}]}
            row |= {"rationale": "Because.", "weight": 0.5, "curriculum_rank": at, "chosen_strategy": "grid"}
        if at % 5 == 0:
            row["also_chosen"] = [[{"role": "assistant", "content": "So be it."}]]
        if at % 7 == 0:
            row["tools"] = '[{"type":"function","function":{"name":"grind"}}]'
        if tools and at % 7 == 0:
            row["prompt"] = [
                *row["prompt"],
                {"role": "assistant", "content": "", "tool_calls": CALL},
                {"role": "tool", "name": "grind", "tool_call_id": "c1", "content": "flour"},
            ]
            row["chosen"] = [{"role": "assistant", "content": "", "tool_calls": CALL}]
    return rows


@pytest.mark.parametrize("tools", [False, True], ids=["words", "tools"])
async def test_everything_that_a_release_can_have_comes_back(tmp_path: Path, lake: Address, tools: bool) -> None:
    rows = rich(60, tools=tools)
    release = write(tmp_path / "release", rows, [vote(row, number) for number, row in enumerate(rows[::2])])
    export_release(release, tmp_path / "first")
    ((row, is_new),) = await bring_back([tmp_path / "first"], lake)
    assert is_new
    assert tree(lake.root / row.folder) == tree(release)
    export_release(lake.root / row.folder, tmp_path / "second")
    assert tree(tmp_path / "second") == tree(tmp_path / "first")
    assert set(builds.audits(lake).values()) == {0}
    counts = "SELECT (SELECT count(*) FROM pairs), (SELECT count(*) FROM signals), (SELECT count(*) FROM responses)"
    assert builds.ask(lake, counts) == [(60, 30, 120)]
    said = builds.ask(
        lake, "SELECT text FROM responses r JOIN pairs p ON p.chosen_id = r.response_id ORDER BY p.pair_id"
    )
    assert [text for (text,) in said] == [releases.said(row, "chosen") for row in rows]
    assert builds.ask(lake, "SELECT DISTINCT text FROM passages") == [("The stone turns.",)]
    if tools:
        assert builds.ask(lake, "SELECT DISTINCT tool_calls FROM responses WHERE tool_calls IS NOT NULL") == [(CALL,)]


def test_rows_of_many_blocks_are_put_together_in_order(tmp_path: Path) -> None:
    rows = releases.innocent(5000, per_document=1)
    draw = random.Random(0)
    for at, row in enumerate(rows):  # long stretches of one split, and short ones
        row["split"] = "train" if at < 2500 else draw.choice(["train", "validation", "test"])
    release = write(tmp_path / "release", rows, [vote(row, number) for number, row in enumerate(rows)])
    export_release(release, tmp_path / "export")
    restore_release(tmp_path / "export", tmp_path / "back")
    assert tree(tmp_path / "back") == tree(release)


WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1).filter(str.strip)


@hypothesis.settings(max_examples=10)
@hypothesis.given(st.lists(st.tuples(WORDS, WORDS, st.sampled_from(["train", "test"])), min_size=1, max_size=6))
def test_any_text_comes_back(tmp_path_factory: pytest.TempPathFactory, said: list[tuple[str, str, str]]) -> None:
    folder = tmp_path_factory.mktemp("any")
    rows = releases.innocent(len(said), per_document=1)
    for row, (asked, chosen, split) in zip(rows, said, strict=True):
        releases.asked(row, asked)
        releases.said(row, "chosen", f"yes {chosen}")
        row |= {"split": split, "title": chosen, "rationale": asked, "tags": [asked]}
    release = write(folder / "release", rows, [vote(row, number) for number, row in enumerate(rows)])
    export_release(release, folder / "export")
    restore_release(folder / "export", folder / "back")
    assert tree(folder / "back") == tree(release)


@pytest.fixture
def built(tmp_path: Path, documents: Path) -> tuple[Address, Path, Path]:
    """A warehouse with a build, its recipe, and the export of its release."""
    there = resolve_address(str(tmp_path / "there"))
    recipe = builds.write_recipe(tmp_path)
    done = asyncio.run(builds.run(recipe, documents, there))
    assert done.landed
    export_release(there.root / done.landed.release.folder, tmp_path / "export")
    return there, recipe, tmp_path / "export"


async def test_a_release_goes_on_living_in_another_warehouse(
    tmp_path: Path,
    documents: Path,
    catalog: Address,
    built: tuple[Address, Path, Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    there, recipe, export = built
    (export / ".gitattributes").write_text(
        "*.parquet filter=lfs\n"
    )  # as a hub adds it, and somebody wrote into the card
    (export / "README.md").write_text("# Ours\n")
    ((row, is_new),) = await bring_back([export], catalog)
    assert is_new
    assert tree(catalog.root / row.folder) == tree(there.root / row.folder)
    assert set(builds.audits(catalog).values()) == {0}
    for table in ("prompts", "pairs", "signals"):
        ids = f"SELECT {table[:-1]}_id FROM {table} WHERE document_id IN (SELECT document_id FROM latest_pairs) ORDER BY 1"
        assert set(builds.ask(catalog, ids)) <= set(builds.ask(there, ids))
    assert builds.ask(catalog, "SELECT count(*) FROM latest_pairs") == builds.ask(
        there, "SELECT count(*) FROM latest_pairs"
    )
    assert [(each.release_id, new) for each, new in await bring_back([export], catalog)] == [(row.release_id, False)]
    builds.leave()

    # Built here as well, its rows are our own: nothing is twice, and the documents have their texts.
    done = await builds.run(recipe, documents, catalog)
    assert done.problem is None
    assert done.landed
    assert (done.landed.release.release_id, done.landed.is_new) == (row.release_id, False)
    assert set(builds.audits(catalog).values()) == {0}
    assert builds.ask(catalog, "SELECT count(*) FROM documents WHERE text = ''") == [(0,)]
    assert builds.ids(catalog) == builds.ids(there)


async def test_the_sides_of_a_release_that_was_brought_back_bind_later_builds(
    built: tuple[Address, Path, Path], lake: Address
) -> None:
    await bring_back([built[2]], lake)
    sides = """SELECT l.recipe, l.dealt, p.document_id, min(r.split) FROM releases l JOIN release_rows r USING (release)
        JOIN pairs p USING (pair_id) GROUP BY ALL ORDER BY ALL"""
    here = builds.ask(lake, sides)
    assert here == builds.ask(built[0], sides)
    builds.leave()
    with closing(Store.open(lake)) as store:
        assert await sides_so_far(store, *here[0][:2]) == {document: split for *_, document, split in here}


def test_a_release_that_was_brought_back_is_explained_and_asked(
    built: tuple[Address, Path, Path], lake: Address, capsys: pytest.CaptureFixture[str]
) -> None:
    place = ["-w", str(lake.root)]
    cli.app(["import", str(built[2]), *place, "--json"], standalone_mode=False)
    (said,) = json.loads(capsys.readouterr().out)
    assert said["new"]
    ((pair_id,),) = builds.ask(lake, "SELECT min(pair_id) FROM latest_pairs")
    builds.leave()
    for words in (["explain", pair_id], ["releases"], ["audit", said["release"]], ["sql", "FROM judge_consistency"]):
        cli.app([*words, *place], standalone_mode=False)
        assert capsys.readouterr().out


async def test_an_export_that_is_not_whole_is_refused(built: tuple[Address, Path, Path], lake: Address) -> None:
    export = built[2]
    shutil.rmtree(export / "provenance")
    with pytest.raises(SourceError, match="is damaged: `provenance/"):
        await bring_back([export], lake)
    export_release(
        built[0].root / "releases" / next((built[0].root / "releases").iterdir()).name, export.parent / "again"
    )
    file = next((export.parent / "again" / "conversational").iterdir())
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(SourceError, match="is damaged: `conversational/"):
        await bring_back([export.parent / "again"], lake)
    assert not (lake.root / "releases").exists() or not list((lake.root / "releases").iterdir())


async def test_a_name_that_is_taken_is_refused(tmp_path: Path, lake: Address) -> None:
    rows = rich(10)
    export_release(write(tmp_path / "release", rows, []), tmp_path / "first")
    await bring_back([tmp_path / "first"], lake)
    another = FACTS | {"release_id": "rel_1"}
    pairs = pa.Table.from_pylist(rows[:5], schema=release_schema()).to_batches()
    write_release(tmp_path / "other", pairs, another)
    export_release(tmp_path / "other", tmp_path / "second")
    with pytest.raises(RequestError, match="there is a release 'planted' already and its content differs"):
        await bring_back([tmp_path / "second"], lake)
    assert exports_among([str(tmp_path / "second")])
    with pytest.raises(RequestError, match="is brought back by itself"):
        exports_among([str(tmp_path / "second"), str(tmp_path / "rows.jsonl")])
