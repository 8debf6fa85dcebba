"""Rules that set a label whatever the principles say: who hides behind being a model, who writes in another script."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Literal

Side = Literal["a", "b"]
ALIKE = {"HIRAGANA": "CJK", "KATAKANA": "CJK"}
"""Scripts that are written in one line of text: Japanese takes three."""


def without_disclaimer(a: str, b: str, phrases: Sequence[str]) -> Side | None:
    """The one of two answers that has none of these phrases, where the other has one; letter case does not count."""
    in_a, in_b = (_has_any(text, phrases) for text in (a, b))
    return None if in_a == in_b else "b" if in_a else "a"


def in_script_of(question: str, a: str, b: str) -> Side | Literal["neither"] | None:
    """The one of two answers that is written in the question's script, `neither`, or None where both are.

    Scripts, not languages: that much a name of Unicode tells. A text without letters fits any question.
    """
    wanted = script_of(question)
    fits_a, fits_b = (script_of(text) in (wanted, None) or wanted is None for text in (a, b))
    if fits_a == fits_b:
        return None if fits_a else "neither"
    return "a" if fits_a else "b"


def script_of(text: str) -> str | None:
    """The script that most letters of a text are of, by the first word of their Unicode names; None without letters."""
    found = Counter(_script(letter) for letter in text if letter.isalpha())
    return min(found, key=lambda script: (-found[script], script)) if found else None


def _script(letter: str) -> str:
    first = unicodedata.name(letter, "UNKNOWN").split(" ")[0].split("-")[0]
    return ALIKE.get(first, first)


def _has_any(text: str, phrases: Sequence[str]) -> bool:
    folded = " ".join(text.casefold().split())
    return any(" ".join(phrase.casefold().split()) in folded for phrase in phrases)
