"""Set aside pairs on which principles contradict each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from pipeline.select.both_orders import sides_of
from pipeline.strategy import Kept, Nothing, Table
from schemas.units import PairText, UnitKind


@dataclass(frozen=True, slots=True)
class Conflicts:
    """Drop a pair when one of `principles` agrees with its label and another contradicts it (`principles_conflict`).

    A principle agrees or contradicts when both orders do; one that says nothing is in conflict with none. Which label is
    right does not matter here: two principles that both contradict it are of one mind. The pairs that were set aside are
    found under their reason, with the principles on either side: a person may look at them, or a mix of principles may
    label them anew.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    sifts: ClassVar[bool] = True
    unit: ClassVar[UnitKind] = "judged_pair"
    makes: ClassVar[Table] = "pairs"
    prompts: ClassVar[tuple[str, ...]] = ()
    calls: ClassVar[int] = 0
    yields: ClassVar[int] = 1

    principles: Annotated[tuple[str, ...], Field(min_length=2)]

    def __post_init__(self) -> None:
        if twice := [each for each in self.principles if self.principles.count(each) > 1]:
            raise ValueError(f"`principles` names {twice[0]!r} twice")

    def __call__(self, unit: PairText) -> Kept | Nothing:
        """Whether a pair stays."""
        sides = sides_of(unit, self.principles)
        agree, contradict = ([name for name in self.principles if sides[name] == side] for side in (1, -1))
        if agree and contradict:
            return Nothing("principles_conflict", f"{', '.join(agree)} for the label, {', '.join(contradict)} against it")
        return Kept()
