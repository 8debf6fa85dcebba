"""Take the mined answer as one of the candidates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pydantic import ConfigDict

from pipeline.strategy import Answer, Nothing, Table
from schemas.rows import ResponseAnswer
from schemas.units import PromptUnit, UnitKind


@dataclass(frozen=True, slots=True)
class Gold:
    """The reference answer of a prompt as a candidate with role `gold`; it is judged like the others, not trusted."""

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    unit: ClassVar[UnitKind] = "prompt"
    makes: ClassVar[Table] = "responses"
    prompts: ClassVar[tuple[str, ...]] = ()
    calls: ClassVar[int] = 0
    yields: ClassVar[int] = 1

    def __call__(self, unit: PromptUnit) -> Answer:
        """The one response, or nothing when the prompt has no reference."""
        prompt = unit.prompt
        if not (prompt.reference or "").strip():
            return Nothing("no_reference", "the prompt has no reference answer")
        return [
            ResponseAnswer(
                prompt_id=prompt.prompt_id,
                text=str(prompt.reference).strip(),
                model="reference",
                role="gold",
                strategy="gold",
            )
        ]
