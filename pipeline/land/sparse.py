"""Messages with the fields that they have and no others, in releases where some call tools.

A struct of Arrow has every field in every row, so a turn that calls nothing would come out with `tool_calls: null`. Chat
templates that ask whether the key is there, and not what is in it (Llama 3.1, DeepSeek V3, gpt-oss), stop at such a turn.
`datasets` (4.7 and later) reads Parquet's type for JSON back into objects that lack what was never there, and TRL asks
for this form (its migration guide, `remove_none_values`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from pipeline.land.layouts.layout import outer_message

if TYPE_CHECKING:
    import pyarrow as pa

KEPT = ("role", "content")
"""Fields that every message has, also where they are null."""


def sparse_schema(schema: pa.Schema) -> pa.Schema:
    """A schema with JSON in place of messages that may call tools; narrow messages stay as they are."""
    import pyarrow as pa

    return pa.schema([(field.name, _sparse_type(field.type)) for field in schema])


def _sparse_type(kind: pa.DataType) -> pa.DataType:
    import pyarrow as pa

    if kind == outer_message(tools=True):
        return pa.json_()
    if pa.types.is_list(kind):
        return pa.list_(_sparse_type(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([(field.name, _sparse_type(field.type)) for field in kind])
    return kind


def sparse(rows: pa.Table) -> pa.Table:
    """Rows as `sparse_schema` has them."""
    import pyarrow as pa

    schema = sparse_schema(rows.schema)
    if schema == rows.schema:
        return rows
    columns = [
        _sparse(column.combine_chunks(), field.type) if column.type != field.type else column
        for column, field in zip(rows.columns, schema, strict=True)
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def _sparse(array: pa.Array, wanted: pa.DataType) -> pa.Array:
    import pyarrow as pa

    if array.type == wanted:
        return array
    if array.offset:
        array = pa.concat_arrays([array, array[:0]])
    missing = array.is_null() if array.null_count else None
    if pa.types.is_list(array.type):
        return pa.ListArray.from_arrays(array.offsets, _sparse(array.values, wanted.value_type), wanted, mask=missing)
    if array.type == outer_message(tools=True):
        texts = [None if message is None else orjson.dumps(thin(message)).decode() for message in array.to_pylist()]
        return pa.ExtensionArray.from_storage(wanted, pa.array(texts, wanted.storage_type))
    parts = [_sparse(array.field(field.name), field.type) for field in wanted]
    return pa.StructArray.from_arrays(parts, fields=list(wanted), mask=missing)


def thin(message: dict[str, Any]) -> dict[str, Any]:
    """A message without the fields that it has not."""
    return {name: value for name, value in message.items() if value is not None or name in KEPT}


def thin_all(value: Any) -> Any:
    """The same for messages at any depth of a value of Python."""
    if isinstance(value, list):
        return [thin_all(element) for element in value]
    if not isinstance(value, dict):
        return value
    return thin(value) if "role" in value else {name: thin_all(part) for name, part in value.items()}
