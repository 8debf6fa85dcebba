"""Comparing in rehearsal: which of two answers the facts support."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from pipeline.models.rehearsal.options import Dice, Options, Play
from pipeline.models.rehearsal.words import support, words_of


def judge_pair(variables: Mapping[str, Any], dice: Dice, options: Options) -> str:
    """The verdict that the facts support, unless noise or position bias strikes."""
    truth = set(words_of(variables["facts"] or variables["question"]))
    first, second = (support(variables[place], truth) for place in ("first", "second"))
    gap = first - second
    verdict = "tie" if abs(gap) < 0.02 else "A" if gap > 0 else "B"
    if dice.roll() < options.noise:
        verdict = {"A": "B", "B": "A", "tie": "A"}[verdict]
    if dice.roll() < options.position_bias:
        verdict = "A"
    reason = f"The first answer covers {first:.2f} of what is known, the second {second:.2f}."
    reply = {"reason": reason, "verdict": verdict} if variables["explain"] else {"verdict": verdict}
    return orjson.dumps(reply).decode()


ANSWERS: dict[str, Play] = {
    "judge/pairwise": judge_pair,
}
