"""What "the same text" means where texts are compared for likeness."""

from __future__ import annotations

import unicodedata

NORMALISATION = 1
"""The version of `normalise`: sketches of different versions cannot be compared."""


def normalise(text: str) -> str:
    """The text that is compared: composed (NFC), without case, runs of white space as one blank, ends trimmed.

    White space is what `str.isspace` says. NUL, lone surrogates and unassigned code points stay as they are. Folding case
    can leave a letter and its accent apart, so the text is composed again afterwards.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
        return " ".join(text.split())
    return " ".join(text.lower().split())
