"""Ask which of two answers is better under one principle, in both orders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline.strategy import Answer, Nothing, Table
from prompts.principles import Principle
from schemas.requests import Asking, Completion, Json, Request, Sampling
from schemas.rows import Order, Response, Row, SignalAnswer, Vote
from schemas.units import ResponsePair, UnitKind

Letter = Literal["A", "B", "tie"]


class Verdict(BaseModel):
    """The verdict alone."""

    model_config = ConfigDict(extra="forbid")
    verdict: Letter


class ReasonedVerdict(BaseModel):
    """The reason first, so that the verdict can follow from it."""

    model_config = ConfigDict(extra="forbid")
    reason: Annotated[str, Field(max_length=600)]
    verdict: Letter


PLACES: dict[Order, dict[Letter, Vote]] = {
    "ab": {"A": "a", "B": "b", "tie": "tie"},
    "ba": {"A": "b", "B": "a", "tie": "tie"},
}
"""Which candidate a letter names, given the order they were shown in."""
PROBABILITIES: dict[Vote, float] = {"a": 1.0, "tie": 0.5, "b": 0.0}


@dataclass(frozen=True, slots=True)
class Pairwise:
    """Two verdicts on a pair of responses, one in each order, under one principle.

    Every call is kept as it was: `vote` names the candidate (a or b, by id) and `order` the way they were shown, so
    position bias can be measured and removed later (arXiv 2406.07791; arXiv 2309.00267, section 2.1). `probability` is
    that of candidate a. Two responses with the same text are not judged (`identical_texts`). `facts` shows the judge
    what is known to be true; the sampler may never have seen it.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    unit: ClassVar[UnitKind] = "response_pair"
    makes: ClassVar[Table] = "signals"
    prompts: ClassVar[tuple[str, ...]] = ("judge/pairwise",)
    each: ClassVar[Mapping[str, str]] = {"principles": "principle", "models": "model"}
    calls: ClassVar[int] = 2
    yields: ClassVar[int] = 2

    principle: Principle
    model: str = "default"
    facts: Literal["nothing", "passage", "evidence"] = "evidence"
    explain: bool = True
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.0
    max_tokens: Annotated[int, Field(ge=8)] = 512

    def __call__(self, unit: ResponsePair) -> Asking[Answer]:
        """The two signals of one pair."""
        if unit.a.text.strip() == unit.b.text.strip():
            return Nothing("identical_texts", "the two responses say the same")
        first, second = yield [self._ask(unit, unit.a, unit.b), self._ask(unit, unit.b, unit.a)]
        signals: list[Row] = [self._read(unit, first, "ab"), self._read(unit, second, "ba")]
        return signals

    def _ask(self, unit: ResponsePair, first: Response, second: Response) -> Request:
        return Request(
            prompt="judge/pairwise",
            variables={
                "principle": self.principle.definition,
                "question": unit.prompt.question,
                "facts": unit.prompt.facts(self.facts),
                "first": first.text,
                "second": second.text,
                "explain": self.explain,
            },
            model=self.model,
            shape=Json(ReasonedVerdict if self.explain else Verdict),
            sampling=Sampling(temperature=self.temperature, max_tokens=self.max_tokens),
        )

    def _read(self, unit: ResponsePair, completion: Completion, order: Order) -> SignalAnswer:
        vote = PLACES[order][completion.data.verdict]
        return SignalAnswer(
            prompt_id=unit.prompt.prompt_id,
            response_ids=[unit.a.response_id, unit.b.response_id],
            name=self.principle.name,
            evaluator=completion.model,
            order=order,
            vote=vote,
            probability=PROBABILITIES[vote],
            rationale=getattr(completion.data, "reason", None),
            raw=completion.text,
        )
