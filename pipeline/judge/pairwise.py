"""Ask which of two answers is better under one principle, in both orders."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from pipeline.judge.facts import facts_for
from pipeline.judge.likelihood import Likelihood, likelihood_of
from pipeline.judge.stopping import is_settled
from pipeline.judge.verdicts import ORDERS, PROBABILITIES, TIE, Ballot, reply_with
from pipeline.strategy import Answer, Nothing, Table
from prompts.examples import Example
from prompts.library import inert
from prompts.principles import Principle
from schemas.errors import Unanswerable
from schemas.requests import Asking, Choice, Completion, Draw, Json, Request, Sampling, Shape, Text
from schemas.rows import CONTROL, Facts, Order, Row, SignalAnswer
from schemas.units import ResponsePair, UnitKind

ALTERNATIVES = 20
"""The log-probabilities asked for at each token: the most that OpenAI and, unless told otherwise, vLLM give."""
Shown = Mapping[str, Any]
"""What a judge sees of a pair in one order, as the variables of its prompt."""
Label = Annotated[str, Field(min_length=1, max_length=60)]
Round = Generator[list[Request], list[Completion], list[Row]]


@dataclass(frozen=True, slots=True)
class Pairwise:
    """Which of two responses is better under one principle, asked in both orders; a row for every verdict.

    Every reply is kept as it was: `vote` names the candidate (a or b, by id) and `order` the way they were shown, so
    position bias can be measured and removed later (arXiv 2406.07791; arXiv 2309.00267, section 2.1). `probability` is
    that of candidate a. Two responses with the same text are not judged (`identical_texts`).

    `by` says how: `verdict` is one JSON reply in each order. `likelihood` reads the probability of each label from the
    log-probabilities of one greedy reply in each order, a soft label (arXiv 2309.00267, section 2.1); a server that tells
    none fails the unit (`no_likelihood`). `votes` draws so many verdicts in each order; with `stop_at` one in each at a
    time, until the Beta rule of Adaptive-Consistency says that the leading verdict stays ahead.

    `reasoning` is `first` in the reply, before the verdict, or `apart`: a greedy call of its own whose words the verdict
    then rests on (the two calls of RLAIF). Unless given it is `first` for `verdict` and `none` for the others.
    With `control` the signals are named `control/…` and make no labels: the same pair judged again with other facts.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 2
    unit: ClassVar[UnitKind] = "response_pair"
    makes: ClassVar[Table] = "signals"
    prompts: ClassVar[tuple[str, ...]] = ("judge/pairwise",)
    each: ClassVar[Mapping[str, str]] = {"principles": "principle", "models": "model"}
    retired: ClassVar[Mapping[str, str]] = {
        "explain": "`reasoning: first` in place of true, `reasoning: none` of false"
    }
    at_once: ClassVar[int] = 2

    principle: Principle
    model: str = "default"
    by: Literal["verdict", "likelihood", "votes"] = "verdict"
    votes: Annotated[int, Field(ge=1, le=128)] | None = None
    stop_at: Annotated[float, Field(ge=0.5, lt=1)] | None = None
    labels: tuple[Label, Label] = ("A", "B")
    ties: Literal["allowed", "refused"] = "allowed"
    reasoning: Literal["none", "first", "apart"] | None = None
    preamble: Literal["base", "detailed"] = "base"
    examples: tuple[Example, ...] = ()
    facts: Facts = "evidence"
    control: bool = False
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.0
    max_tokens: Annotated[int, Field(ge=8)] = 512

    def __post_init__(self) -> None:
        for problem in self._problems():
            raise ValueError(problem)

    def _problems(self) -> Iterator[str]:
        """What does not go together."""
        if self.by == "votes" and (self.votes is None or self.temperature == 0):
            yield "`by: votes` needs a number of `votes` and a `temperature` above 0, or all votes would be the same"
        if self.by != "votes" and (self.votes is not None or self.stop_at is not None):
            yield f"`votes` and `stop_at` go with `by: votes`, not with `by: {self.by}`"
        if self.by == "likelihood" and self.temperature > 0:
            yield "a likelihood is read from one greedy reply; leave `temperature` at 0"
        if self.by == "likelihood" and self.reasoning == "first":
            yield "a likelihood is read from the label alone; use `reasoning: apart` or `none`"
        if self.preamble == "detailed" and not self.principle.detail:
            yield f"principle {self.principle.name!r} has no `detail`; write one or use `preamble: base`"
        for example in self.examples:
            if example.better == TIE and self.ties == "refused":
                yield f"example {example.name!r} is a tie, which `ties: refused` does not allow"
        for label in self.labels:
            if label == TIE or label != label.strip() or inert(label) != label:
                yield f"{label!r} cannot be a label; use plain words other than `{TIE}`, without spaces around them"
        if self.labels[0] == self.labels[1]:
            yield f"both labels are {self.labels[0]!r}; each answer needs its own"

    @property
    def calls(self) -> int:
        """Two, times the rounds that one vote at a time may take; two more for reasons, or for labels that begin alike."""
        votes = 2 * self.votes if self.votes and self.stop_at is not None else 2
        may_be_undivided = self.by == "likelihood" and any(
            one[0] == other[0] for one, other in combinations(self._ballot.options, 2)
        )
        return votes + 2 * (self.reasoning == "apart") + 2 * may_be_undivided

    @property
    def yields(self) -> int:
        """A row for every verdict."""
        return 2 * (self.votes or 1)

    @property
    def _ballot(self) -> Ballot:
        return Ballot(self.labels, self.ties == "allowed", self.principle.inverted)

    @property
    def _is_reasoned(self) -> bool:
        """Whether the reply itself holds a reason."""
        return (self.reasoning or ("first" if self.by == "verdict" else "none")) == "first"

    def __call__(self, unit: ResponsePair) -> Asking[Answer]:
        """The signals of one pair."""
        if unit.a.text.strip() == unit.b.text.strip():
            return Nothing("identical_texts", "the two responses say the same")
        shown: list[Shown] = [self._shown(unit, order) for order in ORDERS]
        if self.reasoning == "apart":
            thoughts = yield [self._ask(each, "reasons", Sampling(max_tokens=self.max_tokens)) for each in shown]
            shown = [{**each, "rationale": said.text.strip()} for each, said in zip(shown, thoughts, strict=True)]
        if self.by == "likelihood":
            return (yield from self._by_likelihood(unit, shown))
        if self.stop_at is not None:
            return (yield from self._one_at_a_time(unit, shown, self.stop_at))
        replies = yield [self._ask(each, "json", self._sampling(self.votes or 1)) for each in shown]
        return [
            self._verdict(unit, order, said, draw, number, each)
            for order, said, each in zip(ORDERS, replies, shown, strict=True)
            for number, draw in enumerate(said.draws)
        ]

    def _one_at_a_time(self, unit: ResponsePair, shown: Sequence[Shown], stop_at: float) -> Round:
        """One vote in each order at a time, until the leading verdict is settled or there are enough."""
        signals: list[SignalAnswer] = []
        for number in range(self.votes or 1):
            replies = yield [replace(self._ask(each, "json", self._sampling(1)), salt=number) for each in shown]
            signals += [
                self._verdict(unit, order, said, said.draws[0], number, each)
                for order, said, each in zip(ORDERS, replies, shown, strict=True)
            ]
            if is_settled([str(signal.vote) for signal in signals], stop_at):
                break
        return list(signals)

    def _by_likelihood(self, unit: ResponsePair, shown: Sequence[Shown]) -> Round:
        """The share of each label in both orders; labels that one reply cannot tell apart are asked about alone."""
        options = self._ballot.options
        replies = yield [self._ask(each, "label", self._sampling(1), options) for each in shown]
        found = [_read(said, options) for said in replies]
        unclear = [
            (place, group) for place, each in enumerate(found) if not each.is_divided for group, _ in each.undivided
        ]
        if unclear:
            answers = yield [self._ask(shown[place], "label", self._sampling(1), group) for place, group in unclear]
            for (place, group), said in zip(unclear, answers, strict=True):
                found[place] = found[place].divided_by(group, _shares(_read(said, group)))
        return [
            self._signal(
                unit, order, said,
                vote=self._ballot.likeliest(_shares(each), order),
                probability=self._ballot.probability(_shares(each), order),
                rationale=seen["rationale"] or None,
                raw=said.text,
            )
            for order, said, each, seen in zip(ORDERS, replies, found, shown, strict=True)
        ]  # fmt: skip

    def _shown(self, unit: ResponsePair, order: Order) -> Shown:
        ballot = self._ballot
        first, second = (unit.a, unit.b) if order == "ab" else (unit.b, unit.a)
        return {
            "principle": self.principle.definition,
            "detail": self.principle.detail if self.preamble == "detailed" else "",
            "inverted": self.principle.inverted,
            "first_label": self.labels[0],
            "second_label": self.labels[1],
            "tie": ballot.has_tie,
            "examples": [
                {**each.model_dump(exclude={"name", "better"}), "label": ballot.label_of(each.better)}
                for each in self.examples
            ],
            "question": unit.prompt.question,
            "facts": facts_for(unit.prompt, self.facts),
            "first": first.text,
            "second": second.text,
            "explain": self._is_reasoned,
            "rationale": "",
        }

    def _sampling(self, draws: int) -> Sampling:
        return Sampling(temperature=self.temperature, max_tokens=self.max_tokens, n=draws)

    def _ask(
        self, shown: Shown, reply: Literal["json", "label", "reasons"], sampling: Sampling, options: Sequence[str] = ()
    ) -> Request:
        shapes: dict[str, Shape] = {
            "json": Json(reply_with(self._ballot.options, is_reasoned=self._is_reasoned)),
            "label": Choice(tuple(options)),
            "reasons": Text(),
        }
        return Request(
            prompt="judge/pairwise",
            variables={**shown, "reply": reply},
            model=self.model,
            shape=shapes[reply],
            sampling=sampling,
            logprobs=ALTERNATIVES if reply == "label" else 0,
        )

    def _verdict(
        self, unit: ResponsePair, order: Order, said: Completion, draw: Draw, number: int, shown: Shown
    ) -> SignalAnswer:
        vote = self._ballot.votes(order)[draw.data.verdict]
        return self._signal(
            unit, order, said,
            draw=number,
            vote=vote,
            probability=PROBABILITIES[vote],
            rationale=getattr(draw.data, "reason", None) or shown["rationale"] or None,
            raw=draw.text,
        )  # fmt: skip

    def _signal(self, unit: ResponsePair, order: Order, said: Completion, **verdict: Any) -> SignalAnswer:
        return SignalAnswer(
            prompt_id=unit.prompt.prompt_id,
            response_ids=[unit.a.response_id, unit.b.response_id],
            name=f"{CONTROL}{self.principle.name}" if self.control else self.principle.name,
            evaluator=said.model,
            order=order,
            **verdict,
        )


def _read(said: Completion, options: Sequence[str]) -> Likelihood:
    """The likelihood of each option; `Unanswerable` where the reply cannot tell them apart."""
    found = likelihood_of(said.draws[0], options)
    if found is None or any(len(group) == len(options) for group, _ in found.undivided):
        raise Unanswerable(
            "no_likelihood", f"no log-probabilities that tell {', '.join(options)} apart; ask this model `by: votes`"
        )
    return found


def _shares(found: Likelihood) -> dict[str, float]:
    """The share of each label in what is known; they sum to 1."""
    known = sum(found.labels.values())
    return {label: share / known for label, share in found.labels.items()}
