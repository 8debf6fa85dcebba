"""What prompts and labels hold under: principles, personas, single aspects."""

from __future__ import annotations

from typing_extensions import TypedDict


class Condition(TypedDict):
    """What an answer is conditioned on (a principle, a persona); a hidden one never reaches an export."""

    kind: str
    id: str
    text: str
    visible: bool


class MixedPrinciple(TypedDict):
    """One principle of a mix: whether its negation was asked for, and its score (> 0: for candidate a as asked)."""

    name: str
    negated: bool
    score: float


class PairCondition(TypedDict):
    """What a pair's label holds under, where it does not hold as such: the principles that `text` tells an annotator.

    `dominant` is the principle that decided, if one did. `draw` counts the mixes of two responses. `override` names the
    rule that set the label in the principles' place, `flipped` says that label noise struck, `chosen_first` on which
    side a reader of two answers is to see the chosen one.
    """

    kind: str
    text: str
    principles: list[MixedPrinciple]
    dominant: str | None
    draw: int
    override: str | None
    flipped: bool
    chosen_first: bool


class AspectScore(TypedDict):
    """What one aspect says of both sides of a pair, in its own unit; None where it was not rated."""

    name: str
    chosen: float | None
    rejected: float | None
