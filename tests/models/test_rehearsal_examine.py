"""The rehearsal model examines: what it says follows from the texts, and errs only as it is told to."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from pipeline.models.rehearsal.examine import ANSWERS
from pipeline.models.rehearsal.options import Dice, Options

HONEST = Options(misquote=0, noise=0, position_bias=0, softness=0)
FACTS = "The runner stone turns above the bed stone. The wheel does not turn in winter."
GOOD, BAD = "The runner stone turns above the bed stone.", "I do not know the answer to that."
PAIR = {"question": "What turns?", "facts": FACTS, "first": GOOD, "second": BAD, "principle": "", "criterion": "Better."}


def play(prompt: str, variables: dict[str, Any], options: Options = HONEST, seed: int = 0) -> Any:
    """What the rehearsal model says, parsed."""
    said = ANSWERS[prompt](variables, Dice(seed), options)
    assert isinstance(said, str)
    return orjson.loads(said) if said.startswith("{") else said


@pytest.mark.parametrize(("prompt", "field"), [("judge/criteria", "answer"), ("judge/rationale_check", "verdict")])
def test_the_better_supported_answer_wins_wherever_it_stands(prompt: str, field: str) -> None:
    assert play(prompt, PAIR)[field] == "A"
    assert play(prompt, PAIR | {"first": BAD, "second": GOOD})[field] == "B"
    assert play(prompt, PAIR | {"second": GOOD})[field] == ("none" if field == "answer" else "tie")


@pytest.mark.parametrize(("prompt", "field"), [("judge/criteria", "answer"), ("judge/rationale_check", "verdict")])
def test_noise_and_position_bias_are_as_often_as_they_are_set(prompt: str, field: str) -> None:
    count = 400
    noisy = [play(prompt, PAIR, Options(noise=0.25, position_bias=0, softness=0), seed)[field] for seed in range(count)]
    assert 0.2 < noisy.count("B") / count < 0.3
    biased = PAIR | {"first": BAD, "second": GOOD}
    leaning = [play(prompt, biased, Options(noise=0, position_bias=0.25, softness=0), seed)[field] for seed in range(count)]
    assert 0.2 < leaning.count("A") / count < 0.3


def test_a_sheet_rates_the_better_supported_answer_higher_on_everything() -> None:
    names = [("clear", "How clear."), ("polite", "How polite.")]
    sheet = play("judge/properties", PAIR | {"properties": names})
    assert set(sheet["A"]) == set(sheet["B"]) == {"clear", "polite"}
    assert all(sheet["A"][name] > sheet["B"][name] for name, _ in names)


def test_reasons_are_for_the_answer_that_was_preferred() -> None:
    told = PAIR | {"is_first_preferred": False, "is_detailed": True}
    assert play("judge/rationale", told)["rationale"].startswith("Answer B ")
    detailed = play("judge/rationale", told | {"is_first_preferred": True})["rationale"]
    assert detailed.startswith("Answer A ")
    assert "runner" in detailed


def test_claims_are_sentences_and_are_held_against_the_text() -> None:
    split = play("judge/claims", {"question": "?", "text": FACTS, "most": 1})
    assert split == {"claims": ["The runner stone turns above the bed stone."]}
    claims = [GOOD, "The wheel does turn in winter.", "Flour was dearer than silver then."]
    found = play("judge/claims_check", {"question": "?", "text": FACTS, "claims": claims})
    assert list(found.values()) == ["support", "contradict", "irrelevant"]


def test_a_kind_is_chosen_by_the_words_of_the_question() -> None:
    kinds = (("chat", "The user wants company."), ("code", "A program is wanted."))
    assert play("judge/category", {"categories": kinds, "question": "Which program sorts grain?"}) == "code"
    spread = {play("judge/category", {"categories": kinds, "question": "Why?"}, seed=seed) for seed in range(20)}
    assert spread == {"chat", "code"}
