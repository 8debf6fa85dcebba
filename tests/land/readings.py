"""Rows of every shape that people have, and what each layout is to make of them, read off in plain Python."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from .rows import make_rows

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
    asking, calling = [row for row in rows if row["document_id"] == "doc_000005"][:2]
    asking["prompt"] = [
        said("Weigh.", "system"), said("A?", "user"), said("Heavy."), said("How heavy?", "user"),
        said("", tool_calls=[CALL, CALL | {"id": "call_2"}]), said("12", "tool", name="weigh", tool_call_id="call_1"),
    ]  # fmt: skip
    asking["tools"] = '[{"type": "function"}]'
    calling["chosen"] = [said("", tool_calls=[CALL])]
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
