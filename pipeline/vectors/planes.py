"""Signatures of vectors by random planes: two vectors lie on the same side of a plane the likelier, the nearer they are.

For planes drawn at random the share is 1 - angle/π (Charikar, "Similarity estimation techniques from rounding
algorithms", STOC 2002, section 3). `bits` sides make a band key; two vectors are candidates when they share the key of
one band at least, which happens with probability 1 - (1 - (1 - angle/π)^bits)^bands.

The sides are worked out in whole numbers small enough that float32 holds every sum of them exactly: so a signature is a
function of the vector alone, whatever machine, batch or library multiplies the matrices.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pipeline.extras import library
from pipeline.vectors.gathering import BLOCK

RECALL = 0.999
"""How many of the pairs that are exactly at the threshold are to become candidates; of nearer ones it is more."""
MOST_BANDS = 512
VECTOR_LENGTH = 4096
PLANE_SPREAD = 8.0
"""Vectors are scaled to that length and planes drawn with that spread, then both rounded: no sum exceeds 2^24."""
SEED = 20230309
SKETCH_WORDS = 4
"""So many words of 64 sides are compared before two vectors are."""
DOUBT = 5.0
"""Candidates whose sketches differ by more than so many standard errors beyond what the threshold lets expect are none."""


def share_of_sides(cosine: float) -> float:
    """The share of random planes that two vectors with this cosine lie on the same side of, in [0, 1]."""
    return 1.0 - math.acos(max(-1.0, min(1.0, cosine))) / math.pi


def recall_at(cosine: float, bits: int, bands: int) -> float:
    """How likely two vectors with this cosine become candidates."""
    return 1.0 - (1.0 - share_of_sides(cosine) ** bits) ** bands


def bands_for(threshold: float, bits: int, recall: float = RECALL) -> int:
    """The fewest bands that find this share of pairs at the threshold."""
    hit = share_of_sides(threshold) ** bits
    return 1 if hit >= recall else math.ceil(math.log1p(-recall) / math.log1p(-hit))


@dataclass(frozen=True)
class Planes:
    """`bands` band keys of `bits` sides (1 to 20) each."""

    bits: int
    bands: int

    @property
    def count(self) -> int:
        """How many planes there are."""
        return self.bits * self.bands

    @property
    def sketch_bits(self) -> int:
        """How many sides a sketch has."""
        return min(SKETCH_WORDS, max(1, self.count // 64)) * 64

    def least_equal(self, threshold: float) -> int:
        """The least number of sides that two sketches share when their vectors may well be alike."""
        count = min(self.sketch_bits, self.count)
        share = share_of_sides(threshold)
        spread = math.sqrt(count * share * (1.0 - share))
        # Sides that no plane gives are the same in all sketches.
        return self.sketch_bits - count + math.floor(count * share - DOUBT * spread)

    @cached_property
    def _numpy(self) -> Any:
        return library("numpy", "`select/semantic_duplicates`", "dedup")

    def normals(self, dimensions: int) -> Any:
        """The planes by their normals, float32 [planes, dimensions] of whole numbers; always the same."""
        # The frozen generator: numpy promises this stream for ever, which it does not of newer ones.
        drawn = self._numpy.random.RandomState(SEED).standard_normal((self.count, dimensions))
        return self._numpy.rint(drawn * PLANE_SPREAD).astype(self._numpy.float32)

    def sign(self, vectors: Any) -> tuple[Any, Any]:
        """Band keys (uint32 [rows, bands]) and sketches (uint64 [rows, words]) of vectors of length 1."""
        numpy, rows = self._numpy, len(vectors)
        keys = numpy.zeros((rows, self.bands), dtype=numpy.uint32)
        sketches = numpy.zeros((rows, self.sketch_bits // 64), dtype=numpy.uint64)
        powers = (1 << numpy.arange(self.bits)).astype(numpy.float32)
        normals = self.normals(vectors.shape[1]).T
        for start, sides in self._sides(vectors, normals):
            end = start + len(sides)
            # Sums of powers of two below 2^24 are exact too.
            keys[start:end] = (sides.reshape(-1, self.bands, self.bits) @ powers).astype(numpy.uint32)
            padded = numpy.zeros((len(sides), self.sketch_bits), dtype=bool)
            padded[:, : self.count] = sides[:, : self.sketch_bits] > 0
            sketches[start:end] = numpy.packbits(padded, axis=1).view(numpy.uint64)
        return keys, sketches

    def _sides(self, vectors: Any, normals: Any) -> Iterator[tuple[int, Any]]:
        """Blocks of rows: where each begins, and on which side of every plane its vectors lie."""
        numpy = self._numpy
        block = max(1, min(BLOCK, (1 << 24) // max(1, self.count)))
        for start in range(0, len(vectors), block):
            whole = numpy.rint(vectors[start : start + block] * numpy.float32(VECTOR_LENGTH))
            yield start, (whole @ normals >= 0).astype(numpy.float32)
