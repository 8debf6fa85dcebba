"""Measuring in rehearsal: how likely a text would have been as a reply."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from pipeline.models.rehearsal.options import Dice
from pipeline.models.rehearsal.words import words_of

KNOWN, UNKNOWN = 0.5, 0.02
"""How likely a word of the question or of the facts is, and any other."""
Scorer = Callable[[Mapping[str, Any], str, Dice], list[float]]
"""Scores a text from the variables of a request: a log-probability in nats for each of its words."""


def score_words(variables: Mapping[str, Any], text: str, dice: Dice) -> list[float]:
    """Words that were there already are likely, others are not; the model's own taste moves each by 15% at most."""
    known = set(words_of(f"{variables['question']} {variables['facts']}"))
    words = words_of(text) or [text]
    return [math.log(KNOWN if word in known else UNKNOWN) * (0.85 + 0.3 * dice.roll()) for word in words]


SCORES: dict[str, Scorer] = {"judge/log_likelihood": score_words}
