"""The inner loops, compiled by numba: imported only by functions that need them, so that nothing else waits for it.

Shapes: texts are one array of code points and the n + 1 offsets where each begins; sketches are uint8[n, bands × rows].
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from pipeline.extras import library

NEEDED_FOR = "looking for near duplicates"
numpy: Any = library("numpy", NEEDED_FOR, "dedup")
numba: Any = library("numba", NEEDED_FOR, "dedup")

Function = TypeVar("Function", bound=Callable[..., Any])
Array = Any
u64 = numpy.uint64

BASE = u64(0x9E3779B97F4A7C55)  # of the polynomial over the code points of a shingle; any odd number with mixed bits
LENGTH = u64(0xD6E8FEB86659FD93)  # times the length of a shingle: n-grams of different n are different
MIX_1, MIX_2 = u64(0xFF51AFD7ED558CCD), u64(0xC4CEB9FE1A85EC53)  # MurmurHash3's finaliser
STEP = u64(0x9E3779B97F4A7C15)
LOW_32 = u64(0xFFFFFFFF)
HALF, S29, S33 = u64(32), u64(29), u64(33)
ROUNDS = 4
FREE = u64(0xFFFFFFFFFFFFFFFF)


def compiled(function: Function) -> Function:
    """Compiled at the first call and kept on disk for the next process, if there is a folder to keep it in."""
    try:
        done: Function = numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:
        done = numba.njit(nogil=True)(function)
    return done


@compiled
def mixed(x: Any) -> Any:
    """All bits of a number depend on all bits of another."""
    x ^= x >> S33
    x *= MIX_1
    x ^= x >> S33
    x *= MIX_2
    return x ^ (x >> S33)


@compiled
def tidy(raw: Array, offsets: Array, out: Array, ends: Array) -> None:
    """`normalise` for ASCII: lower case, runs of white space as one blank, ends trimmed; writes texts and their offsets."""
    at = 0
    ends[0] = 0
    for text in range(len(offsets) - 1):
        first, blank = at, False
        for k in range(offsets[text], offsets[text + 1]):
            c = raw[k]
            if c == 32 or 9 <= c <= 13 or 28 <= c <= 31:
                blank = True
                continue
            if blank and at > first:
                out[at] = 32
                at += 1
            blank = False
            out[at] = c + 32 if 65 <= c <= 90 else c
            at += 1
        ends[text + 1] = at


@compiled
def gram(codes: Array, first: int, last: int, n: int, dense_n: int, dense: Array) -> int:
    """The length of the n-grams of one text: `dense_n` where most code points that are no blanks are in `dense` ranges."""
    if len(dense) == 0:
        return n
    seen = found = 0
    for k in range(first, last):
        c = codes[k]
        if c == 32:
            continue
        seen += 1
        for span in range(len(dense)):
            if dense[span, 0] <= c <= dense[span, 1]:
                found += 1
                break
    return dense_n if 2 * found > seen else n


@compiled
def shingle(codes: Array, first: int, last: int, n: int, table: Array, out: Array) -> int:
    """Write the distinct hashes of one text's n-grams to `out` and return their number.

    A text of fewer code points than n is one shingle as a whole. `table` has room for twice the shingles, a power of two.
    """
    size = last - first
    if size == 0:
        return 0
    short = size < n
    length = size if short else n
    salt = LENGTH * u64(length + 1000 if short else length)
    power = u64(1)
    for _ in range(length - 1):
        power *= BASE
    last -= length - 1
    rolling = u64(0)
    for k in range(first, first + length - 1):
        rolling = rolling * BASE + u64(codes[k])
    for k in range(first, last):
        rolling = rolling * BASE + u64(codes[k + length - 1])
        out[k - first] = rolling + salt
        rolling -= u64(codes[k]) * power
    mask = room(last - first)
    table[:mask] = u64(0)
    mask -= 1
    # A loop of its own, because it then runs on several hashes at once.
    for k in range(last - first):
        hashed = mixed(out[k])
        out[k] = hashed + u64(hashed == u64(0))
    count = 0
    for k in range(last - first):
        hashed = out[k]
        place = int(hashed >> S29) & mask
        while table[place] != u64(0) and table[place] != hashed:
            place = (place + 1) & mask
        out[count] = hashed
        count += table[place] == u64(0)
        table[place] = hashed
    return count


@compiled
def sign(hashes: Array, count: int, slots: Array, out: Array) -> None:
    """Write the signature of a set of hashes to `out`, 8 bits a slot.

    Each slot holds the least of all elements by (round, value): in a round every element falls into one slot with one
    value, and what is still free after four rounds takes the least over all elements with hashes of its own. So the slot
    of two sets is equal with a chance of just their Jaccard index. Dahlgaard, Knudsen and Thorup, Fast Similarity Sketching
    (arXiv 1704.04370), section 2, with four rounds before their second phase instead of as many as there are slots.
    """
    width = u64(len(slots))
    slots[:] = FREE
    free = len(slots)
    salt = u64(0)
    for turn in range(ROUNDS):
        if free == 0:
            break
        # What an earlier round has filled carries a smaller first half, so that `min` leaves it alone.
        above = u64(turn) << HALF
        for k in range(count):
            x = hashes[k] if turn == 0 else mixed(hashes[k] + salt)
            slot = int(((x >> HALF) * width) >> HALF)
            value = above | (x & LOW_32)
            if value < slots[slot]:
                slots[slot] = value
        salt += STEP
        free = 0
        for slot in range(len(slots)):
            free += slots[slot] == FREE
    for slot in range(len(slots)):
        if slots[slot] == FREE:
            own = salt + STEP * u64(slot)
            for k in range(count):
                value = mixed(hashes[k] + own) & LOW_32
                if value < slots[slot]:
                    slots[slot] = value
        out[slot] = slots[slot] & u64(255)


@compiled
def sketched(codes: Array, offsets: Array, n: int, dense_n: int, dense: Array, out: Array, sizes: Array) -> None:
    """Write sketches and numbers of distinct shingles; a text without any keeps what is there."""
    longest = 1
    for text in range(len(offsets) - 1):
        longest = max(longest, offsets[text + 1] - offsets[text])
    table = numpy.empty(room(longest), numpy.uint64)
    hashes = numpy.empty(longest, numpy.uint64)
    slots = numpy.empty(out.shape[1], numpy.uint64)
    for text in range(len(offsets) - 1):
        first, last = offsets[text], offsets[text + 1]
        length = gram(codes, first, last, n, dense_n, dense)
        count = shingle(codes, first, last, length, table, hashes)
        sizes[text] = count
        if count:
            sign(hashes, count, slots, out[text])


@compiled
def room(longest: int) -> int:
    """The size of a table that holds the shingles of a text with this many code points."""
    size = 1
    while size < 2 * longest:
        size *= 2
    return size


@compiled
def shingled(codes: Array, offsets: Array, n: int, dense_n: int, dense: Array, out: Array, ends: Array) -> None:
    """Write the distinct hashes of each text one after the other, and the offsets where each begins."""
    longest = 1
    for text in range(len(offsets) - 1):
        longest = max(longest, offsets[text + 1] - offsets[text])
    table = numpy.empty(room(longest), numpy.uint64)
    ends[0] = 0
    for text in range(len(offsets) - 1):
        first, last = offsets[text], offsets[text + 1]
        length = gram(codes, first, last, n, dense_n, dense)
        ends[text + 1] = ends[text] + shingle(codes, first, last, length, table, out[ends[text] :])


@compiled
def overlap(hashes: Array, offsets: Array, left: Array, right: Array, out: Array) -> None:
    """Write the Jaccard index of the sets `left[k]` and `right[k]`; a set that comes again as the left one is kept."""
    longest = 1
    for text in range(len(offsets) - 1):
        longest = max(longest, offsets[text + 1] - offsets[text])
    table = numpy.empty(room(longest), numpy.uint64)
    held, mask = -1, 0
    for pair in range(len(left)):
        a, b = left[pair], right[pair]
        if a != held:
            held, mask = a, room(offsets[a + 1] - offsets[a])
            table[:mask] = u64(0)
            mask -= 1
            for k in range(offsets[a], offsets[a + 1]):
                place = int(hashes[k] >> S29) & mask
                while table[place] != u64(0):
                    place = (place + 1) & mask
                table[place] = hashes[k]
        common = 0
        for k in range(offsets[b], offsets[b + 1]):
            place = int(hashes[k] >> S29) & mask
            while table[place] != u64(0) and table[place] != hashes[k]:
                place = (place + 1) & mask
            common += table[place] == hashes[k]
        all_of_them = offsets[a + 1] - offsets[a] + offsets[b + 1] - offsets[b] - common
        out[pair] = common / all_of_them if all_of_them else 0.0
