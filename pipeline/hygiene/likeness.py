"""How alike the two answers of a pair are, by the characters they are made of."""

from __future__ import annotations

import unicodedata

N = 5


def alike(one: str, other: str, n: int = N) -> float:
    """The Jaccard index of the sets of `n` characters in a row of two texts, in [0, 1]; 1 only if the sets are equal.

    Case, Unicode form and runs of white space do not count. A text of under `n` characters is one shingle: it is as
    like another as 1 or 0.
    """
    first, second = _shingles(one, n), _shingles(other, n)
    union = len(first | second)
    return len(first & second) / union if union else 1.0


def _shingles(text: str, n: int) -> set[str]:
    plain = " ".join(unicodedata.normalize("NFC", text).casefold().split())
    return {plain[place : place + n] for place in range(max(1, len(plain) - n + 1))} if plain else set()
