"""Texts in SQL."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.texts import TIDY_SQL

TEXTS = st.lists(
    st.one_of(
        st.text(st.characters(exclude_categories=["Cs"])),
        st.text(alphabet=" \t\n\v\f\r\0\x01\x1c\x85\xa0aé水'", max_size=12),
    ),
    min_size=1,
    max_size=12,
)


def tidied(texts: list[str]) -> list[str]:
    """The texts as the expression makes them, in order; written as bytes, because a statement ends at a NUL."""
    rows = ", ".join(f"({k}, decode(unhex('{text.encode().hex()}')))" for k, text in enumerate(texts))
    query = f"SELECT {TIDY_SQL.format(text='body')} FROM (VALUES {rows}) AS given(k, body) ORDER BY k"
    return [text for (text,) in duckdb.connect().execute(query).fetchall()]


@given(TEXTS)
def test_runs_of_white_space_are_one_blank_and_ends_are_trimmed_as_python_does_with_bytes(texts: list[str]) -> None:
    assert tidied(texts) == [b" ".join(text.encode().split()).decode() for text in texts]


@pytest.mark.parametrize(
    ("text", "tidy"),
    [
        ("a  b", "a b"),
        ("\ta\r\n\r\nb ", "a b"),
        ("a\vb\fc", "a b c"),
        (" ", ""),
        ("", ""),
        ("a\u00a0\u00a0b", "a\u00a0\u00a0b"),
        ("a b", "a b"),
    ],
)
def test_tidying_in_examples(text: str, tidy: str) -> None:
    assert tidied([text]) == [tidy]


def test_a_text_that_is_missing_stays_missing() -> None:
    assert duckdb.connect().execute(f"SELECT {TIDY_SQL.format(text='NULL::VARCHAR')}").fetchall() == [(None,)]
