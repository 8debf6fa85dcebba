"""Keep, drop or weigh pairs by the principles that their label agrees with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from pipeline.select.both_orders import sides_of
from pipeline.strategy import Kept, Nothing, Table
from schemas.units import PairText, UnitKind

Weight = Annotated[float, Field(gt=0)]


@dataclass(frozen=True, slots=True)
class ByPrinciple:
    """Filter pairs by what was said of their two responses under single principles.

    A principle agrees with a pair's label (+1) when both orders give chosen more than half of the probability,
    contradicts it (-1) when both give it less, and says nothing (0) when the orders disagree, tie, or were not both
    asked. In this order:

    - `drop`: a pair that one of these contradicts is dropped (`principle_contradicts`);
    - `keep`: `all`, `any` or so many of `principles` agree, else the pair is dropped (`principle_not_met`);
    - `weights`: the mean of what these say, weighted, in [-1, 1], is at least `min_score`, else the pair is dropped
      (`principle_score_too_low`).

    Each detail names the principles. The label of a mix is compared as it stands, whatever it was conditioned on.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 2
    unit: ClassVar[UnitKind] = "judged_pair"
    makes: ClassVar[Table] = "pairs"
    sifts: ClassVar[bool] = True
    prompts: ClassVar[tuple[str, ...]] = ()
    calls: ClassVar[int] = 0
    yields: ClassVar[int] = 1

    principles: tuple[str, ...] = ()
    keep: int | str = "all"
    drop: tuple[str, ...] = ()
    weights: Mapping[str, Weight] = field(default_factory=dict)
    min_score: Annotated[float, Field(ge=-1, le=1)] = 0.0

    def __post_init__(self) -> None:
        if not (self.principles or self.drop or self.weights):
            raise ValueError("it filters by nothing; give `principles`, `drop` or `weights`")
        for name, given in (("principles", self.principles), ("drop", self.drop)):
            if twice := [each for each in given if given.count(each) > 1]:
                raise ValueError(f"`{name}` names {twice[0]!r} twice")
        if self.keep not in ("all", "any") and not (isinstance(self.keep, int) and self.keep >= 1):
            raise ValueError(f"`keep` is {self.keep!r}; it is `all`, `any` or a number from 1")
        if isinstance(self.keep, int) and self.keep > len(self.principles):
            raise ValueError(f"keep: {self.keep} of {len(self.principles)} `principles` would keep nothing")

    def __call__(self, unit: PairText) -> Kept | Nothing:
        """Whether the pair stays; asked anew when a verdict about it comes or goes."""
        return self._drop(sides_of(unit, {*self.principles, *self.drop, *self.weights})) or Kept()

    def _drop(self, said: Mapping[str, int]) -> Nothing | None:
        """Why a pair is dropped, or None."""
        if against := [name for name in self.drop if said[name] < 0]:
            return Nothing("principle_contradicts", f"the rejected answer is better by {', '.join(against)}")
        agree = [name for name in self.principles if said[name] > 0]
        wanted = {"all": len(self.principles), "any": min(1, len(self.principles))}.get(str(self.keep), self.keep)
        if len(agree) < int(wanted):
            lacking = ", ".join(name for name in self.principles if name not in agree)
            return Nothing("principle_not_met", f"{len(agree)} agree, {wanted} wanted; not {lacking}")
        if self.weights:
            score = sum(weight * said[name] for name, weight in self.weights.items()) / sum(self.weights.values())
            if score < self.min_score:
                told = ", ".join(f"{name} {said[name]:+d}" for name in self.weights)
                return Nothing("principle_score_too_low", f"score {score:.3f} is under {self.min_score:g}: {told}")
        return None
