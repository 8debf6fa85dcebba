"""Sampling in rehearsal: answers of several grades."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.models.rehearsal.options import Dice, Options, Play
from pipeline.models.rehearsal.words import plain_text, sentences_of, words_of

PADDING = " In general, many further considerations could be mentioned here, and opinions on the matter differ."
UNKNOWN = "I do not know the answer to that."


def answer_question(variables: Mapping[str, Any], dice: Dice, options: Options) -> str:
    """An answer of one of five grades: full, padded, half, off the point, or none at all."""
    sentences = sentences_of(variables["facts"] or "")
    grade = dice.roll()
    if not sentences:
        topic = " ".join(words_of(variables["question"])[-6:])
        return UNKNOWN if grade < 0.4 else f"It depends on {topic}." + (PADDING if grade > 0.7 else "")
    question = set(words_of(variables["question"]))
    ranked = sorted(sentences, key=lambda sentence: (-len(question & set(words_of(sentence))), sentence))
    best = plain_text(ranked[0])
    if grade < 0.35:
        return best
    if grade < 0.55:
        return best + PADDING
    if grade < 0.75:
        return " ".join(best.split()[: max(2, len(best.split()) // 2)]) + " …"
    return plain_text(ranked[-1]) if grade < 0.92 and len(ranked) > 1 else UNKNOWN


ANSWERS: dict[str, Play] = {
    "sample/answer": answer_question,
}
