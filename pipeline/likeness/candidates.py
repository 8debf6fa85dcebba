"""Which pairs of sketches are worth a look at their texts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pipeline.extras import library
from pipeline.likeness.minhash import MinHash
from pipeline.likeness.sketches import NEEDED_FOR, Sketches

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    Pairs = NDArray[numpy.int64]

CHUNK = 1 << 16
BLOCK = 1 << 16
BITS_PER_ROW = 64
TABLE_BYTES = 1 << 22
HAIR = 1e-9  # so that rounding never turns away a pair that is just at the threshold


class Forest:
    """Which rows are joined already, directly or over others: a union-find over row numbers 0 … n - 1."""

    def __init__(self, rows: int) -> None:
        self.parents: Any = library("numpy", NEEDED_FOR, "dedup").arange(rows)

    def join(self, pairs: Pairs) -> None:
        """Join the two rows of each pair int64[p, 2]."""
        _lookups().join(self.parents, pairs[:, 0], pairs[:, 1])

    def roots(self) -> NDArray[numpy.int64]:
        """For each row the smallest row that it is joined with: itself, if it is alone."""
        np = library("numpy", NEEDED_FOR, "dedup")
        while not np.array_equal(above := self.parents[self.parents], self.parents):
            self.parents[:] = above
        roots: NDArray[numpy.int64] = self.parents.copy()
        return roots


def candidates(
    known: Sketches, new: Sketches, spec: MinHash, forest: Forest | None = None, chunk: int = CHUNK
) -> Iterator[Pairs]:
    """Pairs (smaller, larger row number) that may be alike, int64[p, 2] with p <= `chunk`; known rows come first, then new.

    A pair of two new rows, or of a known and a new one, is yielded once if it shares a band, if its sizes allow the
    threshold (J <= min/max) and if the likeness that the sketches say is not 5 standard errors or more under it. Whether it
    is depends on the two rows alone. So what comes out is the same set for any split of the rows into known and new ones,
    once pairs of known rows are added from before. Memory is bounded, but all n(n - 1)/2 pairs of a bucket are enumerated.

    With a `forest`, whose rows are numbered alike, pairs that are joined already are left out: join what is verified
    between chunks. The components are then the same, after far fewer pairs: n - 1 for n texts that are all alike. What
    remains quadratic in time is a family of texts that are all just under the threshold.
    """
    np, lookups = library("numpy", NEEDED_FOR, "dedup"), _lookups()
    data = (known.data, known.sizes, new.data, new.sizes)
    parents = np.empty(0, np.int64) if forest is None else forest.parents
    out = np.empty((chunk, 2), np.int64)
    for band, places in _met(known, new, spec):
        keys = np.empty(len(places), np.uint64)
        split = int(np.searchsorted(places, len(known)))
        for sketches, some, part in (
            (known, places[:split], keys[:split]),
            (new, places[split:] - len(known), keys[split:]),
        ):
            lookups.keys_of(_words(sketches.data, spec), some, band, part)
        order = np.lexsort((places, keys))
        keys, places = keys[order], places[order]
        roots, until, state = np.empty_like(places), np.empty_like(places), np.zeros(7, np.int64)
        rule = (band, spec.rows, spec.least_equal, spec.threshold - HAIR)
        more = True
        while more:
            more = lookups.pairs_of(data, keys, places, roots, until, rule, parents, state, out)
            if count := state[lookups.COUNT]:
                yield out[:count].copy()


def _met(known: Sketches, new: Sketches, spec: MinHash) -> Iterator[tuple[int, Any]]:
    """By band, the rows (ascending) whose key may be there twice; a filter of bits, so few of them are there by chance."""
    np, lookups = library("numpy", NEEDED_FOR, "dedup"), _lookups()
    exponent = max(10, (BITS_PER_ROW * max(1, len(new)) - 1).bit_length())
    exponent = min(exponent, (TABLE_BYTES * 8).bit_length() - 1)
    together = max(1, (TABLE_BYTES * 8) >> exponent)
    for begin in range(0, spec.bands, together):
        bands = np.arange(begin, min(begin + together, spec.bands))
        seen = np.zeros((len(bands), 1 << (exponent - 6)), np.uint64)
        twice = np.zeros_like(seen)
        lookups.mark(_words(new.data, spec), new.sizes, bands, 64 - exponent, seen, twice)
        found: list[list[Any]] = [[] for _ in bands]
        for sketches, bits, base in ((known, seen, 0), (new, twice, len(known))):
            words, out = _words(sketches.data, spec), np.empty((len(bands), min(BLOCK, len(sketches))), np.int64)
            for first in range(0, len(sketches), BLOCK):
                counts = lookups.met(words, sketches.sizes, first, bands, 64 - exponent, bits, twice, out)
                for k, count in enumerate(counts):
                    found[k].append(out[k, :count] + base)
        for k, band in enumerate(bands):
            yield int(band), np.concatenate(found[k]) if found[k] else np.empty(0, np.int64)


def _words(data: NDArray[numpy.uint8], spec: MinHash) -> Any:
    """Sketches as [n, bands, k] of the widest numbers that a band is made of: reading bytes one by one takes longer."""
    np = library("numpy", NEEDED_FOR, "dedup")
    width = next(width for width in (8, 4, 2, 1) if spec.rows % width == 0)
    return np.ascontiguousarray(data).view(f"u{width}").reshape(len(data), spec.bands, spec.rows // width)


def _lookups() -> Any:
    """The compiled loops, which take a moment to load."""
    from pipeline.likeness import lookups

    return lookups
