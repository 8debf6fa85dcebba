"""Few rows that stand for all: each the farthest from those taken before it."""

from __future__ import annotations

from typing import Any

from pipeline.extras import library


def farthest_first(vectors: Any, count: int, order: Any, needed_for: str = "`select/diverse`") -> tuple[list[int], Any, Any]:
    """The rows taken, in turn; and for each row the place of the nearest one taken, and its cosine with it.

    The traversal of Gonzalez ("Clustering to minimize the maximum intercluster distance", 1985), which Sener and Savarese
    (arXiv 1708.00489, section 4) call k-center greedy: no choice of `count` rows leaves the farthest row less than half as
    far away, by the angle. `order` says which row is first, and which one of equally far ones. Time is `count` passes over
    the vectors.
    """
    numpy = library("numpy", needed_for, "embeddings")
    rows = len(vectors)
    rank = numpy.empty(rows, dtype=numpy.int64)
    rank[numpy.asarray(order, dtype=numpy.int64)] = numpy.arange(rows)
    nearest = numpy.full(rows, -2.0)
    whose = numpy.zeros(rows, dtype=numpy.int64)
    taken: list[int] = []
    following = int(order[0]) if rows else 0
    while len(taken) < min(count, rows):
        # Six decimals are what vectors are stored with: what differs less is equally far.
        cosine = numpy.round(numpy.asarray(vectors @ vectors[following], dtype=numpy.float64), 6)
        nearer = cosine > nearest
        nearest[nearer], whose[nearer] = cosine[nearer], following
        taken.append(following)
        nearest[following], whose[following] = numpy.inf, following
        least = nearest.min()
        equal = numpy.flatnonzero(nearest == least)
        following = int(equal[numpy.argmin(rank[equal])])
    nearest[numpy.isinf(nearest)] = 1.0
    return taken, whose, numpy.clip(nearest, -1.0, 1.0)
