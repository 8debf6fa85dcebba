"""N-grams and likeness as plainly as Python says them: what the compiled loops are checked against."""

from __future__ import annotations

from fractions import Fraction

from pipeline.likeness.minhash import MinHash
from pipeline.likeness.normalise import normalise
from pipeline.likeness.sketches import DENSE


def cut(text: str, spec: MinHash) -> set[str]:
    """The set of a text's n-grams."""
    text = normalise(text)
    signs = [ord(sign) for sign in text if sign != " "]
    dense = [sign for sign in signs if any(first <= sign <= last for first, last in DENSE)]
    n = spec.dense_n if not text.isascii() and 2 * len(dense) > len(signs) else spec.n
    if len(text) < n:
        return {f"whole {text}"} if text else set()
    return {text[k : k + n] for k in range(len(text) - n + 1)}


def alike(left: str, right: str, spec: MinHash) -> Fraction:
    """The Jaccard index of two texts."""
    a, b = cut(left, spec), cut(right, spec)
    return Fraction(len(a & b), len(a | b)) if a | b else Fraction(0)
