"""Pairs of two answers that change places with the condition they are judged under."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from pipeline.select.pairing import SelfVotes, commonest, duels_of
from pipeline.select.votes import Call, Duel, Rule, Verdict, decide
from pipeline.strategy import Answer, Nothing, Table
from prompts.principles import Principle
from schemas.conditions import MixedPrinciple, PairCondition
from schemas.fingerprints import derive_seed
from schemas.rows import PairAnswer, Row
from schemas.units import Candidates, UnitKind

UNSURE = 0.6


@dataclass(frozen=True, slots=True)
class Reversal:
    """The same two answers under several principles, kept only where the winner flips (RPR, arXiv 2407.14916).

    Each principle's votes on two answers become a verdict by `rule` (`votes.decide`), which counts if its winner has a
    probability of at least `min_p`. Where all that count name the same answer, the two make no pair (`not_reversed`);
    otherwise there is one pair for each principle that counts, with the words of that principle as its `condition` and its
    `rationale`: such a label holds under the principle alone. With `plain`, the signals of a judge that was told no
    principle of these, the two must also be hard to tell apart without one: their probability is at most `unsure` for
    either side, or the orders disagree (`not_ambiguous` otherwise).

    `p_chosen` is the probability under the principle, `score_gap` the difference of the two answers' probabilities,
    `confidence` the share of the principle's calls that say the same. The two answers are dealt to sides by `seed`, the
    same for all principles; so `condition.chosen_first` flips with the winner.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    unit: ClassVar[UnitKind] = "candidates"
    makes: ClassVar[Table] = "pairs"
    prompts: ClassVar[tuple[str, ...]] = ()
    calls: ClassVar[int] = 0
    yields: ClassVar[int] = 0

    principles: Annotated[tuple[Principle, ...], Field(min_length=2)]
    rule: Rule = "both_orders"
    min_p: Annotated[float, Field(ge=0.5, le=1)] = 0.5
    plain: str | None = None
    unsure: Annotated[float, Field(ge=0.5, lt=1)] = UNSURE
    self_votes: SelfVotes = "drop"
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what would do nothing."""
        names = [each.name for each in self.principles]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"`principles` names {twice[0]!r} twice")
        if self.plain in names:
            raise ValueError(f"`plain` is {self.plain!r}, which is among `principles`")
        if self.plain is None and self.unsure != UNSURE:
            raise ValueError("`unsure` is about the verdict of `plain`, which is not given")

    def __call__(self, unit: Candidates) -> Answer:
        """The pairs of one prompt, or why there is none."""
        names = [each.name for each in self.principles]
        duels = duels_of(unit, [*names, *([self.plain] if self.plain else [])], self.self_votes)
        if isinstance(duels, Nothing):
            return duels
        rows: list[Row] = []
        reasons: list[Nothing] = []
        for duel, calls in duels.items():
            found = self._pairs(unit.prompt.prompt_id, duel, calls)
            if isinstance(found, Nothing):
                reasons.append(found)
            else:
                rows += found
        return rows or commonest(reasons)

    def _pairs(self, prompt_id: str, duel: Duel, calls: Sequence[Call]) -> list[PairAnswer] | Nothing:
        """One pair for each principle that tells two answers apart, if not all of them name the same."""
        said = {each.name: self._verdict(calls, each.name) for each in self.principles}
        clear = {name: verdict for name, verdict in said.items() if isinstance(verdict, Verdict)}
        if len(clear) < 2:
            return commonest(verdict for verdict in said.values() if isinstance(verdict, Nothing))
        if len({verdict.p > 0.5 for verdict in clear.values()}) < 2:
            return Nothing("not_reversed", "all principles that tell the two apart name the same answer")
        if self.plain is not None and (doubt := self._is_settled(calls, self.plain)):
            return doubt
        return [self._pair(prompt_id, duel, each, clear) for each in self.principles if each.name in clear]

    def _verdict(self, calls: Sequence[Call], name: str) -> Verdict | Nothing:
        """What is said of two answers under one principle, if it is clear enough."""
        verdict = decide([call for call in calls if call.name == name], self.rule)
        if isinstance(verdict, Nothing):
            return verdict
        if verdict.p == 0.5:
            return Nothing("tie", "neither response is better")
        sure = max(verdict.p, 1 - verdict.p)
        if sure < self.min_p:
            return Nothing("p_too_low", f"probability {sure:.3f} is under {self.min_p:g}")
        return verdict

    def _is_settled(self, calls: Sequence[Call], plain: str) -> Nothing | None:
        """Why two answers can be told apart without any of the principles, or nothing was said of that."""
        of_plain = [call for call in calls if call.name == plain]
        verdict = decide(of_plain, "both_orders")
        if isinstance(verdict, Nothing):
            return None if verdict.reason == "order_inconsistent" else verdict
        sure = max(verdict.p, 1 - verdict.p)
        if sure > self.unsure:
            return Nothing("not_ambiguous", f"{plain} alone tells the two apart, with probability {sure:.3f}")
        return None

    def _pair(self, prompt_id: str, duel: Duel, principle: Principle, clear: Mapping[str, Verdict]) -> PairAnswer:
        verdict = clear[principle.name]
        chosen, rejected = duel if verdict.p > 0.5 else duel[::-1]
        p, share = verdict.toward(duel, chosen)
        a_first = derive_seed("reversal", self.seed, prompt_id, *duel) % 2 == 0
        text = principle.negation if principle.inverted else principle.definition
        mixed: MixedPrinciple = {"name": principle.name, "negated": False, "score": 2 * verdict.p - 1}
        condition: PairCondition = {
            "kind": "principles",
            "text": text,
            "principles": [mixed],
            "dominant": principle.name,
            "draw": 0,
            "override": None,
            "flipped": False,
            "chosen_first": (chosen == duel[0]) == a_first,
        }
        return PairAnswer(
            prompt_id=prompt_id,
            chosen_id=chosen,
            rejected_id=rejected,
            score_gap=2 * p - 1,
            p_chosen=p,
            confidence=share,
            rule=f"reversal/{principle.name}",
            rationale=text,
            condition=condition,
        )
