"""Measurements and what two log-probabilities say: each formula on numbers worked out by hand, and its invariants."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.judge.implicit import (
    implicit_reward,
    preference_probability,
    ranking_difficulty,
    required_loss,
    softplus,
)
from pipeline.judge.measure import ALONE, coverage, f1, unique_trigrams
from pipeline.models.pool import ModelPool
from prompts.library import shipped_template
from schemas.errors import EngineError
from schemas.models import ModelSpec
from schemas.requests import Completion, Request, Score

LOGPROBS = st.floats(-500, 0)
WORDS = st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=12)


def test_the_formulas_on_numbers_worked_out_by_hand() -> None:
    assert implicit_reward(-6.0, -8.5) == 2.5
    assert preference_probability(2.0, 1.0, beta=0.1) == pytest.approx(1 / (1 + math.exp(-0.1)))
    assert ranking_difficulty(-40.0, -35.0) == 5.0
    # A pair that is off by five nats needs a loss of log(1 + e^-0.5) at beta 0.1; one at the border needs log 2.
    assert required_loss(5.0, beta=0.1) == pytest.approx(0.4740769841801067)
    assert required_loss(0.0, beta=0.1) == pytest.approx(math.log(2))
    assert required_loss(5.0, beta=0.1) == pytest.approx(-math.log(1 / (1 + math.exp(-0.5))))


@given(LOGPROBS, LOGPROBS, st.floats(0.01, 5))
def test_the_probabilities_of_both_orders_sum_to_one(first: float, second: float, beta: float) -> None:
    there = preference_probability(first, second, beta=beta)
    assert there + preference_probability(second, first, beta=beta) == pytest.approx(1)
    if first > second:
        assert there >= 0.5


@given(LOGPROBS, LOGPROBS, st.floats(0.01, 5))
def test_a_harder_pair_needs_a_smaller_loss(easy: float, hard: float, beta: float) -> None:
    least, most = sorted((easy, hard))
    assert required_loss(most, beta=beta) <= required_loss(least, beta=beta)


@pytest.mark.parametrize("value", [-1e6, -1.0, 0.0, 1.0, 1e6])
def test_softplus_takes_values_of_any_size(value: float) -> None:
    assert softplus(value) >= max(value, 0.0)
    assert softplus(value) - softplus(-value) == pytest.approx(value)


@given(WORDS, WORDS)
def test_overlap_is_symmetric_and_one_for_the_same_words(first: list[str], second: list[str]) -> None:
    assert f1(first, second) == f1(second, first)
    assert 0 <= f1(first, second) <= 1
    assert f1(first, sorted(first)) == (1.0 if first else 0.0)


@given(WORDS.filter(bool), st.integers(1, 4))
def test_a_text_covers_itself(words: list[str], size: int) -> None:
    text = " ".join(words)
    assert coverage(text, text, size) == (1.0 if len(words) >= size else None)
    assert coverage(text, "", size) == (0.0 if len(words) >= size else None)


def test_repetition_lowers_the_share_of_unique_trigrams() -> None:
    assert unique_trigrams("one two three four") == 1.0
    assert unique_trigrams("go on go on go on go on") == pytest.approx(2 / 6)


@given(st.text(max_size=200))
def test_measuring_takes_any_text(text: str) -> None:
    for measure in ALONE.values():
        value = measure(text)
        assert value is None or value >= 0


# --- log-probabilities of given texts -----------------------------------------------------------------------------------


async def score(text: str, *, facts: str = "", model: str = "rehearsal", engine: str = "rehearsal") -> Completion:
    """What a model makes of a text as the reply to a question."""
    spec = ModelSpec.model_validate({"model": model, "engine": engine, "base_url": "http://127.0.0.1:9/v1"})
    pool = ModelPool({"default": spec})
    templates = {"judge/log_likelihood": shipped_template("judge/log_likelihood")}
    variables = {"question": "What turns?", "facts": facts}
    try:
        return await pool.ask(Request("judge/log_likelihood", variables, "default", Score(text)), templates)
    finally:
        await pool.close()


async def test_in_rehearsal_what_is_known_is_likelier() -> None:
    closed, opened = await score("The runner stone."), await score("The runner stone.", facts="The runner stone turns.")
    assert closed.draws[0].logprob is not None
    assert opened.draws[0].logprob is not None
    assert closed.draws[0].logprob < opened.draws[0].logprob < 0
    assert closed.draws[0].tokens == 3
    assert closed.usage.calls == 1


async def test_in_rehearsal_a_score_is_the_same_every_time_and_another_models_another() -> None:
    first, again = await score("The stone."), await score("The stone.")
    other = await score("The stone.", model="rehearsal:other")
    assert first == again
    assert first.draws[0].logprob != other.draws[0].logprob


async def test_an_engine_that_cannot_score_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async def reach_nobody(session: object, server: object, model: str) -> tuple[str, ...]:
        return ()

    monkeypatch.setattr("pipeline.models.openai._list_models", reach_nobody)
    with pytest.raises(EngineError, match="the engines `vllm` and `rehearsal` can"):
        await score("The stone.", engine="openai")
