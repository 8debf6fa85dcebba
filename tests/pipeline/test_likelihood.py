"""How likely each label was, whatever the tokenizer did to it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.judge.likelihood import expected_score, likelihood_of
from schemas.requests import Draw, TokenLogprob

Position = tuple[str, dict[str, float]]


def reply(*positions: Position) -> Draw:
    """A draw of these tokens, each with the probabilities of its alternatives."""
    tokens = [
        TokenLogprob(token, math.log(shares[token]), {text: math.log(share) for text, share in shares.items() if share})
        for token, shares in positions
    ]
    return Draw("".join(token for token, _ in positions), logprobs=tuple(tokens))


def test_the_token_that_ended_a_choice_tells_it_from_a_longer_one() -> None:
    shares = {'"}': math.log(0.8), "0": math.log(0.2)}
    drawn = reply(("1", {"1": 0.5, "9": 0.5}))
    ended = Draw("1", logprobs=drawn.logprobs, ending=TokenLogprob('"}', shares['"}'], shares))
    assert labels_of(ended, "1", "9", "10") == pytest.approx({"1": 0.4, "9": 0.5, "10": 0.1})


def labels_of(draw: Draw, *labels: str) -> dict[str, float]:
    """The likelihoods of labels that are told apart."""
    found = likelihood_of(draw, labels)
    assert found is not None
    assert found.is_divided
    return dict(found.labels)


def test_one_token_each_is_a_softmax_over_the_two() -> None:
    assert labels_of(reply(("1", {"1": 0.6, "2": 0.2, "The": 0.2})), "1", "2") == pytest.approx({"1": 0.75, "2": 0.25})


def test_a_token_may_bring_a_space() -> None:
    found = labels_of(reply((" A", {" A": 0.3, " B": 0.5, "A": 0.1})), "A", "B")
    assert found == pytest.approx({"A": 4 / 9, "B": 5 / 9})


def test_labels_part_at_a_later_token() -> None:
    draw = reply(("Answer", {"Answer": 0.9, "Sure": 0.1}), (" ", {" ": 1.0}), ("2", {"1": 0.25, "2": 0.75}))
    assert labels_of(draw, "Answer 1", "Answer 2") == pytest.approx({"Answer 1": 0.25, "Answer 2": 0.75})


def test_the_other_label_may_be_more_tokens() -> None:
    draw = reply(("first", {"first": 0.4, "sec": 0.6 - 0.1, "third": 0.1}))
    assert labels_of(draw, "first", "second") == pytest.approx({"first": 4 / 9, "second": 5 / 9})


def test_ten_in_two_tokens_is_not_read_as_one() -> None:
    ending = ("0", {"0": 0.8, "<end>": 0.2})
    found = labels_of(reply(("1", {"1": 0.5, "9": 0.5}), ending), *map(str, range(1, 11)))
    assert found["10"] == pytest.approx(0.4)
    assert found["1"] == pytest.approx(0.1)
    assert found["9"] == pytest.approx(0.5)


@pytest.mark.parametrize("drawn", ["1", "9", "10"])
def test_where_ten_is_a_token_one_is_not_its_beginning(drawn: str) -> None:
    found = labels_of(reply((drawn, {"1": 0.1, "9": 0.3, "10": 0.6})), *map(str, range(1, 11)))
    assert {label: share for label, share in found.items() if share} == pytest.approx({"1": 0.1, "9": 0.3, "10": 0.6})


def test_one_that_ended_is_told_from_ten() -> None:
    found = labels_of(reply(("1", {"1": 0.5, "9": 0.5}), ("<end>", {"0": 0.2, "<end>": 0.8})), "1", "9", "10")
    assert found == pytest.approx({"1": 0.4, "9": 0.5, "10": 0.1})


def test_what_another_path_would_have_told_stays_undivided() -> None:
    found = likelihood_of(reply(("8", {"8": 0.6, "1": 0.4}), ("<end>", {"<end>": 1.0})), ["1", "8", "10"])
    assert found is not None
    assert not found.is_divided
    assert found.undivided == ((("1", "10"), pytest.approx(0.4)),)
    divided = found.divided_by(("1", "10"), {"1": 0.25, "10": 0.75})
    assert divided.labels == pytest.approx({"1": 0.1, "8": 0.6, "10": 0.3})
    assert divided.is_divided
    assert expected_score(divided) == pytest.approx(0.1 + 4.8 + 3)


def test_a_reply_that_speaks_of_no_label_is_missing() -> None:
    assert likelihood_of(reply(("Well", {"Well": 1.0})), ["A", "B"]) is None
    assert likelihood_of(Draw("A"), ["A", "B"]) is None


def test_the_expected_score_of_rlaif() -> None:
    """arXiv 2309.00267, section 2.2: the sum of i times P(i), renormalised over the score tokens."""
    assert expected_score(likelihood_of(reply(("8", {"8": 0.4, "7": 0.2, "x": 0.4})), ["7", "8"])) == pytest.approx(  # type: ignore[arg-type]
        7 / 3 + 8 * 2 / 3
    )


@given(st.lists(st.floats(0.01, 1), min_size=2, max_size=6), st.integers(0, 5))
def test_probabilities_sum_to_one_and_keep_their_order(weights: list[float], drawn: int) -> None:
    labels = [str(number) for number in range(len(weights))]
    shares = {label: weight / sum(weights) * 0.9 for label, weight in zip(labels, weights, strict=True)}
    found = labels_of(reply((labels[drawn % len(labels)], {**shares, "else": 0.1})), *labels)
    assert sum(found.values()) == pytest.approx(1)
    assert sorted(labels, key=lambda label: found[label]) == sorted(labels, key=lambda label: shares[label])
