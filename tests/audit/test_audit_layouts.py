"""Labelled data in the shape in which each set is published; the content is ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from published import BAD, GOOD, PUBLISHED, SAID, UNSAID, USER

from pipeline.preferences.items import LabelledItem, read_item
from pipeline.preferences.layouts import LAYOUTS, read_labelled
from pipeline.preferences.source import labelled_items
from schemas.errors import SourceError, Unanswerable


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Rows as JSON lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def items(path: Path | str, layout: str | None = None) -> list[LabelledItem]:
    """All items of a place, none of whose rows may be bad."""
    found = list(read_labelled(str(path), layout))
    assert [read.problem for read in found if read.item is None] == []
    return [read.item for read in found if read.item is not None]


def better(item: LabelledItem) -> str | None:
    """The text of the answer that the first overall label prefers."""
    label = next(label for label in item.labels if label.name is None)
    if label.vote in ("a", "b"):
        return item.answers[label.about[label.vote == "b"]].text
    return None


def test_every_layout_has_its_example() -> None:
    assert set(PUBLISHED) == set(LAYOUTS)


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_set_is_recognised_and_read_as_it_is_published(name: str, tmp_path: Path) -> None:
    found = items(write(tmp_path / "set.jsonl", PUBLISHED[name]))
    assert {item.dataset for item in found} == {name}
    for item in found:
        assert item.messages[-1]["role"] == "user"
        assert {GOOD, BAD} <= {answer.text for answer in item.answers}
        assert read_item(item.text) == item


@pytest.mark.parametrize(
    "name",
    ["rewardbench", "judgebench", "llmbar", "helpsteer2_preference", "helpsteer3", "hh", "plain_pair", "preference"],
)
def test_the_label_is_on_the_right_answer(name: str, tmp_path: Path) -> None:
    assert {better(item) for item in items(write(tmp_path / "set.jsonl", PUBLISHED[name]))} == {GOOD}


def test_what_a_set_says_of_its_items_is_kept(tmp_path: Path) -> None:
    (one,) = items(write(tmp_path / "a.jsonl", PUBLISHED["rewardbench"]))
    assert one.tags == ["category:hep-go", "item:7"]
    assert [answer.model for answer in one.answers] == ["m1", "m2"]
    (two,) = items(write(tmp_path / "b.jsonl", PUBLISHED["rewardbench2"]))
    assert [(label.about, label.score) for label in two.labels] == [
        ((0,), 1.0),
        ((1,), 1.0),
        ((2,), 0.0),
        ((3,), 0.0),
        ((4,), 0.0),
    ]
    assert (two.item, two.category, two.answers[4].model) == ("tied:3", "Ties", "m5")
    (three,) = items(write(tmp_path / "c.jsonl", PUBLISHED["rm_bench"]))
    assert [answer.style for answer in three.answers] == ["concise", "plain", "markdown"] * 2


def test_the_votes_of_people_are_all_kept(tmp_path: Path) -> None:
    (item,) = items(write(tmp_path / "a.jsonl", PUBLISHED["multipref"]))
    assert [(label.annotator, label.name, label.vote, label.strength) for label in item.labels] == [
        ("normal:w1", None, "a", 2.0), ("normal:w1", "helpful", "tie", 0.0), ("normal:w2", None, "b", 1.0),
        ("expert:e1", None, "a", 1.0), ("expert:e2", None, "tie", 0.0),
    ]  # fmt: skip
    (item,) = items(write(tmp_path / "b.jsonl", PUBLISHED["helpsteer2_preference"]))
    assert [(label.annotator, label.vote, label.strength) for label in item.labels] == [
        ("gold", "a", 2.0), ("annotator:0", "a", 3.0), ("annotator:2", "b", 1.0),
    ]  # fmt: skip
    (item,) = items(write(tmp_path / "c.jsonl", PUBLISHED["helpsteer3"]))
    assert [(label.annotator, label.vote) for label in item.labels] == [
        ("gold", "b"),
        ("annotator:0", "b"),
        ("annotator:1", "tie"),
    ]


def test_answers_that_are_rated_one_by_one_are_put_together(tmp_path: Path) -> None:
    found = items(write(tmp_path / "a.jsonl", PUBLISHED["helpsteer2"]))
    assert [len(item.answers) for item in found] == [2, 2]
    overall = [(label.about, label.score) for label in found[0].labels if label.name is None]
    assert overall == [((0,), 4.0), ((1,), 1.0)]


def test_hh_is_parted_at_the_last_assistant_in_common(tmp_path: Path) -> None:
    row = {
        "chosen": "\n\nHuman: Say it\n\nAssistant: Yes, I mill.\n\nHuman: Good\n\nAssistant: Thanks.",
        "rejected": "\n\nHuman: Say it\n\nAssistant: Yes, I do not.",
    }
    (item,) = items(write(tmp_path / "a.jsonl", [row]))
    assert item.messages == [{"role": "user", "content": "Say it"}]
    assert item.answers[1].text == "Yes, I do not."


def test_a_conversation_keeps_its_turns(tmp_path: Path) -> None:
    turns = [USER, {"role": "assistant", "content": "Hm."}, {"role": "user", "content": "Well?"}]
    row = {"prompt": "ignored", "chosen": [*turns, SAID], "rejected": [*turns, UNSAID]}
    (item,) = items(write(tmp_path / "a.jsonl", [row]))
    assert item.messages == turns


@pytest.mark.parametrize(
    ("label", "vote"), [("A", "a"), (2, "b"), (1.0, "a"), ("B>A", "b"), ("A=B", "tie"), (0, "tie"), ("model_b", "b")]
)
def test_a_plain_label_may_be_spelled_in_several_ways(label: Any, vote: str, tmp_path: Path) -> None:
    (item,) = items(write(tmp_path / "a.jsonl", [{**PUBLISHED["plain_pair"][0], "label": label}]))
    assert item.labels[0].vote == vote


BROKEN: list[tuple[str, dict[str, Any], str]] = [
    ("plain_pair", {"label": "perhaps"}, "the label is 'perhaps'"),
    ("plain_pair", {"label": True}, "the label is True"),
    ("plain_pair", {"response_b": " "}, "an answer is empty"),
    ("plain_pair", {"response_b": None}, "`response_b` holds NoneType"),
    ("helpsteer2_preference", {"preference_strength": -100}, "which prefers nothing"),
    ("rm_bench", {"chosen": [GOOD]}, "three styles"),
    ("multipref", {"normal_worker_annotations": [], "expert_worker_annotations": []}, "nobody has voted"),
    ("judgebench", {"question": None}, "neither a text nor a list"),
    ("preference", {"rejected": 5}, "neither a text nor a list"),
]


@pytest.mark.parametrize(("name", "change", "why"), BROKEN, ids=[f"{name} {why}" for name, _, why in BROKEN])
def test_a_bad_row_is_named_and_the_others_are_read(
    name: str, change: dict[str, Any], why: str, tmp_path: Path
) -> None:
    row = PUBLISHED[name][0]
    found = list(read_labelled(str(write(tmp_path / "a.jsonl", [row, {**row, **change}, row]))))
    assert [read.item is not None for read in found] == [True, False, True]
    problem = found[1].problem
    assert problem is not None
    assert problem.reason == "malformed_row"
    assert why in problem.detail


def test_a_line_that_is_no_json_is_a_bad_row(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", PUBLISHED["llmbar"])
    path.write_text(path.read_text() + "{oops\n", encoding="utf-8")
    assert [read.item is not None for read in read_labelled(str(path))] == [True, False]
    bad = list(labelled_items(str(path)))[1]
    with pytest.raises(Unanswerable, match="not JSON"):
        bad.read()


def test_an_unknown_layout_is_one_sentence_with_the_columns_and_the_layouts(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [{"question": "q", "winner": "x"}])
    with pytest.raises(SourceError, match=r"columns are question, winner; known are multipref") as problem:
        read_labelled(str(path))
    assert all(name in str(problem.value) for name in LAYOUTS)
    with pytest.raises(SourceError, match="did you mean `llmbar`"):
        read_labelled(str(path), "lmbar")


@pytest.mark.parametrize(
    ("place", "why"),
    [("no/such", "on the hub it is hf:no/such"), ("", "does not exist"), ("hf:name", "write hf:org/name")],
)
def test_a_place_that_is_not_there_is_one_sentence(
    place: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError, match=why):
        read_labelled(place)


def test_the_same_rows_in_json_parquet_and_a_folder(tmp_path: Path) -> None:
    rows = PUBLISHED["rewardbench"]
    (tmp_path / "a.json").write_text(json.dumps(rows), encoding="utf-8")
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    (tmp_path / "columns.json").write_text(json.dumps({**columns, "note": "same for all"}), encoding="utf-8")
    pa.parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    wanted = items(write(tmp_path / "a.jsonl", rows))
    for name in ("a.json", "columns.json", "a.parquet"):
        assert items(tmp_path / name) == wanted, name
    with pytest.raises(SourceError, match="labelled data is a"):
        items(write(tmp_path / "a.txt", rows))


def test_a_folder_names_the_categories_and_recorded_outputs_in_it_are_passed_over(tmp_path: Path) -> None:
    for name in ("Natural", "Adversarial/Neighbor"):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        (folder / "dataset.json").write_text(json.dumps(PUBLISHED["llmbar"]), encoding="utf-8")
        (folder / "evaluators").mkdir()
        (folder / "evaluators" / "result.json").write_text(json.dumps(PUBLISHED["llmbar"]), encoding="utf-8")
    assert [item.category for item in items(tmp_path)] == ["Adversarial/Neighbor", "Natural"]


def test_a_dataset_by_hub_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("datasets")
    write(tmp_path / "org" / "name" / "train.jsonl", PUBLISHED["plain_pair"])
    write(tmp_path / "org" / "name" / "test.jsonl", [{**PUBLISHED["plain_pair"][0], "id": "t"}])
    write(tmp_path / "org" / "one" / "test.jsonl", PUBLISHED["rewardbench2"])
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)  # `datasets` takes a folder of this name for the dataset
    assert [item.item for item in items("hf:org/name@test")] == ["t"]
    assert [read.uri for read in read_labelled("hf:org/name:default@train")] == ["hf:org/name:default@train#row=0"]
    assert [item.category for item in items("hf:org/one")] == ["Ties"]
    with pytest.raises(SourceError, match=r"has several splits: .*name one with @"):
        read_labelled("hf:org/name")
    with pytest.raises(SourceError, match="no split 'tset'; did you mean `test`"):
        read_labelled("hf:org/name@tset")


def test_a_larger_limit_takes_the_same_items_and_others(tmp_path: Path) -> None:
    rows = [{**PUBLISHED["plain_pair"][0], "prompt": f"Question {number}?"} for number in range(300)]
    path = write(tmp_path / "a.jsonl", [*rows, {**rows[0], "label": "?"}, rows[3]])
    taken = {limit: [item.item_id for item in labelled_items(str(path), limit=limit)] for limit in (5, 20, 400)}
    assert [len(taken[limit]) for limit in (5, 20, 400)] == [
        6,
        21,
        301,
    ]  # the bad row is always told, one is there twice
    assert set(taken[5]) < set(taken[20]) < set(taken[400])
    assert len(list(labelled_items(str(path)))) == 302
