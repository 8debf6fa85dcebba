"""Plain strings: one question, one answer preferred and one not, and the system's turn in a column of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.land.layouts.arrays import first_of, invert, last_of
from pipeline.land.layouts.layout import CALLING, TAIL, Layout, Refusal, build, fields, only

if TYPE_CHECKING:
    import pyarrow as pa


def schema(tools: bool) -> pa.Schema:
    """`system` is null where there is no such turn, and empty where that turn is."""
    import pyarrow as pa

    return pa.schema([(name, pa.string()) for name in ("system", "prompt", "chosen", "rejected")] + fields(TAIL))


def shape(rows: pa.Table, wanted: pa.Schema) -> pa.Table:
    """The contents of one turn each."""
    import pyarrow as pa
    import pyarrow.compute as pc

    prompt = only(rows, "prompt")
    has_system = pc.equal(pc.list_value_length(prompt), 2)
    system = pc.if_else(has_system, first_of(prompt, "content"), pa.scalar(None, pa.string()))
    answers = {side: first_of(only(rows, side), "content") for side in ("chosen", "rejected")}
    return build(wanted, rows, system=system, prompt=last_of(prompt, "content"), **answers)


def has_several_turns(rows: pa.Table) -> pa.Array:
    """Where a prompt is anything but one turn of a user, after a turn of the system or without one."""
    import pyarrow.compute as pc

    prompt = only(rows, "prompt")
    length = pc.list_value_length(prompt)
    is_first_system = pc.equal(first_of(prompt, "role"), "system")
    wanted = pc.add(pc.cast(is_first_system, length.type), 1)
    return invert(pc.and_(pc.equal(length, wanted), pc.equal(last_of(prompt, "role"), "user")))


SEVERAL = Refusal("have several turns", has_several_turns)

STANDARD = Layout(
    name="standard",
    about="LLaMA-Factory alpaca with `ranking: true`, NeMo-RL BinaryPreferenceDataset, verl RMDataset, TRL on plain text",
    needs=("prompt", "chosen", "rejected", *TAIL),
    schema=schema,
    shape=shape,
    refusals=(CALLING, SEVERAL),
)
