"""What a strategy is: a small frozen value that turns one unit of work into one answer, and does no I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

from schemas.requests import Asking
from schemas.rows import Row
from schemas.units import Candidates, PairText, UnitKind

Table = Literal["passages", "prompts", "responses", "signals", "pairs", "labels", "vectors"]


@dataclass(frozen=True, slots=True)
class Nothing:
    """The unit was done and nothing came of it: `reason` is a stable code, `detail` a sentence."""

    reason: str
    detail: str = ""


Answer = list[Row] | Nothing


@dataclass(frozen=True, slots=True)
class Decision:
    """What a set-wide strategy says of one row: kept, or dropped with a reason.

    `unit_id` is the row's id while the decision rests on the row alone; a decision that rests on others hashes them in,
    so that it is taken anew when they change.
    """

    unit_id: str
    subject_id: str
    document_id: str
    keep: bool
    reason: str = ""
    detail: str = ""


@runtime_checkable
class Strategy(Protocol):
    """A row-local strategy: its fields are its parameters, and calling it with a unit gives the unit's answer.

    A strategy that asks models is a generator function: it yields rounds of requests, is sent the completions in the
    same order, and returns its answer. One that asks nothing returns its answer at once. `Unanswerable` says that the
    unit failed for good. A field named `model` or `models` holds aliases of the recipe's models.

    Some attributes are optional. `at_once`: the calls of its widest round, where there are several rounds. `each`: what
    a recipe may give in the plural, as `{"principles": "principle", "models": "model"}`; the step then stands for one
    step with each of them, and a change to one of them leaves the others' work as it is. `retired`: parameters that are
    no more, each with what to write in its place. `turns`: how many turns its first prompt must have, where each turn is
    read on its own. `embeds` is true of one that asks for vectors and nothing else. `audits_only` is true of a strategy
    that nobody is told to put into a recipe, because an audit puts it there.
    """

    version: ClassVar[int]
    unit: ClassVar[UnitKind]
    makes: ClassVar[Table]
    prompts: ClassVar[tuple[str, ...]]

    def __call__(self, unit: Any) -> Asking[Answer] | Answer:
        """Answer one unit."""
        ...

    @property
    def calls(self) -> int:
        """How many model calls one unit takes, at most; for `prefmill plan`."""
        ...

    @property
    def yields(self) -> int:
        """How many rows one unit makes, at most; for `prefmill plan`."""
        ...


@runtime_checkable
class SetWide(Protocol):
    """A strategy that must see all pairs before it can speak of one; a barrier in the flow. It asks no model."""

    version: ClassVar[int]
    unit: ClassVar[UnitKind]

    def decide(self, pairs: Iterable[PairText]) -> Iterator[Decision]:
        """One decision for each pair, whatever order they come in."""
        ...


@runtime_checkable
class Fitted(Protocol):
    """A strategy that must see all judged candidates before it can label one: a barrier in the flow. It asks no model.

    `fit` reads all units, in any order, and returns plain JSON values: all that one unit's answer needs to know of the
    others. `answer` is then a pure function of one unit and the fit; when another fit comes out, every unit is answered
    anew. Fits are kept in the table `fits`.
    """

    version: ClassVar[int]
    unit: ClassVar[UnitKind]
    makes: ClassVar[Table]

    def fit(self, units: Iterable[Candidates]) -> Mapping[str, Any]:
        """What all units say together; rounded so that it is the same in any process."""
        ...

    def answer(self, unit: Candidates, fit: Mapping[str, Any]) -> Answer:
        """The rows of one unit, or why there are none."""
        ...
