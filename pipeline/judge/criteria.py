"""Ask which of two answers is better on one criterion, in both orders, with room to abstain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline.judge.facts import facts_for
from pipeline.strategy import Answer, Nothing, Table
from prompts.criteria import Criterion
from schemas.requests import Asking, Completion, Json, Request, Sampling
from schemas.rows import Facts, Order, Response, Row, SignalAnswer, Vote
from schemas.units import ResponsePair, UnitKind

Answered = Literal["A", "B", "none"]
Thought = Annotated[str, Field(max_length=800)]


class Compared(BaseModel):
    """Both answers looked at, a thought that weighs them, and the answer last so that it can follow from them."""

    model_config = ConfigDict(extra="forbid")
    analysis_a: Thought
    analysis_b: Thought
    thought: Thought
    answer: Answered


VOTES: dict[Order, dict[Answered, Vote | None]] = {
    "ab": {"A": "a", "B": "b", "none": None},
    "ba": {"A": "b", "B": "a", "none": None},
}
"""Which candidate an answer names, given the order they were shown in."""
PROBABILITIES: dict[Vote | None, float | None] = {"a": 1.0, "b": 0.0, None: None}


@dataclass(frozen=True, slots=True)
class Criteria:
    """Two votes on a pair of responses on one criterion, one in each order; "none" abstains.

    CritiQ's worker (arXiv 2502.19279): both answers are analysed before the answer, and "none" says that the criterion
    does not apply, that the answers are equal on it, or that the judge cannot tell. An abstention has neither vote nor
    probability; it is no tie. Votes on different criteria are kept apart, to be weighed later. A criterion that is for
    one category is asked only where `judge/category` has found it (`other_category`, `no_category`), as DMoERM asks its
    capability points (arXiv 2403.01197).
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    unit: ClassVar[UnitKind] = "categorised_pair"
    makes: ClassVar[Table] = "signals"
    prompts: ClassVar[tuple[str, ...]] = ("judge/criteria",)
    calls: ClassVar[int] = 2
    yields: ClassVar[int] = 2
    each: ClassVar[Mapping[str, str]] = {"criteria": "criterion", "models": "model"}

    criterion: Criterion
    model: str = "default"
    facts: Facts = "evidence"
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.0
    max_tokens: Annotated[int, Field(ge=16)] = 1024

    def __post_init__(self) -> None:
        if self.criterion.scope != "pair":
            raise ValueError(f"criterion {self.criterion.name!r} rates one response; it is for `judge/properties`")

    def __call__(self, unit: ResponsePair) -> Asking[Answer]:
        """The two signals of one pair."""
        if self.criterion.category:
            if not unit.categories:
                return Nothing("no_category", f"for {self.criterion.category!r}; put `judge/category` before this step")
            if self.criterion.category not in unit.categories:
                return Nothing("other_category", f"for {self.criterion.category!r}, not {', '.join(unit.categories)}")
        if unit.a.text.strip() == unit.b.text.strip():
            return Nothing("identical_texts", "the two responses say the same")
        first, second = yield [self._ask(unit, unit.a, unit.b), self._ask(unit, unit.b, unit.a)]
        signals: list[Row] = [self._read(unit, first, "ab"), self._read(unit, second, "ba")]
        return signals

    def _ask(self, unit: ResponsePair, first: Response, second: Response) -> Request:
        return Request(
            prompt="judge/criteria",
            variables={
                "criterion": self.criterion.definition,
                "question": unit.prompt.question,
                "facts": facts_for(unit.prompt, self.facts),
                "first": first.text,
                "second": second.text,
            },
            model=self.model,
            shape=Json(Compared),
            sampling=Sampling(temperature=self.temperature, max_tokens=self.max_tokens),
        )

    def _read(self, unit: ResponsePair, completion: Completion, order: Order) -> SignalAnswer:
        vote = VOTES[order][completion.data.answer]
        return SignalAnswer(
            prompt_id=unit.prompt.prompt_id,
            response_ids=[unit.a.response_id, unit.b.response_id],
            name=self.criterion.name,
            evaluator=completion.model,
            order=order,
            vote=vote,
            probability=PROBABILITIES[vote],
            abstained=vote is None,
            rationale=completion.data.thought,
            raw=completion.text,
        )
