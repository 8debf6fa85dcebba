"""Ask why the chosen answer of a pair is better, and which is better without telling: reasons, and a check of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline.judge.facts import facts_for
from pipeline.strategy import Answer, Nothing, Table
from prompts.principles import Principle
from schemas.fingerprints import derive_seed
from schemas.requests import Asking, Completion, Json, Request, Sampling
from schemas.rows import CONTROL, Facts, Order, Response, Row, SignalAnswer, Vote
from schemas.units import PairText, UnitKind

CHECK = f"{CONTROL}rationale"
ORDERS: tuple[Order, Order] = ("ab", "ba")
NAMED: dict[Order, dict[str, Vote]] = {
    "ab": {"A": "a", "B": "b", "tie": "tie"},
    "ba": {"A": "b", "B": "a", "tie": "tie"},
}
"""Which candidate a letter names, given the order they were shown in."""
PROBABILITIES: dict[Vote, float] = {"a": 1.0, "tie": 0.5, "b": 0.0}


class Reasons(BaseModel):
    """Why the answer that was preferred is better."""

    model_config = ConfigDict(extra="forbid")
    rationale: Annotated[str, Field(max_length=4000)]


class Checked(BaseModel):
    """The reason first, so that the verdict can follow from it."""

    model_config = ConfigDict(extra="forbid")
    reason: Annotated[str, Field(max_length=1200)]
    verdict: Literal["A", "B", "tie"]


@dataclass(frozen=True, slots=True)
class Rationale:
    """Reasons for a known label, and verdicts of the same judge that is not told the label.

    Data-centric rationales (arXiv 2407.14477): `general` asks for the one main reason, `detailed` for the evidence in
    both answers. The signal `rationale` votes for the chosen answer, for that is what it was told; it is no judgement
    and has no probability. Signals `control/rationale` are the check: the same question with the label hidden, in both
    orders or in one, for `select/consistent_rationale` to compare. Which answer is shown first is drawn from the ids of
    the two responses: it tells nothing of the label, and no prompt of the check depends on the label at all. The words
    "answer A" in a rationale mean the answer that `order` says was first.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    unit: ClassVar[UnitKind] = "pair"
    makes: ClassVar[Table] = "signals"
    prompts: ClassVar[tuple[str, ...]] = ("judge/rationale", "judge/rationale_check")
    each: ClassVar[Mapping[str, str]] = {"models": "model"}

    level: Literal["general", "detailed"] = "general"
    check: Literal["both_orders", "one_order", "none"] = "both_orders"
    principle: Principle | None = None
    model: str = "default"
    facts: Facts = "evidence"
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.0
    max_tokens: Annotated[int, Field(ge=16)] = 1024

    @property
    def calls(self) -> int:
        """One for the reasons, and those of the check."""
        return 1 + {"both_orders": 2, "one_order": 1, "none": 0}[self.check]

    @property
    def yields(self) -> int:
        """One signal for each call."""
        return self.calls

    def __call__(self, unit: PairText) -> Asking[Answer]:
        """The reasons first, then the verdicts of the check; reasons without words are missing."""
        a, b = sorted((unit.chosen, unit.rejected), key=lambda response: response.response_id)
        order = ORDERS[derive_seed("rationale", a.response_id, b.response_id) % 2]
        hidden = {"both_orders": ORDERS, "one_order": (order,), "none": ()}[self.check]
        requests = [self._why(unit, a, b, order), *(self._which(unit, a, b, each) for each in hidden)]
        reasons, *verdicts = yield requests
        signals: list[Row] = []
        if words := reasons.data.rationale.strip():
            vote: Vote = "a" if unit.chosen.response_id == a.response_id else "b"
            signals.append(self._signal(unit, a, b, reasons, order, name="rationale", vote=vote, rationale=words))
        for each, completion in zip(hidden, verdicts, strict=True):
            vote, reason = NAMED[each][completion.data.verdict], completion.data.reason
            signals.append(
                self._signal(
                    unit, a, b, completion, each, name=CHECK, vote=vote, rationale=reason, probability=PROBABILITIES[vote]
                )
            )
        return signals or Nothing("no_rationale", "the judge gave no reasons")

    def _why(self, unit: PairText, a: Response, b: Response, order: Order) -> Request:
        first = a if order == "ab" else b
        told = {
            "is_first_preferred": first.response_id == unit.chosen.response_id,
            "is_detailed": self.level == "detailed",
        }
        return self._request("judge/rationale", self._shown(unit, a, b, order) | told, Json(Reasons))

    def _which(self, unit: PairText, a: Response, b: Response, order: Order) -> Request:
        return self._request("judge/rationale_check", self._shown(unit, a, b, order), Json(Checked))

    def _shown(self, unit: PairText, a: Response, b: Response, order: Order) -> dict[str, Any]:
        """What both prompts show; nothing of it depends on the label."""
        first, second = (a, b) if order == "ab" else (b, a)
        return {
            "principle": self.principle.definition if self.principle else "",
            "question": unit.prompt.question,
            "facts": facts_for(unit.prompt, self.facts),
            "first": first.text,
            "second": second.text,
        }

    def _request(self, prompt: str, variables: Mapping[str, Any], shape: Json) -> Request:
        sampling = Sampling(temperature=self.temperature, max_tokens=self.max_tokens)
        return Request(prompt=prompt, variables=variables, model=self.model, shape=shape, sampling=sampling)

    def _signal(
        self, unit: PairText, a: Response, b: Response, completion: Completion, order: Order, **said: Any
    ) -> SignalAnswer:
        return SignalAnswer(
            prompt_id=unit.prompt.prompt_id,
            response_ids=[a.response_id, b.response_id],
            evaluator=completion.model,
            order=order,
            raw=completion.text,
            **said,
        )
