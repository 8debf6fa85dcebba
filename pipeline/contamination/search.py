"""What steps that look for evaluation items share: the index of their sets, and what they say of a hit."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from pipeline.contamination.evaluations import EvaluationSet
from pipeline.contamination.index import Hit, Index
from pipeline.contamination.runs import NEEDED_FOR
from pipeline.extras import demand

FEWEST_WORDS = 8
"""Shorter texts are not looked for unless a recipe says so: under 8 words, runs are shared by chance (GPT-3, arXiv
2005.14165, appendix C)."""
SHOWN_WORDS = 13


def fewest_words(n: int, min_words: int | None) -> int:
    """How many words a text shorter than `n` needs to be looked for whole."""
    return min(n, FEWEST_WORDS) if min_words is None else min_words


def check_search(against: Sequence[EvaluationSet], n: int, min_words: int | None) -> None:
    """Raise `ValueError` for sets and numbers that make no search, and `RequestError` where the extra is not installed."""
    demand(("numpy", "numba"), NEEDED_FOR, "dedup")
    if min_words is not None and min_words > n:
        raise ValueError(f"`min_words` is {min_words}, more than `n`, which is {n}; texts of `n` words are searched for anyway")
    names = [each.name for each in against]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"`against` names {twice[0]!r} twice")
    least = fewest_words(n, min_words)
    if short := [each for each in against if each.most_words < least]:
        raise ValueError(
            f"no text of evaluation set {short[0].name!r} has {least} words, its longest has {short[0].most_words};"
            " set `min_words`"
        )


@functools.lru_cache(maxsize=4)
def index_of(against: tuple[EvaluationSet, ...], n: int, min_words: int | None) -> Index:
    """The index of some sets; built once a process."""
    items = (item for each in against for item in each.items())
    return Index.build(items, n, fewest_words(n, min_words))


def describe(hit: Hit) -> str:
    """A hit as the detail of an outcome: item, share, runs, other items, and the first words that are shared.

    The view `contamination` takes it apart again.
    """
    runs = f"{hit.runs} run{'' if hit.runs == 1 else 's'}"
    others = f", {hit.others} other item{'' if hit.others == 1 else 's'}" if hit.others else ""
    words = " ".join(hit.words[:SHOWN_WORDS]) + (" …" if len(hit.words) > SHOWN_WORDS else "")
    return f"{hit.item.name} ({100 * hit.share:.0f}% of it, {runs}{others}): {words}"
