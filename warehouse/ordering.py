"""Rows of any number in the order of a key that is a hash, within bounded memory.

DuckDB holds lists of texts in memory while it sorts them. So what does not fit is sorted a piece at a time here, and dealt out
to files by ranges of the key; each file is small enough to be read and sorted by itself. The keys of the first piece say where
the ranges are cut: of hashes it is a fair sample.
"""

from __future__ import annotations

import tempfile
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import chain, pairwise
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

PIECE_BYTES = 64 << 20
"""What is sorted at once; up to so much no file is made."""
RANGES = 256
"""So many files at most are open at once: the usual limit of a process is four times as many."""
BATCH = 1000


def in_order(
    tables: Iterable[pa.Table], keys: Sequence[str], scratch: Path, *, piece_bytes: int = PIECE_BYTES
) -> Iterator[pa.RecordBatch]:
    """All rows of `tables` by the columns `keys`, of which the first is a text that is spread like a hash.

    What does not fit into a piece goes to a folder in `scratch`, which is gone afterwards.
    """
    pieces = _pieces(tables, piece_bytes)
    first = next(pieces, None)
    if first is None:
        return
    second = next(pieces, None)
    if second is None:
        yield from _sorted(first, keys).to_batches(max_chunksize=BATCH)
        return
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        for file in _deal(chain((first, second), pieces), keys, Path(folder)):
            yield from _sorted(_read(file), keys).to_batches(max_chunksize=BATCH)
            file.unlink()


def _pieces(tables: Iterable[pa.Table], piece_bytes: int) -> Iterator[pa.Table]:
    """The tables, put together up to so many bytes."""
    import pyarrow as pa

    waiting: list[pa.Table] = []
    for table in tables:
        waiting.append(table)
        if sum(each.nbytes for each in waiting) >= piece_bytes:
            yield pa.concat_tables(waiting)
            waiting = []
    if waiting:
        yield pa.concat_tables(waiting)


def _sorted(table: pa.Table, keys: Sequence[str]) -> pa.Table:
    import pyarrow.compute as pc

    return table.take(pc.sort_indices(table, sort_keys=[(key, "ascending") for key in keys]))


def _deal(pieces: Iterable[pa.Table], keys: Sequence[str], folder: Path) -> list[Path]:
    """Files of rows, each with a range of the first key, in the order of the ranges."""
    import pyarrow as pa

    cuts: list[str] = []
    files: list[Path] = []
    with ExitStack() as stack:
        writers: list[pa.ipc.RecordBatchStreamWriter] = []
        for piece in pieces:
            rows = _sorted(piece, keys).combine_chunks()
            known: list[str] = rows[keys[0]].to_pylist()
            if not writers:
                cuts = [known[len(known) * at // RANGES] for at in range(1, RANGES)]
                files = [folder / f"{at}.arrow" for at in range(RANGES)]
                writers = [stack.enter_context(pa.ipc.new_stream(str(file), rows.schema)) for file in files]
            places = [0, *(bisect_left(known, cut) for cut in cuts), len(known)]
            for writer, (start, end) in zip(writers, pairwise(places), strict=True):
                if end > start:
                    writer.write_table(rows.slice(start, end - start))
    return files


def _read(file: Path) -> pa.Table:
    import pyarrow as pa

    with pa.ipc.open_stream(str(file)) as reader:
        return reader.read_all()
