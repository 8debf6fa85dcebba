"""Criticise one answer, then score it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from pipeline.judge.facts import facts_for
from pipeline.judge.scores import read_score, score_reply
from pipeline.strategy import Answer, Nothing, Table
from prompts.rubrics import LARGEST
from schemas.requests import Asking, Json, Request, Sampling, Shape, Text
from schemas.rows import Facts, SignalAnswer
from schemas.units import ResponseUnit, UnitKind

CRITIQUE_LENGTH = 3000
Wanted = Literal["both", "critique", "score"]
Bound = Annotated[int, Field(ge=0, le=LARGEST)]


@dataclass(frozen=True, slots=True)
class Critique:
    """One overall score of a response that follows from a critique of it; the critique is the signal's rationale.

    UltraFeedback (arXiv 2310.01377) asks so for its overall score of 1 to 10, MM-RLHF (arXiv 2502.10391) trains its reward
    model so. `form: together` asks for both in one reply, the critique first; `form: apart` asks for the critique as free
    text, and then for the score with the critique before the judge's eyes. What is no number of `scale` is missing.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    unit: ClassVar[UnitKind] = "response"
    makes: ClassVar[Table] = "signals"
    prompts: ClassVar[tuple[str, ...]] = ("judge/critique",)
    at_once: ClassVar[int] = 1
    yields: ClassVar[int] = 1
    each: ClassVar[Mapping[str, str]] = {"models": "model"}

    name: Annotated[str, Field(min_length=1)] = "overall"
    scale: tuple[Bound, Bound] = (1, 10)
    form: Literal["together", "apart"] = "together"
    model: str = "default"
    facts: Facts = "evidence"
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.0
    max_tokens: Annotated[int, Field(ge=8)] = 1024

    def __post_init__(self) -> None:
        least, most = self.scale
        if least >= most:
            raise ValueError(
                f"a scale goes from the worst to the best score, such as [1, 10]; [{least}, {most}] does not"
            )

    @property
    def calls(self) -> int:
        """One, or one for the critique and one for the score."""
        return 1 if self.form == "together" else 2

    def __call__(self, unit: ResponseUnit) -> Asking[Answer]:
        """The one signal of one response."""
        least, most = self.scale
        if self.form == "together":
            shape = Json(score_reply(least, most, before="critique", length=CRITIQUE_LENGTH))
            (completion,) = yield [self._ask(unit, "both", shape)]
            critique = completion.data.critique
        else:
            (written,) = yield [self._ask(unit, "critique", Text())]
            critique = written.text.strip()
            if not critique:
                return Nothing("empty_critique", "the judge wrote no critique for a score to follow from")
            (completion,) = yield [self._ask(unit, "score", Json(score_reply(least, most)), critique)]
        score = read_score(completion.data.score, least, most)
        return [
            SignalAnswer(
                prompt_id=unit.prompt.prompt_id,
                response_ids=[unit.response.response_id],
                name=self.name,
                evaluator=completion.model,
                value=score.value,
                abstained=score.abstained,
                rationale=critique,
                raw=completion.text,
            )
        ]

    def _ask(self, unit: ResponseUnit, wanted: Wanted, shape: Shape, critique: str = "") -> Request:
        least, most = self.scale
        return Request(
            prompt="judge/critique",
            variables={
                "least": least,
                "most": most,
                "question": unit.prompt.question,
                "facts": facts_for(unit.prompt, self.facts),
                "response": unit.response.text,
                "critique": critique,
                "wanted": wanted,
            },
            model=self.model,
            shape=shape,
            sampling=Sampling(temperature=self.temperature, max_tokens=self.max_tokens),
        )
