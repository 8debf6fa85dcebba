"""Take what people said of a labelled item as labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pydantic import ConfigDict

from pipeline.preferences.items import MEDIA_TYPE, Label
from pipeline.preferences.rows import ids_by_place, item_in
from pipeline.strategy import Answer, Nothing, Table
from schemas.rows import LabelAnswer, Row
from schemas.units import SourcedResponses, UnitKind


@dataclass(frozen=True, slots=True)
class Labelled:
    """Every verdict and score that a labelled item carries, one row each; a and b are the candidates by id."""

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    audits_only: ClassVar[bool] = True
    unit: ClassVar[UnitKind] = "sourced_responses"
    makes: ClassVar[Table] = "labels"
    prompts: ClassVar[tuple[str, ...]] = ()
    calls: ClassVar[int] = 0
    yields: ClassVar[int] = 0

    def __call__(self, unit: SourcedResponses) -> Answer:
        """The labels of one item."""
        item = item_in(unit.document, MEDIA_TYPE)
        if item is None:
            return Nothing("not_labelled", "the document is not an item of labelled data")
        ids = ids_by_place(unit.responses, "labelled")
        rows: list[Row] = [_row(unit.prompt.prompt_id, label, ids) for label in item.labels]
        return rows


def _row(prompt_id: str, label: Label, ids: list[str]) -> LabelAnswer:
    about, vote, _ = label.between(ids)
    return LabelAnswer(
        prompt_id=prompt_id,
        response_ids=about,
        annotator=label.annotator,
        name=label.name,
        vote=vote,
        strength=label.strength,
        score=label.score,
        note=label.note,
    )
