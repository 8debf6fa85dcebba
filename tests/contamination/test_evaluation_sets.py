"""Evaluation sets from every kind of place: what is read of them, what tells them apart, and what is refused."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from pipeline.contamination.columns import texts_of
from pipeline.contamination.evaluations import EvaluationSet, labelled_item
from pipeline.contamination.runs import Item
from pipeline.preferences.items import LabelledItem
from schemas.errors import RequestError

ASKED, ANSWERED = "What grinds the corn in a mill?", "The runner stone grinds it."
ROWS = [{"id": 7, "question": ASKED, "answer": ANSWERED}, {"id": 8, "question": "Who dresses it?", "answer": "Nobody."}]
TEXTS = [(ASKED, ANSWERED), ("Who dresses it?", "Nobody.")]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    """The rows as JSON lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return path


def load(name: Any, folder: Path) -> EvaluationSet:
    """The one set of that name."""
    (found,) = EvaluationSet.load_all(name, folder)
    return found


@pytest.mark.parametrize(
    ("row", "texts"),
    [
        ({"question": ASKED, "Answer": ANSWERED, "id": "a b c", "subject": "mills"}, (ASKED, ANSWERED)),
        ({"question": ASKED, "choices": ["stone", "wind"], "answer": 0}, (ASKED, "stone", "wind")),
        ({"question": ASKED, "choices": {"text": ["stone", "wind"], "label": ["A", "B"]}}, (ASKED, "stone", "wind")),
        ({"input": ASKED, "output_1": "x", "output_2": "y", "label": 1}, (ASKED, "x", "y")),
        ({"question": ASKED, "response_A": "x", "response_B": "y", "source": "s"}, (ASKED, "x", "y")),
        ({"goal": ASKED, "sol1": "x", "sol2": "y"}, (ASKED, "x", "y")),
        (
            {"messages": [{"role": "system", "content": "Be good."}, {"role": "user", "content": ASKED}]},
            (ASKED,),
        ),
        ({"conversations": [{"from": "human", "value": ASKED}, {"from": "gpt", "value": ANSWERED}]}, (ASKED, ANSWERED)),
        ({"context": [{"role": "user", "content": ASKED}], "response1": ANSWERED}, (ASKED, ANSWERED)),
        ({"context": "A long passage.", "question": ASKED}, (ASKED,)),
        ({"prompt": ASKED, "chosen": [{"role": "user", "content": ASKED}, {"role": "assistant", "content": "x"}]}, (ASKED, "x")),
        ({"prompt": ASKED, "chosen": ["x", " "], "rejected": None}, (ASKED, "x")),
        ({"subject": "mills", "answer": 3}, ()),
    ],
)
def test_the_texts_of_a_row_are_known_by_their_columns(row: dict[str, Any], texts: tuple[str, ...]) -> None:
    assert texts_of(row) == texts


def test_named_columns_are_read_and_no_others() -> None:
    assert texts_of({"question": ASKED, "context": "A passage."}, ["context"]) == ("A passage.",)


def test_every_kind_of_file_holds_the_same_set(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", ROWS)
    (tmp_path / "a.json").write_text(json.dumps(ROWS))
    (tmp_path / "a.csv").write_text("id,question,answer\n" + "\n".join(f'7,"{q}","{a}"' for q, a in TEXTS) + "\n")
    pyarrow.parquet.write_table(pa.Table.from_pylist(ROWS), tmp_path / "a.parquet")
    found = {suffix: load(f"a.{suffix}", tmp_path) for suffix in ("jsonl", "json", "csv", "parquet")}
    assert len({each.sha256 for each in found.values()}) == 1
    for suffix, each in found.items():
        name = f"a.{suffix}"
        assert list(each.items()) == [Item(name, f"{name}#row=0", TEXTS[0]), Item(name, f"{name}#row=1", TEXTS[1])]
        assert each.most_words == 7


def test_each_line_of_a_text_file_is_an_item(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(f"{ASKED}\n\n  \n{ANSWERED}\n")
    items = list(load("a.txt", tmp_path).items())
    assert [(item.name, item.texts) for item in items] == [("a.txt#row=0", (ASKED,)), ("a.txt#row=3", (ANSWERED,))]


def test_a_folder_is_read_file_by_file_without_what_judges_said(tmp_path: Path) -> None:
    write(tmp_path / "evals/b/b.jsonl", ROWS[:1])
    write(tmp_path / "evals/a.jsonl", ROWS[1:])
    write(tmp_path / "evals/evaluators/gpt.jsonl", [{"output": "Output (a)"}])
    items = list(load("evals/", tmp_path).items())
    assert [item.name for item in items] == ["evals/a.jsonl#row=0", "evals/b/b.jsonl#row=0"]


def test_a_saved_dataset_is_read(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    datasets.Dataset.from_list(ROWS).save_to_disk(str(tmp_path / "saved"))
    items = list(load("saved", tmp_path).items())
    assert [(item.name, item.texts) for item in items] == [("saved#row=0", TEXTS[0]), ("saved#row=1", TEXTS[1])]


def test_a_dataset_on_the_hub_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("datasets")
    write(tmp_path / "org/name/test.jsonl", ROWS)
    write(tmp_path / "org/name/train.jsonl", ROWS[:1])
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)  # `datasets` takes a folder of this name for the dataset
    items = list(load("hf:org/name@test", tmp_path / "elsewhere").items())
    assert [(item.name, item.texts) for item in items] == [
        ("hf:org/name@test#row=0", TEXTS[0]), ("hf:org/name@test#row=1", TEXTS[1])
    ]
    for name, sentence in (("hf:org/name", "has several splits"), ("hf:org/name@tset", "did you mean `test`")):
        with pytest.raises(RequestError, match=sentence):
            load(name, tmp_path)


def test_a_set_is_told_by_the_texts_that_are_read(tmp_path: Path) -> None:
    one = load(write(tmp_path / "a.jsonl", ROWS).name, tmp_path)
    moved = load(write(tmp_path / "b.jsonl", [row | {"split": "test"} for row in ROWS]).name, tmp_path)
    other = load(write(tmp_path / "c.jsonl", [*ROWS[:1], ROWS[1] | {"answer": "Nobody!"}]).name, tmp_path)
    narrow = load({"place": "a.jsonl", "columns": "question"}, tmp_path)
    assert one.sha256 == moved.sha256
    assert len({one.sha256, other.sha256, narrow.sha256}) == 3
    assert [item.texts for item in narrow.items()] == [(ASKED,), ("Who dresses it?",)]


def test_texts_that_move_from_one_item_to_the_next_are_another_set(tmp_path: Path) -> None:
    one = load(write(tmp_path / "a.jsonl", [{"choices": ["a", "b"]}, {"choices": ["c"]}]).name, tmp_path)
    other = load(write(tmp_path / "b.jsonl", [{"choices": ["a"]}, {"choices": ["b", "c"]}]).name, tmp_path)
    assert one.sha256 != other.sha256


def test_a_set_that_changes_while_it_is_used_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", ROWS)
    found = load("a.jsonl", tmp_path)
    assert len(list(found.items())) == 2
    write(path, ROWS[:1])
    os.utime(path, (1, 1))
    with pytest.raises(RequestError, match=r"'a.jsonl' has changed since this build began"):
        list(found.items())


WRONG: dict[str, tuple[Any, dict[str, str], str]] = {
    "missing": ("gone.jsonl", {}, r"'gone.jsonl' does not exist; it is looked for beside the recipe"),
    "missing, like a hub name": ("org/name", {}, "on the hub it is hf:org/name"),
    "no hub name": ("hf:name", {}, "write hf:org/name"),
    "empty": ("a.jsonl", {"a.jsonl": ""}, "'a.jsonl' has no rows"),
    "empty lines": ("a.txt", {"a.txt": "\n\n"}, "'a.txt' has no rows"),
    "empty folder": ("f", {"f/a.bin": "x"}, "'f' is a folder without"),
    "not a table": ("a.pdf", {"a.pdf": "x"}, "'a.pdf' is not read; it is a .jsonl"),
    "no known column": ("a.jsonl", {"a.jsonl": '{"subject": "x", "n": 1}\n'}, "`columns:`; there is: n, subject"),
    "no column of that name": (
        {"place": "a.jsonl", "columns": ["qestion"]}, {"a.jsonl": '{"question": "x"}\n'}, "did you mean `question`"
    ),
    "no words": ("a.jsonl", {"a.jsonl": '{"question": "?!", "answer": 3}\n'}, "holds no words"),
    "broken row": ("a.jsonl", {"a.jsonl": '{"question": "x"}\n{"question\n'}, r"at '.*a.jsonl#row=1': line 2 is not JSON"),
    "broken JSON": ("a.json", {"a.json": "[{"}, "it is not JSON"),
    "unknown key": ({"place": "a.jsonl", "column": "x"}, {"a.jsonl": ""}, "no key 'column'; did you mean `columns`"),
    "no place": ({"columns": ["x"]}, {}, "an evaluation set is a place"),
    "columns that are no names": ({"place": "a.jsonl", "columns": 3}, {"a.jsonl": ""}, "`columns` is a list of names"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_with_a_set_is_one_sentence(wrong: str, tmp_path: Path) -> None:
    name, files, sentence = WRONG[wrong]
    for file, text in files.items():
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(text)
    with pytest.raises(RequestError, match=sentence) as raised:
        load(name, tmp_path)
    assert "\n" not in str(raised.value)


def test_a_labelled_document_is_an_item_without_its_system_turn() -> None:
    item = LabelledItem.model_validate(
        {
            "dataset": "bench",
            "messages": [{"role": "system", "content": "Be good."}, {"role": "user", "content": ASKED}],
            "answers": [{"text": "x"}, {"text": "y"}],
            "labels": [{"about": [0, 1], "vote": "a"}],
        }
    )
    assert labelled_item("doc_1", item.text) == Item("labelled:bench", "labelled:bench#doc_1", (ASKED, "x", "y"))
    named = item.model_copy(update={"item": "7"})
    assert labelled_item("doc_1", named.text).name == "labelled:bench#7"
