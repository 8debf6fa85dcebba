"""What counts as the same text."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.likeness.normalise import normalise
from pipeline.likeness.sketches import coded

ANY_TEXT = st.text(st.characters(exclude_categories=()))
ASCII = st.text(st.characters(max_codepoint=127))


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("  Two\r\n\tWords \x0b\x0c", "two words"),
        ("STRASSE", "straße"),
        ("cafe\u0301", "CAF\u00c9"),
        ("a\u00a0\u2003b\u3000c\x85d\x1ce", "a b c d e"),
        ("\u212aelvin", "Kelvin"),
        ("\uac00", "\u1100\u1161"),
        ("Ὀδυσσεύς", "ὀδυσσεύσ"),
    ],
)
def test_case_white_space_and_composition_make_no_difference(text: str, same: str) -> None:
    assert normalise(text) == normalise(same)


@pytest.mark.parametrize(
    "text", ["a\0b", "\ud800", "x\udfff", "\u200d\U0001f469", "שלום", "مرحبا", "e\u0323\u0323", "\U000e0001"]
)
def test_what_is_no_case_and_no_white_space_stays(text: str) -> None:
    assert normalise(text) == unicodedata.normalize("NFC", text)


def test_every_code_point_is_normalised_once_and_for_all() -> None:
    wrong = [hex(k) for k in range(sys.maxunicode + 1) if normalise(once := normalise(chr(k))) != once]
    assert wrong == []


@given(ANY_TEXT)
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@given(st.lists(st.one_of(ASCII, ANY_TEXT), max_size=5))
def test_the_compiled_loops_see_the_normalised_text(texts: list[str]) -> None:
    seen = {}
    for which, codes, offsets, _ in coded(texts):
        for k, text in enumerate(which.tolist()):
            seen[text] = "".join(map(chr, codes[offsets[k] : offsets[k + 1]].tolist()))
    assert [seen[k] for k in range(len(texts))] == [normalise(text) for text in texts]
