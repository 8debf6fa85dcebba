"""Differences and verdicts: what stands side by side is what was said."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.explore.difference import difference
from flows.explore.verdicts import verdicts_of


@given(st.text(alphabet="ab \n.水車", max_size=60), st.text(alphabet="ab \n.水車", max_size=60))
def test_the_spans_of_a_side_make_up_its_text(one: str, other: str) -> None:
    for text, spans in zip((one, other), difference(one, other), strict=True):
        assert "".join(words for _, words in spans) == text


def test_only_what_differs_is_marked() -> None:
    assert difference("the red mill", "the blue mill") == (
        [(False, "the "), (True, "red "), (False, "mill")],
        [(False, "the "), (True, "blue "), (False, "mill")],
    )


def test_long_texts_are_compared_by_sentences() -> None:
    one = "".join(f"Sentence {at} says so. " for at in range(4000))
    left, right = difference(one, one.replace("2000 says", "2000 denies"))
    assert [words for differs, words in left if differs] == ["Sentence 2000 says so. "]
    assert "".join(words for _, words in left) == one
    assert len(right) == 3


def signal(**said: Any) -> dict[str, Any]:
    empty = dict.fromkeys(("vote", "value", "probability", "rationale", "raw", "order", "draw"))
    return empty | {"signal_id": "sig_1", "name": "n", "evaluator": "e", "abstained": False, **said}


@pytest.mark.parametrize(
    ("ids", "vote", "order", "side", "column"),
    [
        (["c", "r"], "a", "ab", "chosen", "ab"),
        (["c", "r"], "b", "ba", "rejected", "ba"),
        (["r", "c"], "a", "ab", "rejected", "ba"),
        (["r", "c"], "b", "ba", "chosen", "ab"),
        (["c", "r"], "tie", "ab", "tie", "ab"),
        (["c", "r"], None, None, "", ""),
    ],
)
def test_a_vote_is_told_as_a_side(ids: list[str], vote: str | None, order: str | None, side: str, column: str) -> None:
    (verdict,) = verdicts_of([signal(response_ids=ids, vote=vote, order=order)], "c", "r")
    assert [each.side for each in verdict.cells[column]] == [side]


def test_a_judge_that_changes_its_mind_is_marked() -> None:
    both = [signal(response_ids=["c", "r"], vote="a", order=order) for order in ("ab", "ba")]
    assert not verdicts_of(both, "c", "r")[0].contradicts
    both[1]["vote"] = "b"
    assert verdicts_of(both, "c", "r")[0].contradicts
