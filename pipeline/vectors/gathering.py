"""The vectors of all rows in scope, in a file of numbers that the system pages in and out, beside their ids."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pipeline.extras import library
from pipeline.strategy import Rows
from schemas.columns import check_column
from schemas.errors import RequestError

Embedded = Literal["prompts", "responses", "pairs"]
"""The tables whose rows have a vector; of a pair it is that of its prompt."""
BLOCK = 16384


@dataclass(frozen=True, slots=True)
class Gathered:
    """What has a vector, and the rows of each.

    `ids` are those of the prompts or responses that have one, sorted; `vectors` is float32 [ids, dimensions], each of
    length 1, in a memory-mapped file. `rows` are (place in `ids`, row id, *columns), sorted: one for each of them, or of
    pairs all those of a prompt. `without` are the ids of rows that have no vector.
    """

    ids: list[str]
    vectors: Any
    rows: list[tuple[Any, ...]]
    without: list[str]


def vector_column(of: Embedded, vectors: str | None) -> str:
    """The column of vectors, of the one model that made any or of the one named; raises `ValueError` for an empty name."""
    column = "vector" if vectors is None else f"vector:{vectors}"
    check_column(of, column)
    return column


@contextmanager
def gathered(
    rows: Rows, of: Embedded, vectors: str | None, *columns: str, needed_for: str, extra: str = "embeddings"
) -> Iterator[Gathered]:
    """The vectors of all rows, as long as the context lasts, with some columns of the rows.

    Rows come in any order and are sorted by id, so that nothing depends on it. A vector of zeros points nowhere and is
    none. Holds ids and columns in memory, and on disk twice 4 bytes for each number of a vector. Raises `RequestError` for
    vectors of unequal lengths, and when there are rows but no vectors.
    """
    numpy = library("numpy", needed_for, extra)
    asked = ("prompt_id" if of == "pairs" else "id", vector_column(of, vectors), "id", *columns)
    with tempfile.TemporaryDirectory(prefix="prefmill-vectors-") as folder:
        path = Path(folder) / "as-read"
        places: dict[str, int] = {}
        found: list[tuple[Any, ...]] = []
        without: list[str] = []
        size = 0
        with path.open("wb") as file:
            for batch in rows.read(*asked):
                new: list[Sequence[float]] = []
                for item, vector, row_id, *values in batch:
                    if vector is None or not any(vector):
                        without.append(row_id)
                        continue
                    if item not in places:
                        places[item] = len(places)
                        new.append(vector)
                    found.append((item, row_id, *values))
                if sizes := {len(vector) for vector in new}:
                    size = _one_size({*sizes, *([size] if size else [])}, needed_for)
                    file.write(numpy.array(new, dtype=numpy.float32).tobytes())
        if without and not places:
            raise RequestError(
                f"{needed_for} needs vectors, and none of {len(without)} {of} has one: put "
                f"`judge/embed: {{of: {'responses' if of == 'responses' else 'prompts'}}}` before it"
            )
        ids = sorted(places)
        ordered = _in_order(numpy, path, [places[item] for item in ids], size)
        place = {item: number for number, item in enumerate(ids)}
        yield Gathered(ids, ordered, sorted((place[item], *rest) for item, *rest in found), sorted(without))


def _one_size(sizes: set[int], needed_for: str) -> int:
    """The number of dimensions that all vectors have."""
    if len(sizes) > 1:
        raise RequestError(
            f"{needed_for} finds vectors of {' and '.join(map(str, sorted(sizes)))} dimensions, which cannot be compared: "
            "name the model whose `vectors` count"
        )
    return min(sizes)


def _in_order(numpy: Any, path: Path, order: list[int], size: int) -> Any:
    """The vectors of a file in this order, brought to length 1, in a file beside it."""
    shape = (len(order), size)
    if not order:
        return numpy.zeros(shape, dtype=numpy.float32)
    as_read = numpy.memmap(path, dtype=numpy.float32, mode="r", shape=shape)
    ordered = numpy.memmap(path.with_name("in-order"), dtype=numpy.float32, mode="w+", shape=shape)
    places = numpy.array(order)
    for start in range(0, len(order), BLOCK):
        block = as_read[places[start : start + BLOCK]].astype(numpy.float64)
        block /= numpy.linalg.norm(block, axis=1, keepdims=True)
        ordered[start : start + BLOCK] = block
    return ordered
