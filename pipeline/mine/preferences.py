"""Take the question of a row of preference data as a prompt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pydantic import ConfigDict

from pipeline.preferences.items import IMPORTED
from pipeline.preferences.rows import item_in, prompt_of
from pipeline.strategy import Answer, Nothing, Table
from schemas.units import DocumentUnit, UnitKind


@dataclass(frozen=True, slots=True)
class Preferences:
    """The conversation of an imported row, whatever its layout; what else the row says is its tags.

    A document that is no such row gives nothing (`not_preferences`), so texts may lie beside.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    unit: ClassVar[UnitKind] = "document"
    makes: ClassVar[Table] = "prompts"
    prompts: ClassVar[tuple[str, ...]] = ()
    calls: ClassVar[int] = 0
    yields: ClassVar[int] = 1

    def __call__(self, unit: DocumentUnit) -> Answer:
        """The one prompt of a row."""
        item = item_in(unit.document, IMPORTED)
        if item is None:
            return Nothing("not_preferences", "the document is no row of preference data")
        return [prompt_of(item, "imported")]
