"""Rate both answers of a pair on a sheet of properties, in one reply."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model

from pipeline.judge.facts import facts_for
from pipeline.strategy import Answer, Nothing, Table
from prompts.criteria import Criterion
from schemas.fingerprints import derive_seed
from schemas.requests import Asking, Json, Request, Sampling
from schemas.rows import Facts, Order, Row, SignalAnswer
from schemas.units import ResponsePair, UnitKind


def _no_truth_value(said: object) -> object:
    """Refuse `true`, which Python takes for 1."""
    if isinstance(said, bool):
        raise ValueError("Input should be 0, 1, 2 or 3")
    return said


Rating = Annotated[Literal[0, 1, 2, 3], BeforeValidator(_no_truth_value)]


@functools.cache
def sheet_of(names: tuple[str, ...]) -> type[BaseModel]:
    """The reply: for A and for B each property by its name, 0 to 3 or null; one that is left out is null."""
    fields: dict[str, Any] = {
        f"rating_{number}": (Annotated[Rating | None, Field(alias=name)], None) for number, name in enumerate(names)
    }
    closed = ConfigDict(extra="forbid")
    side: type[BaseModel] = create_model("Side", __config__=closed, **fields)
    sides: dict[str, Any] = {"A": (side, ...), "B": (side, ...)}
    sheet: type[BaseModel] = create_model("Sheet", __config__=closed, **sides)
    return sheet


@dataclass(frozen=True, slots=True)
class Properties:
    """One rating in 0..3 for each property of each of two responses, all from one reply.

    The property sheet of Dissecting Human and LLM Preferences (arXiv 2402.11296, the basic properties): both answers are
    rated side by side, so the ratings of a pair can be subtracted. Which answer is shown first is drawn from the ids of
    the two; `order` tells it. A property that the judge cannot rate is missing: no value, `abstained`.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    unit: ClassVar[UnitKind] = "response_pair"
    makes: ClassVar[Table] = "signals"
    prompts: ClassVar[tuple[str, ...]] = ("judge/properties",)
    calls: ClassVar[int] = 1
    each: ClassVar[Mapping[str, str]] = {"models": "model"}

    properties: Annotated[tuple[Criterion, ...], Field(min_length=1)]
    model: str = "default"
    facts: Facts = "nothing"
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.0
    max_tokens: Annotated[int, Field(ge=16)] = 1024

    def __post_init__(self) -> None:
        names = [each.name for each in self.properties]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"two properties are called {twice[0]!r}; rename one")
        if pairwise := [each.name for each in self.properties if each.scope != "response"]:
            raise ValueError(f"criterion {pairwise[0]!r} compares two responses; it is for `judge/criteria`")

    @property
    def yields(self) -> int:
        """Each property of both responses."""
        return 2 * len(self.properties)

    def __call__(self, unit: ResponsePair) -> Asking[Answer]:
        """The signals of one pair: all of candidate a, then all of candidate b."""
        if unit.a.text.strip() == unit.b.text.strip():
            return Nothing("identical_texts", "the two responses say the same")
        order: Order = "ba" if derive_seed("properties", unit.a.response_id, unit.b.response_id) % 2 else "ab"
        first, second = (unit.a, unit.b) if order == "ab" else (unit.b, unit.a)
        (completion,) = yield [
            Request(
                prompt="judge/properties",
                variables={
                    "properties": tuple((each.name, each.definition) for each in self.properties),
                    "question": unit.prompt.question,
                    "facts": facts_for(unit.prompt, self.facts),
                    "first": first.text,
                    "second": second.text,
                },
                model=self.model,
                shape=Json(sheet_of(tuple(each.name for each in self.properties))),
                sampling=Sampling(temperature=self.temperature, max_tokens=self.max_tokens),
            )
        ]
        sides = {first.response_id: completion.data.A, second.response_id: completion.data.B}
        signals: list[Row] = []
        for response in (unit.a, unit.b):
            for number, each in enumerate(self.properties):
                rating: int | None = getattr(sides[response.response_id], f"rating_{number}")
                signals.append(
                    SignalAnswer(
                        prompt_id=unit.prompt.prompt_id,
                        response_ids=[response.response_id],
                        name=each.name,
                        evaluator=completion.model,
                        order=order,
                        value=rating,
                        abstained=rating is None,
                        raw=completion.text,
                    )
                )
        return signals
