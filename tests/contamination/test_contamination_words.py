"""What a word is: in every script, however a text is encoded, and where it stands in the text as written."""

from __future__ import annotations

import itertools
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.contamination.words import ALONE, LETTER, MARK, SEPARATOR, UNSEEN, fold, kinds, spans_of, words_of

TEXTS = st.text(st.sampled_from("aB1 é\u0301-'\n水車はผู้ไ\u0e34हिन्दีאב\u05b0عَß\u00ad\u200b\u200dİΣς🌾\U000e0041\0_²"), max_size=40)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't stop - 2,000 x_1!", ["don", "t", "stop", "2", "000", "x", "1"]),
        ("", []),
        ("… — 🌾 ?", []),
        ("Das Mühlrad", ["das", "mühlrad"]),
        ("Mu\u0308hlrad", ["mühlrad"]),
        ("STRASSE Straße", ["strasse", "strasse"]),
        ("ﬁne", ["fine"]),
        ("ΌΣΟΣ όσος", ["όσοσ", "όσοσ"]),
        ("con\u00adta\u200bmi\u200dnate\ufeff", ["contaminate"]),
        ("水車は粉をひく", ["水", "車", "は", "粉", "を", "ひ", "く"]),
        ("GPT4は良い", ["gpt4", "は", "良", "い"]),
        ("か\u3099", ["が"]),
        ("ผู้ใหญ่", ["ผู้", "ใ", "ห", "ญ่"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("عَرَبِيّ لغة", ["عَرَبِيّ", "لغة"]),
        ("한국어 문장", ["한국어", "문장"]),
        ("привет, МИР", ["привет", "мир"]),
        ("\u0301a", ["a"]),
    ],
)
def test_a_text_has_these_words(text: str, words: list[str]) -> None:
    assert words_of(text) == words


def test_every_character_has_one_kind() -> None:
    found = kinds()
    assert len(found) == 0x110000
    assert [found[ord(each)] for each in "a1é水ก\u0301 -"] == [LETTER] * 3 + [ALONE] * 2 + [MARK] + [SEPARATOR] * 2
    assert all(found[ord(each)] == SEPARATOR for each in UNSEEN)


@given(TEXTS)
def test_neither_case_nor_encoding_nor_what_is_unseen_counts(text: str) -> None:
    words = words_of(text)
    assert words_of(unicodedata.normalize("NFC", text)) == words
    assert words_of(unicodedata.normalize("NFD", text)) == words
    assert words_of(fold(text)) == words
    assert words_of("\u200b".join(text)) == words


@given(TEXTS, TEXTS)
def test_words_of_two_texts_apart_are_the_words_of_both(one: str, other: str) -> None:
    assert words_of(f"{one}\n{other}") == [*words_of(one), *words_of(other)]


@given(TEXTS)
def test_a_span_holds_its_word(text: str) -> None:
    spans = spans_of(text)
    if spans is not None:
        assert [words_of(text[start:end]) for start, end in spans] == [[word] for word in words_of(text)]
        assert all(end <= start for (_, end), (start, _) in itertools.pairwise(spans))


def test_spans_are_those_of_the_text_as_written() -> None:
    text = "Das Mu\u0308hlrad, 水車: co\u00adtami ﬁne"
    assert [text[start:end] for start, end in spans_of(text) or []] == ["Das", "Mu\u0308hlrad", "水", "車", "co\u00adtami", "ﬁne"]


def test_where_folding_makes_a_word_of_a_mark_its_place_cannot_be_told() -> None:
    assert words_of(". \u0345") == ["ι"]
    assert spans_of(". \u0345") is None
