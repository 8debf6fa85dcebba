"""Weigh each pair by how many principles agree with its label."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import fsum
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from pipeline.select.both_orders import sides_of
from pipeline.strategy import Kept, Note, Table
from schemas.units import PairText, UnitKind

Weight = Annotated[float, Field(gt=0, allow_inf_nan=False)]


@dataclass(frozen=True, slots=True)
class PrincipleWeight:
    """Note the `weight` of every pair: the weighted share of `principles` that agree with its label, in [0, 1].

    A principle agrees or contradicts when both orders do. One that says nothing of a pair (its orders disagree, tie, or
    were not both asked) has no share in it; a pair of which none says anything has no weight. `weights` says what a
    principle counts, 1 unless it is there. Every pair stays: `select/filter` on `note:weight` drops the light ones.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    sifts: ClassVar[bool] = True
    unit: ClassVar[UnitKind] = "judged_pair"
    makes: ClassVar[Table] = "pairs"
    prompts: ClassVar[tuple[str, ...]] = ()
    calls: ClassVar[int] = 0
    yields: ClassVar[int] = 1

    principles: Annotated[tuple[str, ...], Field(min_length=1)]
    weights: Mapping[str, Weight] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if twice := [each for each in self.principles if self.principles.count(each) > 1]:
            raise ValueError(f"`principles` names {twice[0]!r} twice")
        if stray := sorted(set(self.weights) - set(self.principles)):
            raise ValueError(f"`weights` has {stray[0]!r}, which is not among `principles`")

    def __call__(self, unit: PairText) -> Kept:
        """The pair, with its weight if it has one."""
        sides = {name: side for name, side in sides_of(unit, self.principles).items() if side}
        if not sides:
            return Kept()
        total = fsum(self.weights.get(name, 1.0) for name in sides)
        agreeing = fsum(self.weights.get(name, 1.0) for name, side in sides.items() if side > 0)
        return Kept((Note(unit.pair.pair_id, "weight", agreeing / total),))
