"""What a strategy is: a small frozen value that turns one unit of work into one answer, and does no I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

from schemas.columns import Sifted
from schemas.requests import Asking
from schemas.rows import Row
from schemas.units import Candidates, UnitKind

Table = Literal["documents", "passages", "prompts", "responses", "signals", "pairs", "labels", "vectors"]


@dataclass(frozen=True, slots=True)
class Nothing:
    """The unit was done and nothing came of it: `reason` is a stable code, `detail` a sentence."""

    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """What is known of a row that stays: a flag (`flag/…`), a weight, a rank, a cluster. Kept in the table `notes`."""

    row_id: str
    name: str
    value: float | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """The row that the unit is stays, with what is to be noted of it."""

    notes: tuple[Note, ...] = ()


class Rewritten(list[Row]):
    """One row that takes the place of the one that the unit is; `detail` says why, and stands in the unit's outcome."""

    def __init__(self, row: Row, detail: str) -> None:
        super().__init__([row])
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Drop:
    """The row leaves: `reason` is a stable code. `detail` changes only when what the decision rests on does."""

    row_id: str
    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """What a set-wide step found out over all rows (thresholds, counts), as plain JSON. Kept in the table `fits`."""

    values: Mapping[str, Any]


Said = Drop | Note | Found
Answer = list[Row] | Nothing | Kept


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
    that nobody is told to put into a recipe, because an audit puts it there. `sifts` is true of one that decides on the
    row that its unit is: it answers `Kept`, or `Nothing` for a row that leaves with all that hangs on it, or one row that
    takes its place; `makes` is then the table of that row.
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


class Rows(Protocol):
    """All rows in scope of the table that a sieve decides on, as columns."""

    def read(self, *columns: str) -> Iterator[list[tuple[Any, ...]]]:
        """Batches of rows, each row the columns asked for in that order; the order of rows is not told.

        May be called again for another pass. `schemas.columns` says which columns there are.
        """
        ...

    def repeated(self, key: str, *columns: str) -> Iterator[list[tuple[Any, ...]]]:
        """The rows alone whose value of `key` others have too, those of one value side by side: (key, *columns)."""
        ...

    def documents(self, media_type: str) -> Iterator[list[tuple[str, str]]]:
        """Batches of (id, text) of all stored documents of a media type, in scope or not, in the order of their ids."""
        ...

    def remember(self, likeness: str, key: str, text: str) -> Memory:
        """What is known of the texts in column `text`, which rows with one `key` share, under one way of comparing."""
        ...


class Memory(Protocol):
    """The texts of the rows in scope, by number, and what earlier builds found out about them. Arrays are numpy's."""

    known: int
    new: int

    def sketches(self, width: int) -> tuple[Any, Any]:
        """The sketches of the known texts 0 … known - 1, uint8[known, width], and their sizes, uint32[known]."""
        ...

    def alike(self) -> Any:
        """The pairs of known texts that were found alike, int64[p, 2]."""
        ...

    def fresh(self) -> Iterator[tuple[list[int], list[str]]]:
        """The new texts known … known + new - 1, in batches: numbers, texts."""
        ...

    def texts(self, numbers: Sequence[int]) -> list[str]:
        """The texts of some numbers, in the same order."""
        ...

    def repeated(self) -> list[int]:
        """The texts that several rows in scope have."""
        ...

    def rows(self, numbers: Sequence[int], *columns: str) -> list[tuple[Any, ...]]:
        """The rows in scope that have one of these texts: (number, *columns)."""
        ...

    def keep(self, data: Any, sizes: Any, pairs: Any, values: Any) -> None:
        """What is to be known from now on: the sketches of all new texts, pairs that are alike, and how much."""
        ...


@runtime_checkable
class Sieve(Protocol):
    """A strategy that must see all rows of a table before it can speak of one; a barrier in the flow. It asks no model.

    It names the rows that leave, and those that something is noted of; all others stay. It may hold numbers and hashes
    of all rows, never their texts. `needs`, if it has one, names tables besides its own that earlier steps must fill.
    """

    version: ClassVar[int]

    @property
    def of(self) -> Sifted:
        """The table whose rows it decides on."""
        ...

    def sift(self, rows: Rows) -> Iterator[Said]:
        """What is said of some rows, whatever order they come in."""
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
