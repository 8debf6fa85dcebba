"""Pairs by one aspect each, with what the other aspects say of both sides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.land.layouts.layout import TAIL, Layout, Refusal, build, fields, only

if TYPE_CHECKING:
    import pyarrow as pa

CONVERSATIONS = ("prompt", "chosen", "rejected")


def schema(tools: bool) -> pa.Schema:
    """`gap` is the other aspect's R(chosen) - R(rejected), in its unit: what MODPO weighs (arXiv 2310.03708, section 3)."""
    import pyarrow as pa

    text, number = pa.string(), pa.float64()
    scores = pa.struct([("name", text), ("chosen", number), ("rejected", number), ("gap", number)])
    conversations = fields((*CONVERSATIONS, *(["tools"] if tools else [])), tools)
    return pa.schema(
        [*conversations, ("aspect", text), ("aspect_scores", pa.list_(scores)), *fields(("prompt_id", *TAIL))]
    )


def shape(rows: pa.Table, wanted: pa.Schema) -> pa.Table:
    """The scores with their differences; missing where one side was not rated."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = only(rows, "aspect_scores")
    missing = column.is_null() if column.null_count else None
    name, chosen, rejected = (pc.struct_field(column.values, part) for part in ("name", "chosen", "rejected"))
    parts = [name, chosen, rejected, pc.subtract(chosen, rejected)]
    scores = pa.StructArray.from_arrays(parts, fields=list(wanted.field("aspect_scores").type.value_type))
    return build(wanted, rows, aspect_scores=pa.ListArray.from_arrays(column.offsets, scores, mask=missing))


PER_OBJECTIVE = Layout(
    name="per_objective",
    about="MODPO and other multi-objective losses: filter by `aspect`, one objective at a time",
    needs=(*CONVERSATIONS, "tools", "aspect", "aspect_scores", "prompt_id", *TAIL),
    schema=schema,
    shape=shape,
    refusals=(Refusal("are by no single aspect", lambda rows: only(rows, "aspect").is_null()),),
)
