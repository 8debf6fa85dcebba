"""Rows as lines of JSON, for people and for trainers that read no Parquet."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    import pyarrow as pa

BATCH = 500


class JsonlFile:
    """A file of one JSON object a row, under way; the columns are in the order of the schema, what is missing is `null`."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.rows = 0
        self._names = schema.names
        self._file = path.open("wb")

    def __enter__(self) -> JsonlFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Bring what is left to the file."""
        self._file.close()

    def add(self, table: pa.Table) -> None:
        """Append rows that have the columns of the schema."""
        self.rows += table.num_rows
        for batch in table.select(self._names).to_batches(max_chunksize=BATCH):
            self._file.writelines(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in batch.to_pylist())

    def finish(self) -> None:
        """Bring what is left to the file."""
        self._file.flush()
