"""Cut the words of evaluation items out of texts."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.contamination.index import Index
from pipeline.contamination.words import spans_of


def masked(index: Index, texts: Sequence[str], mask: str) -> list[str] | None:
    """The texts with `mask` for every run that the index has, until there is none; None where places cannot be told.

    What stands around a mask may make a run that was not there before, so it is looked for again.
    """
    shown = list(texts)
    while matches := index.matches(shown):
        for number in sorted({match.text for match in matches}):
            spans = spans_of(shown[number])
            if spans is None:
                return None
            cuts = [
                (spans[match.first][0], spans[match.first + match.length - 1][1])
                for match in matches
                if match.text == number
            ]
            shown[number] = _cut(shown[number], cuts, mask)
    return shown


def _cut(text: str, cuts: Sequence[tuple[int, int]], mask: str) -> str:
    """The text with one mask for each stretch that cuts cover; they are in order, and may overlap."""
    parts: list[str] = []
    at = 0
    for number, (start, end) in enumerate(cuts):
        if number == 0 or start > at:
            parts += [text[at:start], mask]
        at = max(at, end)
    return "".join([*parts, text[at:]])
