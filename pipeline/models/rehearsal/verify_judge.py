"""Cascades in rehearsal: the verification of a verdict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.models.rehearsal.options import Dice, Options, Play
from pipeline.models.rehearsal.words import support, words_of

TOO_CLOSE = 0.02


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
    "judge/cascade_check": verify_verdict,
}
