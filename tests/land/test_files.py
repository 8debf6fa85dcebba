"""The files of a release: the same bytes everywhere, whole or not there, and any change of them seen."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.land.columns import MEANINGS, release_schema
from pipeline.land.files import PAIRS, VOTES, read_release, verify_release, write_release
from pipeline.land.manifest import MANIFEST, Damage, Facts
from pipeline.land.parquet import GROUP_ROWS
from schemas.errors import BuildError, RequestError, WarehouseError

from .conftest import Start
from .rows import RECIPE, SIZES, as_stored, hash_tree, make_batches, make_facts, make_release, make_rows
from .worker import DEAD


def test_written_rows_come_back_with_counts_and_facts(tmp_path: Path) -> None:
    rows = make_rows(300)
    manifest = write_release(tmp_path / "r", make_batches(rows), make_facts())
    assert pq.read_table(tmp_path / "r" / PAIRS).to_pylist() == as_stored(rows)
    assert (tmp_path / "r" / "recipe.yaml").read_text("utf-8") == RECIPE
    assert (manifest.rows, manifest.documents, manifest.rehearsal_rows) == (300, 60, 0)
    assert manifest.splits == {name: sum(row["split"] == name for row in rows) for name in SIZES}
    assert manifest.licences == {"CC-BY-4.0": 300}
    assert [(a.model, a.role, a.chosen, a.rejected) for a in manifest.authors] == [
        ("Qwen/Qwen3-0.6B", "student", 0, 300), ("Qwen/Qwen3-32B", "gold", 300, 0),
    ]  # fmt: skip
    longer = sum(len(row["chosen"][0]["content"]) > len(row["rejected"][0]["content"]) for row in rows)
    assert manifest.longer_chosen_rows == longer
    assert (manifest.recipe, manifest.paper, manifest.snapshot_id) == ("quickstart", "arXiv 2311.10614", 7)
    assert read_release(tmp_path / "r") == manifest
    assert verify_release(tmp_path / "r") == []


def test_schema_is_the_agreed_one() -> None:
    schema = release_schema()
    assert schema.names == list(MEANINGS)
    assert "margin" not in schema.names
    assert pa.types.is_list(schema.field("prompt").type)
    assert schema.field("prompt").type == schema.field("chosen").type == schema.field("rejected").type
    assert [schema.field(name).type for name in ("score_gap", "rehearsal")] == [pa.float64(), pa.bool_()]


def test_bytes_are_the_same_in_any_process_and_from_any_batches(tmp_path: Path, start: Start) -> None:
    make_release(tmp_path / "here", 300)
    orders: list[tuple[int, int]] = [(0, 1), (1, 7), (12345, 299)]
    workers = [start(seed, release=tmp_path / f"r{seed}", batch=batch) for seed, batch in orders]
    assert [worker.wait() for worker in workers] == [0, 0, 0]
    for seed, _ in orders:
        assert hash_tree(tmp_path / f"r{seed}") == hash_tree(tmp_path / "here")


def test_row_groups_do_not_depend_on_batches(tmp_path: Path) -> None:
    rows = make_rows(GROUP_ROWS + 250)
    for size in (977, 5000):
        write_release(tmp_path / str(size), make_batches(rows, size), make_facts())
    assert hash_tree(tmp_path / "977") == hash_tree(tmp_path / "5000")
    metadata = pq.ParquetFile(tmp_path / "977" / PAIRS).metadata
    assert [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)] == [GROUP_ROWS, 250]


def test_long_texts_make_small_row_groups(tmp_path: Path) -> None:
    rows = make_rows(500, evidence="x" * 200_000)
    write_release(tmp_path / "r", make_batches(rows), make_facts())
    metadata = pq.ParquetFile(tmp_path / "r" / PAIRS).metadata
    assert [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)] == [159] * 3 + [23]


@pytest.mark.parametrize("kind", [pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())])
def test_other_kinds_of_text_give_the_same_bytes(tmp_path: Path, kind: pa.DataType) -> None:
    table = pa.Table.from_batches(make_batches(make_rows(50)))
    index = table.schema.get_field_index("rule")
    other = table.set_column(index, "rule", table["rule"].cast(kind)).append_column("extra", table["rule"])
    write_release(tmp_path / "plain", table.to_batches(), make_facts())
    write_release(tmp_path / "other", other.to_batches(), make_facts())
    assert hash_tree(tmp_path / "plain") == hash_tree(tmp_path / "other")


def test_writing_again_changes_nothing(tmp_path: Path) -> None:
    first = make_release(tmp_path / "r")
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "r").iterdir()}
    assert make_release(tmp_path / "r", batch=13) == first
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "r").iterdir()} == times
    assert list(tmp_path.iterdir()) == [tmp_path / "r"]


def test_a_later_version_of_the_code_finds_the_release_complete(tmp_path: Path) -> None:
    first = make_release(tmp_path / "r")
    assert make_release(tmp_path / "r", code_version="0.2.0") == first


@pytest.mark.parametrize(
    ("count", "facts", "field"),
    [(299, {}, "rows"), (300, {"release_id": "rel_x"}, "release_id"), (300, {"recipe_text": "recipe: b"}, "recipe")],
)
def test_other_content_under_the_same_name_is_refused(
    tmp_path: Path, count: int, facts: dict[str, Any], field: str
) -> None:
    make_release(tmp_path / "r")
    before = hash_tree(tmp_path)
    with pytest.raises(BuildError, match=f"other content.*`{field}` differs"):
        make_release(tmp_path / "r", count, **facts)
    assert hash_tree(tmp_path) == before


def test_what_was_revoked_is_written_only_where_something_was(tmp_path: Path) -> None:
    """A release from before revocations has no word of them in its manifest, and its seal holds."""
    plain = make_release(tmp_path / "plain", 5)
    assert "revoked" not in json.loads((tmp_path / "plain" / MANIFEST).read_text())
    assert read_release(tmp_path / "plain") == plain
    revoked = [{"revocation_id": "rev_1", "kind": "licence", "value": "MIT", "documents": 2}]
    told = make_release(tmp_path / "told", 5, revoked=revoked)
    assert json.loads((tmp_path / "told" / MANIFEST).read_text())["revoked"] == revoked
    assert read_release(tmp_path / "told") == told
    with pytest.raises(BuildError, match="`revoked` differs"):
        make_release(tmp_path / "plain", 5, revoked=revoked)
    with pytest.raises(BuildError, match="`revoked` differs"):
        make_release(tmp_path / "told", 5)


def test_damaged_release_is_not_taken_for_complete(tmp_path: Path) -> None:
    make_release(tmp_path / "r")
    (tmp_path / "r" / PAIRS).write_bytes(b"")
    with pytest.raises(BuildError, match=r"damaged: `pairs\.parquet` has 0 bytes"):
        make_release(tmp_path / "r")


@pytest.mark.parametrize("name", [PAIRS, "recipe.yaml", MANIFEST])
def test_any_flipped_byte_is_seen(tmp_path: Path, name: str) -> None:
    make_release(tmp_path / "r", 20)
    path = tmp_path / "r" / name
    content = path.read_bytes()
    for place in sorted({0, len(content) - 1, *range(0, len(content), max(1, len(content) // 40))}):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        assert verify_release(tmp_path / "r") == [Damage(name, "has other content than was written")], place
    path.write_bytes(content)
    assert verify_release(tmp_path / "r") == []


def test_manifest_with_the_same_content_in_other_bytes_is_seen(tmp_path: Path) -> None:
    make_release(tmp_path / "r", 20)
    path = tmp_path / "r" / MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")), indent=1))
    assert verify_release(tmp_path / "r") == [Damage(MANIFEST, "has other content than was written")]


def test_missing_and_foreign_files_are_named(tmp_path: Path) -> None:
    make_release(tmp_path / "r")
    (tmp_path / "r" / "notes.txt").write_text("mine")
    (tmp_path / "r" / "recipe.yaml").unlink()
    assert verify_release(tmp_path / "r") == [
        Damage("recipe.yaml", "is missing"), Damage("notes.txt", "was not written by prefmill"),
    ]  # fmt: skip
    (tmp_path / "r" / MANIFEST).unlink()
    assert verify_release(tmp_path / "r") == [Damage(MANIFEST, "is missing")]
    with pytest.raises(WarehouseError, match="holds no release"):
        read_release(tmp_path / "r")


def _text(role: str, content: str | None) -> list[dict[str, str | None]]:
    return [{"role": role, "content": content}]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        (dict.fromkeys(["chosen", "rejected"], _text("assistant", "same")), "has chosen equal to rejected"),
        ({"chosen": _text("assistant", " \n\u3000")}, "has an empty `chosen`"),
        ({"rejected": _text("assistant", "")}, "has an empty `rejected`"),
        ({"rejected": _text("assistant", None)}, "has an empty `rejected`"),
        ({"rejected": []}, "has a `rejected` of another length"),
        ({"chosen": _text("user", "x") + _text("assistant", "y")}, "has a `chosen` of another length"),
        ({"chosen": _text("user", "x")}, "has a `chosen` that is no assistant message"),
        ({"prompt": []}, "has a `prompt` of another length"),
        ({"prompt": None}, "has no `prompt`"),
        ({"prompt": _text("user", "")}, "has an empty `prompt`"),
        ({"split": "dev"}, "is in none of the splits"),
        ({"score_gap": 0.0}, "has a `score_gap` that is not above 0"),
        ({"score_gap": float("nan")}, "has a `score_gap` that is not above 0"),
        ({"confidence": None}, "has no `confidence`"),
        ({"pair_id": "par_00000000"}, "is not sorted by `pair_id`, or is there twice"),
        ({"pair_id": "par_00000016"}, "is not sorted by `pair_id`, or is there twice"),
    ],
)
@pytest.mark.parametrize("batch", [1, 1000])
def test_pair_that_must_not_be_is_named(tmp_path: Path, changes: dict[str, Any], complaint: str, batch: int) -> None:
    rows = make_rows(30)
    rows[17] |= changes
    with pytest.raises(BuildError) as error:
        write_release(tmp_path / "r", make_batches(rows, batch), make_facts())
    assert f"the pair {rows[17]['pair_id']!r} {complaint}" in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_document_on_two_sides_is_refused(tmp_path: Path) -> None:
    rows = make_rows(30, split="train")
    rows[17]["split"] = "test"
    with pytest.raises(BuildError, match="the document 'doc_000003' is in the splits 'train' and 'test'"):
        write_release(tmp_path / "r", make_batches(rows, 3), make_facts())


def test_name_that_cannot_be_a_folder_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"'a/\.\./b' cannot name a release"):
        make_release(tmp_path / "r", release="a/../b")


def test_missing_column_is_named(tmp_path: Path) -> None:
    batches = pa.Table.from_batches(make_batches(make_rows(3))).drop_columns("uri").to_batches()
    with pytest.raises(BuildError, match="no column `uri`"):
        write_release(tmp_path / "r", batches, make_facts())


def test_release_without_rows_is_a_release(tmp_path: Path) -> None:
    manifest = make_release(tmp_path / "r", 0)
    assert (manifest.rows, manifest.splits) == (0, {})
    assert pq.read_table(tmp_path / "r" / PAIRS).schema.equals(release_schema())


def test_figures_that_were_not_measured_are_left_out() -> None:
    facts = Facts.model_validate(make_facts(figures={"a": float("nan"), "b": None, "c": 1.0}))
    assert facts.figures == {"c": 1.0}


def test_failing_query_leaves_nothing(tmp_path: Path) -> None:
    def break_off() -> Iterator[pa.RecordBatch]:
        yield from make_batches(make_rows(100), 50)
        raise RuntimeError("the query broke")

    with pytest.raises(RuntimeError, match="the query broke"):
        write_release(tmp_path / "r", break_off(), make_facts())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("call", ["fsync", "rename", "mkdir"])
def test_killed_anywhere_leaves_all_or_nothing_and_the_next_one_cleans_up(
    tmp_path: Path, start: Start, call: str
) -> None:
    make_release(tmp_path / "whole")
    expected = hash_tree(tmp_path / "whole")
    for number, when in _until_alive(lambda die: start(release=tmp_path / "k" / "r", die=[call, *die]).wait()):
        target = tmp_path / "k" / "r"
        assert not target.exists() or hash_tree(target) == expected, (number, when)
        make_release(target)
        assert hash_tree(tmp_path / "k") == {f"r/{name}": digest for name, digest in expected.items()}, (number, when)
        for path in target.iterdir():
            path.unlink()
        target.rmdir()


def _until_alive(run: Callable[[list[Any]], int]) -> Iterator[tuple[int, str]]:
    """Kill a worker at its first call, its second, and so on, until one lives to the end; at least one must die."""
    number = 1
    while (code := run([number, "after"])) == DEAD:
        yield number, "after"
        number += 1
    assert code == 0
    assert number > 1


def test_full_disk_leaves_nothing_and_says_so(tmp_path: Path, start: Start) -> None:
    for limit in (0, 100, 10_000):
        worker = start(release=tmp_path / "r", bytes=limit)
        _, errors = worker.communicate()
        assert worker.returncode == 1
        assert errors.startswith("BuildError: no space is left to write"), errors
        assert len(errors.splitlines()) == 1
        assert list(tmp_path.iterdir()) == []


def test_writers_at_the_same_time_agree(tmp_path: Path, start: Start) -> None:
    workers = [start(seed, release=tmp_path / "r", batch=batch) for seed, batch in enumerate([1, 17, 300])]
    assert [worker.wait() for worker in workers] == [0, 0, 0]
    assert [path.name for path in tmp_path.iterdir()] == ["r"]
    assert verify_release(tmp_path / "r") == []


def test_folder_that_cannot_be_written_is_told_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for target in (tmp_path / "file", tmp_path / "file" / "r", Path("/proc/r")):
        with pytest.raises(RequestError) as error:
            make_release(target)
        assert repr(str(target)) in str(error.value)


def test_manifest_is_canonical_json_without_a_clock(tmp_path: Path) -> None:
    make_release(tmp_path / "r")
    text = (tmp_path / "r" / MANIFEST).read_text("utf-8")
    content = json.loads(text)
    assert text == json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"
    assert set(content["files"]) == {PAIRS, VOTES, "recipe.yaml"}
    assert all(len(fact["sha256"]) == 64 and fact["bytes"] for fact in content["files"].values())
    assert not [name for name in content if "time" in name or "date" in name]
