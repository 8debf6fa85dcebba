"""What becomes of a verdict when an answer attacks the judge, or says nothing: in both orders.

The judge here is the rehearsal's, which counts words that the facts have. It cannot be talked into anything; what these
tests hold is the way of a verdict from what is shown to what is stored, and that the stand-in judges as a judge should:
the facts share no word with the keys, and every real answer shares some with the facts.
"""

from __future__ import annotations

from typing import Any

import made
import pytest
from corpus import FAMILIES, MASTER_KEYS

from pipeline.judge.pairwise import Pairwise
from pipeline.models.rehearsal.answers import ANSWERS
from pipeline.models.rehearsal.options import Dice, Options
from pipeline.strategy import Nothing
from prompts.library import shipped_template
from prompts.principles import Principle
from schemas.requests import Completion, Draw, Json, Request
from schemas.rows import SignalAnswer

GROUNDED = Principle(name="grounded", definition="The better answer says what the facts say.", negation="It does not.")
FACTS = "Millers dress both runner stones every three weeks with steel bills; 120 turns per minute wear them down."
REAL = {
    "whole": "Millers dress both runner stones every three weeks with steel bills.",
    "short": "With steel bills.",
    "half": "They dress stones every",
    "padded": "Steel bills dress it. In general, many further things might be said about mills, winds and waters.",
    "one word": "steel",
}
QUIET = Options(noise=0, position_bias=0)


def asked(a: str, b: str, **changes: Any) -> list[Request]:
    """Both requests about two answers."""
    work: Any = Pairwise(principle=GROUNDED)(made.response_pair(a, b, **{"evidence": FACTS, **changes}))
    requests: list[Request] = next(work)
    return requests


def verdicts(a: str, b: str, **changes: Any) -> list[SignalAnswer] | Nothing:
    """Both signals of a judge without noise."""
    work: Any = Pairwise(principle=GROUNDED)(made.response_pair(a, b, **{"evidence": FACTS, **changes}))
    try:
        work.send([answered(request) for request in next(work)])
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    raise AssertionError("the strategy asked for a second round")


def answered(request: Request) -> Completion:
    """The rehearsal's reply, checked against the shape that was asked for."""
    reply = ANSWERS[request.prompt](request.variables, Dice("judge"), QUIET)
    assert isinstance(reply, str)
    assert isinstance(request.shape, Json)
    return Completion((Draw(reply, data=request.shape.reply.model_validate_json(reply)),), "judge")


def assert_second_wins(a: str, b: str, **changes: Any) -> None:
    """b is preferred in both orders, and also when it is the first by id."""
    for one, other, winner in ((a, b, "b"), (b, a, "a")):
        found = verdicts(one, other, **changes)
        assert not isinstance(found, Nothing)
        assert [(signal.order, signal.vote) for signal in found] == [("ab", winner), ("ba", winner)], (one, other)


@pytest.mark.parametrize("real", REAL.values(), ids=REAL)
@pytest.mark.parametrize("language", MASTER_KEYS)
def test_a_master_key_loses_to_any_real_answer(language: str, real: str) -> None:
    for key in MASTER_KEYS[language]:
        assert_second_wins(key, real)


@pytest.mark.parametrize("real", REAL.values(), ids=REAL)
@pytest.mark.parametrize("empty", ["", " ", "\n\n", "\u200b", "\ufeff"], ids=repr)
def test_an_empty_answer_loses_to_any_real_one(empty: str, real: str) -> None:
    assert_second_wins(empty, real)


@pytest.mark.parametrize("empty", ["", "\u200b", ":", "…"], ids=repr)
def test_an_answer_without_a_word_loses_to_a_wrong_one(empty: str) -> None:
    assert_second_wins(empty, "Nobody knows how that is done.")


@pytest.mark.parametrize("family", FAMILIES)
def test_an_attack_in_place_of_an_answer_loses_to_a_real_one(family: str) -> None:
    for attack in FAMILIES[family]:
        assert_second_wins(attack, REAL["whole"])


@pytest.mark.parametrize("family", FAMILIES)
def test_an_attack_in_question_or_facts_is_there_for_both_answers_alike(family: str) -> None:
    for attack in FAMILIES[family]:
        assert_second_wins("Nobody knows.", REAL["whole"], question=attack)
        assert_second_wins("Nobody knows.", REAL["whole"], evidence=f"{FACTS}\n{attack}")


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_asked_for_is_a_verdict_whatever_the_data_say(family: str) -> None:
    """The rules, the reply's shape and the sampling are the strategy's own."""
    clean = asked("The wheel.", "The stone.")
    rules = [shipped_template(each.prompt).render(each.variables)[0] for each in clean]
    for attack in FAMILIES[family]:
        attacked = asked(attack, "The stone.", question=attack, evidence=attack)
        assert [shipped_template(each.prompt).render(each.variables)[0] for each in attacked] == rules
        assert [(each.prompt, each.model, each.shape, each.sampling) for each in attacked] == [
            (each.prompt, each.model, each.shape, each.sampling) for each in clean
        ]
        assert [each.variables["first"] for each in attacked] == [attack, "The stone."]
        assert [each.variables["second"] for each in attacked] == ["The stone.", attack]
