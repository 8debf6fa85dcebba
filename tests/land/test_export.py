"""Exports: what trainers read, the same bytes everywhere, and never a mix of two exports in one folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.land.columns import CONVERSATIONS, check_rows, export_schema
from pipeline.land.export import export_release
from pipeline.land.files import PAIRS, write_release
from pipeline.land.manifest import ExportManifest, find_damage, hash_file, unseal
from pipeline.land.turns import conform
from schemas.errors import BuildError, RequestError, WarehouseError

from .conftest import Start
from .rows import RECIPE, hash_tree, make_batches, make_facts, make_release, make_rows
from .worker import DEAD

# Names that one of the trainers of shared/quality.md, section 1.2, reads when it is there.
TAKEN_BY_TRAINERS = {
    "margin", "messages", "completion", "completions", "label", "tools", "images", "image", "chat_template_kwargs",
    "system", "history", "context", "kto_tag", "input", "instruction", "ref_chosen_logps", "ref_rejected_logps",
}  # fmt: skip

LOAD = """
import json, sys
from datasets import load_dataset
pairs = load_dataset(sys.argv[1], *sys.argv[3:], cache_dir=sys.argv[2])
print(json.dumps({name: [split.column_names, split.to_list()] for name, split in pairs.items()}))
"""


@pytest.fixture
def release(tmp_path: Path) -> Path:
    make_release(tmp_path / "release")
    return tmp_path / "release"


@pytest.fixture
def other(tmp_path: Path) -> Path:
    make_release(tmp_path / "other", 250, release="other-2", release_id="rel_other")
    return tmp_path / "other"


def test_export_has_every_pair_in_the_file_of_its_split(release: Path, tmp_path: Path) -> None:
    files = export_release(release, tmp_path / "e")
    assert sorted(hash_tree(tmp_path / "e")) == [path.relative_to(tmp_path / "e").as_posix() for path in files]
    rows = conform(pq.read_table(release / PAIRS), pa.schema([*export_schema(), ("split", pa.string())])).to_pylist()
    for name in ("train", "validation", "test"):
        table = pq.read_table(tmp_path / "e" / "conversational" / f"{name}.parquet")
        assert table.schema.equals(export_schema())
        expected = [{key: row[key] for key in export_schema().names} for row in rows if row["split"] == name]
        assert table.to_pylist() == expected
    assert (tmp_path / "e" / "recipe.yaml").read_text("utf-8") == RECIPE


def test_no_column_is_one_that_a_trainer_takes_for_something_else() -> None:
    names = export_schema().names
    assert tuple(names[:3]) == CONVERSATIONS
    assert not TAKEN_BY_TRAINERS & set(names)
    assert {"score_gap", "p_chosen", "confidence", "rule", "pair_id", "uri", "licence"} <= set(names)


def test_split_without_rows_has_no_file(tmp_path: Path) -> None:
    write_release(tmp_path / "r", make_batches(make_rows(10, split="test")), make_facts())
    export_release(tmp_path / "r", tmp_path / "e")
    assert [path.name for path in (tmp_path / "e" / "conversational").iterdir()] == ["test.parquet"]
    assert "split: train" not in (tmp_path / "e" / "README.md").read_text("utf-8")


def test_manifest_hashes_every_file_and_holds_that_of_the_release(release: Path, tmp_path: Path) -> None:
    export_release(release, tmp_path / "e")
    manifest = unseal(ExportManifest, tmp_path / "e")
    assert set(manifest.files) == set(hash_tree(tmp_path / "e")) - {"manifest.json"}
    assert not find_damage(tmp_path / "e", manifest.files)
    assert manifest.release.release_id == "rel_0123456789"
    assert manifest.release.files[PAIRS] == hash_file(release / PAIRS)


def test_bytes_are_the_same_in_any_process_at_any_time(release: Path, tmp_path: Path, start: Start) -> None:
    workers = [start(seed, release=release, export=tmp_path / f"e{seed}") for seed in (0, 1, 4242)]
    assert [worker.wait() for worker in workers] == [0, 0, 0]
    moved = release.rename(tmp_path / "moved")
    os.utime(moved / PAIRS, (0, 0))
    export_release(moved, tmp_path / "e")
    for seed in (0, 1, 4242):
        assert hash_tree(tmp_path / f"e{seed}") == hash_tree(tmp_path / "e")


@pytest.mark.parametrize("config", [[], ["conversational"]])
def test_datasets_loads_the_folder_offline(release: Path, tmp_path: Path, config: list[str]) -> None:
    pytest.importorskip("datasets")
    export_release(release, tmp_path / "e")
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-c", LOAD, str(tmp_path / "e"), str(tmp_path / "cache"), *config]
    output = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    pairs = json.loads(output)
    assert list(pairs) == ["train", "validation", "test"]
    for name, (columns, rows) in pairs.items():
        assert columns == export_schema().names
        assert rows == pq.read_table(tmp_path / "e" / "conversational" / f"{name}.parquet").to_pylist()


def test_exporting_again_changes_nothing(release: Path, tmp_path: Path) -> None:
    files = export_release(release, tmp_path / "e")
    times = [path.stat().st_mtime_ns for path in files]
    assert export_release(release, tmp_path / "e") == files
    assert [path.stat().st_mtime_ns for path in files] == times


def test_empty_folder_is_filled(release: Path, tmp_path: Path) -> None:
    (tmp_path / "e").mkdir()
    assert export_release(release, tmp_path / "e")


def test_link_to_a_folder_stays_a_link(release: Path, tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "e").symlink_to(tmp_path / "far")
    export_release(release, tmp_path / "e")
    assert (tmp_path / "e").is_symlink()
    assert (tmp_path / "far" / "README.md").exists()


def refuse(release: Path, target: Path, sentence: str, *, overwrite: bool = False) -> None:
    """The export is refused with a sentence, and nothing at or beside the target changes."""
    before = hash_tree(target.parent)
    with pytest.raises(RequestError) as error:
        export_release(release, target, overwrite=overwrite)
    assert sentence in str(error.value)
    assert hash_tree(target.parent) == before


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_prefmill_did_not_write_is_never_replaced(release: Path, tmp_path: Path, overwrite: bool) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.tex").write_text("years of work")
    refuse(release, tmp_path / "home", "is not empty and no export of prefmill", overwrite=overwrite)
    export_release(release, tmp_path / "e")
    (tmp_path / "e" / ".git").mkdir()
    (tmp_path / "e" / ".git" / "config").write_text("")
    refuse(release, tmp_path / "e", "holds `.git/config`, which prefmill did not write", overwrite=overwrite)
    refuse(release, release, "is not empty and no export of prefmill", overwrite=overwrite)


def test_export_of_another_release_is_replaced_only_on_demand(release: Path, other: Path, tmp_path: Path) -> None:
    export_release(release, tmp_path / "e")
    refuse(other, tmp_path / "e", "is an export of 'quickstart-1'; overwrite it")
    export_release(other, tmp_path / "e", overwrite=True)
    export_release(other, tmp_path / "fresh")
    assert hash_tree(tmp_path / "e") == hash_tree(tmp_path / "fresh")


def test_changed_export_is_replaced_only_on_demand(release: Path, tmp_path: Path) -> None:
    export_release(release, tmp_path / "e")
    before = hash_tree(tmp_path / "e")
    with (tmp_path / "e" / "README.md").open("a") as card:
        card.write("My own words.\n")
    refuse(release, tmp_path / "e", "`README.md` in")
    export_release(release, tmp_path / "e", overwrite=True)
    assert hash_tree(tmp_path / "e") == before


def test_card_of_an_earlier_prefmill_is_brought_up_to_date(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr("pipeline.land.export.render_card", lambda *_, **__: "---\n---\n")
        export_release(release, tmp_path / "e")
    export_release(release, tmp_path / "e")
    assert "# quickstart-1" in (tmp_path / "e" / "README.md").read_text("utf-8")


def test_place_that_cannot_be_replaced_is_refused(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    refuse(release, tmp_path / "file", "is a file")
    (tmp_path / "e").mkdir()
    monkeypatch.chdir(tmp_path / "e")
    refuse(release, Path(), "is the current folder")


def test_release_that_is_damaged_empty_or_missing_is_not_exported(release: Path, tmp_path: Path) -> None:
    with pytest.raises(WarehouseError, match="holds no release"):
        export_release(tmp_path / "nothing", tmp_path / "e")
    make_release(tmp_path / "empty", 0)
    with pytest.raises(RequestError, match="has no pairs"):
        export_release(tmp_path / "empty", tmp_path / "e")
    content = (release / PAIRS).read_bytes()
    (release / PAIRS).write_bytes(content[:-1] + b"?")
    with pytest.raises(BuildError, match=r"damaged: `pairs\.parquet` has other content"):
        export_release(release, tmp_path / "e")
    assert not (tmp_path / "e").exists()


def test_export_checks_the_pairs_itself(release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.land.files.check_rows", lambda rows, after: None)
    rows = make_rows(10)
    rows[3]["rejected"] = rows[3]["chosen"]
    write_release(tmp_path / "bad", make_batches(rows), make_facts())
    with pytest.raises(BuildError, match="the pair 'par_00000003' has chosen equal to rejected"):
        export_release(tmp_path / "bad", tmp_path / "e")
    assert not (tmp_path / "e").exists()


@pytest.mark.slow
@pytest.mark.parametrize("call", ["fsync", "rename"])
def test_killed_anywhere_leaves_all_or_nothing(release: Path, tmp_path: Path, start: Start, call: str) -> None:
    layouts = ["conversational"]  # every file is a moment to be killed at
    export_release(release, tmp_path / "whole", layouts=layouts)
    expected = hash_tree(tmp_path / "whole")
    target, number = tmp_path / "k" / "e", 1
    while start(release=release, export=target, layouts=layouts, die=[call, number, "after"]).wait() == DEAD:
        assert not target.exists() or hash_tree(target) == expected, number
        export_release(release, target, layouts=layouts)
        assert hash_tree(tmp_path / "k") == {f"e/{name}": digest for name, digest in expected.items()}, number
        target.rename(tmp_path / f"done{number}")
        number += 1
    assert number > 1


# Renames of a replacement: to the target (occupied, tried twice), the old one aside, to the target, the old one back.
@pytest.mark.parametrize(("number", "when"), [(1, "before"), (3, "before"), (3, "after"), (4, "after"), (5, "before")])
def test_killed_while_replacing_loses_neither_export(
    release: Path, other: Path, tmp_path: Path, start: Start, number: int, when: str
) -> None:
    target = tmp_path / "k" / "e"
    export_release(other, tmp_path / "new")
    export_release(release, target)
    old, new = hash_tree(target), hash_tree(tmp_path / "new")
    assert start(release=other, export=target, overwrite=True, die=["rename", number, when]).wait() == DEAD
    assert not target.exists() or hash_tree(target) == (new if number > 3 else old)
    export_release(release, target, overwrite=True)
    assert hash_tree(tmp_path / "k") == {f"e/{name}": digest for name, digest in old.items()}


def test_killed_between_the_renames_the_old_export_comes_back(
    release: Path, other: Path, tmp_path: Path, start: Start
) -> None:
    target = tmp_path / "k" / "e"
    export_release(release, target)
    old = hash_tree(target)
    start(release=other, export=target, overwrite=True, die=["rename", 3, "after"]).wait()
    assert not target.exists()
    with pytest.raises(RequestError, match="is an export of 'quickstart-1'"):
        export_release(other, target)
    assert hash_tree(tmp_path / "k") == {f"e/{name}": digest for name, digest in old.items()}


def test_full_disk_leaves_the_earlier_export_as_it_was(
    release: Path, other: Path, tmp_path: Path, start: Start
) -> None:
    target = tmp_path / "k" / "e"
    export_release(release, target)
    before = hash_tree(tmp_path / "k")
    for limit in (0, 3000, 8000):
        worker = start(release=other, export=target, overwrite=True, bytes=limit)
        _, errors = worker.communicate()
        assert errors.startswith("BuildError: no space is left to write"), errors
        assert hash_tree(tmp_path / "k") == before


def test_exports_at_the_same_time_leave_one_whole_export(
    release: Path, other: Path, tmp_path: Path, start: Start
) -> None:
    target = tmp_path / "k" / "e"
    workers = [start(release=release, export=target) for _ in range(3)]
    assert [worker.wait() for worker in workers] == [0, 0, 0]
    workers = [start(release=source, export=target, overwrite=True) for source in (release, other, release, other)]
    assert [worker.wait() for worker in workers] == [0, 0, 0, 0]
    manifest = unseal(ExportManifest, target)
    assert not find_damage(target, manifest.files)
    assert [path.name for path in (tmp_path / "k").iterdir()] == ["e"]


def test_every_exported_row_still_passes_the_checks(release: Path, tmp_path: Path) -> None:
    export_release(release, tmp_path / "e")
    for path in (tmp_path / "e" / "conversational").iterdir():
        table = pq.read_table(path)
        check_rows(table.append_column("split", [[path.stem] * table.num_rows]))
