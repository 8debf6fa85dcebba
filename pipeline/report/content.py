"""What is on the page of a report: sections of words, charts and tables, and examples; plain values, nothing drawn yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Cell = str | int | float | None
Kind = Literal["bars", "columns", "stack", "matrix", "points"]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a header; `title` says what they are. A number that is a share is given as words."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True, slots=True)
class Chart:
    """A plot and the table it is drawn from.

    The first column of `table` labels; `series` names the columns that are drawn, `ends` the words at the end of each bar.
    `matrix` draws all columns but the first, shares in [0, 1]; `points` draws (value, low, high), shares in [0, 1]. `middle`
    marks where neither side leads. `what` is the one sentence that a reader who does not see the plot needs.
    """

    name: str
    kind: Kind
    title: str
    what: str
    table: Table
    series: Sequence[int] = (1,)
    ends: Sequence[str] = ()
    axis: str = ""
    middle: float | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """One chapter of the page; `words` are its paragraphs."""

    name: str
    title: str
    words: Sequence[str] = ()
    charts: Sequence[Chart] = ()
    tables: Sequence[Table] = ()


@dataclass(frozen=True, slots=True)
class Said:
    """A text as far as the page holds it: `shown`, then `more` behind a fold, then `left_out` characters that are not there."""

    shown: str
    more: str = ""
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Example:
    """One pair to read: its conversation, both answers with who wrote them, what was said of it, and the way back."""

    name: str
    question: Sequence[tuple[str, Said]]
    chosen: Said
    rejected: Said
    chosen_by: str
    rejected_by: str
    facts: Sequence[tuple[str, str]]
    verdicts: Table | None
    rationale: Said | None
    evidence: Said | None
    places: Sequence[str]


@dataclass(frozen=True, slots=True)
class Shelf:
    """Examples of one kind, to leaf through."""

    name: str
    title: str
    words: str
    examples: Sequence[Example]


@dataclass(frozen=True, slots=True)
class Dropped:
    """What one step made nothing of for one reason: how many units, and a few: (id, detail, text, place)."""

    step: str
    reason: str
    units: int
    examples: Sequence[tuple[str, str, Said, str]]


@dataclass(frozen=True, slots=True)
class Page:
    """A whole report. `warnings` stand above everything; `facts` are the figures at the head."""

    release: str
    release_id: str
    lead: str
    warnings: Sequence[str]
    facts: Sequence[tuple[str, str]]
    sections: Sequence[Section]
    shelves: Sequence[Shelf] = ()
    dropped: Sequence[Dropped] = field(default=())
