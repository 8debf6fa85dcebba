"""Candidate pairs become verified ones: a look at the texts, in bounded memory and with few readings of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pipeline.extras import library
from pipeline.likeness.candidates import HAIR, Forest, candidates
from pipeline.likeness.minhash import MinHash
from pipeline.likeness.overlap import likeness
from pipeline.likeness.sketches import NEEDED_FOR, Sketches

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    from pipeline.likeness.candidates import Pairs

PAIRS_AT_ONCE = 1 << 21
ROWS_AT_ONCE = 300_000
PAIRS_IN_A_BLOCK = 10_000

Read = Callable[[Sequence[int]], Sequence[str]]
"""The texts of rows, given by number in ascending order, in that order."""


def verified(
    known: Sketches,
    new: Sketches,
    spec: MinHash,
    read: Read,
    *,
    forest: Forest | None = None,
    pairs_at_once: int = PAIRS_AT_ONCE,
    rows_at_once: int = ROWS_AT_ONCE,
) -> Iterator[tuple[Pairs, NDArray[numpy.float64]]]:
    """Pairs int64[p, 2] of rows whose texts are alike, and how much, p of them in [threshold, 1]: see `candidates`.

    `read` is asked as seldom as memory allows, because a reading may be a pass over all texts: for the rows of at most
    `pairs_at_once` pairs, at most `rows_at_once` each time (or the two of one pair). A `forest` learns what is alike.
    """
    np = library("numpy", NEEDED_FOR, "dedup")
    waiting: list[Pairs] = []

    def look() -> Iterator[tuple[Pairs, NDArray[numpy.float64]]]:
        pairs = np.concatenate(waiting)
        waiting.clear()
        for some in _apart(pairs, rows_at_once):
            exact = _exact(some, read, spec)
            is_alike = exact >= spec.threshold - HAIR
            if forest is not None:
                forest.join(some[is_alike])
            if is_alike.any():
                yield some[is_alike], exact[is_alike]

    for some in candidates(known, new, spec, forest, min(pairs_at_once, 1 << 16)):
        waiting.append(some)
        if sum(map(len, waiting)) >= pairs_at_once:
            yield from look()
    if waiting:
        yield from look()


def alike_by(
    sketches: Callable[[Any], Sketches], read: Read, spec: MinHash
) -> Callable[[list[tuple[int, int]]], list[bool]]:
    """What `leaders` asks: whether the texts of two rows each are alike, and share a band, as the pairs of `candidates` do.

    Whether they are depends on the two texts alone, whatever rows have brought them together. Those whose sketches are far
    apart are not read. `sketches` gives those of rows int64[k]. Texts that were read are kept for the next question, up to
    `ROWS_AT_ONCE` of them.
    """
    np = library("numpy", NEEDED_FOR, "dedup")
    kept: dict[int, str] = {}

    def remembered(rows: Sequence[int]) -> list[str]:
        if len(kept) > ROWS_AT_ONCE:
            kept.clear()
        missing = [row for row in rows if row not in kept]
        if missing:
            kept.update(zip(missing, read(missing), strict=True))
        return [kept[row] for row in rows]

    def alike(asked: list[tuple[int, int]]) -> list[bool]:
        pairs = np.array(asked, np.int64).reshape(-1, 2)
        a, b = sketches(pairs[:, 0]), sketches(pairs[:, 1])
        small, large = np.minimum(a.sizes, b.sizes), np.maximum(a.sizes, b.sizes)
        equal = a.data == b.data
        shares_band = equal.reshape(len(equal), spec.bands, spec.rows).all(axis=2).any(axis=1)
        is_alike = shares_band & (equal.sum(axis=1) >= spec.least_equal) & (small >= (spec.threshold - HAIR) * large)
        which = np.flatnonzero(is_alike)
        for some in np.array_split(which, max(1, len(which) // ROWS_AT_ONCE)):
            is_alike[some] = _exact(pairs[some], remembered, spec) >= spec.threshold - HAIR
        answers: list[bool] = is_alike.tolist()
        return answers

    return alike


def _apart(pairs: Pairs, rows_at_once: int) -> Iterator[Pairs]:
    """The pairs in the order of their left rows, cut where more than so many rows would be in a part."""
    np = library("numpy", NEEDED_FOR, "dedup")
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    while len(pairs):
        _, firsts = np.unique(pairs, return_index=True)
        is_first = np.zeros(pairs.size, np.int64)
        is_first[firsts] = 1
        rows = is_first.cumsum()[1::2]
        last = max(1, int(np.searchsorted(rows, rows_at_once, side="right")))
        yield pairs[:last]
        pairs = pairs[last:]


def _exact(pairs: Pairs, read: Read, spec: MinHash) -> NDArray[numpy.float64]:
    """The likeness of the texts of pairs, which are read at once and cut into n-grams block by block."""
    np = library("numpy", NEEDED_FOR, "dedup")
    exact: NDArray[numpy.float64] = np.empty(len(pairs), np.float64)
    if not len(pairs):
        return exact
    rows, places = np.unique(pairs, return_inverse=True)
    texts, places = read(rows.tolist()), places.reshape(pairs.shape)
    for first in range(0, len(pairs), PAIRS_IN_A_BLOCK):
        block = places[first : first + PAIRS_IN_A_BLOCK]
        used, within = np.unique(block, return_inverse=True)
        within = within.reshape(block.shape)
        exact[first : first + len(block)] = likeness(
            [texts[k] for k in used.tolist()], within[:, 0], within[:, 1], spec
        )
    return exact
