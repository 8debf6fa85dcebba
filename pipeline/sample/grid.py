"""Sample every prompt from a grid of models and temperatures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from pipeline.strategy import Answer, Nothing, Table
from schemas.requests import Asking, Request, Sampling
from schemas.rows import ResponseAnswer, Row
from schemas.units import PromptUnit, UnitKind


@dataclass(frozen=True, slots=True)
class Grid:
    """`draws` responses from each model at each temperature; the draws of one cell share one request and its prefill.

    `show` says what the sampler sees besides the question: nothing (closed book) or the passage (open book). Whatever
    it sees, the exported prompt is the question alone.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    unit: ClassVar[UnitKind] = "prompt"
    makes: ClassVar[Table] = "responses"
    prompts: ClassVar[tuple[str, ...]] = ("sample/answer",)

    models: Annotated[tuple[str, ...], Field(min_length=1)] = ("default",)
    draws: Annotated[int, Field(ge=1, le=256)] = 4
    temperatures: Annotated[tuple[Annotated[float, Field(ge=0, le=2)], ...], Field(min_length=1)] = (0.8,)
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    max_tokens: Annotated[int, Field(ge=1)] = 512
    show: Literal["nothing", "passage"] = "nothing"
    role: str = "candidate"

    def __post_init__(self) -> None:
        if self.draws > 1 and 0 in self.temperatures:
            raise ValueError("temperature 0 gives the same draw every time; use draws: 1 or a temperature above 0")

    @property
    def calls(self) -> int:
        """One for each cell of the grid."""
        return len(self.models) * len(self.temperatures)

    @property
    def yields(self) -> int:
        """All draws of all cells."""
        return self.calls * self.draws

    def __call__(self, unit: PromptUnit) -> Asking[Answer]:
        """The responses to one prompt."""
        variables = {"question": unit.prompt.question, "facts": unit.prompt.facts(self.show)}
        cells = [(model, temperature) for model in self.models for temperature in self.temperatures]
        completions = yield [
            Request(
                prompt="sample/answer",
                variables=variables,
                model=model,
                sampling=Sampling(temperature=temperature, top_p=self.top_p, max_tokens=self.max_tokens, n=self.draws),
            )
            for model, temperature in cells
        ]
        responses: list[Row] = [
            ResponseAnswer(
                prompt_id=unit.prompt.prompt_id,
                text=draw.text.strip(),
                model=completion.model,
                role=self.role,
                strategy=f"grid t={temperature:g}",
                draw=index,
                finish_reason=draw.finish_reason,
                tokens=draw.tokens,
                logprob=draw.logprob,
            )
            for (_, temperature), completion in zip(cells, completions, strict=True)
            for index, draw in enumerate(completion.draws)
            if draw.text.strip()
        ]
        return responses or Nothing("empty_response", "every draw was empty")
