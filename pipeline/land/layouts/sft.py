"""The chosen answers alone, as conversations to imitate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.land.layouts.arrays import join_lists
from pipeline.land.layouts.layout import Layout, build, fields, only, outer_message

if TYPE_CHECKING:
    import pyarrow as pa

REST = ("prompt_id", "chosen_id", "document_id", "licence", "rehearsal")


def schema(tools: bool) -> pa.Schema:
    """One row for each prompt and chosen answer, however many answers it was preferred to."""
    import pyarrow as pa

    more = [("tools", pa.string())] if tools else []
    return pa.schema([("messages", pa.list_(outer_message(tools))), *more, *fields(REST)])


def shape(rows: pa.Table, wanted: pa.Schema) -> pa.Table:
    """Prompt and chosen answer as one conversation."""
    return build(wanted, rows, messages=join_lists([only(rows, "prompt"), only(rows, "chosen")]))


def prompt_and_answer(rows: pa.Table) -> pa.Array:
    """The prompt by its id and the answer by all that it says and calls."""
    import pyarrow as pa
    import pyarrow.compute as pc

    answers = only(rows, "chosen").values
    said = pc.fill_null(pc.struct_field(answers, "content"), "")
    parts = [only(rows, "prompt_id"), said]
    if pa.types.is_struct(answers.type) and answers.type.get_field_index("tool_calls") >= 0:
        calls = pc.struct_field(answers, "tool_calls")
        parts.append(pa.array([repr(each) if each else "" for each in calls.to_pylist()], pa.string()))
    return pc.binary_join_element_wise(*parts, "\x00")


SFT = Layout(
    name="sft",
    about="TRL SFT, axolotl `chat_template`, LLaMA-Factory sharegpt, open-instruct SFT",
    needs=("prompt", "chosen", "tools", *REST),
    schema=schema,
    shape=shape,
    same=prompt_and_answer,
    repeats="repeat a prompt and answer",
)
