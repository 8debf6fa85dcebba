"""Where two texts differ, word by word, for people who read them side by side."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher

# A run of white space goes with the word before it; scripts without spaces are compared sign by sign.
WORDS = re.compile(r"(?:[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|\w+|[^\w\s])\s*|\s+")
SENTENCES = re.compile(r"[^.!?。\n]*[.!?。\n]*\s*")
MOST_WORDS = 1500
"""Longer texts are compared sentence by sentence: the time grows with the product of the lengths."""
Span = tuple[bool, str]


def difference(one: str, other: str) -> tuple[list[Span], list[Span]]:
    """Both texts as spans, each with whether it is missing on the other side; the spans of a side make up its text."""
    pieces = [WORDS.findall(one), WORDS.findall(other)]
    if max(map(len, pieces)) > MOST_WORDS:
        pieces = [[piece for piece in SENTENCES.findall(text) if piece] for text in (one, other)]
    left, right = ([piece.strip() for piece in each] for each in pieces)
    matcher = SequenceMatcher(None, left, right, autojunk=False)
    codes = matcher.get_opcodes()
    return (
        list(_spans(pieces[0], [(kind, start, end) for kind, start, end, _, _ in codes])),
        list(_spans(pieces[1], [(kind, start, end) for kind, _, _, start, end in codes])),
    )


def _spans(pieces: list[str], codes: list[tuple[str, int, int]]) -> Iterator[Span]:
    for kind, start, end in codes:
        if end > start:
            yield kind != "equal", "".join(pieces[start:end])
