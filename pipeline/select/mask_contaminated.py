"""Put a mask in the place of the words of evaluation items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from pipeline.contamination.evaluations import EvaluationSet
from pipeline.contamination.masking import masked, put_back, says, texts_in
from pipeline.contamination.search import check_search, describe, index_of
from pipeline.contamination.words import words_of
from pipeline.strategy import Answer, Kept, Nothing, Rewritten, Table
from schemas.errors import RequestError, Transient
from schemas.units import PassageUnit, PromptUnit, ResponseUnit, UnitKind

KINDS: dict[str, UnitKind] = {"passages": "passage", "prompts": "prompt", "responses": "response"}


@dataclass(frozen=True, slots=True)
class MaskContaminated:
    """Rewrite the rows that hold an evaluation item, with `mask` for each run of `n` words that they share with one.

    What makes a row hold an item is told by the parameters of `select/decontaminate`, and so is the search. In a row that
    holds one, the runs of all items are masked: in all turns of a prompt, its reference, evidence and context, too. A row
    with no word left, or a prompt with none left in its question, leaves (`contaminated`).
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    prompts: ClassVar[tuple[str, ...]] = ()
    sifts: ClassVar[bool] = True
    rewrites: ClassVar[bool] = True
    calls: ClassVar[int] = 0
    yields: ClassVar[int] = 1

    against: tuple[EvaluationSet, ...]
    of: Literal["passages", "prompts", "responses"] = "prompts"
    n: Annotated[int, Field(ge=1, le=1000)] = 13
    min_words: Annotated[int, Field(ge=1)] | None = None
    min_share: Annotated[float, Field(ge=0, le=1)] = 0.0
    mask: str = "[…]"

    def __post_init__(self) -> None:
        if not self.against:
            raise ValueError("it compares with nothing; give `against`")
        if words_of(self.mask):
            raise ValueError(f"`mask` is {self.mask!r}; it has no letters and digits, for these might be an item's")
        check_search(self.against, self.n, self.min_words)

    @property
    def unit(self) -> UnitKind:
        """One row of the table that it rewrites."""
        return KINDS[self.of]

    @property
    def makes(self) -> Table:
        """The table that it rewrites."""
        return self.of

    def __call__(self, unit: PassageUnit | PromptUnit | ResponseUnit) -> Answer:
        """The row with masks, or that it stays as it is."""
        try:
            index = index_of(self.against, self.n, self.min_words)
        except RequestError as problem:  # it was there when the build began, and may be there again
            raise Transient(str(problem)) from None
        texts = texts_in(unit)
        hit = next(index.scan([texts], self.min_share), None)
        if hit is None:
            return Kept()
        shown = masked(index, texts, self.mask)
        row = None if shown is None else put_back(unit, shown)
        if row is None or not words_of(says(row)):
            return Nothing("contaminated", describe(hit))
        return Rewritten(row, describe(hit))
