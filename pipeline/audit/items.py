"""One labelled prompt: the conversation, its answers and what was said of them, whatever layout it was published in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from schemas.errors import Unanswerable
from schemas.fingerprints import canonical_json
from schemas.rows import Message, Vote

MEDIA_TYPE = "application/x-prefmill-labelled+json"
GOLD = "gold"
"""The annotator of a set's own final label, as against those whose votes it rests on."""


class Part(BaseModel):
    """Frozen, and closed to other keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class LabelledAnswer(Part):
    """One answer; `model` wrote it, `style` is what its set says of its form."""

    text: str
    model: str = "unknown"
    style: str = ""


class Label(Part):
    """What one annotator said: `vote` on the two answers `about` (a is the first of them), or a `score` for one.

    `name` is the criterion; None is the overall judgement. `strength` ≥ 0 is in the set's own unit.
    """

    about: Annotated[tuple[int, ...], Field(min_length=1, max_length=2)]
    annotator: str = GOLD
    name: str | None = None
    vote: Vote | None = None
    strength: float | None = None
    score: float | None = None
    note: str | None = None

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        if (self.vote is None) == (self.score is None) or len(self.about) != (1 if self.vote is None else 2):
            raise ValueError("a label is a vote on two answers or a score for one")
        return self


class LabelledItem(Part):
    """A conversation that ends with the user's turn, two or more answers to it, and their labels."""

    dataset: str
    messages: Annotated[list[Message], Field(min_length=1)]
    answers: Annotated[list[LabelledAnswer], Field(min_length=2)]
    labels: Annotated[list[Label], Field(min_length=1)]
    item: str = ""
    category: str = ""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.messages[-1]["role"] != "user" or not self.messages[-1]["content"].strip():
            raise ValueError("the conversation does not end with a question of the user")
        if any(not answer.text.strip() for answer in self.answers):
            raise ValueError("an answer is empty")
        if any(not 0 <= place < len(self.answers) for label in self.labels for place in label.about):
            raise ValueError("a label is about an answer that is not there")
        return self

    @property
    def text(self) -> str:
        """The item as the text of a document: one text for one content."""
        return canonical_json(self.model_dump(exclude_defaults=True))

    @property
    def tags(self) -> list[str]:
        """What is known of the item besides its texts, as tags of its prompt."""
        said = {"labelled": self.dataset, "category": self.category, "item": self.item}
        return [f"{name}:{value}" for name, value in said.items() if value]


def read_item(text: str) -> LabelledItem:
    """The item that a document's text holds."""
    return LabelledItem.model_validate_json(text)


def make_item(
    dataset: str, messages: Sequence[Any], answers: Sequence[Any], labels: Sequence[Label], **more: Any
) -> LabelledItem:
    """An item, checked; raises `Unanswerable` (`malformed_row`) with the reason why it is none."""
    try:
        return LabelledItem.model_validate(
            {"dataset": dataset, "messages": list(messages), "answers": list(answers), "labels": list(labels), **more}
        )
    except ValidationError as problem:
        first = problem.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        what = str(first["msg"]).removeprefix("Value error, ")
        raise Unanswerable("malformed_row", f"{place}: {what}" if place else what) from None
