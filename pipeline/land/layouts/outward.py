"""Conversations as a release stores them, turned into what trainers read; texts stay where they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.land.layouts.layout import outer_message

if TYPE_CHECKING:
    import pyarrow as pa


def outward(array: pa.Array, tools: bool) -> pa.Array:
    """Messages, at any depth of lists, as `outer_message(tools)`; `array` is no slice."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_list(array.type):
        missing = array.is_null() if array.null_count else None
        return pa.ListArray.from_arrays(array.offsets, outward(array.values, tools), mask=missing)
    wanted = outer_message(tools)
    if array.type == wanted:
        return array
    names = {field.name for field in array.type}
    parts = [
        pc.struct_field(array, field.name) if field.name in names else pa.nulls(len(array), field.type)
        for field in wanted
    ]
    if tools:
        parts[2] = _calls(parts[2]).cast(wanted.field("tool_calls").type)
    return pa.StructArray.from_arrays(parts, fields=list(wanted))


def _calls(column: pa.Array) -> pa.Array:
    """Calls as OpenAI writes them: a function's name and arguments are a part of their own."""
    import pyarrow as pa
    import pyarrow.compute as pc

    missing = column.is_null() if column.null_count else None
    if column.offset:
        column = pa.concat_arrays([column, column[:0]])
    calls = column.values
    called = pa.StructArray.from_arrays(
        [pc.struct_field(calls, name) for name in ("name", "arguments")], ["name", "arguments"]
    )
    kind = pa.repeat(pa.scalar("function"), len(calls))
    call = pa.StructArray.from_arrays([pc.struct_field(calls, "id"), kind, called], ["id", "type", "function"])
    return pa.ListArray.from_arrays(column.offsets, call, mask=missing)
