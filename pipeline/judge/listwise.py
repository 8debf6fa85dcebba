"""Score and rank all answers to one prompt under one principle, in one reply that has to agree with itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from pipeline.judge.facts import facts_for
from pipeline.judge.lineup import NAMES, Lineup, line_up, name_of, refuse, shown
from pipeline.judge.ranking import disagreement, listwise_reply, mean_ranks, read_order
from pipeline.judge.scores import read_score
from pipeline.strategy import Answer, Table
from prompts.principles import Principle
from schemas.requests import Asking, Completion, Json, Request, Sampling
from schemas.rows import Facts, Row, SignalAnswer
from schemas.units import ResponseGroup, UnitKind

LEAST, MOST = 1, 5


@dataclass(frozen=True, slots=True)
class Listwise:
    """A score of 1 to 5 and a rank for every response to a prompt, under one principle.

    The form of RewardAnything (arXiv 2506.03637): names are masked, the order is shuffled, and one reply has the scores
    and the answers from best to worst, with ties. The signals are called `<principle>/score` and `<principle>/rank`; the
    best rank is 1, and tied answers share the mean of their places. `orders` asks that often, every answer in another
    place each time; `draw` counts them.

    Scores and order of a reply have to agree: no answer stands before one with a higher score, tied answers have one
    score, and each answer is named once. A reply that contradicts itself is an abstention on every answer, with the
    contradiction as its rationale. Under an inverted principle ("the more harmful") scores and ranks are turned round as
    they are read.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    unit: ClassVar[UnitKind] = "responses"
    makes: ClassVar[Table] = "signals"
    prompts: ClassVar[tuple[str, ...]] = ("judge/listwise",)
    each: ClassVar[Mapping[str, str]] = {"principles": "principle", "models": "model"}

    principle: Principle
    model: str = "default"
    facts: Facts = "evidence"
    orders: Annotated[int, Field(ge=1, le=24)] = 1
    most: Annotated[int, Field(ge=2, le=len(NAMES))] = 8
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.0
    max_tokens: Annotated[int, Field(ge=8)] = 1024

    @property
    def calls(self) -> int:
        """One for each order."""
        return self.orders

    @property
    def yields(self) -> int:
        """Two signals for each response in each order."""
        return 2 * self.orders * self.most

    def __call__(self, unit: ResponseGroup) -> Asking[Answer]:
        """The signals of all responses to one prompt."""
        if refusal := refuse(unit.responses, 2, self.most):
            return refusal
        lineups = [line_up(unit, self.principle.name, number) for number in range(self.orders)]
        completions = yield [self._ask(unit, lineup, number) for number, lineup in enumerate(lineups)]
        signals: list[Row] = []
        for number, (lineup, completion) in enumerate(zip(lineups, completions, strict=True)):
            signals += self._read(unit, lineup, completion, number)
        return signals

    def _ask(self, unit: ResponseGroup, lineup: Lineup, number: int) -> Request:
        return Request(
            prompt="judge/listwise",
            variables={
                "principle": self.principle.definition,
                "inverted": self.principle.inverted,
                "question": unit.prompt.question,
                "facts": facts_for(unit.prompt, self.facts),
                "answers": shown(lineup),
            },
            model=self.model,
            shape=Json(listwise_reply(tuple(lineup), LEAST, MOST)),
            sampling=Sampling(temperature=self.temperature, max_tokens=self.max_tokens),
            salt=number,
        )

    def _read(self, unit: ResponseGroup, lineup: Lineup, completion: Completion, number: int) -> list[SignalAnswer]:
        said = completion.data
        scores = {name: read_score(getattr(said.scores, name), LEAST, MOST).value for name in lineup}
        order = read_order(said.ranking)
        problem = disagreement(scores, order)
        # On an inverted principle the highest score and the first place are the worst.
        turn_score, turn_rank = (LEAST + MOST, len(lineup) + 1) if self.principle.inverted else (None, None)
        values = {"score": _turned(scores, turn_score), "rank": _turned(mean_ranks(order), turn_rank)}
        return [
            SignalAnswer(
                prompt_id=unit.prompt.prompt_id,
                response_ids=[response.response_id],
                name=f"{self.principle.name}/{kind}",
                evaluator=completion.model,
                draw=number,
                value=None if problem else each[name_of(lineup, response.response_id)],
                abstained=bool(problem),
                rationale=problem or said.thought,
                raw=completion.text,
            )
            for response in unit.responses
            for kind, each in values.items()
        ]


def _turned(values: Mapping[str, float | None], ends: int | None) -> dict[str, float | None]:
    """The values with best and worst exchanged, where `ends` is the sum of the two."""
    return {name: value if ends is None or value is None else ends - value for name, value in values.items()}
