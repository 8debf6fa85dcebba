"""The layouts that labelled data is published in: each is recognised by its columns and read row by row."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.audit import groups, pairs, people
from pipeline.audit.items import LabelledItem
from pipeline.audit.places import Placed, rows_at
from pipeline.sources.rows import PEEKED_ROWS
from schemas.errors import SourceError, Unanswerable, nearest

Row = Mapping[str, Any]
MANY_COLUMNS = 30
RECORDED = ("evaluators",)
"""Folders that hold what judges said of the labelled data beside them, as LLMBar publishes it."""


@dataclass(frozen=True, slots=True)
class Layout:
    """One layout: the columns it is known by (with what else tells it from its neighbours), and how a row is read.

    A `grouped` layout has one row for each answer: rows that follow each other with the same prompt are read together.
    """

    columns: frozenset[str]
    read: Callable[[Any], LabelledItem]
    tells: Callable[[Row], bool] = lambda row: True
    grouped: bool = False


def _columns(names: str) -> frozenset[str]:
    return frozenset(names.split())


def _lists(row: Row) -> bool:
    """Whether the answers of a row are lists of texts."""
    return all(
        isinstance(row[side], list) and all(isinstance(each, str) for each in row[side])
        for side in ("chosen", "rejected")
    )


def _texts(row: Row) -> bool:
    return isinstance(row["chosen"], str) and isinstance(row["rejected"], str)


LAYOUTS: dict[str, Layout] = {
    "multipref": Layout(_columns("completion_a completion_b normal_worker_annotations"), people.multipref),
    "helpsteer3": Layout(_columns("context response1 response2 overall_preference"), people.helpsteer3),
    "helpsteer2_preference": Layout(
        _columns("prompt response_1 response_2 preference_strength"), people.helpsteer2_preference
    ),
    "helpsteer2": Layout(_columns("prompt response") | set(groups.ATTRIBUTES), groups.helpsteer2, grouped=True),
    "llmbar": Layout(_columns("input output_1 output_2 label"), pairs.llmbar),
    "judgebench": Layout(_columns("question response_A response_B label"), pairs.judgebench),
    "plain_pair": Layout(_columns("prompt response_a response_b label"), pairs.plain_pair),
    "rm_bench": Layout(_columns("prompt chosen rejected domain"), groups.rm_bench, _lists),
    "rewardbench2": Layout(_columns("prompt chosen rejected subset"), groups.rewardbench2, _lists),
    "rewardbench": Layout(
        _columns("prompt chosen rejected chosen_model rejected_model subset"), pairs.rewardbench, _texts
    ),
    "hh": Layout(
        _columns("chosen rejected"),
        pairs.hh,
        lambda row: _texts(row) and row.get("prompt") is None and pairs.TURN in row["chosen"],
    ),
    "preference": Layout(
        _columns("chosen rejected"), pairs.preference, lambda row: row.get("prompt") is not None or not _texts(row)
    ),
}
"""In the order in which they are tried."""


@dataclass(frozen=True, slots=True)
class Read:
    """What became of one row, or of rows read together: an item, or the reason why it is none."""

    uri: str
    item: LabelledItem | None
    problem: Unanswerable | None = None
    basis: Any = None


def read_labelled(place: str, layout: str | None = None) -> Iterator[Read]:
    """The labelled items of a place, and every row that is none with the reason.

    What is wrong with the request is raised here: a place that is not there, or a layout that nobody knows
    (`SourceError`). The rest is read as it is taken.
    """
    if layout is not None and layout not in LAYOUTS:
        raise SourceError(f"there is no layout {layout!r}{nearest(layout, LAYOUTS)}")
    rows = rows_at(place, RECORDED)
    first = list(itertools.islice(rows, PEEKED_ROWS))
    if not first:
        raise SourceError(f"{place!r} has no rows")
    chosen = LAYOUTS[layout or recognise(place, first)]
    return _read_all(itertools.chain(first, rows), chosen)


def recognise(place: str, rows: list[Placed]) -> str:
    """The layout of the first row that has one; raises `SourceError` that names the columns found and the layouts known."""
    for placed in rows:
        row = placed.row.values
        for name, layout in LAYOUTS.items():
            if layout.columns <= set(row) and layout.tells(row):
                return name
    columns = sorted({column for placed in rows for column in placed.row.values})
    found = ", ".join(columns[:MANY_COLUMNS]) + (", …" if len(columns) > MANY_COLUMNS else "")
    raise SourceError(
        f"{place!r} is in no layout that is known: its columns are {found or 'none'}; known are "
        + "; ".join(f"{name} ({' '.join(sorted(layout.columns))})" for name, layout in LAYOUTS.items())
    )


def _read_all(rows: Iterator[Placed], layout: Layout) -> Iterator[Read]:
    if not layout.grouped:
        for placed in rows:
            yield _read([placed], lambda group: layout.read(group[0]))
        return
    for _, group in itertools.groupby(rows, key=lambda placed: (placed.folder, repr(placed.row.values.get("prompt")))):
        yield _read(list(group), layout.read)


def _read(group: list[Placed], read: Callable[[list[Row]], LabelledItem]) -> Read:
    placed, rows = group[0], [each.row.values for each in group]
    problem = next((each.row.problem for each in group if each.row.problem), None)
    try:
        if problem is not None:
            raise problem
        item = read(rows)
    except Unanswerable as why:
        return Read(placed.uri, None, why, [each.row.basis.decode("utf-8", "replace") for each in group] + [repr(rows)])
    except (KeyError, TypeError, AttributeError, ValueError) as why:
        detail = f"it is not what its layout says ({type(why).__name__}: {why})"
        return Read(placed.uri, None, Unanswerable("malformed_row", detail), repr(rows))
    if placed.folder and not item.category:
        item = item.model_copy(update={"category": placed.folder})
    return Read(placed.uri, item)
