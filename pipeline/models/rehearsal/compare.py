"""Comparing in rehearsal: which of two answers the facts support."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import orjson

from pipeline.models.rehearsal.options import Dice, Options, Play, Played
from pipeline.models.rehearsal.words import support, words_of

LEAST_GAP = 0.02
"""Answers whose support differs by less are equally good."""
SURE = 0.95
"""How sure a judge is of a verdict that it gives without looking."""
UNDECIDED = 0.8
"""The share of a tie, where a judge may say so, between answers that are equally good."""


def belief(first: str, second: str, truth: set[str], dice: Dice, options: Options) -> float:
    """P(the first answer is better) as this judge believes it after one look; 0.5 only when it sees no difference.

    The truth is the gap in `support`. A `softness` of s turns it into 1 / (1 + e^(-gap / s)), 0 into certainty. Then it
    errs, each time with the probability of its option: it believes the opposite (`noise`), or it looks at position or at
    length alone and not at the answers. Three rolls of the dice, whatever the answers.
    """
    gap = support(first, truth) - support(second, truth)
    believed = 0.5 if abs(gap) < LEAST_GAP else _squash(gap, options.softness)
    strikes = [dice.roll() < chance for chance in (options.noise, options.position_bias, options.length_bias)]
    if strikes[0]:
        believed = 1 - believed
    if strikes[2] and len(first) != len(second):
        believed = SURE if len(first) > len(second) else 1 - SURE
    return SURE if strikes[1] else believed


def _squash(gap: float, softness: float) -> float:
    if softness == 0:
        return float(gap > 0)
    return 1 / (1 + math.exp(-max(-500.0, min(500.0, gap / softness))))


def judge_pair(variables: Mapping[str, Any], dice: Dice, options: Options) -> Played:
    """The verdict that the facts support, unless noise or a bias strikes; with its reasons, or as shares of the labels."""
    truth = set(words_of(variables["facts"] or variables["question"]))
    first, second = (support(variables[place], truth) for place in ("first", "second"))
    reason = f"The first answer covers {first:.2f} of what is known, the second {second:.2f}."
    if variables["reply"] == "reasons":
        return reason
    shares = _shares(variables, belief(variables["first"], variables["second"], truth, dice, options))
    if variables["reply"] == "label":
        return shares
    verdict = dice.pick(shares)
    return orjson.dumps(
        {"reason": reason, "verdict": verdict} if variables["explain"] else {"verdict": verdict}
    ).decode()


def _shares(variables: Mapping[str, Any], believed: float) -> dict[str, float]:
    """How likely each label is; with an inverted principle the first one's is that of the worse answer."""
    tie = UNDECIDED if variables["tie"] and believed == 0.5 else 0.0
    fits = 1 - believed if variables["inverted"] else believed
    shares = {variables["first_label"]: fits * (1 - tie), variables["second_label"]: (1 - fits) * (1 - tie)}
    return shares | ({"tie": tie} if tie else {})


ANSWERS: dict[str, Play] = {
    "judge/pairwise": judge_pair,
}
