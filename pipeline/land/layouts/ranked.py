"""Answers to one context in an order, as NeMo-RL reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.land.layouts.arrays import as_lists, join_lists, starts_of
from pipeline.land.layouts.layout import TAIL, Layout, build, fields, only, outer_message

if TYPE_CHECKING:
    import pyarrow as pa


def schema(tools: bool) -> pa.Schema:
    """`rank` 0 is the best; a row has more than two completions where more than one answer is preferred."""
    import pyarrow as pa

    messages = pa.list_(outer_message(tools))
    completions = pa.list_(pa.struct([("rank", pa.int32()), ("completion", messages)]))
    more = [("tools", pa.string())] if tools else []
    return pa.schema([("context", messages), ("completions", completions), *more, *fields(TAIL)])


def shape(rows: pa.Table, wanted: pa.Schema) -> pa.Table:
    """Chosen, then all that is preferred to rejected as well, then rejected."""
    import pyarrow as pa
    import pyarrow.compute as pc

    also = only(rows, "also_chosen")
    parts = [as_lists(only(rows, "chosen")), as_lists(only(rows, "rejected"))]
    if also.null_count < len(also):
        empty = pa.scalar([], also.type)
        parts.insert(1, pc.coalesce(also, empty))
    answers = join_lists(parts)
    places = pa.arange(0, len(answers.values)).cast(pa.int32())
    ranks = pc.subtract(places, starts_of(answers).take(pc.list_parent_indices(answers)))
    ranked = pa.StructArray.from_arrays(
        [ranks, answers.values], fields=list(wanted.field("completions").type.value_type)
    )
    return build(wanted, rows, context=rows["prompt"], completions=pa.ListArray.from_arrays(answers.offsets, ranked))


RANKED = Layout(
    name="ranked",
    about="NeMo-RL PreferenceDataset, and losses over lists (RRHF, listwise reward models)",
    needs=("prompt", "chosen", "rejected", "also_chosen", "tools", *TAIL),
    schema=schema,
    shape=shape,
)
