"""Take the answers of a labelled item as candidates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pydantic import ConfigDict

from pipeline.preferences.items import MEDIA_TYPE
from pipeline.preferences.rows import item_in, responses_of
from pipeline.strategy import Answer, Nothing, Table
from schemas.units import SourcedPrompt, UnitKind


@dataclass(frozen=True, slots=True)
class Labelled:
    """The answers of a labelled item, each with the model that wrote it; `draw` is its place in the item.

    A judge is shown candidates in the order of their ids, which are hashes, so the place of the better one leaks nothing.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    audits_only: ClassVar[bool] = True
    unit: ClassVar[UnitKind] = "sourced_prompt"
    makes: ClassVar[Table] = "responses"
    prompts: ClassVar[tuple[str, ...]] = ()
    calls: ClassVar[int] = 0
    yields: ClassVar[int] = 0

    def __call__(self, unit: SourcedPrompt) -> Answer:
        """The candidates of one item."""
        item = item_in(unit.document, MEDIA_TYPE)
        if item is None:
            return Nothing("not_labelled", "the document is not an item of labelled data")
        return list(responses_of(item, unit.prompt.prompt_id, "labelled"))
