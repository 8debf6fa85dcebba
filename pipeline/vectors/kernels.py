"""Loops over vectors that numba compiles: imported only by functions that need them, so that nothing else waits for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from pipeline.extras import library

NEEDED_FOR = "`select/semantic_duplicates`"
numpy: Any = library("numpy", NEEDED_FOR, "dedup")
numba: Any = library("numba", NEEDED_FOR, "dedup")

Function = TypeVar("Function", bound=Callable[..., Any])
Array = Any
u64 = numpy.uint64

PAIRS, FOURS, EIGHTS, ONES = (
    u64(0x5555555555555555),
    u64(0x3333333333333333),
    u64(0x0F0F0F0F0F0F0F0F),
    u64(0x0101010101010101),
)
S1, S2, S4, S56 = u64(1), u64(2), u64(4), u64(56)
NOBODY = -1


def compiled(function: Function) -> Function:
    """Compiled at the first call and kept on disk for the next process."""
    done: Function = numba.njit(cache=True, nogil=True)(function)
    return done


@compiled
def cosine_of(vectors: Array, one: int, other: int) -> Any:
    """The product of two rows of float32, summed in float64 in one fixed order: the same on every machine."""
    a = b = c = d = 0.0
    size = vectors.shape[1]
    whole = size - size % 4
    for place in range(0, whole, 4):
        a += numpy.float64(vectors[one, place]) * numpy.float64(vectors[other, place])
        b += numpy.float64(vectors[one, place + 1]) * numpy.float64(vectors[other, place + 1])
        c += numpy.float64(vectors[one, place + 2]) * numpy.float64(vectors[other, place + 2])
        d += numpy.float64(vectors[one, place + 3]) * numpy.float64(vectors[other, place + 3])
    for place in range(whole, size):
        a += numpy.float64(vectors[one, place]) * numpy.float64(vectors[other, place])
    return (a + b) + (c + d)


@compiled
def count_equal(sketches: Array, one: int, other: int) -> Any:
    """How many bits two sketches share."""
    equal = 64 * sketches.shape[1]
    for word in range(sketches.shape[1]):
        x = sketches[one, word] ^ sketches[other, word]
        x = x - ((x >> S1) & PAIRS)
        x = (x & FOURS) + ((x >> S2) & FOURS)
        x = (x + (x >> S4)) & EIGHTS
        equal -= numpy.int64((x * ONES) >> S56)
    return equal


@compiled
def join(
    order: Array, keys: Array, sketches: Array, vectors: Array, threshold: float, least_equal: int, bits: int
) -> tuple[Array, Array]:
    """The leader of each row, and its cosine with it: a leader is its own.

    Rows are taken in this order. Each joins the first leader before it that shares a band key and whose cosine reaches
    the threshold; where there is none, it leads. Only leaders are looked up later, so a row is compared with them alone.
    """
    rows, bands = keys.shape
    heads = numpy.full((bands, 1 << bits), NOBODY, dtype=numpy.int32)
    nexts = numpy.empty((rows, bands), dtype=numpy.int32)
    led_by = numpy.empty(rows, dtype=numpy.int32)
    compared = numpy.full(rows, NOBODY, dtype=numpy.int32)
    leader = numpy.empty(rows, dtype=numpy.int64)
    cosine = numpy.ones(rows, dtype=numpy.float64)
    count = 0
    for place in range(rows):
        row = order[place]
        best, nearness = count, 1.0
        for band in range(bands):
            slot = heads[band, keys[row, band]]
            while slot >= 0:
                if slot < best and compared[slot] != place:
                    compared[slot] = place
                    if count_equal(sketches, row, led_by[slot]) >= least_equal:
                        found = cosine_of(vectors, row, led_by[slot])
                        if found >= threshold:
                            best, nearness = slot, found
                slot = nexts[slot, band]
        if best < count:
            leader[row], cosine[row] = led_by[best], nearness
            continue
        leader[row] = row
        led_by[count] = row
        for band in range(bands):
            nexts[count, band] = heads[band, keys[row, band]]
            heads[band, keys[row, band]] = count
        count += 1
    return leader, cosine
