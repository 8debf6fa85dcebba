"""Take the question of a labelled item as a prompt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pydantic import ConfigDict

from pipeline.preferences.items import MEDIA_TYPE
from pipeline.preferences.rows import item_in, prompt_of
from pipeline.strategy import Answer, Nothing, Table
from schemas.units import DocumentUnit, UnitKind


@dataclass(frozen=True, slots=True)
class Labelled:
    """The conversation of a labelled item, as its set has it; the set, the category and the item's name are its tags.

    Only `prefmill audit judge` reads such items; any other document gives nothing (`not_labelled`).
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    audits_only: ClassVar[bool] = True
    unit: ClassVar[UnitKind] = "document"
    makes: ClassVar[Table] = "prompts"
    prompts: ClassVar[tuple[str, ...]] = ()
    calls: ClassVar[int] = 0
    yields: ClassVar[int] = 1

    def __call__(self, unit: DocumentUnit) -> Answer:
        """The one prompt of an item."""
        item = item_in(unit.document, MEDIA_TYPE)
        if item is None:
            return Nothing("not_labelled", "the document is not an item of labelled data")
        return [prompt_of(item, "labelled")]
