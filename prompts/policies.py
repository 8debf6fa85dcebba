"""Policies of a cascade: when a cheap judge's verdict is kept, and when a dearer one is asked. Data, as principles are."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from prompts.words import Words

Route = Literal["keep", "escalate"]
Verdict = Literal["a", "b", "tie", "split"]
"""A judge's verdict on a pair: for one of the two, for neither, or for both equally often (`split`)."""
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
RULES = ("threshold", "double", "triple", "table")


class Policy(Words):
    """A meta-verifier: it decides by the verification v in [0, 1] of a verdict. Exactly one of four rules is given.

    `threshold` t escalates v < t. `double` (lo, hi) escalates lo <= v <= hi: a verdict that nothing speaks for may be one
    that the dear judge gets wrong too. `triple` (low, lo, hi) escalates v <= low and lo <= v <= hi. `table` says it for
    each of its B + 1 values 0, 1/B … 1, and v is taken as the nearest (the upper one, half way). Verdicts in `always`
    are escalated whatever v is. (AutoMix, arXiv 2310.12963, sections 3 and C, and its released code.)
    """

    folder: ClassVar[str] = "policies"
    kind: ClassVar[str] = "policy"

    name: str = "own"
    about: str = ""
    threshold: Share | None = None
    double: tuple[Share, Share] | None = None
    triple: tuple[Share, Share, Share] | None = None
    table: Annotated[tuple[Route, ...], Field(min_length=1)] | None = None
    always: tuple[Literal["tie", "split"], ...] = ()

    labels_only: ClassVar[tuple[str, ...]] = ("about",)

    @model_validator(mode="after")
    def _one_rule(self) -> Self:
        given = [rule for rule in RULES if getattr(self, rule) is not None]
        if len(given) != 1:
            raise ValueError(
                f"a policy has exactly one of {', '.join(RULES)}; this one has {' and '.join(given) or 'none'}"
            )
        if self.double and self.double[0] > self.double[1]:
            raise ValueError(f"`double` is lo, hi with lo <= hi, not {self.double[0]:g}, {self.double[1]:g}")
        if self.triple and not self.triple[0] < self.triple[1] <= self.triple[2]:
            raise ValueError(f"`triple` is low, lo, hi with low < lo <= hi, not {', '.join(map(str, self.triple))}")
        return self

    @property
    def rule(self) -> str:
        """The rule in words, for rationales and reports."""
        always = f", always {' and '.join(self.always)}" if self.always else ""
        if self.threshold is not None:
            return f"v < {self.threshold:g}{always}"
        if self.double is not None:
            return f"{self.double[0]:g} <= v <= {self.double[1]:g}{always}"
        if self.triple is not None:
            low, lo, hi = self.triple
            return f"v <= {low:g} or {lo:g} <= v <= {hi:g}{always}"
        table = self.table or ()
        if len(set(table)) == 1:
            return f"v {'>=' if table[0] == 'escalate' else '<'} 0{always}"
        shown = [f"{place / (len(table) - 1):g}" for place, what in enumerate(table) if what == "escalate"]
        return f"v near {', '.join(shown)}{always}"


def decide(policy: Policy, v: float, verdict: Verdict = "a") -> Route:
    """Keep a verdict that was verified to v in [0, 1], or escalate it; `ValueError` for a v that is none."""
    if not 0 <= v <= 1:
        raise ValueError(f"v is {v!r}; a verification lies in [0, 1]")
    if verdict in policy.always:
        return "escalate"
    if policy.table is not None:
        return policy.table[bin_of(v, len(policy.table) - 1)]
    if policy.threshold is not None:
        is_doubted = v < policy.threshold
    elif policy.double is not None:
        is_doubted = policy.double[0] <= v <= policy.double[1]
    else:
        low, lo, hi = policy.triple or (0.0, 0.0, 0.0)
        is_doubted = v <= low or lo <= v <= hi
    return "escalate" if is_doubted else "keep"


def bin_of(v: float, bins: int) -> int:
    """Which of 0, 1/bins … 1 is nearest to v in [0, 1], as a number from 0; half way it is the upper one."""
    return math.floor(v * bins + 0.5)
