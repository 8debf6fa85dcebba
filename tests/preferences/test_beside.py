"""What rows say besides their layout: nothing of it is lost, and none of it becomes a label that nobody gave."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from published import ASKED, BAD, GOOD, PUBLISHED, SAID, UNSAID, USER

from pipeline.preferences.items import IMPORTED, LabelledItem, read_item
from pipeline.preferences.source import labelled_items, preference_items
from pipeline.preferences.turns import call_of
from pipeline.sources import Item, identify_document
from schemas.errors import SourceError, Unanswerable

ROW: dict[str, Any] = {"prompt": ASKED, "chosen": GOOD, "rejected": BAD}


def write(folder: Path, *rows: Any) -> str:
    """Rows as JSON lines, or lines as they are."""
    path = folder / "rows.jsonl"
    path.write_text("".join((each if isinstance(each, str) else json.dumps(each)) + "\n" for each in rows), "utf-8")
    return str(path)


def read(folder: Path, **more: Any) -> LabelledItem:
    """The item that a plain row becomes with what else it says."""
    (item,) = preference_items(write(folder, ROW | more))
    return read_item(item.read().text)


def reason_of(item: Item) -> str:
    """Why an item cannot be read."""
    with pytest.raises(Unanswerable) as caught:
        item.read()
    assert caught.value.reason == "malformed_row"
    return caught.value.detail


@pytest.mark.parametrize("name", ["margin", "score_gap"])
def test_a_margin_is_the_strength_of_the_vote(tmp_path: Path, name: str) -> None:
    (label,) = read(tmp_path, **{name: 2.5}).labels
    assert (label.vote, label.strength) == ("a", 2.5)


def test_a_margin_of_nothing_is_a_tie_and_one_below_contradicts_the_row(tmp_path: Path) -> None:
    (label,) = read(tmp_path, margin=0).labels
    assert label.vote == "tie"
    (item,) = preference_items(write(tmp_path, ROW | {"margin": -1}))
    assert "prefers the rejected answer" in reason_of(item)


@pytest.mark.parametrize("names", [("score_chosen", "score_rejected"), ("chosen-rating", "rejected-rating")])
def test_scores_are_labels_of_their_own(tmp_path: Path, names: tuple[str, str]) -> None:
    vote, *scores = read(tmp_path, **dict(zip(names, (8, 2.5), strict=True))).labels
    assert (vote.vote, vote.strength) == ("a", None)
    assert [(label.about, label.score) for label in scores] == [((0,), 8.0), ((1,), 2.5)]


def test_a_probability_and_a_reason_go_with_the_vote(tmp_path: Path) -> None:
    (label,) = read(tmp_path, p_chosen=0.75, rationale="It says which.").labels
    assert (label.probability, label.note) == (0.75, "It says which.")
    (item,) = preference_items(write(tmp_path, ROW | {"p_chosen": 0.25}))
    assert "does not prefer" in reason_of(item)


def test_what_is_short_is_a_tag_and_what_is_read_elsewhere_is_none(tmp_path: Path) -> None:
    more = {
        "turns": 2,
        "is_new": True,
        "note": "n",
        "long": "x" * 300,
        "nested": [1],
        "none": None,
        "margin": 1,
        "licence": "mit",
    }
    assert read(tmp_path, id=7, source="flan", **more).tags == [
        "category:flan",
        "item:7",
        "is_new:True",
        "note:n",
        "source:flan",
        "turns:2",
    ]


def test_a_row_states_its_licence_and_the_command_states_that_of_the_others(tmp_path: Path) -> None:
    place = write(tmp_path, ROW | {"license": "cc-by-4.0"}, ROW | {"prompt": "Why?"})
    assert [item.read().licence for item in preference_items(place, licence="mit")] == ["cc-by-4.0", "mit"]


TOOLS = [{"type": "function", "function": {"name": "grind", "parameters": {"type": "object"}}}]


@pytest.mark.parametrize("tools", [TOOLS, json.dumps(TOOLS)], ids=["list", "text"])
def test_tools_and_their_calls_are_read(tmp_path: Path, tools: Any) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "grind", "arguments": {"corn": 2, "rye": None}}}
    prompt = [
        USER,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "name": "grind", "tool_call_id": "c1", "content": "flour"},
    ]
    row = {
        "prompt": prompt,
        "chosen": [{"role": "assistant", "content": "", "tool_calls": [call]}],
        "rejected": [UNSAID],
    }
    (item,) = preference_items(write(tmp_path, row | {"tools": tools}))
    found = read_item(item.read().text)
    assert json.loads(found.tools or "") == TOOLS
    assert found.messages[1].get("tool_calls") == [{"id": "c1", "name": "grind", "arguments": '{"corn":2}'}]
    assert found.messages[2].get("tool_call_id") == "c1"
    assert [answer.tool_calls is not None for answer in found.answers] == [True, False]


def test_a_call_may_be_flat_and_have_no_id() -> None:
    assert call_of({"name": "f", "arguments": "{}"}, 3, "chosen") == {"id": "call_3", "name": "f", "arguments": "{}"}
    with pytest.raises(Unanswerable):
        call_of({"arguments": "{}"}, 0, "chosen")


@pytest.mark.parametrize(
    "row",
    [
        ROW | {"chosen": " "},
        ROW | {"chosen": 3},
        ROW | {"prompt": []},
        ROW | {"margin": "much"},
        ROW | {"tools": "no JSON"},
        {"prompt": [USER], "chosen": [SAID, USER], "rejected": [UNSAID]},
        {"prompt": [USER], "chosen": [{"role": "assistant", "content": [{"type": "image"}]}], "rejected": [UNSAID]},
        {"prompt": [USER, SAID], "chosen": [SAID], "rejected": [UNSAID]},
        "{",
        '["a list"]',
    ],
    ids=str,
)
def test_a_row_that_is_none_says_why_and_the_others_are_read(tmp_path: Path, row: Any) -> None:
    good, bad = list(preference_items(write(tmp_path, ROW, row), "preference"))
    assert good.read().media_type == IMPORTED
    assert reason_of(bad)


def test_one_bad_row_of_single_labels_spoils_no_other(tmp_path: Path) -> None:
    rows = PUBLISHED["unpaired"]
    found = list(preference_items(write(tmp_path, *rows, "{", {"prompt": None, "completion": "x", "label": True})))
    assert sum(item.uri.endswith(("#row=4", "#row=5")) for item in found) == 2
    good = [item for item in found if item.uri.endswith(("#row=0", "#row=1"))]
    assert [len(read_item(item.read().text).answers) for item in good] == [2, 2]


def test_what_no_layout_knows_names_the_columns_found(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"its columns are answer, question; known are .*pku_saferlhf"):
        preference_items(write(tmp_path, {"question": "Why?", "answer": "So."}))
    with pytest.raises(SourceError, match="did you mean `preference`"):
        preference_items(write(tmp_path, ROW), "prefrence")


def test_the_character_that_no_store_holds_is_left_out(tmp_path: Path) -> None:
    found = read(tmp_path, chosen="a\0b \\u0000 \ud800")
    assert found.answers[0].text == "ab \\u0000 \ufffd"


def test_an_import_is_another_document_than_the_same_rows_for_an_audit(tmp_path: Path) -> None:
    place = write(tmp_path, ROW)
    (audited,), (imported,) = labelled_items(place), preference_items(place)
    assert audited.read().sha256 == imported.read().sha256
    assert audited.item_id != imported.item_id
    assert identify_document(audited.read()) != identify_document(imported.read())


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_layout_can_be_imported(tmp_path: Path, name: str) -> None:
    for item in preference_items(write(tmp_path, *PUBLISHED[name])):
        found = read_item(item.read().text)
        assert {GOOD, BAD} <= {answer.text for answer in found.answers}
        assert not any(tag.endswith((ASKED, GOOD, BAD)) for tag in found.tags)
