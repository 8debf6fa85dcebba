"""Labelled groups of more than two answers as they are published, and answers that are rated one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipeline.audit.items import Label, LabelledItem, make_item
from pipeline.audit.pairs import Row, text_of, turns, word_of
from schemas.errors import Unanswerable

ATTRIBUTES = ("helpfulness", "correctness", "coherence", "complexity", "verbosity")
STYLES = ("concise", "plain", "markdown")


def texts_of(row: Row, column: str) -> list[str]:
    """The list of texts in a column."""
    value = row.get(column)
    if not isinstance(value, list) or not value or not all(isinstance(each, str) for each in value):
        raise Unanswerable("malformed_row", f"`{column}` is not a list of texts")
    return value


def rewardbench2(row: Row) -> LabelledItem:
    """RewardBench 2: `chosen` and `rejected` are lists; the category is `subset`, and `id` pairs up Ties (`ref:7`, `tied:7`)."""
    chosen, rejected = texts_of(row, "chosen"), texts_of(row, "rejected")
    models = row.get("models")
    names = models if isinstance(models, list) and len(models) == len(chosen) + len(rejected) else None
    answers = [
        {"text": text, "model": str(names[place]) if names else "unknown"}
        for place, text in enumerate([*chosen, *rejected])
    ]
    more = {"item": word_of(row, "id"), "category": word_of(row, "subset")}
    labels = right_and_wrong(len(chosen), len(rejected))
    return make_item("rewardbench2", turns(row.get("prompt"), "prompt"), answers, labels, **more)


def rm_bench(row: Row) -> LabelledItem:
    """RM-Bench: three right and three wrong answers, each concise, detailed in plain text, and detailed in Markdown."""
    chosen, rejected = texts_of(row, "chosen"), texts_of(row, "rejected")
    if len(chosen) != len(STYLES) or len(rejected) != len(STYLES):
        raise Unanswerable("malformed_row", "it has not three styles of right and three of wrong answers")
    answers = [
        {"text": text, "style": style} for side in (chosen, rejected) for text, style in zip(side, STYLES, strict=True)
    ]
    more = {"item": word_of(row, "id"), "category": word_of(row, "domain")}
    return make_item("rm_bench", turns(row.get("prompt"), "prompt"), answers, right_and_wrong(3, 3), **more)


def right_and_wrong(right: int, wrong: int) -> list[Label]:
    """A score of 1 for each right answer and of 0 for each wrong one."""
    return [Label(about=(place,), score=float(place < right)) for place in range(right + wrong)]


def helpsteer2(rows: Sequence[Row]) -> LabelledItem:
    """HelpSteer2: the answers to one prompt stand one below another, each with five ratings from 0 to 4.

    The overall score is helpfulness; the others are kept by name.
    """
    labels = []
    for place, row in enumerate(rows):
        for name in ATTRIBUTES:
            value: Any = row.get(name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise Unanswerable("malformed_row", f"`{name}` holds {type(value).__name__}, not a number")
            labels.append(Label(about=(place,), score=float(value), name=name))
            if name == ATTRIBUTES[0]:
                labels.append(Label(about=(place,), score=float(value)))
    answers = [{"text": text_of(row, "response")} for row in rows]
    return make_item("helpsteer2", turns(rows[0].get("prompt"), "prompt"), answers, labels)
