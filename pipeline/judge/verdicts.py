"""What a judge of two answers may reply, and which candidate each reply speaks for."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from schemas.rows import Order, Vote

TIE = "tie"
ORDERS: tuple[Order, Order] = ("ab", "ba")
PROBABILITIES: dict[Vote, float] = {"a": 1.0, "tie": 0.5, "b": 0.0}
"""The probability of candidate a that a bare verdict stands for."""
DIGITS = 12
"""Decimals of a probability that is kept: another machine's exponential function may differ in the last bit."""


@functools.cache
def reply_with(labels: tuple[str, ...], *, is_reasoned: bool) -> type[BaseModel]:
    """The JSON reply that holds one of these labels; a reasoned one gives its reason first, so that the verdict can follow."""
    reason: dict[str, Any] = {"reason": (Annotated[str, Field(max_length=600)], ...)} if is_reasoned else {}
    verdict: Any = Literal.__getitem__(labels)
    name = "ReasonedVerdict" if is_reasoned else "Verdict"
    return create_model(name, __config__=ConfigDict(extra="forbid"), **reason, verdict=(verdict, ...))


@dataclass(frozen=True, slots=True)
class Ballot:
    """How labels are read: the one for the answer shown first, the one for the second, and whether a tie is among them.

    With `is_inverted` a label names the answer that a principle of the worse kind fits ("the more harmful one"), so the
    vote goes to the other one (arXiv 2309.00267, the prompts of the harmlessness task).
    """

    labels: tuple[str, str]
    has_tie: bool
    is_inverted: bool

    @property
    def options(self) -> tuple[str, ...]:
        """Every label that may be given."""
        return (*self.labels, TIE) if self.has_tie else self.labels

    def votes(self, order: Order) -> Mapping[str, Vote]:
        """Which candidate each label is a vote for, given the order they were shown in."""
        winners: tuple[Vote, Vote] = ("a", "b") if (order == "ab") != self.is_inverted else ("b", "a")
        return {**dict(zip(self.labels, winners, strict=True)), TIE: "tie"}

    def label_of(self, better: Literal["first", "second", "tie"]) -> str:
        """The label that says which of two answers is better; of the other one where the principle is inverted."""
        if better == "tie":
            return TIE
        return self.labels[(better == "second") != self.is_inverted]

    def probability(self, shares: Mapping[str, float], order: Order) -> float:
        """The probability of candidate a under these shares of the labels, which sum to 1; half of a tie is for each."""
        votes = self.votes(order)
        return round(sum(share * PROBABILITIES[votes[label]] for label, share in shares.items()), DIGITS)

    def likeliest(self, shares: Mapping[str, float], order: Order) -> Vote:
        """The vote with the largest share; a tie when two have it, for then position alone would decide."""
        votes = self.votes(order)
        most = max(shares.values())
        leading = [votes[label] for label, share in shares.items() if most - share < 10**-DIGITS]
        return leading[0] if len(leading) == 1 else "tie"
