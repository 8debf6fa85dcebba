"""The conversation so far as `messages`, and the two answers as single turns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.land.columns import message_type
from pipeline.land.layouts.arrays import count_in_rows, first_of, invert, starts_of
from pipeline.land.layouts.layout import CALLING, TAIL, Layout, Refusal, build, fields, narrow_messages, only
from pipeline.land.layouts.outward import outward

if TYPE_CHECKING:
    import pyarrow as pa


def schema(tools: bool) -> pa.Schema:
    """Messages of role and content alone, for LLaMA-Factory knows no others."""
    import pyarrow as pa

    sides = [(side, message_type(tools=False)) for side in ("chosen", "rejected")]
    return pa.schema([("messages", narrow_messages()), *sides, *fields(TAIL)])


def shape(rows: pa.Table, wanted: pa.Schema) -> pa.Table:
    """The prompt as it is, the answers out of their lists."""
    made = {side: outward(only(rows, side).values, tools=False) for side in ("chosen", "rejected")}
    return build(wanted, rows, messages=outward(only(rows, "prompt"), tools=False), **made)


def does_not_alternate(rows: pa.Table) -> pa.Array:
    """Where turns of user and assistant do not follow each other, a user's first and last, after a system's or none.

    LLaMA-Factory's converter empties such a row with no more than a warning.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    prompt = only(rows, "prompt")
    roles, parents = pc.struct_field(prompt.values, "role"), pc.list_parent_indices(prompt)
    is_led = pc.equal(first_of(prompt, "role"), "system")
    begins = pc.add(pc.cast(starts_of(prompt), pa.int64()), pc.cast(is_led, pa.int64())).take(parents)
    place = pc.subtract(pa.arange(0, len(roles)), begins)
    is_users = pc.equal(pc.bit_wise_and(place, 1), 0)
    expected = pc.if_else(pc.less(place, 0), "system", pc.if_else(is_users, "user", "assistant"))
    wrong = count_in_rows(invert(pc.equal(roles, expected)), prompt)
    turns = pc.subtract(pc.list_value_length(prompt), pc.cast(is_led, pa.int32()))
    return pc.or_(pc.greater(wrong, 0), pc.equal(pc.bit_wise_and(turns, 1), 0))


MESSAGES = Layout(
    name="messages",
    about="LLaMA-Factory sharegpt with `ranking: true`, axolotl `chat_template.default`",
    needs=("prompt", "chosen", "rejected", *TAIL),
    schema=schema,
    shape=shape,
    refusals=(CALLING, Refusal("do not alternate between user and assistant", does_not_alternate)),
)
