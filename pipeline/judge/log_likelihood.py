"""Ask how likely a model would have been to give a response: its log-probability, and with a second model its reward."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from pipeline.judge.implicit import implicit_reward
from pipeline.strategy import Answer, Nothing, Table
from prompts.inert import inert
from schemas.requests import Asking, Request, Score
from schemas.rows import Row, SignalAnswer
from schemas.units import ResponseUnit, UnitKind


@dataclass(frozen=True, slots=True)
class LogLikelihood:
    """The log-probability of a response under one model, or under a policy and its reference.

    For each model two signals: `log_likelihood`, the sum over the response's tokens in nats, and
    `log_likelihood_per_token`, its mean. With two models a third, `implicit_reward`: the first sum less the second
    (SPA, arXiv 2406.04412), evaluated by the first. The token that ends a turn is not counted. The conversation is the
    question alone, as it is exported, unless `show` adds the passage.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    unit: ClassVar[UnitKind] = "response"
    makes: ClassVar[Table] = "signals"
    prompts: ClassVar[tuple[str, ...]] = ("judge/log_likelihood",)

    models: Annotated[tuple[str, ...], Field(min_length=1, max_length=2)] = ("default",)
    show: Literal["nothing", "passage"] = "nothing"

    def __post_init__(self) -> None:
        if len(set(self.models)) < len(self.models):
            raise ValueError("a model's reference is another model; `models` names one twice")

    @property
    def calls(self) -> int:
        """One for each model."""
        return len(self.models)

    @property
    def yields(self) -> int:
        """Two for each model, and the reward if there are two."""
        return 2 * len(self.models) + (len(self.models) == 2)

    def __call__(self, unit: ResponseUnit) -> Asking[Answer]:
        """The signals of one response."""
        text = inert(unit.response.text)
        if not text.strip():
            return Nothing("empty_response", "nothing was said, so there is nothing to be likely")
        variables = {"question": unit.prompt.question, "facts": unit.prompt.facts(self.show)}
        completions = yield [
            Request(prompt="judge/log_likelihood", variables=variables, model=model, shape=Score(text))
            for model in self.models
        ]
        rows: list[Row] = []
        sums = []
        for completion in completions:
            draw = completion.draws[0]
            if draw.logprob is None or not draw.tokens:
                return Nothing("no_log_likelihood", f"{completion.model} gave no log-probability that is a number")
            sums.append(draw.logprob)
            rows.append(self._signal(unit, "log_likelihood", completion.model, draw.logprob, draw.tokens))
            mean = draw.logprob / draw.tokens
            rows.append(self._signal(unit, "log_likelihood_per_token", completion.model, mean, draw.tokens))
        if len(sums) == 2:
            reward = implicit_reward(*sums)
            rows.append(
                self._signal(unit, "implicit_reward", completions[0].model, reward, completions[0].draws[0].tokens)
            )
        return rows

    def _signal(self, unit: ResponseUnit, name: str, evaluator: str, value: float, tokens: int) -> SignalAnswer:
        return SignalAnswer(
            prompt_id=unit.prompt.prompt_id,
            response_ids=[unit.response.response_id],
            name=name,
            evaluator=evaluator,
            value=value,
            raw=f"{tokens} tokens",
        )
