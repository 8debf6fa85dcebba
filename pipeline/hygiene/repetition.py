"""How much of a text repeats itself, measured as Gopher's filter did (Rae et al. 2021, arXiv 2112.11446, table A1).

Shares are of words or of their characters, without blanks and without closed code blocks. Where the paper's words leave
a choice, what counts is what comes *again*: the first of two equal lines is no repetition.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain

from pipeline.hygiene.prose import sentences_of, without_code, words_of

LIMITS: dict[str, float] = {
    "lines": 0.30, "line_characters": 0.20, "paragraphs": 0.30, "paragraph_characters": 0.20, "sentence_characters": 0.20,
    "top_2": 0.20, "top_3": 0.18, "top_4": 0.16,
    "again_5": 0.15, "again_6": 0.14, "again_7": 0.13, "again_8": 0.12, "again_9": 0.11, "again_10": 0.10,
}  # fmt: skip
"""The largest share of each kind that is no repetition. `sentence_characters` is ours, with the number for paragraphs."""
FEWEST_WORDS = 50
"""Under so many words the shares of single n-grams say nothing; Gopher left out shorter documents altogether."""
_FEWEST_IN_A_SENTENCE = 3


def repetition(text: str, limits: Mapping[str, float] = LIMITS) -> tuple[str, float] | None:
    """The kind of repetition that is furthest over its limit, and its share; None when all are within."""
    over = {kind: share / limits[kind] for kind, share in shares_of(text).items() if share > limits[kind]}
    if not over:
        return None
    worst = max(over, key=lambda kind: (over[kind], kind))
    return worst, over[worst] * limits[worst]


def shares_of(text: str) -> dict[str, float]:
    """The share of each kind of repetition, in [0, 1]; those of n-grams only from `FEWEST_WORDS` words on."""
    prose = without_code(text)
    lines = [line for each in prose.split("\n") if any(map(str.isalnum, line := " ".join(each.split())))]
    paragraphs = [block for each in re.split(r"\n\s*\n", prose) if any(map(str.isalnum, block := " ".join(each.split())))]
    sentences = [each.lower() for each in sentences_of(prose) if len(words_of(each)) >= _FEWEST_IN_A_SENTENCE]
    shares = {
        "lines": _again(lines, weigh=False), "line_characters": _again(lines),
        "paragraphs": _again(paragraphs, weigh=False), "paragraph_characters": _again(paragraphs),
        "sentence_characters": _again(sentences),
    }  # fmt: skip
    words = words_of(prose)
    if len(words) >= FEWEST_WORDS:
        # What does not come again does not do so in a longer n-gram either.
        for kind, measure, sizes in (("top", _top, range(2, 5)), ("again", _covered_again, range(5, 11))):
            share = 1.0
            for n in sizes:
                share = measure(words, n) if share else 0.0
                shares[f"{kind}_{n}"] = share
    return shares


def _again(parts: Sequence[str], *, weigh: bool = True) -> float:
    """The share of parts that are equal to an earlier one, weighed by their characters or not."""
    weights = [len(part) if weigh else 1 for part in parts]
    seen: set[str] = set()
    again = 0
    for part, weight in zip(parts, weights, strict=True):
        again += weight if part in seen else 0
        seen.add(part)
    return again / sum(weights) if parts else 0.0


def _top(words: Sequence[str], n: int) -> float:
    """The share of characters inside the most frequent n-gram, if it comes more than once; the longest among equals."""
    grams = list(zip(*(words[place:] for place in range(n)), strict=False))
    counts = Counter(grams)
    most = max(counts.values())
    if most == 1:
        return 0.0
    gram = max((gram for gram, count in counts.items() if count == most), key=lambda gram: (sum(map(len, gram)), gram))
    return _characters(words, [place for place, each in enumerate(grams) if each == gram], n)


def _covered_again(words: Sequence[str], n: int) -> float:
    """The share of characters inside n-grams that came before; a character counts once, in however many it is."""
    seen: set[tuple[str, ...]] = set()
    again = []
    for place, gram in enumerate(zip(*(words[place:] for place in range(n)), strict=False)):
        if gram in seen:
            again.append(place)
        seen.add(gram)
    return _characters(words, again, n)


def _characters(words: Sequence[str], places: Sequence[int], n: int) -> float:
    covered = set(chain.from_iterable(range(place, place + n) for place in places))
    return sum(len(words[place]) for place in covered) / sum(map(len, words))
