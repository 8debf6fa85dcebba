"""The inner loops of the search, compiled by numba. Only `index.py` imports this, and only when it is needed.

A word is hashed letter by letter; a run of words by a polynomial in the hashes of its words, which rolls: one
multiplication and one subtraction a word, whatever n is. All is modulo 2^64. What two different runs share by chance is
found out later, on the text; here it is only made rare.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np

from pipeline.contamination import words
from pipeline.extras import library

if TYPE_CHECKING:
    from numpy.typing import NDArray

Function = TypeVar("Function", bound=Callable[..., Any])
numba = library("numba", "looking for evaluation items", "dedup")


def compiled(function: Function) -> Function:
    """A function in machine code, kept on disk where that may be written."""
    try:
        return cast(Function, numba.njit(cache=True, nogil=True)(function))
    except RuntimeError:  # nowhere to keep it
        return cast(Function, numba.njit(nogil=True)(function))


SEPARATOR, LETTER, MARK = np.uint8(words.SEPARATOR), np.uint8(words.LETTER), np.uint8(words.MARK)
# Odd numbers from the digits of the golden ratio and of splitmix64 (Steele, Lea and Flood 2014).
LETTERS = np.uint64(0x9E3779B97F4A7C15)
WORDS = np.uint64(0xD1342543DE82EF95)
FIRST, SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
START = np.uint64(0x243F6A8885A308D3)
ZERO, ONE = np.uint64(0), np.uint64(1)
SIX = np.uint64(6)
LOW_SIX = np.uint64(63)
BIG_A, BIG_Z, TO_SMALL = np.uint64(65), np.uint64(90), np.uint64(32)
MIX_30, MIX_27, MIX_31 = np.uint64(30), np.uint64(27), np.uint64(31)


@compiled
def mix(value: np.uint64) -> np.uint64:
    """Every bit of the value in every bit of the result (splitmix64)."""
    value = (value ^ (value >> MIX_30)) * FIRST
    value = (value ^ (value >> MIX_27)) * SECOND
    return value ^ (value >> MIX_31)


@compiled
def key_of(run: np.uint64, length: int, mask: np.uint64) -> np.uint64:
    """The key of a run: never 0, which stands for an empty place."""
    key = mix(run + np.uint64(length)) & mask
    return ONE if key == ZERO else key


@compiled
def hash_words(letters: NDArray[np.uint32], starts: NDArray[np.int64]) -> NDArray[np.uint64]:
    """The hash of each word; word i is `letters[starts[i]:starts[i + 1]]`, folded."""
    hashes = np.empty(len(starts) - 1, np.uint64)
    for word in range(len(hashes)):
        value = START
        for at in range(starts[word], starts[word + 1]):
            value = value * LETTERS + np.uint64(letters[at])
        hashes[word] = mix(value)
    return hashes


@compiled
def hash_runs(
    hashes: NDArray[np.uint64], firsts: NDArray[np.int64], lengths: NDArray[np.int64], mask: np.uint64
) -> NDArray[np.uint64]:
    """The key of each run of `lengths[i]` words from `firsts[i]` on, by the hashes of the words."""
    keys = np.empty(len(firsts), np.uint64)
    for each in range(len(firsts)):
        run = ZERO
        for at in range(firsts[each], firsts[each] + lengths[each]):
            run = run * WORDS + hashes[at]
        keys[each] = key_of(run, lengths[each], mask)
    return keys


@compiled
def fill(
    keys: NDArray[np.uint64], bits: NDArray[np.uint64], table: NDArray[np.int64], shift: np.uint64
) -> None:
    """Enter sorted keys: a bit for each, and for each different one the place of its first in an open hash table."""
    bit_mask, table_mask = np.uint64(len(bits) * 64 - 1), np.uint64(len(table) - 1)
    for slot in range(len(keys)):
        key = keys[slot]
        if slot and keys[slot - 1] == key:
            continue
        bit = key & bit_mask
        bits[bit >> SIX] |= ONE << (bit & LOW_SIX)
        place = (key >> shift) & table_mask
        while table[place] >= 0:
            place = (place + ONE) & table_mask
        table[place] = slot


@compiled
def hash_text(
    letters: Any, at: int, end: int, kinds: NDArray[np.uint8], hashes: NDArray[np.uint64]
) -> int:
    """The hash of each word of `letters[at:end]` into `hashes`; returns how many. `letters[end]` is a separator."""
    seen = 0
    while at < end:
        kind = kinds[letters[at]]
        if kind in (SEPARATOR, MARK):  # a mark without a letter before it is no word
            at += 1
            continue
        goes_on, value = kind == LETTER, START
        while True:
            letter = np.uint64(letters[at])
            value = value * LETTERS + (letter | TO_SMALL if BIG_A <= letter <= BIG_Z else letter)
            at += 1
            kind = kinds[letters[at]]
            if not (kind == MARK or (goes_on and kind == LETTER)):
                break
        hashes[seen] = mix(value)
        seen += 1
    return seen


@compiled
def find(
    letters: Any,
    ends: NDArray[np.int64],
    kinds: NDArray[np.uint8],
    lengths: NDArray[np.int64],
    powers: NDArray[np.uint64],
    keys: NDArray[np.uint64],
    bits: NDArray[np.uint64],
    table: NDArray[np.int64],
    setting: tuple[np.uint64, np.uint64],
    found: NDArray[np.int64],
) -> int:
    """The runs in the texts that have a key: (text, first word, slot) into `found`, as many as it holds; returns how many.

    Text i ends before `letters[ends[i]]`, which is 0. `lengths` are those of the runs to look at, `powers` the
    powers of the polynomial's base that belong to them; `setting` is the mask of keys and the shift of the table.
    """
    mask, shift = setting
    bit_mask, table_mask = np.uint64(len(bits) * 64 - 1), np.uint64(len(table) - 1)
    longest = ends[0] + 1
    for text in range(1, len(ends)):
        longest = max(longest, ends[text] - ends[text - 1])
    hashes = np.empty(longest, np.uint64)
    count = 0
    for text in range(len(ends)):
        seen = hash_text(letters, ends[text - 1] + 1 if text else 0, ends[text], kinds, hashes)
        # All words first, then all runs: so the probes, which miss the caches, do not wait for each other.
        for which in range(len(lengths)):
            length, power, run = lengths[which], powers[which], ZERO
            for last in range(seen):
                run = run * WORDS + hashes[last]
                if last >= length:
                    run -= hashes[last - length] * power
                if last + 1 < length:
                    continue
                key = key_of(run, length, mask)
                bit = key & bit_mask
                if (bits[bit >> SIX] >> (bit & LOW_SIX)) & ONE:
                    place = (key >> shift) & table_mask
                    while table[place] >= 0 and keys[table[place]] != key:
                        place = (place + ONE) & table_mask
                    slot = table[place]
                    while slot >= 0 and slot < len(keys) and keys[slot] == key:
                        if count < len(found):
                            found[count, 0], found[count, 1], found[count, 2] = text, last + 1 - length, slot
                        count += 1
                        slot += 1
    return count
