"""Cascades in rehearsal: a verdict on two answers, and the verification of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from pipeline.models.rehearsal.options import Dice, Options, Play
from pipeline.models.rehearsal.words import support, words_of

TOO_CLOSE = 0.02
OTHER = {"A": "B", "B": "A", "tie": "A"}


def judge_described(variables: Mapping[str, Any], dice: Dice, options: Options) -> str:
    """The answer that the principle describes, as the facts have it, unless noise or position bias strikes."""
    verdict = described(variables)
    if dice.roll() < options.noise:
        verdict = OTHER[verdict]
    if dice.roll() < options.position_bias:
        verdict = "A"
    reply = {"reason": f"What is known speaks for {verdict}.", "verdict": verdict}
    return orjson.dumps(reply if variables["explain"] else {"verdict": verdict}).decode()


def verify_verdict(variables: Mapping[str, Any], dice: Dice, options: Options) -> str:
    """A verification: the claim is held against what the facts say, and noise turns the finding round."""
    verdict = described(variables)
    is_correct = (variables["claim"] == verdict) != (dice.roll() < options.noise)
    return f"What is known speaks for {verdict}.\nThe verdict is {'correct' if is_correct else 'incorrect'}."


def described(variables: Mapping[str, Any]) -> str:
    """The answer that the facts support (of an inverted principle: the other one), or `tie`."""
    truth = set(words_of(variables["facts"] or variables["question"]))
    gap = support(variables["first"], truth) - support(variables["second"], truth)
    if abs(gap) < TOO_CLOSE:
        return "tie"
    return "A" if (gap > 0) != variables["inverted"] else "B"


ANSWERS: dict[str, Play] = {
    "judge/cascade": judge_described,
    "judge/cascade_check": verify_verdict,
}
