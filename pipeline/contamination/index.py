"""Every run of n words of the items, and an exact search for them in other texts.

The search is by 64-bit hashes, and each of its finds is compared word by word before it counts: a hit is never a chance
collision. No find is left out either: there is no limit on how many items are looked at (as an index queried for its
nearest hundred would have).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from pipeline.contamination.words import kinds, words_of
from pipeline.extras import library

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

NEEDED_FOR = "looking for evaluation items"
HASH_BITS = 64
BITS_PER_RUN = 32  # of the bitmap: one probe in thirty or so then goes on to the table
PLACES_PER_RUN = 2
LETTERS_AT_ONCE = 1 << 21
END = "\0"


class Item(NamedTuple):
    """One evaluation item: the set it is of, its name in it, and its texts, each searched for on its own."""

    of: str
    name: str
    texts: tuple[str, ...]


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
    length: int
    slot: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many items there are, how many have a text long enough to be searched for, and how many different runs."""

    items: int
    searched: int
    runs: int


class Index:
    """The runs of words of some items. Build it with `Index.build`."""

    def __init__(self, items: Sequence[Item], words: _Words, runs: _Runs, mask: int) -> None:
        np = library("numpy", NEEDED_FOR, "dedup")
        from pipeline.contamination import kernel

        self._items, self._words, self._runs = items, words, runs
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
        words = _Words.read(kept, n if min_words is None else min_words)
        return cls(kept, words, _Runs.of(words, n, mask), mask)

    def scan(self, rows: Iterable[Sequence[str]], min_share: float = 0.0) -> Iterator[Hit]:
        """The hits among rows of one or more texts: at most one a row, of the item that it covers most of (of equals the
        first), if it covers at least `min_share` of it. In the order of the rows, in constant memory."""
        at = 0
        for some in _portions(rows):
            owners = [row for row, texts in enumerate(some) for _ in texts]
            matches = self.matches([text for texts in some for text in texts])
            for row, group in itertools.groupby(matches, key=lambda match: owners[match.text]):
                hit = self._best(at + row, {match.slot for match in group}, min_share)
                if hit is not None:
                    yield hit
            at += len(some)

    def matches(self, texts: Sequence[str]) -> list[Match]:
        """Every run of the index in the texts, compared word by word; by text, then by place."""
        plain = [place for place, text in enumerate(texts) if text.isascii()]
        other = [place for place, text in enumerate(texts) if not text.isascii()]
        found = [
            (places[text], first, slot)
            for places, candidates in ((plain, self._candidates(texts, plain, is_ascii=True)),
                                       (other, self._candidates(texts, other, is_ascii=False)))
            for text, first, slot in candidates
        ]
        found.sort()
        matches = []
        for place, group in itertools.groupby(found, key=lambda each: each[0]):
            words = words_of(texts[place])
            for _, first, slot in group:
                run = self._run(slot)
                if words[first : first + len(run)] == run:
                    matches.append(Match(place, first, len(run), slot))
        return matches

    def _candidates(self, texts: Sequence[str], places: Sequence[int], *, is_ascii: bool) -> list[list[int]]:
        """What the hashes say: (number among the places, first word, slot)."""
        if not places or not len(self._runs.keys):
            return []
        np = library("numpy", NEEDED_FOR, "dedup")
        from pipeline.contamination import kernel
        from pipeline.contamination.words import fold

        joined = END.join([texts[place] for place in places])
        if joined.count(END) != len(places) - 1:
            joined = END.join([texts[place].replace(END, " ") for place in places])
        if is_ascii:
            letters = np.frombuffer((joined + END).encode("ascii"), np.uint8)
        else:  # folding looks at letters and the marks after them, never past the end of a text
            letters = np.frombuffer((fold(joined) + END).encode("utf-32-le", "surrogatepass"), np.uint32)
        ends = np.flatnonzero(letters == 0)
        found = np.empty((1024, 3), np.int64)
        while True:
            count = kernel.find(
                letters, ends, self._kinds, self._lengths, self._powers,
                self._runs.keys, self._bits, self._table, self._setting, found,
            )
            if count <= len(found):
                rows: list[list[int]] = found[:count].tolist()
                return rows
            found = np.empty((count, 3), np.int64)

    def _run(self, slot: int) -> list[str]:
        """The words of a run."""
        first = int(self._runs.entries[self._runs.entries_from[slot]])
        return self._words.text(first, first + int(self._runs.lengths[slot]))

    def _best(self, row: int, slots: set[int], min_share: float) -> Hit | None:
        """Of the items that have these runs, the one that they cover most of."""
        np = library("numpy", NEEDED_FOR, "dedup")
        runs, words = self._runs, self._words
        places = [runs.entries[runs.entries_from[slot] : runs.entries_from[slot + 1]] for slot in slots]
        lengths = [np.full(len(each), runs.lengths[slot]) for each, slot in zip(places, slots, strict=True)]
        firsts = np.concatenate(places)
        order = np.argsort(firsts)
        firsts, length = firsts[order], np.concatenate(lengths)[order]
        # Runs lie within one text and texts do not overlap, so what a run adds ends where the next one begins.
        adds = np.minimum(np.diff(firsts, append=firsts[-1] + length[-1]), length)
        items, where = np.unique(words.owners[firsts], return_inverse=True)
        shares = np.bincount(where, weights=adds) / words.sizes[items]
        best = int(np.argmax(shares))
        if shares[best] < min_share:
            return None
        mine = np.flatnonzero(where == best)
        texts = np.searchsorted(words.firsts, firsts[mine], side="right")
        breaks = np.flatnonzero((np.diff(firsts[mine]) > length[mine][:-1]) | (np.diff(texts) > 0))
        last = mine[breaks[0]] if len(breaks) else mine[-1]
        stretch = words.text(int(firsts[mine[0]]), int(firsts[last] + length[last]))
        item = self._items[int(items[best])]
        return Hit(row, item, len(mine), float(shares[best]), tuple(stretch), len(items) - 1)


@dataclass(frozen=True, slots=True)
class _Words:
    """The words of all texts that are long enough, one after another: `ids` into `vocabulary`, the item of each (`owners`),
    where each text begins (`firsts`, with the end of the last), and how many words each item has (`sizes`)."""

    vocabulary: Sequence[str]
    ids: Integers
    owners: Integers
    firsts: Integers
    sizes: Integers

    @classmethod
    def read(cls, items: Sequence[Item], min_words: int) -> _Words:
        np = library("numpy", NEEDED_FOR, "dedup")
        known: dict[str, int] = {}
        ids: list[int] = []
        firsts, owners = [0], []
        for number, item in enumerate(items):
            for text in item.texts:
                words = words_of(text)
                if len(words) >= min_words:
                    ids += [known.setdefault(word, len(known)) for word in words]
                    firsts.append(len(ids))
                    owners.append(number)
        ends = np.array(firsts, np.int64)
        owner = np.repeat(np.array(owners, np.int64), np.diff(ends))
        return cls(list(known), np.array(ids, np.int64), owner, ends, np.bincount(owner, minlength=len(items)))

    def text(self, first: int, end: int) -> list[str]:
        """The words from one place to another."""
        return [self.vocabulary[each] for each in self.ids[first:end].tolist()]

    def hashes(self) -> Any:
        """The hash of each word, in order."""
        np = library("numpy", NEEDED_FOR, "dedup")
        from pipeline.contamination import kernel

        letters = np.frombuffer("".join(self.vocabulary).encode("utf-32-le", "surrogatepass"), np.uint32)
        starts = np.cumsum([0, *map(len, self.vocabulary)], dtype=np.int64)
        return kernel.hash_words(letters, starts)[self.ids]


@dataclass(frozen=True, slots=True)
class _Runs:
    """The different runs, sorted by key: `lengths`, and in `entries` where each begins (from `entries_from[slot]` on)."""

    keys: NDArray[np.uint64]
    lengths: Integers
    entries: Integers
    entries_from: Integers

    @classmethod
    def of(cls, words: _Words, n: int, mask: int) -> _Runs:
        np = library("numpy", NEEDED_FOR, "dedup")
        from pipeline.contamination import kernel

        sizes = np.diff(words.firsts)
        counts = np.maximum(sizes - n, 0) + 1
        begins = np.cumsum(counts) - counts
        firsts = np.arange(counts.sum()) + np.repeat(words.firsts[:-1] - begins, counts)
        lengths = np.repeat(np.minimum(sizes, n), counts)
        keys = kernel.hash_runs(words.hashes(), firsts, lengths, np.uint64(mask))
        order = np.argsort(keys, kind="stable")
        keys, firsts, lengths = keys[order], firsts[order], lengths[order]
        _part_collisions(words.ids, keys, firsts, lengths)
        is_new = ~_same_as_before(words.ids, keys, firsts, lengths)
        slots = np.flatnonzero(is_new)
        return cls(keys[slots], lengths[slots], firsts, np.append(slots, len(firsts)))


def _same_as_before(ids: Integers, keys: Any, firsts: Integers, lengths: Integers) -> Any:
    """Of sorted runs, whether each has the words of the one before it."""
    np = library("numpy", NEEDED_FOR, "dedup")
    same = np.zeros(len(keys), bool)
    same[1:] = (keys[1:] == keys[:-1]) & (lengths[1:] == lengths[:-1])
    for at in range(int(lengths.max(initial=0))):
        open_ = np.flatnonzero(same & (lengths > at))
        same[open_] = ids[firsts[open_] + at] == ids[firsts[open_ - 1] + at]
    return same


def _part_collisions(ids: Integers, keys: Any, firsts: Integers, lengths: Integers) -> None:
    """Where different runs have one key, put equal ones side by side."""
    np = library("numpy", NEEDED_FOR, "dedup")
    collide = np.flatnonzero(~_same_as_before(ids, keys, firsts, lengths)[1:] & (keys[1:] == keys[:-1]))
    for key in np.unique(keys[collide]):
        start, end = np.searchsorted(keys, key), np.searchsorted(keys, key, side="right")
        runs = [(ids[a : a + b].tolist(), a, b) for a, b in zip(firsts[start:end], lengths[start:end], strict=True)]
        runs.sort(key=lambda run: (run[0], run[1]))
        firsts[start:end] = [first for _, first, _ in runs]
        lengths[start:end] = [length for _, _, length in runs]


def _portions(rows: Iterable[Sequence[str]]) -> Iterator[list[Sequence[str]]]:
    """The rows in portions of some millions of letters."""
    some: list[Sequence[str]] = []
    letters = 0
    for row in rows:
        some.append(row)
        letters += sum(map(len, row))
        if letters >= LETTERS_AT_ONCE:
            yield some
            some, letters = [], 0
    if some:
        yield some


def _power_of_two(wanted: int, least: int) -> int:
    return 1 << (max(wanted, least) - 1).bit_length()
