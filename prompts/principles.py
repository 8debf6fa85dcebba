"""Principles: what a judge is told to value, kept as data in `prompts/principles/*.yaml`."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from prompts.words import Words


class Principle(Words):
    """One criterion in words: what it asks for, what its negation asks for, how much it weighs and when it applies.

    `detail` is the long form that a detailed preamble adds (what is good, what is poor). With `inverted` the definition
    describes the worse answer ("the more harmful one"): verdicts are turned round as they are read (arXiv 2309.00267,
    appendix; the question is easier to answer so).
    """

    folder: ClassVar[str] = "principles"
    kind: ClassVar[str] = "principle"
    labels_only: ClassVar[tuple[str, ...]] = ("weight", "when")

    definition: str
    negation: str
    detail: str = ""
    inverted: bool = False
    weight: float = Field(1.0, gt=0)
    when: str = "always"
