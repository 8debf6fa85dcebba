"""Aspects: what a judge scores a single answer on, kept as data in `prompts/rubrics/*.yaml`."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from prompts.words import Words

LARGEST = 20
"""The largest number of a scale: servers tell the likeliest twenty tokens at most, and a first digit then divides it."""


class Aspect(Words):
    """One aspect of quality in words: what it is, what each score of its scale stands for, and how much it weighs.

    `scale` says for every whole number from the least to the most what earns it. With `not_applicable` the judge may say
    that the aspect does not apply to an answer ("N/A"); that is no score. `detail` is what else the judge has to know.
    """

    folder: ClassVar[str] = "rubrics"
    kind: ClassVar[str] = "aspect"
    labels_only: ClassVar[tuple[str, ...]] = ("weight",)

    definition: str
    scale: dict[Annotated[int, Field(ge=0, le=LARGEST)], Annotated[str, Field(min_length=1)]] = Field(min_length=2)
    not_applicable: bool = False
    detail: str = ""
    weight: float = Field(1.0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _every_number_has_its_words(self) -> Self:
        missing = sorted(set(range(self.least, self.most + 1)) - set(self.scale))
        if missing:
            raise ValueError(f"the scale goes from {self.least} to {self.most} but says nothing of {missing[0]}")
        return self

    @property
    def least(self) -> int:
        """The worst score."""
        return min(self.scale)

    @property
    def most(self) -> int:
        """The best score."""
        return max(self.scale)

    @property
    def anchors(self) -> str:
        """The scale as a judge reads it, one line for each number, from the least to the most."""
        return "\n".join(f"{number}: {self.scale[number]}" for number in sorted(self.scale))
