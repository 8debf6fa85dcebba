"""Ask a cheap judge, verify what it says, and ask a dear one, or a person, where that does not hold."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from pipeline.judge.agreement import modal_share, order_agreement, verdict_of
from pipeline.judge.facts import facts_for
from pipeline.judge.pairwise import Pairwise
from pipeline.judge.verdicts import ORDERS
from pipeline.strategy import Answer, Nothing, Table
from prompts.policies import Policy, Verdict, decide
from prompts.principles import Principle
from prompts.verifications import Verification
from schemas.requests import Asking, Completion, Request, Sampling
from schemas.rows import CONTROL, Facts, Order, Row, SignalAnswer
from schemas.units import ResponsePair, UnitKind

SENTENCE = re.compile(r"\bverdict is (in)?correct\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Cascade:
    """One principle asked of a cheap judge in both orders, and of a dear one where the policy does not trust the cheap one.

    AutoMix (arXiv 2310.12963) over judges in place of solvers. `models` are the cheap judge and the dear one; with
    `to: human` the cheap one alone. The cheap judge gives `votes` verdicts in each order. Its verification v in [0, 1] is
    `order_consistency`: how often a verdict shown one way equals one shown the other way; `votes`: the share of its
    commonest vote; `self`: the share of `checks` readable verifications in each order, sampled at `check_temperature` after
    worked `examples`, that call its verdict correct (none readable: v = 0). The `policy` then keeps or escalates.

    The verdicts that label bear the principle's name: the cheap judge's where it is kept, the dear judge's where it is not;
    there the cheap judge's are kept as `control/<principle>`. `cascade/check`, `cascade/verification` (v) and
    `cascade/escalated` (0 or 1) tell how it came; none of them has a vote. For a person an abstained signal of `human` is
    left, with the reason. Two responses with the same text are not judged (`identical_texts`).
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    unit: ClassVar[UnitKind] = "response_pair"
    makes: ClassVar[Table] = "signals"
    prompts: ClassVar[tuple[str, ...]] = ("judge/pairwise", "judge/cascade_check")
    each: ClassVar[dict[str, str]] = {"principles": "principle"}

    principle: Principle
    policy: Policy
    models: tuple[str, ...] = ("small", "large")
    to: Literal["judge", "human"] = "judge"
    verify: Literal["order_consistency", "votes", "self"] = "order_consistency"
    votes: Annotated[int, Field(ge=1, le=64)] = 1
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.0
    checks: Annotated[int, Field(ge=1, le=64)] = 4
    check_temperature: Annotated[float, Field(gt=0, le=2)] = 1.0
    examples: tuple[Verification, ...] = ()
    facts: Facts = "evidence"
    reasoning: Literal["none", "first"] = "first"
    max_tokens: Annotated[int, Field(ge=8)] = 512

    def __post_init__(self) -> None:
        wanted = {"judge": "a cheap judge and a dear one", "human": "the cheap judge alone"}[self.to]
        if len(self.models) != {"judge": 2, "human": 1}[self.to]:
            raise ValueError(f"`models` is {list(self.models)}: with `to: {self.to}` it names {wanted}")
        if (self.votes > 1) != (self.temperature > 0):
            raise ValueError("several `votes` go with a `temperature` above 0, and one vote with none")
        if self.examples and self.verify != "self":
            raise ValueError(
                "`examples` are shown to a judge that verifies itself; add `verify: self` or leave them out"
            )

    @property
    def calls(self) -> int:
        """Both orders of each judge that may be asked, and of the verification."""
        return 2 * (len(self.models) + (self.verify == "self"))

    @property
    def at_once(self) -> int:
        """The two orders of one round, at whichever of the models it is asked."""
        return 2 * len(self.models)

    @property
    def yields(self) -> int:
        """The verdicts of both judges, the checks, v and the decision."""
        checks = 2 * self.checks if self.verify == "self" else 0
        return 2 * self.votes + checks + 2 + (2 if self.to == "judge" else 1)

    def __call__(self, unit: ResponsePair) -> Asking[Answer]:
        """The signals of one pair."""
        if unit.a.text.strip() == unit.b.text.strip():
            return Nothing("identical_texts", "the two responses say the same")
        small = yield from self._verdicts(unit, self.models[0], self.votes)
        by_order = [[signal.vote for signal in small if signal.vote and signal.order == order] for order in ORDERS]
        verdict = verdict_of(by_order[0] + by_order[1])
        checks: list[SignalAnswer] = []
        if self.verify == "self":
            replies = yield [self._ask_check(unit, order, verdict) for order in ORDERS]
            checks = [
                check
                for reply, order in zip(replies, ORDERS, strict=True)
                for check in self._checked(unit, reply, order)
            ]
            v, how = _upheld([check.value for check in checks])
        elif self.verify == "votes":
            v, how = modal_share(by_order[0] + by_order[1]), "the share of the commonest vote"
        else:
            v, how = order_agreement(*by_order), "how often the two orders agree"
        is_kept = decide(self.policy, v, verdict) == "keep"
        why = f"{self.policy.name}: v = {v:.3g}, verdict {verdict}; escalated when {self.policy.rule}"
        about = [
            *checks,
            self._signal(unit, name="cascade/verification", evaluator=small[0].evaluator, value=v, rationale=how),
            self._signal(unit, name="cascade/escalated", evaluator="cascade", value=float(not is_kept), rationale=why),
        ]
        if is_kept:
            return [*small, *about]
        control: list[Row] = [signal.model_copy(update={"name": CONTROL + signal.name}) for signal in small]
        if self.to == "human":
            asked = self._signal(unit, name=self.principle.name, evaluator="human", abstained=True, rationale=why)
            return [*control, *about, asked]
        large = yield from self._verdicts(unit, self.models[1], 1)
        return [*control, *about, *large]

    def _verdicts(self, unit: ResponsePair, model: str, votes: int) -> Asking[list[SignalAnswer]]:
        """What one judge says in both orders; several votes are drawn at the cascade's temperature, one is greedy."""
        drawn: dict[str, Any] = {"by": "votes", "votes": votes, "temperature": self.temperature} if votes > 1 else {}
        judge = Pairwise(
            principle=self.principle,
            model=model,
            facts=self.facts,
            reasoning=self.reasoning,
            max_tokens=self.max_tokens,
            **drawn,
        )
        answer = yield from judge(unit)
        return [row for row in answer if isinstance(row, SignalAnswer)] if isinstance(answer, list) else []

    def _ask_check(self, unit: ResponsePair, order: Order, verdict: Verdict) -> Request:
        """What the judge found, put to itself as a claim about the answers in this order."""
        claim = "tie"
        if verdict in ("a", "b"):
            is_first = (verdict == "a") == (order == "ab")
            claim = "A" if is_first != self.principle.inverted else "B"
        first, second = (unit.a, unit.b) if order == "ab" else (unit.b, unit.a)
        examples = [example.model_dump(exclude={"name"}) for example in self.examples]
        return Request(
            prompt="judge/cascade_check",
            variables={
                "principle": self.principle.definition,
                "inverted": self.principle.inverted,
                "examples": examples,
                "question": unit.prompt.question,
                "facts": facts_for(unit.prompt, self.facts),
                "first": first.text,
                "second": second.text,
                "claim": claim,
            },
            model=self.models[0],
            sampling=Sampling(temperature=self.check_temperature, max_tokens=self.max_tokens, n=self.checks),
        )

    def _checked(self, unit: ResponsePair, completion: Completion, order: Order) -> list[SignalAnswer]:
        """One signal for each verification: 1 correct, 0 incorrect, no value when its last sentence cannot be read."""
        return [
            self._signal(
                unit,
                name="cascade/check",
                evaluator=completion.model,
                order=order,
                draw=number,
                value=read_check(draw.text),
                raw=draw.text,
            )
            for number, draw in enumerate(completion.draws)
        ]

    def _signal(self, unit: ResponsePair, **values: Any) -> SignalAnswer:
        both = [unit.a.response_id, unit.b.response_id]
        return SignalAnswer(prompt_id=unit.prompt.prompt_id, response_ids=both, **values)


def read_check(text: str) -> float | None:
    """How one verification ended: 1.0 correct, 0.0 incorrect, None unread.

    The last such sentence counts: one before it may be quoted from an answer.
    """
    found = SENTENCE.findall(text)
    return None if not found else 0.0 if found[-1] else 1.0


def _upheld(values: Sequence[float | None]) -> tuple[float, str]:
    """v and how it came: correct / valid, and 0 when nothing is valid (AutoMix, section 3 and released code)."""
    valid = [value for value in values if value is not None]
    if not valid:
        return 0.0, f"none of {len(values)} checks could be read"
    return sum(valid) / len(valid), f"{sum(valid):g} of {len(valid)} readable checks uphold it"
