"""Sketches of texts: 126 bytes each, from which likeness is estimated and candidate pairs are found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.extras import library
from pipeline.likeness.minhash import MinHash
from pipeline.likeness.normalise import normalise

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

NEEDED_FOR = "looking for near duplicates"
DENSE = (
    (0x1100, 0x11FF),  # Hangul letters
    (0x3000, 0x30FF),  # CJK punctuation, hiragana, katakana
    (0x3100, 0x31FF),  # bopomofo, Hangul compatibility letters, kanbun, strokes, katakana extensions
    (0x3400, 0x4DBF),  # Han, extension A
    (0x4E00, 0x9FFF),  # Han
    (0xA000, 0xA4CF),  # Yi
    (0xAC00, 0xD7A3),  # Hangul syllables
    (0xF900, 0xFAFF),  # Han, compatibility
    (0xFF00, 0xFFEF),  # full-width and half-width forms
    (0x1B000, 0x1B16F),  # kana, supplement and extensions
    (0x20000, 0x323AF),  # Han, extensions B to H
)
"""Ranges of code points (first, last) whose signs stand for a syllable or a word, and the punctuation set among them."""


@dataclass(frozen=True, slots=True)
class Sketches:
    """Sketches of n texts: `data` is uint8[n, bands × rows], `sizes` uint32[n] the number of distinct shingles.

    A size of 0 is an empty text, which is like nothing; its bytes are 0.
    """

    data: NDArray[numpy.uint8]
    sizes: NDArray[numpy.uint32]

    def __len__(self) -> int:
        return len(self.sizes)


def sketch(texts: Sequence[str], spec: MinHash) -> Sketches:
    """The sketches of texts, which are normalised first; same texts, same bytes, on any machine.

    A shingle is n code points in a row, `spec.n` of them or, where more than half of the code points that are no blanks
    lie in `DENSE`, `spec.dense_n`. Alphabets without blanks between words (Thai, Lao, Khmer, Burmese) have `spec.n`: their
    letters say as much as Latin ones, and with two of them all long texts look alike. A text shorter than n is one shingle
    as a whole: it is like itself and nothing else. The code points of all texts given are held: give them in batches.
    """
    np = library("numpy", NEEDED_FOR, "dedup")
    kernels = _kernels()
    data = np.zeros((len(texts), spec.width), np.uint8)
    sizes = np.zeros(len(texts), np.uint32)
    for which, codes, offsets, dense in coded(texts):
        some, counts = np.zeros((len(which), spec.width), np.uint8), np.zeros(len(which), np.uint32)
        kernels.sketched(codes, offsets, spec.n, spec.dense_n, dense, some, counts)
        data[which], sizes[which] = some, counts
    return Sketches(data, sizes)


def estimated(left: NDArray[numpy.uint8], right: NDArray[numpy.uint8]) -> NDArray[numpy.float64]:
    """The likeness of sketches uint8[p, w], row by row, estimated without bias: standard error sqrt(J(1 - J)/w) or less."""
    equal: NDArray[numpy.float64] = (left == right).mean(axis=1)
    return (equal - 1 / 256) / (1 - 1 / 256)


def coded(texts: Sequence[str]) -> list[tuple[Any, Any, Any, Any]]:
    """Normalised texts as code points in two parts, ASCII (uint8) and others (uint32), each if there are any.

    A part is (which texts int64[k], code points, offsets int64[k + 1], dense ranges); ASCII has no dense ranges.
    """
    np = library("numpy", NEEDED_FOR, "dedup")
    parts: list[tuple[Any, Any, Any, Any]] = []
    is_ascii = np.fromiter(map(str.isascii, texts), bool, len(texts))
    if plain := (texts if is_ascii.all() else [text for text in texts if text.isascii()]):
        raw = np.frombuffer("".join(plain).encode("ascii"), np.uint8)
        codes, ends = np.empty_like(raw), np.empty(len(plain) + 1, np.int64)
        _kernels().tidy(raw, _offsets(plain), codes, ends)
        parts.append((np.flatnonzero(is_ascii), codes, ends, np.empty((0, 2), np.uint32)))
    if other := [normalise(text) for text in texts if not text.isascii()]:
        codes = np.frombuffer("".join(other).encode("utf-32-le", "surrogatepass"), "<u4")
        parts.append((np.flatnonzero(~is_ascii), codes, _offsets(other), np.array(DENSE, np.uint32)))
    return parts


def _offsets(texts: Sequence[str]) -> Any:
    """Where each text begins when they are written one after the other, and where the last ends."""
    np = library("numpy", NEEDED_FOR, "dedup")
    offsets = np.zeros(len(texts) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)), out=offsets[1:])
    return offsets


def _kernels() -> Any:
    """The compiled loops, which take a moment to load."""
    from pipeline.likeness import kernels

    return kernels
