"""Items as rows: what steps make of the documents that hold them, for audits and imports alike."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.preferences.items import GOLD, LabelledItem, read_item
from schemas.rows import Document, PromptAnswer, Response, ResponseAnswer, SignalAnswer

PREFERENCE = "preference"
"""The name of signals with the overall vote on two answers of an imported item."""
SCORE = "score"
"""The name of signals with the overall score of one."""
SET = "imported:"
"""What the evaluator of a set's own final label begins with; the name of the set follows."""


def item_in(document: Document, media_type: str) -> LabelledItem | None:
    """The item that a document holds, if it is of this kind."""
    return read_item(document.text) if document.media_type == media_type else None


def prompt_of(item: LabelledItem, how: str) -> PromptAnswer:
    """The conversation of an item; its set, category, name and what else is said of it are its tags."""
    return PromptAnswer(messages=item.messages, tags=[f"{how}:{item.dataset}", *item.tags], tools=item.tools)


def responses_of(item: LabelledItem, prompt_id: str, how: str) -> list[ResponseAnswer]:
    """The answers of an item, each with the model that wrote it; `draw` is its place in the item."""
    return [
        ResponseAnswer(
            prompt_id=prompt_id,
            text=answer.text,
            model=answer.model,
            role=how,
            strategy=f"{how} {answer.style}".rstrip(),
            draw=place,
            tool_calls=answer.tool_calls,
        )
        for place, answer in enumerate(item.answers)
    ]


def ids_by_place(responses: Iterable[Response], how: str) -> list[str]:
    """The ids of the answers of an item, in their order in it; other candidates for the same prompt are passed over."""
    own = [each for each in responses if each.strategy.split(" ")[0] == how]
    return [each.response_id for each in sorted(own, key=lambda each: each.draw)]


def signals_of(item: LabelledItem, prompt_id: str, ids: list[str]) -> list[SignalAnswer]:
    """Every label of an item as a raw signal: a vote with its strength as `value`, or a score.

    The evaluator is who said it: `imported:` and the set for its own final label, else the annotator as the set names it.
    """
    signals = []
    for label in item.labels:
        about, vote, probability = label.between(ids)
        signals.append(
            SignalAnswer(
                prompt_id=prompt_id,
                response_ids=about,
                name=label.name or (SCORE if label.vote is None else PREFERENCE),
                evaluator=f"{SET}{item.dataset}" if label.annotator == GOLD else label.annotator,
                vote=vote,
                value=label.score if label.vote is None else label.strength,
                probability=probability,
                rationale=label.note,
            )
        )
    return signals
