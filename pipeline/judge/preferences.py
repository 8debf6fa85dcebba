"""Take what a row of preference data says of its answers as signals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pydantic import ConfigDict

from pipeline.preferences.items import IMPORTED
from pipeline.preferences.rows import ids_by_place, item_in, signals_of
from pipeline.strategy import Answer, Nothing, Table
from schemas.units import SourcedResponses, UnitKind


@dataclass(frozen=True, slots=True)
class Preferences:
    """Every vote, score and margin of an imported row as a raw signal; what comes of them is for steps that select.

    The overall vote is named `preference` and has the margin as its value, an overall score is named `score`, others go
    by their own names. The evaluator of the set's own label is `imported:` and the set, of others who they are.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    unit: ClassVar[UnitKind] = "sourced_responses"
    makes: ClassVar[Table] = "signals"
    prompts: ClassVar[tuple[str, ...]] = ()
    calls: ClassVar[int] = 0
    yields: ClassVar[int] = 0

    def __call__(self, unit: SourcedResponses) -> Answer:
        """The signals of one row."""
        item = item_in(unit.document, IMPORTED)
        if item is None:
            return Nothing("not_preferences", "the document is no row of preference data")
        return list(signals_of(item, unit.prompt.prompt_id, ids_by_place(unit.responses, "imported")))
