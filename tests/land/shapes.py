"""Pairs of every shape that a trainer may stumble over, as rows of a release."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pipeline.land.export import export_release
from pipeline.land.files import write_release
from pipeline.trainers.seen import Messages, Seen
from pipeline.trainers.settings import SHAPES, Loader, Shape

from .rows import make_batches, make_facts, make_rows

Message = dict[str, Any]

TOOLS = json.dumps([
    {"type": "function", "function": {
        "name": "find_flow", "description": "How much water comes.",
        "parameters": {"type": "object", "properties": {"river": {"type": "string"}}, "required": ["river"]},
    }},
])  # fmt: skip
ASKED = {"role": "user", "content": "How fast does the wheel turn?"}
UNICODE = "Mühle 粉挽き 🏴󠁧󠁢󠁳󠁣󠁴󠁿👩‍🌾 e\u0301 \u202eطاحونة\u202c \u200b\x01 <|im_end|> \\n ${{x}}"
LONG = "grain " * 32_000 + "stone"
PROMPTS: dict[Shape, list[Message]] = {
    "system_turn": [{"role": "system", "content": "You are a miller."}, ASKED],
    "multi_turn": [ASKED, {"role": "assistant", "content": "Which one?"}, {"role": "user", "content": "The old one."}],
    "unicode": [{"role": "user", "content": UNICODE}],
    "empty_system": [{"role": "system", "content": ""}, ASKED],
    "tool_call": [
        ASKED,
        {"role": "assistant", "content": "", "tool_calls": [
            {"id": "call_1", "name": "find_flow", "arguments": '{"river": "Elbe"}'},
        ]},
        {"role": "tool", "content": "700 m³/s", "name": "find_flow", "tool_call_id": "call_1"},
    ],
    "one_token_answer": [ASKED],
    "long_answer": [ASKED],
    "tie": [ASKED],
}  # fmt: skip
ANSWERS: dict[Shape, tuple[str, str]] = {
    "unicode": (f"yes {UNICODE}", f"no {UNICODE}"),
    "one_token_answer": ("7", "8"),
    "long_answer": (f"yes {LONG}", f"no {LONG}"),
    "tie": ("Seven times.", "Seven times."),
}


def make_row(shape: Shape) -> dict[str, Any]:
    """The row of a release with a pair of this shape, in the split `train`."""
    (row,) = make_rows(1)
    answers = ANSWERS.get(shape, ("Seven times a minute.", "It does not."))
    sides = {
        side: [{"role": "assistant", "content": text}]
        for side, text in zip(("chosen", "rejected"), answers, strict=True)
    }
    index = list(SHAPES).index(shape)
    names = {"pair_id": f"par_{index}", "prompt_id": f"prm_{index}", "document_id": f"doc_{index}", "split": "train"}
    ids = {"chosen_id": f"rsp_{index}", "rejected_id": f"rsp_{index}x"}
    tools = TOOLS if shape == "tool_call" else None
    return row | {"prompt": PROMPTS[shape], "also_chosen": None, "tools": tools} | sides | names | ids


def make_shapes() -> list[dict[str, Any]]:
    """One row of every shape that a release can hold, sorted by `pair_id`."""
    return [make_row(shape) for shape in SHAPES if shape != "tie"]


def make_export(folder: Path) -> Path:
    """An export with all of them, in every layout."""
    write_release(folder / "release", make_batches(make_shapes()), make_facts())
    export_release(folder / "release", folder / "export")
    return folder / "export"


def expected(shape: Shape, loader: Loader) -> Seen:
    """What the trainer has to have of that row where nothing is lost."""
    row = make_row(shape)
    if loader.reads == "text":
        # Bare text has no roles; an empty system turn is no text.
        prompt = "\n\n".join(turn["content"] for turn in row["prompt"] if turn["content"])
        return Seen(prompt, row["chosen"][0]["content"], row["rejected"][0]["content"])
    return Seen(exported(row["prompt"]), exported(row["chosen"]), exported(row["rejected"]), row["tools"])


def exported(messages: list[Message]) -> Messages:
    """Messages as an export has them: calls of tools in the form of chat templates."""
    return tuple(
        message | _calls(message["tool_calls"]) if "tool_calls" in message else message for message in messages
    )


def _calls(calls: list[dict[str, str]]) -> dict[str, Any]:
    named = [
        {"id": call["id"], "type": "function", "function": {"name": call["name"], "arguments": call["arguments"]}}
        for call in calls
    ]
    return {"tool_calls": named}
