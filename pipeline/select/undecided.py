"""Drop pairs whose judges contradict themselves, or would not say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from pipeline.select.exact import exact
from pipeline.select.opinions import calls_on
from pipeline.select.votes import comparisons_of, is_consistent
from pipeline.strategy import Kept, Nothing, Table
from schemas.units import PairText, UnitKind

Share = Annotated[float, Field(ge=0, lt=1)]


@dataclass(frozen=True, slots=True)
class Undecided:
    """Drop a pair when too many of its judges changed with the order, or abstained.

    `max_inconsistent` is the largest share of comparisons (a judge, a principle, a draw) that may name another side in the
    one order than in the other, of those that were asked in both; a tie is a side. More, and the pair goes
    (`order_inconsistent`). `max_abstained` is the same of verdicts that abstained (`abstained`). None: not looked at. A
    reply that nobody could read counts on neither side. `names` are the principles that count, all when empty. A pair that
    no judge compared stays, unless `unjudged: drop`.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    sifts: ClassVar[bool] = True
    unit: ClassVar[UnitKind] = "judged_pair"
    makes: ClassVar[Table] = "pairs"
    prompts: ClassVar[tuple[str, ...]] = ()
    calls: ClassVar[int] = 0
    yields: ClassVar[int] = 1

    max_inconsistent: Share | None = 0.0
    max_abstained: Share | None = 0.5
    names: tuple[str, ...] = ()
    unjudged: Literal["keep", "drop"] = "keep"

    def __post_init__(self) -> None:
        if self.max_inconsistent is None and self.max_abstained is None and self.unjudged == "keep":
            raise ValueError("it drops nothing; give `max_inconsistent`, `max_abstained` or `unjudged: drop`")

    def __call__(self, unit: PairText) -> Kept | Nothing:
        """Whether a pair stays."""
        both = {unit.pair.chosen_id, unit.pair.rejected_id}
        calls = calls_on(unit.pair, unit.signals, self.names)
        silent = sum(
            signal.abstained
            and set(signal.response_ids) == both
            and not signal.is_control
            and (not self.names or signal.name in self.names)
            for signal in unit.signals
        )
        if not calls and not silent:
            return Nothing("unjudged", "no verdict on the two responses") if self.unjudged == "drop" else Kept()
        if self.max_abstained is not None and silent > exact(self.max_abstained) * (silent + len(calls)):
            return Nothing("abstained", f"{silent} of {silent + len(calls)} verdicts abstain")
        asked = comparisons_of((call for call in calls if call.order is not None), both=True)
        changed = sum(not is_consistent(each) for each in asked)
        if self.max_inconsistent is not None and changed > exact(self.max_inconsistent) * len(asked):
            return Nothing("order_inconsistent", f"{changed} of {len(asked)} comparisons change with the order")
        return Kept()
