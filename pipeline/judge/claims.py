"""Take a text apart into claims, and hold each claim against another text."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from pipeline.judge.facts import facts_for
from pipeline.strategy import Answer, Nothing, Table
from schemas.requests import Asking, Completion, Json, Request, Sampling
from schemas.rows import Row, SignalAnswer
from schemas.units import ResponseUnit, UnitKind

Relation = Literal["support", "contradict", "irrelevant"]
VALUES: dict[Relation, float] = {"support": 1.0, "contradict": -1.0, "irrelevant": 0.0}


class Split(BaseModel):
    """The claims of a text, each one sentence that can be understood alone."""

    model_config = ConfigDict(extra="forbid")
    claims: list[Annotated[str, Field(max_length=600)]]


@functools.cache
def relations_of(count: int) -> type[BaseModel]:
    """The reply on so many claims: `claim_1`, `claim_2` … Each verdict has its claim's name, so none can slip by one."""
    fields: dict[str, Any] = {f"claim_{number}": (Relation, ...) for number in range(1, count + 1)}
    relations: type[BaseModel] = create_model("Relations", __config__=ConfigDict(extra="forbid"), **fields)
    return relations


@dataclass(frozen=True, slots=True)
class Claims:
    """One signal for each claim: 1 where the other text supports it, -1 where it contradicts it, 0 where it is silent.

    `against: facts` takes the response apart and holds each claim against what is known (precision; Search Arena, arXiv
    2506.05334). `against: checklist` takes what is known apart and looks for each claim in the response (recall; the
    checklist of KLCF, arXiv 2509.23765). Signals are named `claim` or `checklist`; `draw` is the claim's place in the
    list and `rationale` its words. Nothing is added up here: see `pipeline.claim_shares`. Claims are asked about in one
    request (`ask: together`) or each in its own (`apart`).
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    unit: ClassVar[UnitKind] = "response"
    makes: ClassVar[Table] = "signals"
    prompts: ClassVar[tuple[str, ...]] = ("judge/claims", "judge/claims_check")
    each: ClassVar[Mapping[str, str]] = {"models": "model"}

    against: Literal["facts", "checklist"] = "facts"
    facts: Literal["passage", "evidence", "reference"] = "passage"
    ask: Literal["together", "apart"] = "together"
    most: Annotated[int, Field(ge=1, le=64)] = 20
    model: str = "default"
    max_tokens: Annotated[int, Field(ge=16)] = 2048

    @property
    def calls(self) -> int:
        """One to take the text apart, then one for all claims or one for each."""
        return 1 + self.at_once

    @property
    def at_once(self) -> int:
        """The calls of the second round."""
        return self.most if self.ask == "apart" else 1

    @property
    def yields(self) -> int:
        """One signal for each claim."""
        return self.most

    def __call__(self, unit: ResponseUnit) -> Asking[Answer]:
        """The signals of one response, in the order of the claims."""
        known, said = facts_for(unit.prompt, self.facts).strip(), unit.response.text.strip()
        if not known:
            return Nothing("no_facts", f"the prompt has no {self.facts}")
        if not said:
            return Nothing("no_claims", "the response is empty")
        source, other = (said, known) if self.against == "facts" else (known, said)
        question = unit.prompt.question
        (split,) = yield [
            self._request("judge/claims", {"question": question, "text": source, "most": self.most}, Json(Split))
        ]
        stripped = [" ".join(claim.split()) for claim in split.data.claims]
        claims = list(dict.fromkeys(claim for claim in stripped if claim))[: self.most]
        if not claims:
            return Nothing("no_claims", "the text makes no claim")
        groups = [claims] if self.ask == "together" else [[claim] for claim in claims]
        completions = yield [
            self._request(
                "judge/claims_check",
                {"question": question, "text": other, "claims": group},
                Json(relations_of(len(group))),
            )
            for group in groups
        ]
        signals: list[Row] = []
        for group, completion in zip(groups, completions, strict=True):
            for number, claim in enumerate(group, 1):
                relation: Relation = getattr(completion.data, f"claim_{number}")
                signals.append(self._signal(unit, completion, len(signals), claim, relation))
        return signals

    def _request(self, prompt: str, variables: Mapping[str, Any], shape: Json) -> Request:
        sampling = Sampling(max_tokens=self.max_tokens)
        return Request(prompt=prompt, variables=variables, model=self.model, shape=shape, sampling=sampling)

    def _signal(
        self, unit: ResponseUnit, completion: Completion, place: int, claim: str, relation: Relation
    ) -> SignalAnswer:
        return SignalAnswer(
            prompt_id=unit.prompt.prompt_id,
            response_ids=[unit.response.response_id],
            name="claim" if self.against == "facts" else "checklist",
            evaluator=completion.model,
            draw=place,
            value=VALUES[relation],
            rationale=claim,
            raw=relation,
        )
