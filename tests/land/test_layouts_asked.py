"""What is asked of an export: which layouts, in which format; and what trainers' own code makes of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.land.columns import CONVERSATIONS, message_type, release_schema, votes_schema
from pipeline.land.export import export_release
from pipeline.land.files import PAIRS, VOTES, write_release
from pipeline.land.layouts import LAYOUTS
from pipeline.land.manifest import MANIFEST, ExportManifest, Manifest, hash_file, seal, unseal
from pipeline.land.turns import conform
from schemas.errors import RequestError

from .readings import plain_rows, tool_rows
from .rows import hash_tree, make_batches, make_facts, make_release, make_rows


@pytest.fixture
def release(tmp_path: Path) -> Path:
    make_release(tmp_path / "release", 60)
    return tmp_path / "release"


def folders(export: Path) -> list[str]:
    return sorted(path.name for path in export.iterdir() if path.name in LAYOUTS)


def test_only_the_layouts_that_were_asked_for_are_there(release: Path, tmp_path: Path) -> None:
    export_release(release, tmp_path / "all")
    export_release(release, tmp_path / "two", layouts=["unpaired", "standard", "standard"])
    assert folders(tmp_path / "two") == ["standard", "unpaired"]
    for name in ("standard", "unpaired"):
        assert hash_tree(tmp_path / "two" / name) == hash_tree(tmp_path / "all" / name)
    assert unseal(ExportManifest, tmp_path / "two").asked == ("standard", "unpaired")
    head = (tmp_path / "two" / "README.md").read_text("utf-8").split("---\n")[1]
    assert head.index("config_name: standard\n  default: true") < head.index("config_name: unpaired")


@pytest.mark.parametrize(
    ("layouts", "sentence"),
    [
        (["standart"], "there is no layout 'standart'; did you mean `standard`?"),
        (["xyz"], "there is no layout 'xyz'; there is: chain_of_hindsight, "),
        (["tool_trace"], "nothing for the layout `tool_trace`: 60 of 60 call no tools; leave it out"),
        (["implicit", "conditioned"], "`conditioned`: 60 of 60 hold under no condition"),
        (["votes"], "`votes`: it holds no votes"),
    ],
)
def test_a_layout_that_cannot_be_is_refused(release: Path, tmp_path: Path, layouts: list[str], sentence: str) -> None:
    with pytest.raises(RequestError) as error:
        export_release(release, tmp_path / "e", layouts=layouts)
    assert sentence in str(error.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["release"]


def test_an_export_in_other_layouts_is_replaced_only_on_demand(release: Path, tmp_path: Path) -> None:
    export_release(release, tmp_path / "e", layouts=["implicit"])
    before = hash_tree(tmp_path / "e")
    for other in ({}, {"layouts": ["standard"]}, {"layouts": ["implicit"], "jsonl": True}):
        with pytest.raises(
            RequestError, match="in the layouts implicit as Parquet; overwrite it or name another folder"
        ):
            export_release(release, tmp_path / "e", **other)
        assert hash_tree(tmp_path / "e") == before
    export_release(release, tmp_path / "e", layouts=["implicit"])
    export_release(release, tmp_path / "e", overwrite=True, jsonl=True)
    export_release(release, tmp_path / "fresh", jsonl=True)
    assert hash_tree(tmp_path / "e") == hash_tree(tmp_path / "fresh")


@pytest.mark.parametrize("rows", [plain_rows(), tool_rows()], ids=["plain", "tools"])
def test_lines_of_json_are_the_rows_of_parquet(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    write_release(tmp_path / "r", make_batches(rows), make_facts())
    export_release(tmp_path / "r", tmp_path / "p")
    export_release(tmp_path / "r", tmp_path / "j", jsonl=True)
    assert folders(tmp_path / "p") == folders(tmp_path / "j")
    for path in (tmp_path / "p").glob("*/*.parquet"):
        lines = (tmp_path / "j" / path.parent.name / f"{path.stem}.jsonl").read_text("utf-8").split("\n")
        assert [json.loads(line) for line in lines[:-1]] == pq.read_table(path).to_pylist()
        assert lines[-1] == ""
    assert "path: conversational/train.jsonl" in (tmp_path / "j" / "README.md").read_text("utf-8")


@pytest.mark.parametrize("jsonl", [False, True])
def test_the_number_of_threads_leaves_no_trace(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jsonl: bool
) -> None:
    for count in (1, 16):
        monkeypatch.setattr("os.cpu_count", lambda count=count: count)
        export_release(release, tmp_path / str(count), jsonl=jsonl)
    assert hash_tree(tmp_path / "1") == hash_tree(tmp_path / "16")


def test_votes_are_dealt_out_with_their_pairs(tmp_path: Path) -> None:
    rows = make_rows(30)
    votes = [
        dict.fromkeys(votes_schema().names)
        | {
            "signal_id": f"sig_{at}",
            "split": row["split"],
            "prompt_id": row["prompt_id"],
            "name": "helpful",
            "vote": "a",
        }
        | {"response_ids": [row["chosen_id"], row["rejected_id"]], "evaluator": "m", "draw": 0, "abstained": False}
        for at, row in enumerate(rows)
    ]
    batch = pa.RecordBatch.from_pylist(votes, schema=votes_schema())
    write_release(tmp_path / "r", make_batches(rows), make_facts(), votes=[batch])
    export_release(tmp_path / "r", tmp_path / "e", layouts=["votes", "conversational"])
    for path in (tmp_path / "e" / "votes").iterdir():
        expected = [
            {name: vote[name] for name in vote if name != "split"} for vote in votes if vote["split"] == path.stem
        ]
        assert pq.read_table(path).to_pylist() == expected
    counts = unseal(ExportManifest, tmp_path / "e").layouts
    assert counts["votes"].splits == counts["conversational"].splits


def test_a_release_of_an_earlier_prefmill_is_exported_with_what_it_has(release: Path, tmp_path: Path) -> None:
    """It has no votes, none of the later columns, and messages of role and content alone."""
    today, messages = release_schema(), pa.list_(message_type(tools=False))
    names = today.names[: today.get_field_index("rehearsal") + 1]
    narrow = dict.fromkeys(CONVERSATIONS, messages) | {"also_chosen": pa.list_(messages)}
    old = pa.schema([(name, narrow.get(name, today.field(name).type)) for name in names])
    export_release(release, tmp_path / "new")
    pq.write_table(conform(pq.read_table(release / PAIRS), old), release / PAIRS)
    (release / VOTES).unlink()
    files = {name: hash_file(release / name) for name in (PAIRS, "recipe.yaml")}
    manifest = unseal(Manifest, release).model_copy(update={"files": files, "languages": {}})
    (release / MANIFEST).write_text(seal(manifest), "utf-8")
    export_release(release, tmp_path / "old")
    assert folders(tmp_path / "old") == folders(tmp_path / "new")
    for name in folders(tmp_path / "old"):
        assert hash_tree(tmp_path / "old" / name) == hash_tree(tmp_path / "new" / name), name


@pytest.mark.slow
@pytest.mark.parametrize("rows", [plain_rows(), tool_rows()], ids=["plain", "tools"])
def test_trl_makes_the_same_of_the_first_layout(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    """Its own unpairing gives `unpaired`, and its prompt extraction undoes `implicit`."""
    utils = pytest.importorskip("trl.data_utils")
    datasets = pytest.importorskip("datasets")
    write_release(tmp_path / "r", make_batches(rows), make_facts())
    export_release(tmp_path / "r", tmp_path / "e", layouts=["conversational", "implicit", "unpaired"])

    def load(name: str) -> Any:
        return datasets.Dataset(pq.read_table(tmp_path / "e" / name / "train.parquet"))

    first, unpaired = load("conversational"), load("unpaired")
    theirs = utils.unpair_preference_dataset(first.select_columns([
        *(name for name in unpaired.column_names if name not in ("completion", "label")), "chosen", "rejected",
    ]))  # fmt: skip

    def by_pair(row: dict[str, Any]) -> tuple[str, bool]:
        return row["pair_id"], not row["label"]

    assert sorted(theirs.to_list(), key=by_pair) == sorted(unpaired.to_list(), key=by_pair)
    assert [row["pair_id"] for row in unpaired][::2] == [row["pair_id"] for row in first]
    for row, whole in zip(first.to_list(), load("implicit").to_list(), strict=True):
        assert utils.extract_prompt(whole) == {name: row[name] for name in ("prompt", "chosen", "rejected")}


def test_datasets_reads_every_layout_by_its_name(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    write_release(tmp_path / "r", make_batches(tool_rows()), make_facts())
    export_release(tmp_path / "r", tmp_path / "e")
    assert set(folders(tmp_path / "e")) == set(LAYOUTS) - {"votes"}
    for name in folders(tmp_path / "e"):
        loaded = datasets.load_dataset(str(tmp_path / "e"), name, cache_dir=str(tmp_path / "cache"))
        for split, rows in loaded.items():
            assert rows.to_list() == pq.read_table(tmp_path / "e" / name / f"{split}.parquet").to_pylist()
