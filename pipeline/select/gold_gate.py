"""Keep the pairs whose label a trusted judge agrees with; turn round or drop those it contradicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import ConfigDict

from pipeline.select.opinions import Judge, Opinion, Orders, called, opinion_of
from pipeline.strategy import Kept, Nothing, Table
from schemas.rows import PairAnswer, Row
from schemas.units import PairText, UnitKind


@dataclass(frozen=True, slots=True)
class GoldGate:
    """A pair stays if the gold judge agrees with its label, and one of the judges in `also` if there are any.

    That is the second stage of Skywork-Reward-V2 (arXiv 2507.01352): a reward model trained on human labels alone must
    agree, and the language models or the best reward model so far. Any trusted judge can stand in for it; what then comes
    out is as good as that judge. A judge agrees when its verdicts in both orders do, or by `orders: order_mean` their
    mean; or, where it compared no two responses, when it rated chosen higher.

    Where gold says the opposite, `otherwise: drop` drops the pair (`gold_disagrees`), and `flip` recycles it: a pair with
    the sides exchanged, and gold's own probability and gap, takes its place (`gold_gate/flip`). The flipped labels of the
    paper were not verified. A label under a condition is never turned round, since gold was not told of it. Where gold
    says nothing, the pair is dropped (`gold_undecided`, `gold_missing`); without one of `also` too (`unconfirmed`).
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    sifts: ClassVar[bool] = True
    unit: ClassVar[UnitKind] = "judged_pair"
    makes: ClassVar[Table] = "pairs"
    prompts: ClassVar[tuple[str, ...]] = ()
    calls: ClassVar[int] = 0
    yields: ClassVar[int] = 1

    gold: Judge
    also: tuple[Judge, ...] = ()
    otherwise: Literal["drop", "flip"] = "drop"
    orders: Orders = "both_orders"

    def __post_init__(self) -> None:
        if not all((self.gold, *self.also)):
            raise ValueError("a judge needs a `name`, an `evaluator` or both")
        if self.gold in self.also:
            raise ValueError(f"`also` names the gold judge, {called(self.gold)}, which agrees with itself")

    def __call__(self, unit: PairText) -> Kept | Nothing | list[Row]:
        """Whether a pair stays, as it is or turned round."""
        gold = opinion_of(self.gold, unit, self.orders)
        if isinstance(gold, Nothing):
            if gold.reason == "unjudged":
                return Nothing("gold_missing", gold.detail)
            return Nothing("gold_undecided", gold.detail)
        if gold.side == 0:
            return Nothing("gold_undecided", f"{called(self.gold)} finds neither better")
        if gold.side < 0:
            return self._against(unit, gold)
        others = [opinion_of(judge, unit, self.orders) for judge in self.also]
        if self.also and not any(isinstance(other, Opinion) and other.side > 0 for other in others):
            return Nothing("unconfirmed", f"none of {', '.join(map(called, self.also))} agrees")
        return Kept()

    def _against(self, unit: PairText, gold: Opinion) -> Nothing | list[Row]:
        pair = unit.pair
        if self.otherwise == "drop" or pair.condition is not None:
            under = " and the label holds under a condition" if self.otherwise == "flip" else ""
            return Nothing("gold_disagrees", f"{called(self.gold)} finds the rejected answer better{under}")
        return [
            PairAnswer(
                prompt_id=pair.prompt_id,
                chosen_id=pair.rejected_id,
                rejected_id=pair.chosen_id,
                score_gap=-gold.gap,
                p_chosen=1 - gold.p,
                confidence=gold.against,
                rule="gold_gate/flip",
            )
        ]
