"""The rows of the warehouse, in two forms.

An *answer* (`PassageAnswer`, `PromptAnswer`, …) is what a strategy writes: content alone. The stage runner stamps it with
its id, the unit and the step it came from, and its home document; the result is a *row* (`Passage`, `Prompt`, …), which
is what later strategies read.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer
from typing_extensions import TypedDict

from schemas.conditions import AspectScore, Condition, PairCondition

Status = Literal["ok", "none", "failed"]
Vote = Literal["a", "b", "tie"]
Order = Literal["ab", "ba"]
Facts = Literal["nothing", "passage", "evidence", "reference"]
"""What a judge is shown as true."""
CONTROL = "control/"
"""What the name of a signal begins with that measures the judge itself and makes no label."""


class Row(BaseModel):
    """Frozen, and closed to fields that no table has."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ToolCall(TypedDict):
    """A function that an assistant calls; `arguments` is a JSON object as text, `id` what the tool's turn answers to."""

    id: str
    name: str
    arguments: str


class Message(TypedDict):
    """One turn of a conversation, as every trainer and server writes it.

    An assistant's turn may call tools. The turn of a tool has its `name` and the id of the call that it answers.
    """

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    tool_calls: NotRequired[list[ToolCall]]
    name: NotRequired[str]
    tool_call_id: NotRequired[str]


class Context(TypedDict):
    """A text that a prompt rests on; `role` says what for (`passage`, `noise`, …)."""

    role: str
    text: str


class DocumentAnswer(Row):
    """One source file or dataset row, as text. `sha256` is of the text, `uri` the first place it was found at."""

    uri: str
    title: str
    text: str
    media_type: str
    licence: str | None = None
    sha256: str


class PassageAnswer(Row):
    """Characters `start` to `end` (Python slicing) of a document; `heading` is the path of headings above it."""

    start: int
    end: int
    text: str
    heading: str = ""


def _less(values: dict[str, Any], *rare: str) -> dict[str, Any]:
    """A row without what it has not of these: it keeps the id that it had before there was such a thing."""
    return {name: value for name, value in values.items() if value is not None or name not in rare}


class PromptAnswer(Row):
    """Something to answer, with what is known of the right answer (`reference`, and `evidence` quoted verbatim).

    `tools` are the functions that an answer may call: a JSON list of their schemas, as servers and TRL take it.
    """

    messages: list[Message]
    passage_ids: list[str] = []
    context: list[Context] = []
    reference: str | None = None
    evidence: str | None = None
    analysis: str | None = None
    condition: Condition | None = None
    parent_id: str | None = None
    tags: list[str] = []
    tools: str | None = None

    @model_serializer(mode="wrap")
    def _without_what_it_has_not(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return _less(handler(self), "tools")


class ResponseAnswer(Row):
    """One candidate answer; `role` says what it stands for (`candidate`, `gold`, `student`, …). `logprob` in nats.

    An answer that calls tools has `tool_calls`; its text may then be empty.
    """

    prompt_id: str
    text: str
    model: str
    role: str
    strategy: str
    draw: int = 0
    finish_reason: str = "stop"
    tokens: int = 0
    logprob: float | None = None
    tool_calls: list[ToolCall] | None = None

    @model_serializer(mode="wrap")
    def _without_what_it_has_not(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return _less(handler(self), "tool_calls")


class SignalAnswer(Row):
    """One judge call or measurement, raw. `vote` names the candidate (a, b), not the position it was shown at."""

    prompt_id: str
    response_ids: list[str]
    name: str
    evaluator: str
    order: Order | None = None
    draw: int = 0
    vote: Vote | None = None
    value: float | None = None
    probability: float | None = None
    abstained: bool = False
    rationale: str | None = None
    raw: str = ""

    @property
    def is_control(self) -> bool:
        """Whether it measures the judge itself; such a signal makes no label."""
        return self.name.startswith(CONTROL)


class PairAnswer(Row):
    """One labelled comparison. `p_chosen` in [0.5, 1], `confidence` in [0, 1], `score_gap` > 0 in the rule's own unit.

    With a `condition` it is a label under that condition alone. With an `aspect` it is a label by that aspect alone, and
    `aspect_scores` are what the others say of both sides. `also_chosen`: responses preferred to rejected as well, best first.
    """

    prompt_id: str
    chosen_id: str
    rejected_id: str
    score_gap: float
    p_chosen: float
    confidence: float
    rule: str
    rationale: str | None = None
    condition: PairCondition | None = None
    aspect: str | None = None
    aspect_scores: list[AspectScore] | None = None
    also_chosen: list[str] | None = None

    @model_serializer(mode="wrap")
    def _without_what_it_has_not(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A plain label has none of these to write, and so the id it always had."""
        return _less(handler(self), "condition", "aspect", "aspect_scores", "also_chosen")


class LabelAnswer(Row):
    """What one person said: `vote` on two responses (a, b by id) with its `strength` ≥ 0, or a `score` for one.

    `name` is the criterion, where people were asked about one.
    """

    prompt_id: str
    response_ids: list[str]
    annotator: str
    name: str | None = None
    vote: Vote | None = None
    strength: float | None = None
    score: float | None = None
    note: str | None = None


class VectorAnswer(Row):
    """The direction (length 1) that an embedding model gives the text of the prompt or response `subject_id`."""

    subject_id: str
    model: str
    vector: list[float]


class Document(DocumentAnswer):
    """A stored document."""

    document_id: str


class Passage(PassageAnswer):
    """A stored passage."""

    passage_id: str
    document_id: str


class Prompt(PromptAnswer):
    """A stored prompt; `document_id` is the home document, which decides its split."""

    prompt_id: str
    document_id: str

    @property
    def question(self) -> str:
        """The last user turn."""
        return next(message["content"] for message in reversed(self.messages) if message["role"] == "user")

    def facts(self, show: Facts) -> str:
        """The texts this prompt rests on, its evidence, its reference answer, or nothing; what is missing is empty."""
        if show == "reference":
            return self.reference or ""
        if show == "evidence":
            return self.evidence or ""
        return "\n\n".join(context["text"] for context in self.context) if show == "passage" else ""


class Response(ResponseAnswer):
    """A stored response."""

    response_id: str
    document_id: str


class Signal(SignalAnswer):
    """A stored signal."""

    signal_id: str
    document_id: str


class Pair(PairAnswer):
    """A stored pair."""

    pair_id: str
    document_id: str


class Outcome(Row):
    """What happened to one unit in one step: exactly one row for each, whatever happened.

    `subject_id` is the row that the unit is about: the prompt of a pair of responses, the pair a filter dropped.

    `status`: `ok` (rows were made, or the row was kept), `none` (nothing came of it, or the row was dropped), `failed`
    (it could not be done). `reason` is a stable code, `detail` the sentence. Tokens are counts, `cost` is in the
    currency of the model's price, `seconds` is wall time from the first request to the answer.
    """

    fingerprint: str
    unit_id: str
    step: str
    subject_id: str
    document_id: str | None
    status: Status
    reason: str
    detail: str = ""
    rows: int = 0
    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    cost: float = 0.0
    seconds: float = 0.0
    build_id: str = ""
