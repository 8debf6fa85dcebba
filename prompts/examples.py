"""Examples of a judgement that a judge is shown before its own, kept as data in `prompts/examples/*.yaml`."""

from __future__ import annotations

from typing import ClassVar, Literal

from prompts.words import Words


class Example(Words):
    """Two answers to a question, which one is better, and why.

    `better` says what is right, whatever the principle asks: with one that is inverted, the label of the other one is
    shown. Without a `reason` the example shows the verdict alone.
    """

    folder: ClassVar[str] = "examples"
    kind: ClassVar[str] = "example"

    question: str
    first: str
    second: str
    better: Literal["first", "second", "tie"]
    facts: str = ""
    reason: str = ""
