"""One labelled prompt: the conversation, its answers and what was said of them, whatever layout it was published in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from schemas.errors import Unanswerable
from schemas.fingerprints import canonical_json
from schemas.rows import Message, ToolCall, Vote

MEDIA_TYPE = "application/x-prefmill-labelled+json"
"""Items that judges are audited on."""
IMPORTED = "application/x-prefmill-preferences+json"
"""Items that are data like what we make ourselves."""
SWAPPED: dict[Vote, Vote] = {"a": "b", "b": "a", "tie": "tie"}
GOLD = "gold"
"""The annotator of a set's own final label, as against those whose votes it rests on."""


class Part(BaseModel):
    """Frozen, and closed to other keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class LabelledAnswer(Part):
    """One answer; `model` wrote it, `style` is what its set says of its form. One that calls tools may have no text."""

    text: str
    model: str = "unknown"
    style: str = ""
    tool_calls: list[ToolCall] | None = None


class Label(Part):
    """What one annotator said: `vote` on the two answers `about` (a is the first of them), or a `score` for one.

    `name` is the criterion; None is the overall judgement. `strength` ≥ 0 is in the set's own unit. `probability` in
    [0, 1] is that of the first of the two being better, where the set says it.
    """

    about: Annotated[tuple[int, ...], Field(min_length=1, max_length=2)]
    annotator: str = GOLD
    name: str | None = None
    vote: Vote | None = None
    strength: float | None = None
    score: float | None = None
    note: str | None = None
    probability: Annotated[float, Field(ge=0, le=1)] | None = None

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        if (self.vote is None) == (self.score is None) or len(self.about) != (1 if self.vote is None else 2):
            raise ValueError("a label is a vote on two answers or a score for one")
        return self

    def between(self, ids: Sequence[str]) -> tuple[list[str], Vote | None, float | None]:
        """The answers it is about by their ids, in the order of these, with vote and probability for a and b in that order."""
        about = [ids[place] for place in self.about]
        if self.vote is None or about == sorted(about):
            return about, self.vote, self.probability
        return about[::-1], SWAPPED[self.vote], None if self.probability is None else 1 - self.probability


class LabelledItem(Part):
    """A conversation that ends with the turn of a user or a tool, the answers to it, and their labels.

    `tools` are the schemas of what an answer may call, as JSON; `said` is what else its set says of it, as `name:value`.
    """

    dataset: str
    messages: Annotated[list[Message], Field(min_length=1)]
    answers: Annotated[list[LabelledAnswer], Field(min_length=1)]
    labels: Annotated[list[Label], Field(min_length=1)]
    item: str = ""
    category: str = ""
    tools: str | None = None
    said: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.messages[-1]["role"] not in ("user", "tool") or not self.messages[-1]["content"].strip():
            raise ValueError("the conversation does not end with a question of the user")
        if any(not answer.text.strip() and not answer.tool_calls for answer in self.answers):
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
        known = {"category": self.category, "item": self.item}
        return [*(f"{name}:{value}" for name, value in known.items() if value), *self.said]


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
