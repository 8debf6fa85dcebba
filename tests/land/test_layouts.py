"""Layouts: each against a plain Python reading of what it should be, for rows of every shape that people have."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.land.columns import release_schema, votes_schema
from pipeline.land.export import export_release
from pipeline.land.files import PAIRS, write_release
from pipeline.land.layouts import LAYOUTS, prepare
from pipeline.land.layouts.stepwise import part
from pipeline.land.manifest import ExportManifest, unseal
from pipeline.land.outlets import Outlet

from .rows import hash_tree, make_batches, make_facts, make_rows

Row = dict[str, Any]
SPLITS = ("train", "validation", "test")
CALL = {"id": "call_1", "name": "weigh", "arguments": '{"sack": "Ä"}'}
TAIL = ("pair_id", "score_gap", "p_chosen", "confidence", "licence", "rehearsal")
HELD = {
    "kind": "principles", "text": "Be kind.", "principles": [{"name": "kind", "negated": False, "score": 1.0}],
    "dominant": "kind", "draw": 0, "override": None, "flipped": False, "chosen_first": True,
}  # fmt: skip


def said(text: str, role: str = "assistant", **more: Any) -> Row:
    return {"role": role, "content": text, **more}


def plain_rows() -> list[Row]:
    """Rows in which no tool is called, of all other shapes."""
    rows = make_rows(40)
    for at, row in enumerate(rows):
        row["pair_id"] = f"par_{at * 7919 % 10_000:08d}"
    rows[0]["prompt"] = [said("Be brief.", "system"), said("One?", "user"), said("1"), said("Two?", "user")]
    rows[1]["prompt"] = [said("", "system"), said("Is an empty system kept?", "user")]
    rows[2]["prompt"] = [said("First", "user"), said("and again", "user")]
    rows[3]["chosen"], rows[3]["rejected"] = [said("x" * 200_000)], [said("Ω" * 100_000)]
    rows[4]["chosen"], rows[4]["rejected"] = [said("a")], [said("b")]
    rows[5]["prompt"] = [said("e\u0301 \u202eשלום 👩‍👩‍👧 \x00 \u2028", "user")]
    rows[6] |= {"uri": "file:///../'\";\n--/../x.md", "title": '<img src=x onerror="1">', "licence": "a,b\n\"c'"}
    rows[7] |= {"chosen": [said("1. Weigh\n2. Grind\n3. Sift")], "rejected": [said("1. Weigh\n2. Burn\n")]}
    rows[8] |= {"chosen": [said("Same\n\nend")], "rejected": [said("Same\n")]}
    rows[9]["condition"] = HELD
    rows[10]["prompt_condition"] = {"kind": "persona", "id": "p1", "text": "a miller"}
    rows[11]["prompt_condition"] = {"kind": "season", "id": "s1", "text": "winter"}
    rows[12] |= {name: rows[13][name] for name in ("prompt_id", "prompt", "chosen", "document_id", "split")}
    rows[14] |= {name: rows[13][name] for name in ("prompt_id", "prompt", "document_id", "split")}
    rows[15]["p_chosen"] = 0.25
    rows[16]["weight"] = 2.5
    return sorted(rows, key=lambda row: row["pair_id"])


def tool_rows() -> list[Row]:
    """The same, and two of them call tools."""
    rows = plain_rows()
    rows[20]["prompt"] = [
        said("Weigh.", "system"), said("A?", "user"), said("Heavy."), said("How heavy?", "user"),
        said("", tool_calls=[CALL, CALL | {"id": "call_2"}]), said("12", "tool", name="weigh", tool_call_id="call_1"),
    ]  # fmt: skip
    rows[20]["tools"] = '[{"type": "function"}]'
    rows[21]["chosen"] = [said("", tool_calls=[CALL])]
    return rows


def read(folder: Path) -> list[Row]:
    """All rows of a layout."""
    return [row for path in sorted(folder.iterdir()) for row in pq.read_table(path).to_pylist()]


def outer(messages: list[Row], tools: bool) -> list[Row]:
    """Messages as trainers read them."""
    if not tools:
        return [{"role": each["role"], "content": each["content"]} for each in messages]
    calls = [each.get("tool_calls") for each in messages]
    return [
        {
            "role": each["role"],
            "content": each["content"],
            "tool_calls": called and [
                {"id": c["id"], "type": "function", "function": {"name": c["name"], "arguments": c["arguments"]}}
                for c in called
            ],
            "name": each.get("name"),
            "tool_call_id": each.get("tool_call_id"),
        }
        for each, called in zip(messages, calls, strict=True)
    ]  # fmt: skip


def calls(row: Row) -> bool:
    turns = [*row["prompt"], *row["chosen"], *row["rejected"]]
    return any(each.get("tool_calls") or each["role"] == "tool" for each in turns)


def roles(row: Row) -> list[str]:
    found = [each["role"] for each in row["prompt"]]
    return found[1:] if found[0] == "system" else found


def ends(row: Row, tools: bool) -> Row:
    return ({"tools": row.get("tools")} if tools else {}) | {name: row[name] for name in TAIL}


def three(row: Row, tools: bool) -> Row:
    return {name: outer(row[name], tools) for name in ("prompt", "chosen", "rejected")}


def steps(row: Row) -> tuple[str, str, str] | None:
    """By lines, from the front; none of the rows here has blank lines between steps."""
    one, other = (row[side][0]["content"].split("\n") for side in ("chosen", "rejected"))
    at = next((at for at, both in enumerate(zip(one, other, strict=False)) if both[0] != both[1]), 0)
    return ("".join(line + "\n" for line in one[:at]), one[at], other[at]) if at and one[at] and other[at] else None


def hindsight(row: Row, tools: bool) -> list[Row]:
    first = row["pair_id"][-1] in "02468ace"
    names = {"system": "System: ", "user": "User: ", "assistant": "Assistant: "}
    asked = "\n\n".join(names[each["role"]] + each["content"] for each in row["prompt"])
    sides = [("A good answer: ", "chosen"), ("A bad answer: ", "rejected")][:: 1 if first else -1]
    texts = [
        (before + words, row[side][0]["content"])
        for (words, side), before in zip(sides, (f"{asked}\n\n", "\n\n"), strict=True)
    ]
    segments = [
        {"label": label, "text": text} for pair in texts for label, text in zip((False, True), pair, strict=True)
    ]
    return [{"segments": segments, "good_first": first, "prompt_id": row["prompt_id"], **ends(row, False)}]


def conditioned(row: Row, tools: bool) -> list[Row]:
    held, asked = row.get("condition"), row.get("prompt_condition")
    if not held and not asked:
        return []
    words = {
        "principle": held and held["text"],
        "persona": asked["text"] if asked and asked["kind"] == "persona" else None,
        "context": asked["text"] if asked and asked["kind"] != "persona" else None,
    }
    return [
        three(row, tools)
        | ends(row, tools)
        | words
        | {"condition": held, "prompt_condition": asked, "prompt_id": row["prompt_id"]}
    ]


def trace(row: Row, tools: bool) -> list[Row]:
    if not calls(row):
        return []
    last = max(at for at, each in enumerate(row["prompt"]) if each["role"] == "user") + 1
    after = row["prompt"][last:]
    return [{
        "prompt": outer(row["prompt"][:last], True), "positive": outer([*after, *row["chosen"]], True),
        "negative": outer([*after, *row["rejected"]], True), "prompt_id": row["prompt_id"], **ends(row, True),
    }]  # fmt: skip


def alternates(row: Row) -> bool:
    found = roles(row)
    return len(found) % 2 == 1 and all(role == ("user", "assistant")[at % 2] for at, role in enumerate(found))


def is_single(row: Row) -> bool:
    return not calls(row) and roles(row) == ["user"]


ORACLES: dict[str, Callable[[Row, bool], list[Row]]] = {
    "implicit": lambda row, tools: [
        {side: outer([*row["prompt"], *row[side]], tools) for side in ("chosen", "rejected")} | ends(row, tools)
    ],
    "standard": lambda row, tools: [
        {
            "system": row["prompt"][0]["content"] if len(row["prompt"]) == 2 else None,
            **{name: row[name][-1]["content"] for name in ("prompt", "chosen", "rejected")},
            **ends(row, False),
        }
    ] if is_single(row) else [],
    "messages": lambda row, tools: [
        {"messages": outer(row["prompt"], False), **{side: outer(row[side], False)[0] for side in ("chosen", "rejected")}}
        | ends(row, False)
    ] if not calls(row) and alternates(row) else [],
    "ranked": lambda row, tools: [
        {
            "context": outer(row["prompt"], tools),
            "completions": [
                {"rank": rank, "completion": outer(each, tools)}
                for rank, each in enumerate([row["chosen"], *(row["also_chosen"] or []), row["rejected"]])
            ],
            **ends(row, tools),
        }
    ],
    "unpaired": lambda row, tools: [
        {"prompt": outer(row["prompt"], tools), "completion": outer(row[side], tools), "label": label} | ends(row, tools)
        for side, label in (("chosen", True), ("rejected", False))
    ],
    "soft": lambda row, tools: [
        three(row, tools) | ends(row, tools) | {name: row[name] for name in ("prompt_id", "chosen_id", "rejected_id")}
        | {"label_smoothing": 1 - row["p_chosen"], "weight": 1.0 if row["weight"] is None else row["weight"]}
    ] if row["p_chosen"] >= 0.5 else [],
    "conditioned": conditioned,
    "per_objective": lambda row, tools: [
        three(row, tools) | ends(row, tools) | {"aspect": row["aspect"], "prompt_id": row["prompt_id"]}
        | {"aspect_scores": [each | {"gap": None} for each in row["aspect_scores"]]}
    ] if row["aspect"] else [],
    "stepwise": lambda row, tools: [
        {"prompt": outer(row["prompt"], False), "prompt_id": row["prompt_id"], **ends(row, False)}
        | dict(zip(("prefix", "chosen_step", "rejected_step"), parted, strict=True))
    ] if (parted := steps(row)) else [],
    "rationale": lambda row, tools: [
        three(row, tools) | ends(row, tools) | {name: row[name] for name in ("rationale", "principles", "prompt_id")}
    ] if row["rationale"] else [],
    "chain_of_hindsight": lambda row, tools: [] if calls(row) else hindsight(row, tools),
    "tool_trace": trace,
}  # fmt: skip


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "tools"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Row], bool, Path]:
    """Rows, whether some call tools, and their export."""
    folder = tmp_path_factory.mktemp("layouts")
    rows = tool_rows() if request.param else plain_rows()
    write_release(folder / "r", make_batches(rows), make_facts())
    export_release(folder / "r", folder / "e")
    return rows, request.param, folder / "e"


@pytest.mark.parametrize("name", ORACLES)
def test_layout_holds_what_its_rows_say(made: tuple[list[Row], bool, Path], name: str) -> None:
    rows, tools, export = made
    for split in SPLITS:
        expected = [each for row in rows if row["split"] == split for each in ORACLES[name](row, tools)]
        path = export / name / f"{split}.parquet"
        table = pq.read_table(path) if path.exists() else LAYOUTS[name].schema(tools).empty_table()
        table.validate(full=True)
        assert table.schema.equals(LAYOUTS[name].schema(tools))
        assert table.to_pylist() == expected
        assert path.exists() == bool(expected)


def test_conversational_and_provenance_are_columns_of_the_release(made: tuple[list[Row], bool, Path]) -> None:
    _, tools, export = made
    stored = {row["pair_id"]: row for row in pq.read_table(export.parent / "r" / PAIRS).to_pylist()}
    for name in ("conversational", "provenance"):
        found = read(export / name)
        assert {row["pair_id"] for row in found} == stored.keys()
        for row in found:
            whole = {
                key: outer(value, tools) if key in ("prompt", "chosen", "rejected") else value
                for key, value in stored[row["pair_id"]].items()
            }
            if whole["also_chosen"]:
                whole["also_chosen"] = [outer(each, tools) for each in whole["also_chosen"]]
            assert row == {key: whole[key] for key in row}


def test_rows_that_repeat_are_there_once(made: tuple[list[Row], bool, Path]) -> None:
    rows, tools, export = made
    answers = {(row["prompt_id"], str(row["chosen"])): [*row["prompt"], *row["chosen"]] for row in reversed(rows)}
    found = read(export / "sft")
    assert len(found) == len(answers) == len(rows) - 1
    assert all(row["messages"] in [outer(each, tools) for each in answers.values()] for row in found)
    found = read(export / "prompt_only")
    assert sorted(row["prompt_id"] for row in found) == sorted({row["prompt_id"] for row in rows})
    layouts = unseal(ExportManifest, export).layouts
    assert layouts["sft"].left_out == {"repeat a prompt and answer": 1}
    assert layouts["prompt_only"].left_out == {"repeat a prompt": 2}


def test_rows_without_a_place_are_counted_and_told(made: tuple[list[Row], bool, Path]) -> None:
    rows, tools, export = made
    layouts = unseal(ExportManifest, export).layouts
    assert sum(layouts["standard"].splits.values()) + sum(layouts["standard"].left_out.values()) == len(rows) == 40
    assert layouts["standard"].left_out == {"have several turns": 2} | ({"call tools": 2} if tools else {})
    assert layouts["soft"].left_out == {"have a p_chosen that is not between 0.5 and 1": 1}
    card = (export / "README.md").read_text("utf-8")
    assert "- `soft`: 39 of 40 pairs; 1 have a p_chosen that is not between 0.5 and 1" in card
    assert ("tool_trace" in layouts) is tools is (export / "tool_trace").exists()


@pytest.mark.parametrize("tools", [False, True])
def test_no_layout_has_a_margin_and_every_one_of_pairs_ends_alike(tools: bool) -> None:
    for name, layout in LAYOUTS.items():
        schema = layout.schema(tools)
        assert "margin" not in str(schema)
        assert layout.name == name
        if name not in ("votes", "provenance", "sft", "prompt_only"):
            assert set(TAIL) <= set(schema.names), name
        known = {*release_schema().names, *votes_schema().names}
        assert set(layout.needs) <= known, name
    assert next(iter(LAYOUTS)) == "conversational"


def test_a_label_is_smoothed_by_a_probability(made: tuple[list[Row], bool, Path]) -> None:
    table = pq.read_table(made[2] / "soft" / "train.parquet")
    assert all(0 <= each <= 0.5 for each in table["label_smoothing"].to_pylist())
    assert all(each is not None for each in table["weight"].to_pylist())


@given(cuts=st.lists(st.integers(0, 40), max_size=4), name=st.sampled_from([*LAYOUTS]), tools=st.booleans())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pieces_leave_no_trace(tmp_path: Path, cuts: list[int], name: str, tools: bool) -> None:
    if LAYOUTS[name].reads == "votes":
        return
    table = pa.Table.from_pylist(tool_rows() if tools else plain_rows(), release_schema())
    edges = sorted({0, *cuts, table.num_rows})
    for place, ranges in (("whole", [(0, 40)]), ("pieces", [*pairwise(edges)])):
        (tmp_path / place).mkdir(exist_ok=True)
        with Outlet(LAYOUTS[name], tmp_path / place, tools, False) as outlet:
            for start, end in ranges:
                outlet.take({"train": prepare(table.slice(start, end - start), tools)})
    assert hash_tree(tmp_path / "whole") == hash_tree(tmp_path / "pieces")


@given(st.text("ab\n ", max_size=12), st.text("ab\n ", max_size=12))
def test_a_step_begins_where_the_shared_lines_end(chosen: str, rejected: str) -> None:
    if parted := part(chosen, rejected):
        prefix, one, other = parted
        assert prefix.endswith("\n")
        assert prefix.strip()
        assert chosen.startswith(prefix + one)
        assert rejected.startswith(prefix + other)
        assert one.strip() != other.strip()
        assert "\n" not in one + other
        assert part(rejected, chosen) == (prefix, other, one)
