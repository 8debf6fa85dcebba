"""Labels from votes on pairs: order means, agreement of both orders, or a majority over draws, judges and principles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from pipeline.calibration import Calibration
from pipeline.select.pairing import Label, Pairing, SelfVotes, answer_with, choose, duels_of
from pipeline.select.votes import Call, Rule, Verdict, decide
from pipeline.strategy import Answer, Nothing, Table
from schemas.units import Candidates, UnitKind

Weight = Annotated[float, Field(gt=0)]


@dataclass(frozen=True, slots=True)
class FromVotes:
    """Pairs of a prompt by the votes on its candidates.

    What is measured: `rule` turns the calls on two responses into the probability that one is better (`votes.decide`),
    `calibration` corrects it, `pairs` says which responses are paired (`pairing.choose`). `p_chosen` is that probability,
    `confidence` the share of the calls on this pair that say the same, `score_gap` the difference of the two responses'
    mean probabilities of winning (`all`: of their probabilities in this pair).

    `names` are the principles that count, all of them when empty; one weighs 1 unless `weights` says otherwise.
    `self_votes: drop` leaves out the votes of a model on a pair of which it wrote exactly one (`self_judged` when none is
    left): a judge of two responses of its own has no side to take.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    unit: ClassVar[UnitKind] = "candidates"
    makes: ClassVar[Table] = "pairs"
    prompts: ClassVar[tuple[str, ...]] = ()
    calls: ClassVar[int] = 0

    rule: Rule = "order_mean"
    pairs: Pairing = "best_worst"
    names: tuple[str, ...] = ()
    weights: Mapping[str, Weight] = field(default_factory=dict)
    orders: Literal["both", "any"] = "both"
    margin: Annotated[float, Field(ge=0)] = 0.0
    judges: Annotated[int, Field(ge=1)] = 1
    self_votes: SelfVotes = "drop"
    calibration: Calibration | None = None
    min_p: Annotated[float, Field(ge=0.5, le=1)] = 0.5
    min_confidence: Annotated[float, Field(ge=0, le=1)] = 0.0

    def __post_init__(self) -> None:
        """Refuse what would do nothing."""
        if self.margin and self.rule != "majority":
            raise ValueError("`margin` counts votes, so it goes with rule: majority")
        if self.names and (lost := sorted(set(self.weights) - set(self.names))):
            raise ValueError(f"`weights` weighs {lost[0]!r}, which is not among `names`")

    @property
    def yields(self) -> int:
        """One pair of best and worst; how many other pairs there are depends on the candidates."""
        return 1 if self.pairs == "best_worst" else 0

    def __call__(self, unit: Candidates) -> Answer:
        """The pairs of one prompt, or why there is none."""
        duels = duels_of(unit, self.names, self.self_votes)
        if isinstance(duels, Nothing):
            return duels
        labels, reasons = choose({duel: self.verdict(calls) for duel, calls in duels.items()}, self.pairs)
        kept = []
        for label in labels:
            if problem := self._doubt(label):
                reasons.append(problem)
            else:
                kept.append(label)
        return answer_with(unit, kept, reasons, f"from_votes/{self.rule}", duels)

    def verdict(self, calls: list[Call]) -> Verdict | Nothing:
        """What the calls on one duel say by this rule, calibrated."""
        verdict = decide(
            calls, self.rule, self.weights, both=self.orders == "both", margin=self.margin, judges=self.judges
        )
        if isinstance(verdict, Nothing) or self.calibration is None:
            return verdict
        calibrated = self.calibration.apply(verdict.p)
        if (calibrated - 0.5) * (verdict.p - 0.5) <= 0:
            # A side that is right less than half of the time is no ground for the other one.
            calibrated = 0.5
        return replace(verdict, p=calibrated)

    def _doubt(self, label: Label) -> Nothing | None:
        if label.p < self.min_p:
            return Nothing("p_too_low", f"p_chosen {label.p:.3f} is under {self.min_p:g}")
        if label.confidence < self.min_confidence:
            return Nothing("confidence_too_low", f"confidence {label.confidence:.3f} is under {self.min_confidence:g}")
        return None
