"""Score one answer on one aspect of a rubric."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from pipeline.judge.expected import ask_likelihood, most_groups
from pipeline.judge.facts import facts_for
from pipeline.judge.likelihood import Likelihood, expected_score
from pipeline.judge.scores import NOT_APPLICABLE, read_score, score_reply
from pipeline.strategy import Answer, Table
from prompts.rubrics import Aspect
from schemas.errors import Unanswerable
from schemas.requests import Asking, Draw, Json, Request, Sampling
from schemas.rows import Facts, SignalAnswer
from schemas.units import ResponseUnit, UnitKind


@dataclass(frozen=True, slots=True)
class Rubric:
    """The score of one response on one aspect, as a signal named after the aspect.

    `by: score` asks for a whole number of the aspect's scale, after a reason if `explain` says so (as it does unless told
    otherwise); `repeats` draws of it at a temperature above 0 are a signal each (Self-Rewarding, arXiv 2401.10020, asks
    three times). `by: likelihood` reads how likely every number of the scale is as the reply, and takes the mean: the sum
    of i · P(i) over the scale, P renormalised (direct RLAIF, arXiv 2309.00267, section 2.2). `raw` then holds P.

    "N/A" is an abstention without a value, and a likelihood of it above one half likewise. What is no number of the scale
    is missing: a signal without a value. Where the server tells no log-probabilities the unit fails (`no_likelihood`).
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    unit: ClassVar[UnitKind] = "response"
    makes: ClassVar[Table] = "signals"
    prompts: ClassVar[tuple[str, ...]] = ("judge/rubric",)
    each: ClassVar[Mapping[str, str]] = {"aspects": "aspect", "models": "model"}

    aspect: Aspect
    by: Literal["score", "likelihood"] = "score"
    model: str = "default"
    facts: Facts = "evidence"
    explain: bool | None = None
    repeats: Annotated[int, Field(ge=1, le=64)] = 1
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.0
    max_tokens: Annotated[int, Field(ge=8)] = 512

    def __post_init__(self) -> None:
        if self.by == "likelihood":
            if self.explain:
                raise ValueError("a likelihood is that of the number alone; leave `explain` out, or ask `by: score`")
            if self.repeats > 1 or self.temperature > 0:
                raise ValueError(
                    "a likelihood is read once, at temperature 0; `repeats` and `temperature` are for `by: score`"
                )
        elif self.repeats > 1 and self.temperature == 0:
            raise ValueError("temperature 0 gives the same score every time; use repeats: 1 or a temperature above 0")

    @property
    def calls(self) -> int:
        """One; with likelihoods one more for each group of numbers that begin alike."""
        return 1 + most_groups(self._labels) if self.by == "likelihood" else 1

    @property
    def at_once(self) -> int:
        """The calls of its widest round: the second one, where there is one."""
        return max(1, self.calls - 1)

    @property
    def yields(self) -> int:
        """One signal for each draw."""
        return self.repeats

    def __call__(self, unit: ResponseUnit) -> Asking[Answer]:
        """The signals of one response."""
        if self.by == "likelihood":
            completion, likelihood = yield from ask_likelihood(self._ask(unit), self._labels)
            if likelihood is None:
                raise Unanswerable(
                    "no_likelihood", "no log-probabilities that tell the scores apart; ask this model `by: score`"
                )
            return [self._weigh(unit, completion.model, completion.text, likelihood)]
        (completion,) = yield [self._ask(unit)]
        return [self._read(unit, completion.model, number, draw) for number, draw in enumerate(completion.draws)]

    @property
    def _labels(self) -> tuple[str, ...]:
        numbers = map(str, range(self.aspect.least, self.aspect.most + 1))
        return (*numbers, NOT_APPLICABLE) if self.aspect.not_applicable else tuple(numbers)

    def _ask(self, unit: ResponseUnit) -> Request:
        aspect, number = self.aspect, self.by == "likelihood"
        explain = self.explain is not False and not number
        return Request(
            prompt="judge/rubric",
            variables={
                **about(aspect),
                "number": number,
                "explain": explain,
                "question": unit.prompt.question,
                "facts": facts_for(unit.prompt, self.facts),
                "response": unit.response.text,
            },
            model=self.model,
            shape=Json(
                score_reply(
                    aspect.least, aspect.most, not_applicable=aspect.not_applicable, before="reason" if explain else ""
                )
            ),
            sampling=Sampling(temperature=self.temperature, max_tokens=self.max_tokens, n=self.repeats),
        )

    def _read(self, unit: ResponseUnit, evaluator: str, number: int, draw: Draw) -> SignalAnswer:
        score = read_score(draw.data.score, self.aspect.least, self.aspect.most)
        return SignalAnswer(
            prompt_id=unit.prompt.prompt_id,
            response_ids=[unit.response.response_id],
            name=self.aspect.name,
            evaluator=evaluator,
            draw=number,
            value=score.value,
            abstained=score.abstained,
            rationale=getattr(draw.data, "reason", None),
            raw=draw.text,
        )

    def _weigh(self, unit: ResponseUnit, evaluator: str, text: str, likelihood: Likelihood) -> SignalAnswer:
        shares = dict(likelihood.labels)
        abstained = shares.pop(NOT_APPLICABLE, 0.0) > 0.5
        is_known = not abstained and sum(shares.values()) > 0
        said = {label: round(share, 6) for label, share in likelihood.labels.items()}
        return SignalAnswer(
            prompt_id=unit.prompt.prompt_id,
            response_ids=[unit.response.response_id],
            name=self.aspect.name,
            evaluator=evaluator,
            value=expected_score(Likelihood(shares)) if is_known else None,
            abstained=abstained,
            raw=json.dumps({"text": text, "likelihood": said}),
        )


def about(aspect: Aspect) -> dict[str, Any]:
    """What a judge is shown of an aspect, as the variables of its prompt."""
    return {
        "aspect": aspect.name.replace("_", " "),
        "definition": aspect.definition,
        "detail": aspect.detail,
        "anchors": aspect.anchors,
        "least": aspect.least,
        "most": aspect.most,
        "not_applicable": aspect.not_applicable,
    }
