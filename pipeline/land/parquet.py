"""Parquet files whose bytes depend on the rows alone: not on how the rows arrive in batches, nor on the process.

Parquet holds no time of writing. It does hold the writer's version, and zstd may pack better in a later release: the
same bytes need the same pyarrow, so a manifest names it.

The layout is the one the hub asks for (hub-docs, `datasets-libraries.md`: page index and content-defined chunking) with
the row groups of `datasets` (`config.MAX_ROW_GROUP_SIZE`, 100 MB uncompressed; the viewer refuses to scan 300 MB).
Ours are a third of that, because an export keeps one open group for each split of each layout.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

GROUP_ROWS = 10_000
GROUP_BYTES = 32_000_000

# Everything that shapes the bytes is written out, so that a new default of pyarrow does not change them.
_OPTIONS: dict[str, Any] = {
    "version": "2.6",
    "data_page_version": "1.0",
    "data_page_size": 1 << 20,
    "dictionary_pagesize_limit": 1 << 20,
    "write_batch_size": 1024,
    "compression": "zstd",
    "compression_level": 3,
    "use_byte_stream_split": False,
    "use_compliant_nested_type": True,
    "write_statistics": True,
    "write_page_index": True,
    "store_schema": True,
    # The figures of `datasets.config.DEFAULT_CDC_OPTIONS`: unchanged rows are then uploaded to the hub only once.
    "use_content_defined_chunking": {"min_chunk_size": 256 * 1024, "max_chunk_size": 1024 * 1024, "norm_level": 0},
}

# Columns, or fields of theirs, whose values hardly ever repeat within a row group: a dictionary of them is given up after
# a megabyte of work. All others have one.
_UNIQUE = {
    "content", "text", "pair_id", "chosen_id", "rejected_id", "prompt_id", "signal_id", "rationale", "raw", "prefix",
    "chosen_step", "rejected_step", "arguments", "evidence", "sha256",
}  # fmt: skip


class PairFile:
    """A Parquet file under way; use it in a `with`, `add` tables in order.

    A row group ends before the row that would take it past `GROUP_ROWS` or `GROUP_BYTES` of text, counted from the first
    row on, so the batches leave no trace. Added tables are kept as they are until their group is whole.
    """

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        import pyarrow.parquet as pq

        self.rows = 0
        self._group: list[pa.Table] = []
        self._group_rows = self._group_bytes = 0
        self._is_done = False
        self._file = path.open("wb")
        try:
            self._writer = pq.ParquetWriter(self._file, schema, use_dictionary=_repeating(schema), **_OPTIONS)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> PairFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish the file; after an error only let go of it, nobody will read it."""
        try:
            if error is None:
                self.finish()
        finally:
            # Closed in any case: a writer that the collector finds open writes a footer into a closed file.
            with suppress(Exception):
                self._writer.close()
            self._file.close()

    def add(self, table: pa.Table) -> None:
        """Append rows that have the columns of the schema."""
        self.rows += table.num_rows
        while table.num_rows:
            fitting, size = self._count_fitting(table)
            if fitting:
                self._group.append(table.slice(0, fitting))
                self._group_rows += fitting
                self._group_bytes += size
            if fitting < table.num_rows:
                self._flush()
            table = table.slice(fitting)

    def finish(self) -> None:
        """Write what is left and the footer."""
        if not self._is_done:
            self._flush()
            self._writer.close()
            self._is_done = True

    def _count_fitting(self, table: pa.Table) -> tuple[int, int]:
        """How many of the first rows still fit into the open row group, and their bytes of text; an empty one takes any."""
        import pyarrow.compute as pc

        rows = min(table.num_rows, GROUP_ROWS - self._group_rows)
        sizes = count_text_bytes(table.slice(0, rows))
        ends, room = pc.cumulative_sum(sizes), GROUP_BYTES - self._group_bytes
        if rows and ends[-1].as_py() > room:
            rows = pc.index(pc.greater(ends, room), True).as_py()
            rows = max(rows, 0 if self._group_rows else 1)
        return rows, ends[rows - 1].as_py() if rows else 0

    def _flush(self) -> None:
        """Write the open row group, if it has rows."""
        import pyarrow as pa

        group, self._group = self._group, []
        self._group_rows = self._group_bytes = 0
        if group:
            # One chunk per column, because the writer ends a page where a chunk ends.
            whole = pa.concat_tables(group).combine_chunks()
            self._writer.write_table(whole, row_group_size=whole.num_rows)


def count_text_bytes(rows: pa.Table) -> pa.Array:
    """The bytes of all text in each row, nested or not.

    Not `nbytes`, which also counts a bitmap that is there or not depending on who made the array.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    total = pa.repeat(pa.scalar(0, pa.int64()), rows.num_rows)
    for column in rows.columns:
        if (size := _text_bytes(column.combine_chunks())) is not None:
            total = pc.add(total, size)
    return total


def _text_bytes(array: pa.Array) -> pa.Array | None:
    """The bytes of text in each value; None where the type has no text at all."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_string(array.type):
        return pc.fill_null(pc.cast(pc.binary_length(array), pa.int64()), 0)
    if pa.types.is_struct(array.type):
        parts = [size for field in array.flatten() if (size := _text_bytes(field)) is not None]
        total = parts[0] if parts else None
        for size in parts[1:]:
            total = pc.add(total, size)
        return total
    if pa.types.is_list(array.type):
        elements = _text_bytes(array.flatten())
        if elements is None:
            return None
        zero = pa.array([0], pa.int64())
        sums = pa.concat_arrays([zero, pc.cumulative_sum(elements)])
        ends = pc.cumulative_sum(pc.fill_null(pc.cast(pc.list_value_length(array), pa.int64()), 0))
        upto = sums.take(pa.concat_arrays([zero, ends]))
        return pc.subtract(upto.slice(1), upto.slice(0, len(array)))
    return None


def _repeating(schema: pa.Schema) -> list[str]:
    """The leaves of a schema, by their paths in Parquet, whose values are written through a dictionary."""
    import pyarrow as pa

    def leaves(path: str, kind: pa.DataType, name: str) -> list[str]:
        if pa.types.is_list(kind):
            return leaves(f"{path}.list.element", kind.value_type, name)
        if pa.types.is_struct(kind):
            return [leaf for field in kind for leaf in leaves(f"{path}.{field.name}", field.type, field.name)]
        return [] if name in _UNIQUE or pa.types.is_boolean(kind) else [path]

    return [leaf for field in schema for leaf in leaves(field.name, field.type, field.name)]
