"""Take the answers of a row of preference data as candidates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pydantic import ConfigDict

from pipeline.preferences.items import IMPORTED
from pipeline.preferences.rows import item_in, responses_of
from pipeline.strategy import Answer, Nothing, Table
from schemas.units import SourcedPrompt, UnitKind


@dataclass(frozen=True, slots=True)
class Preferences:
    """The answers of an imported row with role `imported`, each with the model that wrote it, if the row says so.

    Steps that sample may add others: a judge then sees them all.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    unit: ClassVar[UnitKind] = "sourced_prompt"
    makes: ClassVar[Table] = "responses"
    prompts: ClassVar[tuple[str, ...]] = ()
    calls: ClassVar[int] = 0
    yields: ClassVar[int] = 0

    def __call__(self, unit: SourcedPrompt) -> Answer:
        """The candidates of one row."""
        item = item_in(unit.document, IMPORTED)
        if item is None:
            return Nothing("not_preferences", "the document is no row of preference data")
        return list(responses_of(item, unit.prompt.prompt_id, "imported"))
