"""Say what kind of task a prompt is, once for all that is judged about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from pipeline.strategy import Answer, Table
from prompts import criteria
from schemas.requests import Asking, Choice, Request, Sampling
from schemas.rows import Row, SignalAnswer
from schemas.units import PromptUnit, UnitKind

PREFIX = "category/"
"""How the signals are named that say what kind of task a prompt is; `warehouse.forming` looks for it too."""


@dataclass(frozen=True, slots=True)
class Category:
    """One of `categories` for each prompt: the one it is tagged with, else the one that a model chooses.

    The signal is named `category/<name>`, is about no response, and has the value 1. Judges of criteria that are for one
    category read it (`judge/criteria`), so that the question is put once for each prompt and not once for each
    comparison. A tag counts with or without the prefix; of several, the first in the order of the categories.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    unit: ClassVar[UnitKind] = "prompt"
    makes: ClassVar[Table] = "signals"
    prompts: ClassVar[tuple[str, ...]] = ("judge/category",)
    calls: ClassVar[int] = 1
    yields: ClassVar[int] = 1

    categories: Annotated[tuple[criteria.Category, ...], Field(min_length=2)]
    model: str = "default"
    max_tokens: Annotated[int, Field(ge=8)] = 32

    def __post_init__(self) -> None:
        names = [each.name for each in self.categories]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"two categories are called {twice[0]!r}; rename one")

    def __call__(self, unit: PromptUnit) -> Asking[Answer]:
        """The one signal of a prompt."""
        names = tuple(each.name for each in self.categories)
        tags = {tag.removeprefix(PREFIX) for tag in unit.prompt.tags}
        tagged = next((name for name in names if name in tags), None)
        if tagged is not None:
            by_tag: list[Row] = [self._signal(unit, tagged, evaluator="tag", raw="")]
            return by_tag
        (completion,) = yield [
            Request(
                prompt="judge/category",
                variables={
                    "categories": tuple((each.name, each.definition) for each in self.categories),
                    "question": unit.prompt.question,
                },
                model=self.model,
                shape=Choice(names),
                sampling=Sampling(max_tokens=self.max_tokens),
            )
        ]
        by_model: list[Row] = [self._signal(unit, completion.text, evaluator=completion.model, raw=completion.text)]
        return by_model

    def _signal(self, unit: PromptUnit, name: str, *, evaluator: str, raw: str) -> SignalAnswer:
        return SignalAnswer(
            prompt_id=unit.prompt.prompt_id,
            response_ids=[],
            name=PREFIX + name,
            evaluator=evaluator,
            value=1.0,
            raw=raw,
        )
