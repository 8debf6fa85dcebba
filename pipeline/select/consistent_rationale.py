"""Drop pairs whose label a judge that was not told it does not find."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from pipeline.strategy import Kept, Nothing, Table
from schemas.rows import CONTROL, Signal, Vote
from schemas.units import PairText, UnitKind

REASONS = "rationale"
CHECK = f"{CONTROL}rationale"


@dataclass(frozen=True, slots=True)
class ConsistentRationale:
    """Keep a pair whose label has reasons and is what enough of the hidden verdicts name; drop the rest.

    `judge/rationale` makes both. A pair without reasons for its own label, or without any hidden verdict, is dropped as
    `no_rationale`; one with a share of hidden verdicts for the chosen answer under `agreement` as
    `rationale_contradicts`. A tie names nobody; a verdict that is missing does not count (arXiv 2407.14477; the check is
    ours).
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 2
    unit: ClassVar[UnitKind] = "judged_pair"
    makes: ClassVar[Table] = "pairs"
    sifts: ClassVar[bool] = True
    prompts: ClassVar[tuple[str, ...]] = ()
    calls: ClassVar[int] = 0
    yields: ClassVar[int] = 1

    agreement: Annotated[float, Field(gt=0, le=1)] = 1.0

    def __call__(self, unit: PairText) -> Kept | Nothing:
        """Whether the pair stays."""
        reason, detail = self._fault(unit, [signal for signal in unit.signals if signal.name in (REASONS, CHECK)])
        return Nothing(reason, detail) if reason else Kept()

    def _fault(self, each: PairText, read: Iterable[Signal]) -> tuple[str, str]:
        """Why a pair is dropped, if it is."""
        both = sorted((each.pair.chosen_id, each.pair.rejected_id))
        chosen: Vote = "a" if both[0] == each.pair.chosen_id else "b"
        about = [signal for signal in read if signal.response_ids == both and signal.vote and not signal.abstained]
        verdicts = [signal.vote for signal in about if signal.name == CHECK]
        agreeing = verdicts.count(chosen)
        reason, detail = "", ""
        if not any(signal.name == REASONS and signal.vote == chosen and signal.rationale for signal in about):
            reason, detail = "no_rationale", "no reasons were given for this label"
        elif not verdicts:
            reason, detail = "no_rationale", "no verdict was given without the label"
        elif agreeing < self.agreement * len(verdicts):
            reason = "rationale_contradicts"
            detail = f"{agreeing} of {len(verdicts)} hidden verdicts name the chosen answer"
        return reason, detail
