"""Cut the words of evaluation items out of texts, and put what is left into their rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipeline.contamination.index import Index
from pipeline.contamination.words import spans_of
from schemas.rows import PassageAnswer, PromptAnswer, ResponseAnswer, Row
from schemas.units import PassageUnit, PromptUnit, ResponseUnit

Masked = PassageAnswer | PromptAnswer | ResponseAnswer
_ALSO = ("reference", "evidence", "analysis")


def masked(index: Index, texts: Sequence[str], mask: str) -> list[str] | None:
    """The texts with `mask` for every run that the index has, until there is none; None where places cannot be told.

    What stands around a mask may make a run that was not there before, so it is looked for again.
    """
    shown = list(texts)
    while matches := index.matches(shown):
        for number in sorted({match.text for match in matches}):
            spans = spans_of(shown[number])
            if spans is None:
                return None
            cuts = [
                (spans[match.first][0], spans[match.first + match.length - 1][1])
                for match in matches
                if match.text == number
            ]
            shown[number] = _cut(shown[number], cuts, mask)
    return shown


def _cut(text: str, cuts: Sequence[tuple[int, int]], mask: str) -> str:
    """The text with one mask for each stretch that cuts cover; they are in order, and may overlap."""
    parts: list[str] = []
    at = 0
    for number, (start, end) in enumerate(cuts):
        if number == 0 or start > at:
            parts += [text[at:start], mask]
        at = max(at, end)
    return "".join([*parts, text[at:]])


def texts_in(unit: PassageUnit | PromptUnit | ResponseUnit) -> list[str]:
    """The texts of a row that a model may come to see, in a fixed order; `put_back` takes them in the same."""
    match unit:
        case PassageUnit():
            return [unit.passage.text]
        case ResponseUnit():
            return [unit.response.text]
        case PromptUnit():
            prompt = unit.prompt
            turns, context = [each["content"] for each in prompt.messages], [each["text"] for each in prompt.context]
            return [*turns, *context, *(getattr(prompt, name) for name in _ALSO if getattr(prompt, name) is not None)]


def put_back(unit: PassageUnit | PromptUnit | ResponseUnit, texts: Sequence[str]) -> Masked:
    """The row with other texts in the place of its own. Of a response the log-probability is no longer known."""
    left = iter(texts)
    match unit:
        case PassageUnit():
            return PassageAnswer(**_content(unit.passage, PassageAnswer) | {"text": next(left)})
        case ResponseUnit():
            return ResponseAnswer(**_content(unit.response, ResponseAnswer) | {"text": next(left), "logprob": None})
        case PromptUnit():
            prompt = unit.prompt
            changes: dict[str, Any] = {
                "messages": [each | {"content": next(left)} for each in prompt.messages],
                "context": [each | {"text": next(left)} for each in prompt.context],
            }
            changes |= {name: next(left) for name in _ALSO if getattr(prompt, name) is not None}
            return PromptAnswer(**_content(prompt, PromptAnswer) | changes | {"parent_id": prompt.prompt_id})


def says(row: Masked) -> str:
    """The text that makes a row worth keeping: its own, or of a prompt the last turn of the user."""
    if not isinstance(row, PromptAnswer):
        return row.text
    return next((each["content"] for each in reversed(row.messages) if each["role"] == "user"), "")


def _content(row: Row, answer: type[Row]) -> dict[str, Any]:
    """The columns that a strategy writes, of a row as stored."""
    return {name: getattr(row, name) for name in answer.model_fields}
