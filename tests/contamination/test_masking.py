"""Masks in the place of runs: nothing of an item is left, nothing else is touched, and it comes to an end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.contamination.index import Index
from pipeline.contamination.masking import masked
from pipeline.contamination.runs import Item
from pipeline.contamination.words import words_of

MASK = "[…]"
TEXTS = st.lists(st.sampled_from(["a", "B", "é", "水", "x\u00ady", "-", "7"]), max_size=14).map(" ".join)


@given(st.lists(TEXTS, min_size=1, max_size=3), st.lists(TEXTS, min_size=1, max_size=3), st.integers(1, 4))
def test_no_run_is_left_and_no_word_is_added_or_moved(items: list[str], texts: list[str], n: int) -> None:
    index = Index.build([Item("s", "i", tuple(items))], n, 1)
    shown = masked(index, texts, MASK)
    assert shown is not None
    assert index.matches(shown) == []
    for text, rest in zip(texts, shown, strict=True):
        left = iter(words_of(text))
        assert all(word in left for word in words_of(rest)), "what is left is in its order"
        assert index.matches([text]) or rest == text


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("x a b c y", "x […] y"),
        ("x a b c d y", "x […] y"),
        ("x a, b? C! y", "x […]! y"),
        ("a b c a b c", "[…] […]"),
        ("x a b c y b c d z", "x […] y […] z"),
        ("x a a b c b c y", "x […] y"),
    ],
)
def test_one_mask_stands_for_each_stretch(text: str, rest: str) -> None:
    index = Index.build([Item("s", "i", ("a b c d",))], 3)
    assert masked(index, [text], MASK) == [rest]


def test_letters_that_stand_alone_are_masked_as_they_touch() -> None:
    index = Index.build([Item("s", "i", ("水車は粉を",))], 3)
    assert masked(index, ["この水車は粉をひく。"], MASK) == ["この[…]ひく。"]


def test_a_text_whose_words_have_no_place_is_not_masked() -> None:
    index = Index.build([Item("s", "i", ("a ι c",))], 3)
    assert masked(index, ["a \u0345 c"], MASK) is None
