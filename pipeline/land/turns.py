"""Columns of conversations in other shapes: older releases widened to today's, and what trainers read.

A list array keeps its offsets and the texts stay where they are, so a change of shape copies nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.land.columns import release_schema

if TYPE_CHECKING:
    import pyarrow as pa


def conform(rows: pa.Table, schema: pa.Schema | None = None) -> pa.Table:
    """Rows of a release as `schema` (`release_schema()`) has them: what an older release has not is null."""
    import pyarrow as pa

    schema = schema or release_schema()
    columns = [
        reshape(rows[field.name], field.type) if field.name in rows.column_names else pa.nulls(rows.num_rows, field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def reshape(column: pa.ChunkedArray, wanted: pa.DataType) -> pa.ChunkedArray:
    """A column with the fields of `wanted` at every depth: fields that it has are kept, by name; others are null."""
    import pyarrow as pa

    if column.type == wanted:
        return column
    return pa.chunked_array([_reshape(chunk, wanted) for chunk in column.chunks], wanted)


def _reshape(array: pa.Array, wanted: pa.DataType) -> pa.Array:
    import pyarrow as pa

    if array.type == wanted:
        return array
    if array.null_count and array.offset:  # Arrow takes no mask for a slice
        array = pa.concat_arrays([array, array[:0]])
    missing = array.is_null() if array.null_count else None
    if pa.types.is_list(wanted) and pa.types.is_list(array.type):
        # `values` and offsets as they are, not `flatten`: of a slice both still belong together.
        return pa.ListArray.from_arrays(array.offsets, _reshape(array.values, wanted.value_type), wanted, mask=missing)
    if pa.types.is_struct(wanted) and pa.types.is_struct(array.type):
        names = {field.name for field in array.type}
        children = [
            _reshape(array.field(field.name), field.type) if field.name in names else pa.nulls(len(array), field.type)
            for field in wanted
        ]
        return pa.StructArray.from_arrays(children, fields=list(wanted), mask=missing)
    return array.cast(wanted)
