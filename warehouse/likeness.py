"""What is remembered of texts from earlier builds, so that tonight's are compared with all that landed before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from warehouse.connection import LAKE, MEMORY_LIMIT, literal
from warehouse.store import SCRATCH

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from warehouse.frames import Frame

MEMORY_WHILE_COMPARING = "1GB"
"""What DuckDB may hold of the keys and numbers of millions of texts; more than that goes to the disk."""
TEXTS_AT_ONCE = 8192
ROWS_AT_ONCE = 50_000


@dataclass(slots=True)
class Remembered:
    """The texts of one table under one way of comparing: those known, those that are new, and which rows have them.

    Texts are numbered: the known ones from 0, the new ones after them. What `keep` is given lands with the step's outcomes,
    in one transaction. `key` and `text` are columns of the table: rows with one key are taken to have one text.
    """

    frame: Frame
    likeness: str
    key: str
    text: str
    folder: Path
    known: int = 0
    new: int = 0
    kept: list[tuple[str, str]] = field(default_factory=list)
    _cursor: duckdb.DuckDBPyConnection = field(init=False)

    def __post_init__(self) -> None:
        self._cursor = self.frame.cursor()
        self._cursor.execute(f"SET memory_limit = '{MEMORY_WHILE_COMPARING}'")
        self._number_the_texts()

    def close(self) -> None:
        """Give the memory back that a build has no need of otherwise."""
        self._cursor.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")
        self._cursor.close()

    def sketches(self, width: int) -> tuple[NDArray[np.uint8], NDArray[np.uint32]]:
        """The sketches of all known texts, uint8[known, width], and their sizes."""
        import numpy as np

        data, sizes = np.zeros((self.known, width), np.uint8), np.zeros(self.known, np.uint32)
        query = f"SELECT number, size, sketch FROM {LAKE}.sketches WHERE likeness = {literal(self.likeness)}"
        for batch in self._cursor.execute(query).to_arrow_reader(ROWS_AT_ONCE):
            numbers = batch.column(0).to_numpy()
            data[numbers] = _bytes_of(batch.column(2)).reshape(-1, width)
            sizes[numbers] = batch.column(1).to_numpy()
        return data, sizes

    def alike(self) -> NDArray[np.int64]:
        """The pairs of known texts that were found alike, int64[p, 2]."""
        import numpy as np

        query = f"SELECT one, other FROM {LAKE}.likenesses WHERE likeness = {literal(self.likeness)}"
        parts = [
            np.stack([batch.column(0).to_numpy(), batch.column(1).to_numpy()], axis=1)
            for batch in self._cursor.execute(query).to_arrow_reader(ROWS_AT_ONCE)
        ]
        return np.concatenate(parts) if parts else np.empty((0, 2), np.int64)

    def fresh(self) -> Iterator[tuple[list[int], list[str]]]:
        """The new texts with their numbers, in batches, in no order."""
        new, over = f"(FROM {SCRATCH}.likeness_texts WHERE {{these}})", f"{SCRATCH}.likeness_texts"
        for query in self.frame.pages(self._cursor, ("number", self.text), TEXTS_AT_ONCE, new, over):
            if rows := self._cursor.execute(query).fetchall():
                yield [row[0] for row in rows], [row[1] or "" for row in rows]

    def texts(self, numbers: Sequence[int]) -> list[str]:
        """The texts of some numbers, known or new, in the same order; each number once."""
        wanted = self._staged("wanted", {"number": numbers})
        name = literal(self.likeness)
        rows = f"""
            SELECT number, min(row_id) AS row_id, arg_min(document_id, row_id) AS document_id FROM (
                SELECT number, row_id, document_id FROM {SCRATCH}.likeness_texts
                UNION ALL
                SELECT number, subject_id, document_id FROM {LAKE}.sketched WHERE likeness = {name}
            ) SEMI JOIN {wanted} w USING (number) GROUP BY number
        """
        found = dict(self._cursor.execute(self._select(rows, ("number", self.text))).fetchall())
        return [found[number] or "" for number in numbers]

    def repeated(self) -> list[int]:
        """The texts that several rows in scope have."""
        query = f"SELECT number FROM {SCRATCH}.likeness_rows GROUP BY number HAVING count(*) > 1"
        return [row[0] for row in self._cursor.execute(query).fetchall()]

    def rows(self, numbers: Sequence[int], *columns: str) -> list[tuple[Any, ...]]:
        """The rows in scope that have one of these texts: (number, *columns)."""
        wanted = self._staged("asked", {"number": numbers})
        rows = f"SELECT row_id, document_id, number FROM {SCRATCH}.likeness_rows SEMI JOIN {wanted} w USING (number)"
        return self._cursor.execute(self._select(rows, ("number", *columns))).fetchall()

    def keep(self, data: NDArray[np.uint8], sizes: NDArray[np.uint32], pairs: NDArray[np.int64], values: Any) -> None:
        """Keep the sketches of all new texts in the order of their numbers, and the pairs found alike with how much."""
        import numpy as np
        import pyarrow as pa

        flat = pa.py_buffer(np.ascontiguousarray(data))
        blobs = pa.Array.from_buffers(pa.binary(data.shape[1]), len(data), [None, flat])
        numbers = np.arange(self.known, self.known + len(data))
        new = self._staged("new_sketches", {"number": numbers, "size": sizes.astype(np.int64), "sketch": blobs})
        found = self._staged("new_pairs", {"one": pairs[:, 0], "other": pairs[:, 1], "value": values})
        name = literal(self.likeness)
        self.kept = [
            ("sketches", f"""SELECT {name} AS likeness, n.number, t.text_id, n.size, n.sketch FROM {new} n
                JOIN {SCRATCH}.likeness_texts t ON t.number = n.number"""),
            ("sketched", f"""SELECT {name} AS likeness, document_id, row_id AS subject_id, number
                FROM {SCRATCH}.likeness_rows WHERE is_new"""),
            ("likenesses", f"SELECT {name} AS likeness, one, other, value FROM {found}"),
        ]  # fmt: skip

    def _number_the_texts(self) -> None:
        """`likeness_rows`: the rows in scope with the numbers of their texts; `likeness_texts`: a row for each that is new."""
        run, name, table = self._cursor.execute, literal(self.likeness), self.frame.table
        self.known = run(f"SELECT count(*) FROM {LAKE}.sketches WHERE likeness = {name}").fetchall()[0][0]
        run(f"""
            CREATE OR REPLACE TABLE {SCRATCH}.likeness_rows AS
            SELECT l.row_id, l.document_id, s.number, s.number IS NULL AS is_new
            FROM (FROM {SCRATCH}.live WHERE tab = '{table}') l
            LEFT JOIN (FROM {LAKE}.sketched WHERE likeness = {name}) s ON s.subject_id = l.row_id
        """)
        run(f"CREATE OR REPLACE TABLE {SCRATCH}.likeness_keys (row_id VARCHAR, document_id VARCHAR, text_id UUID)")
        fresh = f"(FROM {SCRATCH}.likeness_rows WHERE is_new AND {{these}})"
        columns = ("id", "document_id", self.key)
        for query in self.frame.pages(self._cursor, columns, ROWS_AT_ONCE, fresh, f"(FROM {SCRATCH}.likeness_rows WHERE is_new)"):
            run(f"INSERT INTO {SCRATCH}.likeness_keys SELECT c0, c1, lpad(to_hex(c2), 32, '0')::UUID FROM ({query})")
        run(f"""
            CREATE OR REPLACE TABLE {SCRATCH}.likeness_texts AS
            SELECT text_id, min(row_id) AS row_id, arg_min(document_id, row_id) AS document_id,
                {self.known} + row_number() OVER () - 1 AS number
            FROM {SCRATCH}.likeness_keys k
            WHERE text_id NOT IN (SELECT text_id FROM {LAKE}.sketches WHERE likeness = {name}) GROUP BY text_id
        """)
        self.new = run(f"SELECT count(*) FROM {SCRATCH}.likeness_texts").fetchall()[0][0]
        run(f"""
            CREATE OR REPLACE TABLE {SCRATCH}.likeness_rows AS
            FROM {SCRATCH}.likeness_rows WHERE NOT is_new
            UNION ALL
            SELECT k.row_id, k.document_id, coalesce(t.number, s.number), true FROM {SCRATCH}.likeness_keys k
            LEFT JOIN {SCRATCH}.likeness_texts t ON t.text_id = k.text_id
            LEFT JOIN (FROM {LAKE}.sketches WHERE likeness = {name}) s ON s.text_id = k.text_id
        """)

    def _select(self, rows: str, columns: Sequence[str]) -> str:
        """The query of columns of some rows, be they in scope or not."""
        return self.frame.select(columns).replace("{page}", f"({rows})").replace("{these}", "true")

    def _staged(self, name: str, columns: dict[str, Any]) -> str:
        """Put arrays where SQL can read them: a file in the scratch folder, good until the next of that name."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        file = self.folder / f"likeness_{name}.parquet"
        pq.write_table(pa.table(columns), file, compression="none")
        return f"read_parquet({literal(str(file))})"


def _bytes_of(column: pa.Array) -> NDArray[np.uint8]:
    """The bytes of all values of a binary column, one after the other."""
    import numpy as np

    _, offsets, data = column.buffers()
    if data is None:
        return np.empty(0, np.uint8)
    ends = np.frombuffer(offsets, np.int32 if column.type == "binary" else np.int64)
    first, last = ends[column.offset], ends[column.offset + len(column)]
    return np.frombuffer(data, np.uint8)[first:last]
