"""Parquet files whose bytes depend on the rows alone: not on how the rows arrive in batches, nor on the process.

Parquet holds no time of writing. It does hold the writer's version, and zstd may pack better in a later release: the
same bytes need the same pyarrow, so a manifest names it.

The layout is the one the hub asks for (hub-docs, `datasets-libraries.md`: page index and content-defined chunking) with
the row groups of `datasets` (`config.MAX_ROW_GROUP_SIZE`, 100 MB uncompressed; the viewer refuses to scan 300 MB).
Ours are a third of that, because an export keeps one open group for each split.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

BLOCK_ROWS = 100
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
    "use_dictionary": True,
    "use_byte_stream_split": False,
    "use_compliant_nested_type": True,
    "write_statistics": True,
    "write_page_index": True,
    "store_schema": True,
    # The figures of `datasets.config.DEFAULT_CDC_OPTIONS`: unchanged rows are then uploaded to the hub only once.
    "use_content_defined_chunking": {"min_chunk_size": 256 * 1024, "max_chunk_size": 1024 * 1024, "norm_level": 0},
}


class PairFile:
    """A Parquet file under way; use it in a `with`, `add` tables in order.

    Rows are cut into blocks of `BLOCK_ROWS`, and blocks are gathered into a row group until one more would pass
    `GROUP_ROWS` or `GROUP_BYTES` of text. Both are counted from the first row on, so the batches leave no trace.
    """

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        import pyarrow.parquet as pq

        self.rows = 0
        self._schema = schema
        self._rest = schema.empty_table()
        self._group: list[pa.Table] = []
        self._group_rows = self._group_bytes = 0
        self._file = path.open("wb")
        try:
            self._writer = pq.ParquetWriter(self._file, schema, **_OPTIONS)
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
                self._finish()
        finally:
            # Closed in any case: a writer that the collector finds open writes a footer into a closed file.
            with suppress(Exception):
                self._writer.close()
            self._file.close()

    def add(self, table: pa.Table) -> None:
        """Append rows that have the columns of the schema."""
        import pyarrow as pa

        self.rows += table.num_rows
        waiting = pa.concat_tables([self._rest, table]).combine_chunks()
        whole = waiting.num_rows - waiting.num_rows % BLOCK_ROWS
        for start in range(0, whole, BLOCK_ROWS):
            self._add_block(waiting.slice(start, BLOCK_ROWS))
        self._rest = waiting.slice(whole)

    def _add_block(self, block: pa.Table) -> None:
        """Put a block into the open row group, or into a new one when it would not fit."""
        size = sum(count_text_bytes(chunk) for column in block.columns for chunk in column.chunks)
        if self._group_rows + block.num_rows > GROUP_ROWS or self._group_bytes + size > GROUP_BYTES:
            self._flush()
        self._group.append(block)
        self._group_rows += block.num_rows
        self._group_bytes += size

    def _flush(self) -> None:
        """Write the open row group, if it has rows."""
        import pyarrow as pa

        if self._group_rows:
            # One chunk per column, because the writer ends a page where a chunk ends.
            group = pa.concat_tables(self._group).combine_chunks()
            self._writer.write_table(group, row_group_size=group.num_rows)
        self._group, self._group_rows, self._group_bytes = [], 0, 0

    def _finish(self) -> None:
        """Write what is left and the footer."""
        if self._rest.num_rows:
            self._add_block(self._rest)
        self._flush()
        self._writer.close()


def count_text_bytes(array: pa.Array) -> int:
    """The bytes of all text in an array, nested or not.

    Not `nbytes`, which also counts a bitmap that is there or not depending on who made the array.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_string(array.type):
        return pc.sum(pc.binary_length(array)).as_py() or 0
    if pa.types.is_list(array.type):
        return count_text_bytes(array.flatten())
    if pa.types.is_struct(array.type):
        return sum(count_text_bytes(field) for field in array.flatten())
    return 0
