"""The units of work: what one call of a strategy receives, and how the unit is named in the ledger.

A unit's id is the id of the row it is, or a hash of its members: a group that gains a response is another unit, so a
response that arrives late is judged too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from schemas.rows import Document, Pair, Passage, Prompt, Response, Signal

UnitKind = Literal[
    "document", "passage", "prompt", "response", "responses", "response_pair", "categorised_pair", "candidates", "pair",
    "sourced_prompt", "sourced_responses", "judged_response", "judged_pair",
    "all_candidates", "all_documents", "all_passages", "all_prompts", "all_responses", "all_pairs",
]


@dataclass(frozen=True, slots=True)
class DocumentUnit:
    """One document."""

    unit_id: str
    document: Document


@dataclass(frozen=True, slots=True)
class PassageUnit:
    """One passage, with the title of its document."""

    unit_id: str
    passage: Passage
    title: str


@dataclass(frozen=True, slots=True)
class PromptUnit:
    """One prompt."""

    unit_id: str
    prompt: Prompt


@dataclass(frozen=True, slots=True)
class SourcedPrompt:
    """One prompt with the document it is from."""

    unit_id: str
    prompt: Prompt
    document: Document


@dataclass(frozen=True, slots=True)
class SourcedResponses:
    """All candidate answers to one prompt, sorted by id, with the document that the prompt is from."""

    unit_id: str
    prompt: Prompt
    document: Document
    responses: tuple[Response, ...]


@dataclass(frozen=True, slots=True)
class ResponseUnit:
    """One candidate answer with the prompt it answers; `signals` about it alone, if the unit is a judged one."""

    unit_id: str
    prompt: Prompt
    response: Response
    signals: tuple[Signal, ...] = ()


@dataclass(frozen=True, slots=True)
class ResponseGroup:
    """All candidate answers to one prompt, sorted by id."""

    unit_id: str
    prompt: Prompt
    responses: tuple[Response, ...]


@dataclass(frozen=True, slots=True)
class ResponsePair:
    """Two candidate answers to one prompt, `a` and `b` in the order of their ids.

    `categories` are the kinds of task that signals in scope (`category/<name>`, about no response) say the prompt is of,
    sorted; empty unless the unit is a categorised one.
    """

    unit_id: str
    prompt: Prompt
    a: Response
    b: Response
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidates:
    """All candidate answers to one prompt and every signal about them, each sorted by id."""

    unit_id: str
    prompt: Prompt
    responses: tuple[Response, ...]
    signals: tuple[Signal, ...]


@dataclass(frozen=True, slots=True)
class PairText:
    """One labelled pair with its texts, as filters and exports read it.

    `signals` are those in scope that speak of both its responses or of one; empty unless the unit is a judged one.
    """

    unit_id: str
    pair: Pair
    prompt: Prompt
    chosen: Response
    rejected: Response
    signals: tuple[Signal, ...] = ()


Unit = (
    DocumentUnit | PassageUnit | PromptUnit | SourcedPrompt | SourcedResponses | ResponseUnit | ResponseGroup
    | ResponsePair | Candidates | PairText
)


def document_of(unit: Unit) -> str:
    """The home document of a unit."""
    match unit:
        case DocumentUnit():
            return unit.document.document_id
        case PassageUnit():
            return unit.passage.document_id
        case _:
            return unit.prompt.document_id


def subject_of(unit: Unit) -> str:
    """The row a unit is about: itself, or the prompt of a group of responses."""
    match unit:
        case PromptUnit() | SourcedPrompt() | SourcedResponses() | ResponseGroup() | ResponsePair() | Candidates():
            return unit.prompt.prompt_id
        case ResponseUnit():
            return unit.response.response_id
        case PairText():
            return unit.pair.pair_id
        case _:
            return unit.unit_id
