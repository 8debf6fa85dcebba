"""What a word is, for everybody who compares texts by runs of words.

A word is a run of letters and digits with the marks on them. Case, punctuation, white space and the two ways to write an
accent do not count. In scripts that are written without spaces (Chinese, Japanese, Thai, Lao, Khmer, Burmese …) each
letter is a word, so that a run of n words is a run of n letters there. Characters that are not seen (soft hyphens,
zero-width joiners and spaces, byte order marks) are as good as absent.
"""

from __future__ import annotations

import functools
import itertools
import re
import unicodedata

WORDS_VERSION = 1
"""Raised whenever some text gets other words; part of the identity of whatever compares by them."""

SEPARATOR, LETTER, ALONE, MARK = range(4)
"""Kinds of characters: between words, part of a word, a word of its own, or part of the word before it."""

UNSPACED = (
    (0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x1950, 0x19DF), (0x1A20, 0x1AAF), (0x3040, 0x312F),
    (0x31A0, 0x31BF), (0x31F0, 0x31FF), (0x3400, 0x4DBF), (0x4E00, 0xA48F), (0xA980, 0xA9FF), (0xAA60, 0xAA7F),
    (0xF900, 0xFAFF), (0xFF66, 0xFF9F), (0x1B000, 0x1B16F), (0x20000, 0x3FFFD),
)
"""Blocks of scripts without spaces: Thai and Lao, Burmese, Khmer, Tai Le and New Tai Lue, Tai Tham, kana and bopomofo, the
CJK ideographs with Yi, Javanese, Burmese extended, compatibility ideographs, halfwidth and old kana, ideographs beyond."""

UNSEEN = "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\u2061\u2062\u2063\u2064\ufeff"
ASCII_WORD = re.compile("[a-z0-9]+")
LAST = 0x10FFFF


def words_of(text: str) -> list[str]:
    """The words of a text, in order, folded."""
    folded = fold(text)
    return (ASCII_WORD if folded.isascii() else _word()).findall(folded)


def spans_of(text: str) -> list[tuple[int, int]] | None:
    """Where each of `words_of(text)` stands in the text as written; None for the rare text in which that cannot be told.

    There a mark that stands alone becomes a letter when it is folded.
    """
    if text.isascii():
        return [match.span() for match in ASCII_WORD.finditer(text.lower())]
    spans = [match.span() for match in _written().finditer(text)]
    found = [words_of(text[start:end]) for start, end in spans]
    return spans if found == [[word] for word in words_of(text)] else None


def fold(text: str) -> str:
    """A text without case, unseen characters and choices of encoding (NFC of the case folding)."""
    if text.isascii():
        return text.lower()
    for character in UNSEEN:
        if character in text:
            text = text.replace(character, "")
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


@functools.cache
def kinds() -> bytes:
    """The kind of each code point, one byte each."""
    found = bytearray(map(_kind, range(LAST + 1)))
    for start, end in UNSPACED:
        for point in range(start, end + 1):
            if found[point] == LETTER:
                found[point] = ALONE
    return bytes(found)


def _kind(point: int) -> int:
    return {"L": LETTER, "N": LETTER, "M": MARK}.get(unicodedata.category(chr(point))[0], SEPARATOR)


@functools.cache
def _word() -> re.Pattern[str]:
    letter, alone, mark = map(_characters, (LETTER, ALONE, MARK))
    return re.compile(f"[{alone}][{mark}]*|[{letter}][{letter}{mark}]*")


@functools.cache
def _written() -> re.Pattern[str]:
    """A word as written, with the unseen characters in it."""
    letter, alone, mark = map(_characters, (LETTER, ALONE, MARK))
    mark += UNSEEN
    return re.compile(f"[{alone}][{mark}]*|[{letter}][{letter}{mark}]*")


def _characters(kind: int) -> str:
    """The characters of a kind as ranges within a character class."""
    points = [point for point, each in enumerate(kinds()) if each == kind]
    breaks = [0, *(at for at in range(1, len(points)) if points[at] != points[at - 1] + 1), len(points)]
    ranges = [(chr(points[start]), chr(points[end - 1])) for start, end in itertools.pairwise(breaks)]
    return "".join(f"{re.escape(first)}-{re.escape(last)}" for first, last in ranges)
