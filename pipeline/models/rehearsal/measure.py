"""Measuring in rehearsal: how likely a text would have been as a reply, and a vector that stands for it."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from pipeline.models.rehearsal.options import Dice
from pipeline.models.rehearsal.words import words_of

KNOWN, UNKNOWN = 0.5, 0.02
"""How likely a word of the question or of the facts is, and any other."""
DIMENSIONS = 64
Scorer = Callable[[Mapping[str, Any], str, Dice], list[float]]
"""Scores a text from the variables of a request: a log-probability in nats for each of its words."""


def score_words(variables: Mapping[str, Any], text: str, dice: Dice) -> list[float]:
    """Words that were there already are likely, others are not; the model's own taste moves each by 15% at most."""
    known = set(words_of(f"{variables['question']} {variables['facts']}"))
    words = words_of(text) or [text]
    return [math.log(KNOWN if word in known else UNKNOWN) * (0.85 + 0.3 * dice.roll()) for word in words]


def embed(text: str, model: str) -> tuple[float, ...]:
    """How often each word is there, in 64 dimensions that a hash deals words to; another model deals them otherwise."""
    counts = Counter(_dimension(word, model) for word in words_of(text) or [text])
    return tuple(float(counts[place]) for place in range(DIMENSIONS))


def _dimension(word: str, model: str) -> int:
    named = f"{model}\0{word}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(named, digest_size=8).digest(), "big") % DIMENSIONS


SCORES: dict[str, Scorer] = {"judge/log_likelihood": score_words}
