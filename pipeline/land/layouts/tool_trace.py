"""Pairs in which tools are called: the question, and for each side all that was thought, called, observed and answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.land.layouts.arrays import count_in_rows, join_lists
from pipeline.land.layouts.layout import CALLS, TAIL, Layout, Refusal, build, fields, only, outer_message

if TYPE_CHECKING:
    import pyarrow as pa


def schema(tools: bool) -> pa.Schema:
    """`prompt` ends with the last user's turn; it and either trace are the whole conversation of that side."""
    import pyarrow as pa

    messages = pa.list_(outer_message(tools=True))
    traces = [(name, messages) for name in ("prompt", "positive", "negative")]
    return pa.schema([*traces, ("tools", pa.string()), *fields(("prompt_id", *TAIL))])


def shape(rows: pa.Table, wanted: pa.Schema) -> pa.Table:
    """Themis (arXiv 2310.01045) scores an answer with the trace of tools that led to it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    prompt = only(rows, "prompt")
    asks = pc.equal(pc.struct_field(prompt.values, "role"), "user")
    # A turn belongs to the question as long as a user's turn follows, or is the turn itself.
    so_far = pc.subtract(pc.cumulative_sum(asks.cast(pa.int64())), asks.cast(pa.int64()))
    in_all = pa.concat_arrays([pa.array([0], pa.int64()), pc.cumulative_sum(asks.cast(pa.int64()))])
    ends = in_all.take(prompt.offsets.slice(1)).take(pc.list_parent_indices(prompt))
    is_question = pc.less(so_far, ends)
    question, trace = (_filtered(prompt, marks) for marks in (is_question, pc.invert(is_question)))
    sides = {
        name: join_lists([trace, only(rows, side)]) for name, side in (("positive", "chosen"), ("negative", "rejected"))
    }
    return build(wanted, rows, prompt=question, **sides)


def _filtered(lists: pa.ListArray, marks: pa.Array) -> pa.ListArray:
    """The marked elements of each row."""
    import pyarrow as pa
    import pyarrow.compute as pc

    counts = pc.cumulative_sum(count_in_rows(marks, lists))
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), counts.cast(pa.int32())])
    return pa.ListArray.from_arrays(offsets, lists.values.filter(marks))


def calls_none(rows: pa.Table) -> pa.Array:
    """Where no tool is called."""
    import pyarrow.compute as pc

    return pc.invert(only(rows, CALLS))


TOOL_TRACE = Layout(
    name="tool_trace",
    about="reward models that see how an answer was found (Themis), reviews of what agents did",
    needs=("prompt", "chosen", "rejected", "tools", "prompt_id", *TAIL),
    schema=schema,
    shape=shape,
    refusals=(Refusal("call no tools", calls_none),),
)
