"""Take what people said of a labelled item as labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pydantic import ConfigDict

from pipeline.audit.items import MEDIA_TYPE, Label, read_item
from pipeline.strategy import Answer, Nothing, Table
from schemas.rows import LabelAnswer, Row, Vote
from schemas.units import SourcedResponses, UnitKind

SWAPPED: dict[Vote, Vote] = {"a": "b", "b": "a", "tie": "tie"}


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
        if unit.document.media_type != MEDIA_TYPE:
            return Nothing("not_labelled", "the document is not an item of labelled data")
        ids = {
            response.draw: response.response_id
            for response in unit.responses
            if response.strategy.split()[0] == "labelled"
        }
        rows: list[Row] = [
            _row(unit.prompt.prompt_id, label, [ids[place] for place in label.about])
            for label in read_item(unit.document.text).labels
        ]
        return rows


def _row(prompt_id: str, label: Label, about: list[str]) -> LabelAnswer:
    vote = label.vote
    if vote is not None and about != sorted(about):
        vote = SWAPPED[vote]
    return LabelAnswer(
        prompt_id=prompt_id,
        response_ids=sorted(about),
        annotator=label.annotator,
        name=label.name,
        vote=vote,
        strength=label.strength,
        score=label.score,
        note=label.note,
    )
