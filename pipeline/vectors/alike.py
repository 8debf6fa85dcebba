"""Rows whose vectors are alike, each put down to the best row that it was compared with and found alike to."""

from __future__ import annotations

from typing import Any

from pipeline.extras import library
from pipeline.vectors.planes import Planes

ROUNDING = 2e-6
"""Vectors are stored to six decimals: so much less than the threshold is the threshold."""


def find_leaders(vectors: Any, order: Any, threshold: float, planes: Planes) -> tuple[Any, Any]:
    """For each row the row that leads it, and their cosine; a row that is like none before it leads itself (cosine 1).

    `vectors` is float32 [rows, dimensions] of length 1, `order` the rows from the one to be kept first to the last. Of all
    leaders that a row is alike to it joins the first of that order; so every row that does not lead has a cosine of at
    least the threshold with the row that it is put down to, and templates with different slots do not chain.

    Memory: `planes.bands` · 8 bytes a row and 4 · 2^bits bytes a band, beside the vectors.
    """
    numpy = library("numpy", "`select/semantic_duplicates`", "dedup")
    from pipeline.vectors import kernels

    keys, sketches = planes.sign(vectors)
    leader, cosine = kernels.join(
        numpy.asarray(order, dtype=numpy.int64),
        keys,
        sketches,
        vectors,
        threshold - ROUNDING,
        planes.least_equal(threshold),
        planes.bits,
    )
    return leader, cosine
