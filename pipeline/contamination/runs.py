"""The words of evaluation items, and the different runs of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from pipeline.contamination.words import words_of
from pipeline.extras import library

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]
else:
    Integers = Any

NEEDED_FOR = "looking for evaluation items"
UNKNOWN = -1
"""The id of a word that no item has."""


class Item(NamedTuple):
    """One evaluation item: the set it is of, its name in it, and its texts, each searched for on its own."""

    of: str
    name: str
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Words:
    """The words of all texts that are long enough, one after another: `ids` into `vocabulary`, the item of each (`owners`),
    where each text begins (`firsts`, with the end of the last), and how many words each item has (`sizes`). `spelled` are the
    words by id."""

    vocabulary: Mapping[str, int]
    ids: Integers
    owners: Integers
    firsts: Integers
    sizes: Integers
    spelled: Sequence[str]

    @classmethod
    def read(cls, items: Sequence[Item], min_words: int) -> Words:
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
        return cls(known, np.array(ids, np.int64), owner, ends, np.bincount(owner, minlength=len(items)), list(known))

    def ids_of(self, text: str) -> list[int]:
        """The words of any text as they are known here."""
        return [self.vocabulary.get(word, UNKNOWN) for word in words_of(text)]

    def text(self, first: int, end: int) -> list[str]:
        """The words from one place to another."""
        return [self.spelled[each] for each in self.ids[first:end].tolist()]

    def hashes(self) -> Any:
        """The hash of each word, in order."""
        np = library("numpy", NEEDED_FOR, "dedup")
        from pipeline.contamination import kernel

        letters = np.frombuffer("".join(self.vocabulary).encode("utf-32-le", "surrogatepass"), np.uint32)
        starts = np.cumsum([0, *map(len, self.vocabulary)], dtype=np.int64)
        return kernel.hash_words(letters, starts)[self.ids]


@dataclass(frozen=True, slots=True)
class Runs:
    """The different runs, sorted by key: `lengths`, and in `entries` where each begins (from `entries_from[slot]` on)."""

    keys: NDArray[np.uint64]
    lengths: Integers
    entries: Integers
    entries_from: Integers

    @classmethod
    def of(cls, words: Words, n: int, mask: int) -> Runs:
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
