"""When two short answers are the same but for how they are written."""

from __future__ import annotations

import re
import unicodedata

ARTICLES = re.compile(r"\b(?:a|an|the)\b")
PERCENT = re.compile(r"(?<=\d) %")
QUOTES = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "−": "-", "–": "-", "—": "-"})
ROUNDS = 8
"""More than any text needs to come to rest; without a bound a change of Unicode might make it endless."""


def normalise(text: str) -> str:
    """`text` without case, articles, punctuation and extra white space, in Unicode's compatibility form.

    Signs that make a number another one stay: `-5`, `3.14`. A text of articles or punctuation alone stays what it is, so
    that it does not equal every other one. Normalising twice changes nothing.
    """
    for _ in range(ROUNDS):
        shorter = _once(text)
        if shorter == text:
            break
        text = shorter
    return text


def _once(text: str) -> str:
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).translate(QUOTES)
    folded = PERCENT.sub("%", " ".join(folded.split()))
    bare = " ".join(_without_punctuation(folded).split())
    plain = " ".join(ARTICLES.sub(" ", bare).split())
    return plain or bare or folded


def _without_punctuation(text: str) -> str:
    return "".join(
        char
        for place, char in enumerate(text)
        if not unicodedata.category(char).startswith("P") or _counts(text, place)
    )


def _counts(text: str, place: int) -> bool:
    """Whether a sign belongs to a number: a percent sign, a point between digits, a minus before one."""
    before = text[place - 1] if place else " "
    after = text[place + 1] if place + 1 < len(text) else " "
    match text[place]:
        case "%":
            return before.isdigit()
        case "." | "," | "/":
            return before.isdigit() and after.isdigit()
        case "-":
            return (after.isdigit() or after == ".") and not before.isalnum()
    return False
