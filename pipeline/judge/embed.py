"""Turn prompts or responses into vectors, for what compares many of them: duplicates, density, coverage."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import ConfigDict

from pipeline.strategy import Answer, Nothing, Table
from schemas.requests import Asking, Request
from schemas.requests import Embed as Vectors
from schemas.rows import VectorAnswer
from schemas.units import PromptUnit, ResponseUnit, UnitKind

DECIMALS = 6
"""Servers repeat a vector to about seven digits only, depending on what they compute beside it."""


def direction(vector: Sequence[float]) -> list[float] | None:
    """A vector brought to length 1, each number rounded to six decimals; None for zeros, which point nowhere."""
    largest = max(map(abs, vector), default=0.0)
    if largest == 0.0:
        return None
    # Scaled to at most 1 in each dimension, so that no square is too large or vanishes.
    scaled = [value / largest for value in vector]
    length = math.hypot(*scaled)
    return [round(value / length, DECIMALS) + 0.0 for value in scaled]


@dataclass(frozen=True, slots=True)
class Embed:
    """One row of `vectors` for each prompt (all its turns) or response (its text alone), of length 1.

    Of a text only the first `characters` count; what the model cuts of them is its own. A text of white space gives
    `empty_text`, a vector of zeros `no_direction`.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    makes: ClassVar[Table] = "vectors"
    prompts: ClassVar[tuple[str, ...]] = ("judge/embed",)
    calls: ClassVar[int] = 1
    yields: ClassVar[int] = 1
    turns: ClassVar[int] = 1
    embeds: ClassVar[bool] = True
    each: ClassVar[Mapping[str, str]] = {"models": "model"}

    of: Literal["prompts", "responses"] = "prompts"
    model: str = "default"
    characters: int = 8000

    def __post_init__(self) -> None:
        """Refuse a cut that leaves nothing."""
        if self.characters < 1:
            raise ValueError(f"`characters` is {self.characters}; give how many characters of a text count, 1 or more")

    @property
    def unit(self) -> UnitKind:
        """A prompt or a response."""
        return "prompt" if self.of == "prompts" else "response"

    def __call__(self, unit: PromptUnit | ResponseUnit) -> Asking[Answer]:
        """The vector of one text."""
        if isinstance(unit, ResponseUnit):
            subject_id, text = unit.response.response_id, unit.response.text
        else:
            subject_id = unit.prompt.prompt_id
            text = "\n\n".join(message["content"] for message in unit.prompt.messages)
        text = text[: self.characters]
        if not text.strip():
            return Nothing("empty_text", "nothing is said, so there is nothing to embed")
        (completion,) = yield [Request("judge/embed", {"text": text}, self.model, Vectors())]
        vector = direction(completion.data[0])
        if vector is None:
            return Nothing("no_direction", f"{completion.model} gives a vector of zeros for this text")
        return [VectorAnswer(subject_id=subject_id, model=completion.model, vector=vector)]
