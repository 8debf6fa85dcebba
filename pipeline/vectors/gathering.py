"""The vectors of all rows in scope, in a file of numbers that the system pages in and out, beside their ids."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.extras import library
from schemas.errors import RequestError

BLOCK = 16384


@dataclass(frozen=True, slots=True)
class Gathered:
    """Rows by id: `vectors` is float32 [rows, dimensions], each of length 1, in a memory-mapped file.

    `columns` has the other values that were read, in the same order; `without` are the ids of rows that have no vector.
    """

    ids: list[str]
    vectors: Any
    columns: Mapping[str, list[Any]]
    without: list[str]


@contextmanager
def gathered(
    batches: Iterable[Sequence[tuple[Any, ...]]], *columns: str, needed_for: str, extra: str = "embeddings"
) -> Iterator[Gathered]:
    """What batches of (id, vector, *columns) hold, as long as the context lasts.

    Rows come in any order and are sorted by id, so that nothing depends on it. A vector is a list of numbers or None; one
    of zeros points nowhere and is none. Holds the ids and the columns in memory, and on disk twice 4 bytes for each number
    of a vector. Raises `RequestError` for vectors of unequal lengths.
    """
    numpy = library("numpy", needed_for, extra)
    with tempfile.TemporaryDirectory(prefix="prefmill-vectors-") as folder:
        path = Path(folder) / "as-read"
        ids: list[str] = []
        without: list[str] = []
        values: list[list[Any]] = [[] for _ in columns]
        size = 0
        with path.open("wb") as file:
            for batch in batches:
                rows = [row for row in batch if row[1] is not None and any(row[1])]
                without += [row[0] for row in batch if row[1] is None or not any(row[1])]
                if not rows:
                    continue
                lengths = {len(row[1]) for row in rows} | ({size} if size else set())
                if len(lengths) > 1:
                    raise RequestError(
                        f"{needed_for} finds vectors of {' and '.join(map(str, sorted(lengths)))} dimensions, which cannot "
                        "be compared: name the model whose vectors count (`vectors`)"
                    )
                size = lengths.pop()
                found = numpy.array([row[1] for row in rows], dtype=numpy.float32)
                file.write(found.tobytes())
                ids += [row[0] for row in rows]
                for place, column in enumerate(values, 2):
                    column.extend(row[place] for row in rows)
        order = sorted(range(len(ids)), key=ids.__getitem__)
        yield Gathered(
            [ids[place] for place in order],
            _in_order(numpy, path, order, size),
            {name: [column[place] for place in order] for name, column in zip(columns, values, strict=True)},
            sorted(without),
        )


def _in_order(numpy: Any, path: Path, order: list[int], size: int) -> Any:
    """The vectors of a file in this order, brought to length 1, in a file beside it."""
    shape = (len(order), size)
    if not order:
        return numpy.zeros((0, size), dtype=numpy.float32)
    as_read = numpy.memmap(path, dtype=numpy.float32, mode="r", shape=shape)
    ordered = numpy.memmap(path.with_name("in-order"), dtype=numpy.float32, mode="w+", shape=shape)
    places = numpy.array(order)
    for start in range(0, len(order), BLOCK):
        block = as_read[places[start : start + BLOCK]].astype(numpy.float64)
        block /= numpy.linalg.norm(block, axis=1, keepdims=True)
        ordered[start : start + BLOCK] = block
    return ordered
