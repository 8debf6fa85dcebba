"""Measure how near a response is to its question, reference or passage, by a model's embeddings."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import ConfigDict

from pipeline.strategy import Answer, Nothing, Table
from schemas.requests import Asking, Embed, Request
from schemas.rows import Prompt, SignalAnswer
from schemas.units import ResponseUnit, UnitKind

Against = Literal["question", "reference", "passage"]
DECIMALS = 6
"""Servers repeat a vector to about seven digits only, depending on what they compute beside it."""


def dot(one: Sequence[float], other: Sequence[float]) -> float | None:
    """The dot product of two vectors of one length; None when it is too large for a float."""
    try:
        product = math.fsum(map(float.__mul__, one, other))
    except (OverflowError, ValueError):
        return None
    return product if math.isfinite(product) else None


def cosine(one: Sequence[float], other: Sequence[float]) -> float | None:
    """The cosine between two vectors of one length, in [-1, 1]; None when one of them is 0 and has no direction."""
    first, second = (max(map(abs, each), default=0.0) for each in (one, other))
    if first == 0.0 or second == 0.0:
        return None
    # Scaled to at most 1 in each dimension, so that no square is too large or vanishes.
    one, other = [value / first for value in one], [value / second for value in other]
    product = math.fsum(map(float.__mul__, one, other)) / (math.hypot(*one) * math.hypot(*other))
    return max(-1.0, min(1.0, product))


@dataclass(frozen=True, slots=True)
class Relevance:
    """One signal for each response: how near its embedding is to that of the text `against`, which the prompt has.

    It is called `relevance`, and `relevance:reference` or `relevance:passage` against another text than the question;
    its value is the cosine or the dot product of the two vectors, rounded to six decimals. The dot product against the
    question, or against the reference where there is one right answer, is the relevance of R^3 (arXiv 2402.03469), there
    with Contriever. A prompt without that text gives `no_reference`; vectors that cannot be compared `no_similarity`.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    unit: ClassVar[UnitKind] = "response"
    makes: ClassVar[Table] = "signals"
    prompts: ClassVar[tuple[str, ...]] = ("judge/relevance",)
    calls: ClassVar[int] = 1
    yields: ClassVar[int] = 1
    turns: ClassVar[int] = 2
    embeds: ClassVar[bool] = True
    each: ClassVar[Mapping[str, str]] = {"models": "model"}

    model: str = "default"
    against: Against = "question"
    by: Literal["cosine", "dot"] = "cosine"

    def __call__(self, unit: ResponseUnit) -> Asking[Answer]:
        """The signal of one response."""
        response, text = unit.response.text, _text_of(unit.prompt, self.against)
        if not response.strip():
            return Nothing("empty_response", "nothing was said, so there is nothing to be relevant")
        if not text.strip():
            return Nothing("no_reference", f"the prompt has no {self.against} to compare with")
        variables = {"text": text, "response": response}
        (completion,) = yield [Request("judge/relevance", variables, self.model, Embed())]
        one, other = completion.data
        value = cosine(one, other) if self.by == "cosine" else dot(one, other)
        if value is None:
            return Nothing("no_similarity", f"the {self.by} of {completion.model}'s vectors is no number")
        return [
            SignalAnswer(
                prompt_id=unit.prompt.prompt_id,
                response_ids=[unit.response.response_id],
                name="relevance" if self.against == "question" else f"relevance:{self.against}",
                evaluator=completion.model,
                value=round(value, DECIMALS) + 0.0,
                raw=f"{self.by} in {len(one)} dimensions",
            )
        ]


def _text_of(prompt: Prompt, against: Against) -> str:
    match against:
        case "question":
            return prompt.question
        case "reference":
            return prompt.reference or ""
    return prompt.facts("passage")
