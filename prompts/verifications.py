"""Worked verifications: what a judge is shown before it verifies a verdict of its own, as data."""

from __future__ import annotations

from typing import ClassVar, Literal

from prompts.words import Words


class Verification(Words):
    """One verdict that was verified: the case, the verdict (`claim`), the reasoning from the facts, and how it ended.

    `claim` is the answer that the principle was said to describe, as shown (`A` is `first`), or `tie`.
    """

    folder: ClassVar[str] = "verifications"
    kind: ClassVar[str] = "verification"

    facts: str = ""
    question: str
    first: str
    second: str
    claim: Literal["A", "B", "tie"]
    reasoning: str
    correct: bool
