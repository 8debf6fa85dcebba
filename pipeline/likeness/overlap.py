"""The exact likeness of two texts: the Jaccard index of their sets of n-grams."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pipeline.extras import library
from pipeline.likeness.minhash import MinHash
from pipeline.likeness.sketches import NEEDED_FOR, coded

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray


def jaccard(left: Sequence[str], right: Sequence[str], spec: MinHash) -> NDArray[numpy.float64]:
    """The share of common n-grams among all of two texts each, in [0, 1]; n-grams are those of `sketch`.

    Two empty texts, which have none, are not alike (0). A text that comes several times is cut once.
    """
    numbers: dict[str, int] = {}
    lefts = [numbers.setdefault(text, len(numbers)) for text in left]
    rights = [numbers.setdefault(text, len(numbers)) for text in right]
    return likeness(list(numbers), lefts, rights, spec)


def likeness(
    texts: Sequence[str],
    left: Sequence[int] | NDArray[numpy.int64],
    right: Sequence[int] | NDArray[numpy.int64],
    spec: MinHash,
) -> NDArray[numpy.float64]:
    """The same for pairs of places in `texts`, of which 8 bytes for each code point are held.

    Pairs with the same left text cost least one after the other.
    """
    np = library("numpy", NEEDED_FOR, "dedup")
    from pipeline.likeness import kernels

    hashes, ends = shingles(texts, spec)
    lefts, rights = (np.asarray(each, np.int64) for each in (left, right))
    out: NDArray[numpy.float64] = np.empty(len(lefts), np.float64)
    kernels.overlap(hashes, ends, lefts, rights, out)
    return out


def shingles(texts: Sequence[str], spec: MinHash) -> tuple[Any, Any]:
    """The hashes of the distinct n-grams of texts, one text after the other, and the n + 1 places where each begins."""
    np = library("numpy", NEEDED_FOR, "dedup")
    from pipeline.likeness import kernels

    parts = []
    counts = np.zeros(len(texts) + 1, np.int64)
    for which, codes, offsets, dense in coded(texts):
        hashes, ends = np.empty(len(codes), np.uint64), np.empty(len(offsets), np.int64)
        kernels.shingled(codes, offsets, spec.n, spec.dense_n, dense, hashes, ends)
        counts[which + 1] = np.diff(ends)
        parts.append((which, hashes, ends))
    starts = np.cumsum(counts)
    if len(parts) == 1:
        return parts[0][1], starts
    together = np.empty(starts[-1], np.uint64)
    for which, hashes, ends in parts:
        for text, first, last in zip(which.tolist(), ends[:-1].tolist(), ends[1:].tolist(), strict=True):
            together[starts[text] : starts[text] + last - first] = hashes[first:last]
    return together, starts
