"""Score all answers to one prompt on one aspect of a rubric, in one call."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from pipeline.judge.facts import facts_for
from pipeline.judge.lineup import NAMES, Lineup, line_up, name_of, refuse, shown
from pipeline.judge.rubric import about
from pipeline.judge.scores import read_entry, scores_reply
from pipeline.strategy import Answer, Table
from prompts.rubrics import Aspect
from schemas.requests import Asking, Completion, Json, Request, Sampling
from schemas.rows import Facts, Response, Row, SignalAnswer
from schemas.units import ResponseGroup, UnitKind


@dataclass(frozen=True, slots=True)
class RubricGroup:
    """The scores of all responses to a prompt on one aspect, each a signal named after the aspect.

    The form of UltraFeedback (arXiv 2310.01377): the answers are shown together, so that one judge holds all of them
    against one scale, in a random order, another one for each aspect. `orders` asks that often, every answer in another
    place each time; `draw` counts them. `raw` of a score is its own entry under the name it was shown by: A was first.

    A score that is left out or no number of the scale is missing, and "N/A" an abstention; the others stand. More than
    `most` responses are not asked about (`too_many_candidates`).
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    unit: ClassVar[UnitKind] = "responses"
    makes: ClassVar[Table] = "signals"
    prompts: ClassVar[tuple[str, ...]] = ("judge/rubric_group",)
    each: ClassVar[Mapping[str, str]] = {"aspects": "aspect", "models": "model"}

    aspect: Aspect
    model: str = "default"
    facts: Facts = "evidence"
    explain: bool = True
    orders: Annotated[int, Field(ge=1, le=24)] = 1
    most: Annotated[int, Field(ge=1, le=len(NAMES))] = 8
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.0
    max_tokens: Annotated[int, Field(ge=8)] = 2048

    @property
    def calls(self) -> int:
        """One for each order."""
        return self.orders

    @property
    def yields(self) -> int:
        """A signal for each response in each order."""
        return self.orders * self.most

    def __call__(self, unit: ResponseGroup) -> Asking[Answer]:
        """The signals of all responses to one prompt."""
        if refusal := refuse(unit.responses, 1, self.most):
            return refusal
        lineups = [line_up(unit, self.aspect.name, number) for number in range(self.orders)]
        completions = yield [self._ask(unit, lineup, number) for number, lineup in enumerate(lineups)]
        signals: list[Row] = [
            self._read(response, lineup, completion, number)
            for number, (lineup, completion) in enumerate(zip(lineups, completions, strict=True))
            for response in unit.responses
        ]
        return signals

    def _ask(self, unit: ResponseGroup, lineup: Lineup, number: int) -> Request:
        aspect = self.aspect
        return Request(
            prompt="judge/rubric_group",
            variables={
                **about(aspect),
                "explain": self.explain,
                "question": unit.prompt.question,
                "facts": facts_for(unit.prompt, self.facts),
                "answers": shown(lineup),
            },
            model=self.model,
            shape=Json(
                scores_reply(
                    tuple(lineup),
                    aspect.least,
                    aspect.most,
                    not_applicable=aspect.not_applicable,
                    explain=self.explain,
                )
            ),
            sampling=Sampling(temperature=self.temperature, max_tokens=self.max_tokens),
            salt=number,
        )

    def _read(self, response: Response, lineup: Lineup, completion: Completion, number: int) -> SignalAnswer:
        name = name_of(lineup, response.response_id)
        entry = getattr(completion.data, name)
        score, reason = read_entry(entry, self.aspect.least, self.aspect.most)
        return SignalAnswer(
            prompt_id=response.prompt_id,
            response_ids=[response.response_id],
            name=self.aspect.name,
            evaluator=completion.model,
            draw=number,
            value=score.value,
            abstained=score.abstained,
            rationale=reason,
            raw=completion.text if entry is None else json.dumps({name: entry}, ensure_ascii=False),
        )
