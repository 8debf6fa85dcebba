"""Mine questions and answers from a passage, each resting on a sentence quoted word for word."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field, create_model

from pipeline.strategy import Answer, Nothing, Table
from prompts.inert import BREAK
from schemas.requests import Asking, Json, Request, Sampling
from schemas.rows import PromptAnswer, Row
from schemas.units import PassageUnit, UnitKind

POINTS_AT_THE_PASSAGE = re.compile(
    r"\b(?:(?:this|the|that|given|provided) (?:passage|text|excerpt|paragraph|section|document|article|author|evidence)"
    r"|(?:mentioned|described|stated|listed|shown) (?:above|below|here)|according to (?:it|this))\b",
    re.IGNORECASE,
)


class Mined(BaseModel):
    """One question as the model gives it; the order of the fields is the order of the work (LLMiner, arXiv 2311.10614)."""

    model_config = ConfigDict(extra="forbid")

    evidence: Annotated[str, Field(max_length=1000)]
    analysis: Annotated[str, Field(max_length=800)]
    question: Annotated[str, Field(max_length=400)]
    answer: Annotated[str, Field(max_length=2000)]


@functools.cache
def mined_list(count: int) -> type[BaseModel]:
    """The reply: up to `count` questions."""
    items = Annotated[list[Mined], Field(max_length=count)]
    return create_model("MinedQuestions", __config__=ConfigDict(extra="forbid"), items=(items, ...))


@dataclass(frozen=True, slots=True)
class Qa:
    """Up to `per_passage` questions, each with its answer, its evidence and the analysis that led to it.

    A question is refused when its evidence does not occur in the passage (`evidence_not_in_passage`), when it points at
    the passage instead of standing on its own (`question_not_self_contained`), when question or answer is empty
    (`empty_field`), or when it is asked twice (`asked_twice`). Differences in white space are forgiven: what is stored
    is the passage's own wording.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    unit: ClassVar[UnitKind] = "passage"
    makes: ClassVar[Table] = "prompts"
    prompts: ClassVar[tuple[str, ...]] = ("mine/qa",)
    calls: ClassVar[int] = 1

    per_passage: Annotated[int, Field(ge=1, le=20)] = 1
    model: str = "default"
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.0
    max_tokens: Annotated[int, Field(ge=64)] = 1024

    @property
    def yields(self) -> int:
        """At most one prompt for each question asked for."""
        return self.per_passage

    def __call__(self, unit: PassageUnit) -> Asking[Answer]:
        """The prompts of one passage."""
        passage = unit.passage
        (completion,) = yield [
            Request(
                prompt="mine/qa",
                variables={
                    "title": unit.title,
                    "heading": passage.heading,
                    "passage": passage.text,
                    "count": self.per_passage,
                },
                model=self.model,
                shape=Json(mined_list(self.per_passage)),
                sampling=Sampling(temperature=self.temperature, max_tokens=self.max_tokens),
            )
        ]
        kept: dict[str, Row] = {}
        refused: list[str] = []
        for mined in completion.data.items:
            evidence = find_verbatim(mined.evidence, passage.text)
            if reason := _refusal(mined, evidence, kept):
                refused.append(reason)
                continue
            kept[mined.question.strip()] = PromptAnswer(
                messages=[{"role": "user", "content": mined.question.strip()}],
                passage_ids=[passage.passage_id],
                context=[{"role": "passage", "text": passage.text}],
                reference=mined.answer.strip(),
                evidence=evidence,
                analysis=mined.analysis.strip(),
            )
        if kept:
            return list(kept.values())
        reasons = sorted(set(refused))
        return Nothing(
            reasons[0] if reasons else "nothing_to_ask",
            f"{len(refused)} refused: {', '.join(reasons)}" if reasons else "",
        )


def find_verbatim(quote: str, text: str) -> str | None:
    """The stretch of `text` that `quote` repeats word for word, white space aside; None when there is none."""
    if quote.strip() and quote.strip() in text:
        return quote.strip()
    if match := _find_words(quote, text):
        return match.group()
    # The prompt broke the control tokens of the text, and the model may have quoted them so.
    if match := _find_words(quote.replace(BREAK, ""), text.replace(BREAK, "")):
        places = [place for place, sign in enumerate(text) if sign != BREAK]
        return text[places[match.start()] : places[match.end() - 1] + 1]
    return None


def _find_words(quote: str, text: str) -> re.Match[str] | None:
    """Where the words of `quote` follow each other in `text`."""
    words = quote.split()
    return re.search(r"\s+".join(map(re.escape, words)), text) if words else None


def _refusal(mined: Mined, evidence: str | None, kept: dict[str, Row]) -> str | None:
    """Why this question is not taken, or None."""
    if not mined.question.strip() or not mined.answer.strip():
        return "empty_field"
    if evidence is None:
        return "evidence_not_in_passage"
    if POINTS_AT_THE_PASSAGE.search(mined.question):
        return "question_not_self_contained"
    return "asked_twice" if mined.question.strip() in kept else None
