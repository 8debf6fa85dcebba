"""The inner loops of looking sketches up by their bands, compiled by numba: see `kernels`."""

from __future__ import annotations

from typing import Any

from pipeline.likeness.kernels import MIX_1, compiled, numpy, u64

Array = Any
# What a state holds: a bucket, its first new row, where we are in it, whether rows were joined, and how many pairs wait.
FIRST, FRESH, LAST, LEFT, RIGHT, STALE, COUNT = range(7)
ONE, BITS = u64(1), u64(63)


@compiled
def key_of(words: Array, row: int, band: int) -> Any:
    """A band of a sketch as one number; `words` are the sketches as [n, bands, k] numbers."""
    key, shift = u64(words[row, band, 0]), u64(8 * words.itemsize)
    for k in range(1, words.shape[2]):
        key = (key << shift) | u64(words[row, band, k])
    return key


@compiled
def mark(words: Array, sizes: Array, bands: Array, shift: int, seen: Array, twice: Array) -> None:
    """Set a bit for the key of each row in each of `bands`, and one in `twice` where it was set before."""
    for row in range(len(sizes)):
        if sizes[row] == 0:
            continue
        for k in range(len(bands)):
            place = (key_of(words, row, bands[k]) * MIX_1) >> u64(shift)
            word, bit = int(place >> u64(6)), ONE << (place & BITS)
            if seen[k, word] & bit:
                twice[k, word] |= bit
            seen[k, word] |= bit


@compiled
def met(words: Array, sizes: Array, first: int, bands: Array, shift: int, seen: Array, twice: Array, out: Array) -> Any:
    """The rows whose bit is set in `seen`, by band, in `out`; returns how many. They set their bit in `twice` too."""
    counts = numpy.zeros(len(bands), numpy.int64)
    for row in range(first, min(first + out.shape[1], len(sizes))):
        if sizes[row] == 0:
            continue
        for k in range(len(bands)):
            place = (key_of(words, row, bands[k]) * MIX_1) >> u64(shift)
            word, bit = int(place >> u64(6)), ONE << (place & BITS)
            if seen[k, word] & bit:
                twice[k, word] |= bit
                out[k, counts[k]] = row
                counts[k] += 1
    return counts


@compiled
def keys_of(words: Array, which: Array, band: int, out: Array) -> None:
    """Write the keys of some rows in one band."""
    for k in range(len(which)):
        out[k] = key_of(words, which[k], band)


@compiled
def root_of(forest: Array, row: int) -> int:
    """The row that stands for all that are joined with this one; shortens the way for the next time."""
    while forest[row] != row:
        forest[row] = forest[forest[row]]
        row = forest[row]
    return row


@compiled
def join(forest: Array, left: Array, right: Array) -> None:
    """Join two rows each, and all that they are joined with; the smaller number stands for them."""
    for k in range(len(left)):
        a, b = root_of(forest, left[k]), root_of(forest, right[k])
        if a < b:
            forest[b] = a
        elif b < a:
            forest[a] = b


@compiled
def arrange(forest: Array, places: Array, roots: Array, until: Array, first: int, last: int) -> None:
    """Bring what is joined together within a part of a bucket, and write for each place where its like ends."""
    for k in range(first, last):
        roots[k] = root_of(forest, places[k]) if len(forest) else places[k]
    order = numpy.argsort(roots[first:last], kind="mergesort")
    places[first:last] = places[first:last][order]
    roots[first:last] = roots[first:last][order]
    end = last
    for k in range(last - 1, first - 1, -1):
        if k + 1 < last and roots[k + 1] != roots[k]:
            end = k + 1
        until[k] = end


@compiled
def compare(a: Array, b: Array, before: int, rows: int, least_equal: float) -> bool:
    """Whether two sketches have enough equal slots, and none of the first `before` bands in common."""
    total = 0
    for band in range(before):
        equal = 0
        for k in range(band * rows, band * rows + rows):
            equal += a[k] == b[k]
        if equal == rows:
            return False
        total += equal
    for k in range(before * rows, len(a)):
        total += a[k] == b[k]
    return total >= least_equal


@compiled
def next_bucket(keys: Array, places: Array, known: int, state: Array) -> bool:
    """Go on to the next key that a new row shares with another row; False when there is none."""
    last = state[LAST]
    while last < len(keys):
        first, fresh = last, -1
        while last < len(keys) and keys[last] == keys[first]:
            if fresh < 0 and places[last] >= known:
                fresh = last
            last += 1
        if fresh >= 0 and last - first > 1:
            state[FIRST], state[FRESH], state[LAST] = first, fresh, last
            state[LEFT], state[RIGHT], state[STALE] = fresh, -1, 1
            return True
    state[LAST] = last
    return False


@compiled
def row_pairs(
    data: Any, places: Array, roots: Array, until: Array, rule: Any, forest: Array, state: Array, out: Array
) -> bool:
    """Write the pairs of one new row with known rows and with new ones further on; False when `out` is full."""
    known, known_sizes, new, new_sizes = data
    band, rows, least_equal, least_ratio = rule
    n, i = len(known_sizes), places[state[LEFT]]
    size = new_sizes[i - n]
    right = state[FIRST] if state[RIGHT] < 0 else state[RIGHT]
    while right < state[LAST]:
        if state[FRESH] <= right <= state[LEFT]:
            right = state[LEFT] + 1
            continue
        if len(forest) and roots[right] == roots[state[LEFT]]:
            right = until[right]
            continue
        j = places[right]
        other, other_size = (known[j], known_sizes[j]) if j < n else (new[j - n], new_sizes[j - n])
        if (
            min(size, other_size) >= least_ratio * max(size, other_size)
            and (len(forest) == 0 or root_of(forest, i) != root_of(forest, j))
            and compare(new[i - n], other, band, rows, least_equal)
        ):
            if state[COUNT] == len(out):
                state[RIGHT] = right
                return False
            out[state[COUNT], 0], out[state[COUNT], 1] = min(i, j), max(i, j)
            state[COUNT] += 1
        right += 1
    return True


@compiled
def pairs_of(
    data: Any,
    keys: Array,
    places: Array,
    roots: Array,
    until: Array,
    rule: Any,
    forest: Array,
    state: Array,
    out: Array,
) -> bool:
    """Write pairs of rows with the same key to `out`, `state[COUNT]` of them; True when there may be more.

    `data` is (known sketches, their sizes, new sketches, their sizes); `places` are rows, numbered through both, sorted by
    key and known ones first; `rule` is (band, rows in it, least equal slots, least ratio of sizes). `state` begins as zeros
    and says where to go on. What is joined when a row's turn comes is skipped at one blow.
    """
    known = len(data[1])
    state[COUNT] = 0
    while state[LEFT] < state[LAST] or next_bucket(keys, places, known, state):
        if state[STALE] and state[RIGHT] < 0:
            # A caller has joined rows since: what lies before LEFT has met all others, the rest may change places.
            arrange(forest, places, roots, until, state[FIRST], state[FRESH])
            arrange(forest, places, roots, until, state[LEFT], state[LAST])
            state[STALE] = 0
        if not row_pairs(data, places, roots, until, rule, forest, state, out):
            state[STALE] = 1
            return True
        state[LEFT] += 1
        state[RIGHT] = -1
    return False
