"""Every run of n words of the items, and an exact search for them in other texts.

The search is by 64-bit hashes, and each of its finds is compared word by word before it counts: a hit is never a chance
collision. No find is left out either: there is no limit on how many items are looked at (as an index queried for its
nearest hundred would have).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from pipeline.contamination.runs import NEEDED_FOR, UNKNOWN, Integers, Item, Runs, Words
from pipeline.contamination.words import fold, kinds
from pipeline.extras import library

HASH_BITS = 64
BITS_PER_RUN = 16  # of the bitmap: one probe in twenty or so then goes on to the table
PLACES_PER_RUN = 2
ROWS_AT_ONCE = 512
END = "\0"
REMEMBERED = 4096


class Hit(NamedTuple):
    """What a row shares with the item that it covers most of.

    `runs` counts the runs of words they share, `share` in (0, 1] is how much of the item's searched words these cover,
    `words` is the first stretch of them, `others` how many more items have a run in the row.
    """

    row: int
    item: Item
    runs: int
    share: float
    words: tuple[str, ...]
    others: int


class Match(NamedTuple):
    """A run of `length` words from word `first` of text `text` on, which is run number `slot` of the index."""

    text: int
    first: int
    slot: int
    length: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many items there are, how many have a text long enough to be searched for, and how many different runs."""

    items: int
    searched: int
    runs: int


class Index:
    """The runs of words of some items. Build it with `Index.build`."""

    def __init__(self, items: Sequence[Item], words: Words, runs: Runs, mask: int) -> None:
        np = library("numpy", NEEDED_FOR, "dedup")
        from pipeline.contamination import kernel

        self._items, self._words, self._runs = items, words, runs
        self._known: dict[frozenset[int], Hit] = {}
        self._kinds = np.frombuffer(kinds(), np.uint8)
        self._lengths = np.unique(runs.lengths)
        powers = [pow(int(kernel.WORDS), int(length), 1 << 64) for length in self._lengths]
        self._powers = np.array(powers, np.uint64)
        bits = _power_of_two(len(runs.keys) * BITS_PER_RUN, 64)
        self._setting = np.uint64(mask), np.uint64(bits.bit_length() - 1 if mask.bit_length() == HASH_BITS else 0)
        self._bits = np.zeros(bits // 64, np.uint64)
        self._table = np.full(_power_of_two(len(runs.keys) * PLACES_PER_RUN, 2), -1, np.int64)
        kernel.fill(runs.keys, self._bits, self._table, self._setting[1])
        self.coverage = Coverage(len(items), len(np.unique(words.owners)), len(runs.keys))

    @classmethod
    def build(cls, items: Iterable[Item], n: int, min_words: int | None = None, *, hash_bits: int = HASH_BITS) -> Index:
        """The index of all runs of `n` words; a text that is shorter is one run, if it has at least `min_words`.

        `hash_bits` is for tests: with few of them, runs collide. Raises `ValueError` for numbers that mean nothing.
        """
        if n < 1:
            raise ValueError(f"`n` is {n}; a run has at least one word")
        if min_words is not None and not 1 <= min_words <= n:
            raise ValueError(f"`min_words` is {min_words}; it is a number from 1 to `n`, which is {n}")
        kept = list(items)
        mask = (1 << hash_bits) - 1
        words = Words.read(kept, n if min_words is None else min_words)
        return cls(kept, words, Runs.of(words, n, mask), mask)

    def scan(self, rows: Iterable[Sequence[str]], min_share: float = 0.0) -> Iterator[Hit]:
        """The hits among rows of one or more texts: at most one a row, of the item that it covers most of (of equals the
        first), if it covers at least `min_share` of it. In the order of the rows, in constant memory."""
        at, left = 0, iter(rows)
        while some := list(itertools.islice(left, ROWS_AT_ONCE)):
            owners = [row for row, texts in enumerate(some) for _ in texts]
            matches = self.matches([text for texts in some for text in texts])
            for row, group in itertools.groupby(matches, key=lambda match: owners[match.text]):
                hit = self._best(frozenset(match.slot for match in group))
                if hit.share >= min_share:
                    yield hit._replace(row=at + row)
            at += len(some)

    def matches(self, texts: Sequence[str]) -> list[Match]:
        """Every run of the index in the texts, compared word by word; by text, then by place."""
        np = library("numpy", NEEDED_FOR, "dedup")
        are_ascii = [text.isascii() for text in texts]
        plain = [place for place, is_ascii in enumerate(are_ascii) if is_ascii]
        other = [place for place, is_ascii in enumerate(are_ascii) if not is_ascii]
        found = np.concatenate(
            [self._candidates(texts, plain, is_ascii=True), self._candidates(texts, other, is_ascii=False)]
        )
        found = found[np.lexsort((found[:, 2], found[:, 1], found[:, 0]))]
        found = found[self._holds(texts, found)]
        lengths = self._runs.lengths[found[:, 2]].tolist()
        return [Match(text, first, slot, length) for (text, first, slot), length in zip(found.tolist(), lengths, strict=True)]

    def _holds(self, texts: Sequence[str], found: Integers) -> Any:
        """Of candidates, whether the text has the words of the run there."""
        np = library("numpy", NEEDED_FOR, "dedup")
        numbers, of = np.unique(found[:, 0], return_inverse=True)
        ids = [self._words.ids_of(texts[number]) for number in numbers]
        starts = np.cumsum([0, *map(len, ids)])
        there = np.array([*itertools.chain.from_iterable(ids), *[UNKNOWN] * int(self._lengths.max(initial=0))], np.int64)
        begins, slots = starts[of] + found[:, 1], found[:, 2]
        wanted, lengths = self._runs.entries[self._runs.entries_from[slots]], self._runs.lengths[slots]
        holds = np.ones(len(found), np.bool_)
        for at in range(int(lengths.max(initial=0))):
            open_ = np.flatnonzero(holds & (lengths > at))
            holds[open_] = there[begins[open_] + at] == self._words.ids[wanted[open_] + at]
        return holds

    def _candidates(self, texts: Sequence[str], places: Sequence[int], *, is_ascii: bool) -> Integers:
        """What the hashes say of the texts at these places: (text, first word, slot)."""
        np = library("numpy", NEEDED_FOR, "dedup")
        from pipeline.contamination import kernel

        count: int = 0
        found: Integers = np.empty((1024, 3), np.int64)
        if places and len(self._runs.keys):
            letters = _letters([texts[place] for place in places], is_ascii=is_ascii)
            index = (self._runs.keys, self._bits, self._table, self._setting)
            ends = np.flatnonzero(letters == 0)
            while True:
                count = kernel.find(letters, ends, self._kinds, self._lengths, self._powers, *index, found)
                if count <= len(found):
                    break
                found = np.empty((count, 3), np.int64)
            found[:count, 0] = np.array(places)[found[:count, 0]]
        return found[:count]

    def _best(self, slots: frozenset[int]) -> Hit:
        """Of the items that have these runs, the one that they cover most of, as a hit of row 0.

        It is remembered for a while: an instruction that all items share is often all that a row shares with them.
        """
        if slots not in self._known:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[slots] = self._find_best(slots)
        return self._known[slots]

    def _find_best(self, slots: frozenset[int]) -> Hit:
        np = library("numpy", NEEDED_FOR, "dedup")
        runs, words = self._runs, self._words
        held = np.array(sorted(slots), np.int64)
        starts = runs.entries_from[held]
        counts = runs.entries_from[held + 1] - starts
        places = np.arange(counts.sum()) + np.repeat(starts - (np.cumsum(counts) - counts), counts)
        firsts, length = runs.entries[places], np.repeat(runs.lengths[held], counts)
        order = np.argsort(firsts)
        firsts, length = firsts[order], length[order]
        # Runs lie within one text and texts do not overlap, so what a run adds ends where the next one begins.
        adds = np.minimum(np.diff(firsts, append=firsts[-1] + length[-1]), length)
        items, where = np.unique(words.owners[firsts], return_inverse=True)
        shares = np.bincount(where, weights=adds) / words.sizes[items]
        best = int(np.argmax(shares))
        mine = np.flatnonzero(where == best)
        texts = np.searchsorted(words.firsts, firsts[mine], side="right")
        breaks = np.flatnonzero((np.diff(firsts[mine]) > length[mine][:-1]) | (np.diff(texts) > 0))
        last = mine[breaks[0]] if len(breaks) else mine[-1]
        stretch = words.text(int(firsts[mine[0]]), int(firsts[last] + length[last]))
        item = self._items[int(items[best])]
        return Hit(0, item, len(mine), float(shares[best]), tuple(stretch), len(items) - 1)


def _letters(texts: Sequence[str], *, is_ascii: bool) -> Any:
    """The letters of texts, folded but for ASCII, one after another with a 0 after each."""
    np = library("numpy", NEEDED_FOR, "dedup")
    joined = END.join(texts)
    if joined.count(END) != len(texts) - 1:
        joined = END.join([text.replace(END, " ") for text in texts])
    if is_ascii:
        return np.frombuffer((joined + END).encode("ascii"), np.uint8)
    # Folding looks at letters and the marks after them, never past the end of a text.
    return np.frombuffer((fold(joined) + END).encode("utf-32-le", "surrogatepass"), np.uint32)


def _power_of_two(wanted: int, least: int) -> int:
    return 1 << (max(wanted, least) - 1).bit_length()
