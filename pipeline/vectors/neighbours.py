"""The nearest neighbours of vectors, found exactly: every two rows are compared, a block of products at a time."""

from __future__ import annotations

from typing import Any

from pipeline.extras import library

BLOCK = 2048
SPARE = 8
"""So many more neighbours than asked for are worked out in full, because the products of float32 are off by 1e-7 or so."""


def mean_of_nearest(vectors: Any, count: int, needed_for: str = "`select/density`") -> Any:
    """For each row the mean cosine with its `count` nearest other rows, float64 in [-1, 1]; NaN where there is no other.

    Fewer others than `count` count as they are. `vectors` is float32 [rows, dimensions] of length 1. Time grows with the
    square of the rows; memory is that of 4 · 2048² bytes twice, beside the vectors.
    """
    numpy = library("numpy", needed_for, "embeddings")
    rows = len(vectors)
    means = numpy.full(rows, numpy.nan)
    kept = min(count + SPARE, rows - 1)
    if kept < 1:
        return means
    for start in range(0, rows, BLOCK):
        block = vectors[start : start + BLOCK]
        nearest = _nearest_of(numpy, vectors, block, start, kept)
        exact = numpy.empty((len(block), kept))
        for place in range(kept):
            # In float64: which of the spare ones are nearest, and how near, is then the same on every machine.
            others = numpy.asarray(vectors[nearest[:, place]], dtype=numpy.float64)
            exact[:, place] = numpy.einsum("ij,ij->i", block.astype(numpy.float64), others)
        exact.sort(axis=1)
        means[start : start + BLOCK] = exact[:, ::-1][:, : min(count, kept)].mean(axis=1)
    return means


def _nearest_of(numpy: Any, vectors: Any, block: Any, start: int, kept: int) -> Any:
    """The places of the `kept` nearest other rows of each row of a block, in no order."""
    here = numpy.arange(len(block))[:, None]
    best = numpy.full((len(block), kept), -2.0, dtype=numpy.float32)
    who = numpy.zeros((len(block), kept), dtype=numpy.int64)
    for other in range(0, len(vectors), BLOCK):
        products = block @ vectors[other : other + BLOCK].T
        if other == start:
            numpy.fill_diagonal(products, -2.0)  # no row is its own neighbour
        some = min(kept, products.shape[1])
        top = numpy.argpartition(-products, some - 1, axis=1)[:, :some]
        values = numpy.concatenate([best, products[here, top]], axis=1)
        places = numpy.concatenate([who, top + other], axis=1)
        chosen = numpy.argpartition(-values, kept - 1, axis=1)[:, :kept]
        best, who = values[here, chosen], places[here, chosen]
    return who


def nearest_cosine(vectors: Any, to: Any, needed_for: str) -> Any:
    """For each row of `vectors` the cosine with the nearest row of `to`, float64; both float32 [rows, dimensions]."""
    numpy = library("numpy", needed_for, "embeddings")
    found = numpy.empty(len(vectors))
    for start in range(0, len(vectors), BLOCK):
        block = vectors[start : start + BLOCK]
        best = numpy.full(len(block), -2.0)
        for other in range(0, len(to), BLOCK):
            numpy.maximum(best, (block @ to[other : other + BLOCK].T).max(axis=1), out=best)
        found[start : start + BLOCK] = numpy.clip(best, -1.0, 1.0)
    return found
