"""The rehearsal model asks about sentences, and answers from them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.models.rehearsal.words import sentences_of

PROSE = "The mill is a large building."


@pytest.mark.parametrize(
    "code",
    ["```bash\npip install --constraint constraints.txt all of it\n```", "  ```\nnever closed\nis still code of ours"],
    ids=["closed", "open"],
)
def test_code_is_nothing_to_ask_about(code: str) -> None:
    assert sentences_of(f"{PROSE}\n\n{code}") == [PROSE]
    assert sentences_of(code) == []


def test_what_is_long_enough_is_asked_about_once() -> None:
    assert sentences_of(f"# Mills\n\n{PROSE} {PROSE} Too short.\n\n- It has four\n  stones in it.") == [
        PROSE,
        "- It has four\n  stones in it.",
    ]


@given(st.text(max_size=400))
def test_a_sentence_is_a_quote_of_its_text(text: str) -> None:
    """Evidence is searched for in the passage, character by character."""
    found = sentences_of(text)
    assert all(sentence in text for sentence in found)
    assert len(set(found)) == len(found)
