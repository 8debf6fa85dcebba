"""The layouts that labelled data is published in: each is recognised by its columns and read row by row."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from pipeline.preferences import groups, pairs, people
from pipeline.preferences.beside import licence_of
from pipeline.preferences.items import LabelledItem
from pipeline.preferences.places import Placed, rows_at
from pipeline.preferences.turns import Row, malformed
from pipeline.sources.rows import PEEKED_ROWS, RawRow
from schemas.errors import SourceError, Unanswerable, nearest

Grouped = Literal["adjacent", "anywhere"]
MANY_COLUMNS = 30
RECORDED = ("evaluators",)
"""Folders that hold what judges said of the labelled data beside them, as LLMBar publishes it."""


@dataclass(frozen=True, slots=True)
class Layout:
    """One layout: the columns it is known by (with what else tells it from its neighbours), and how a row is read.

    A grouped layout has one row for each answer: rows with the same prompt are read together, those that follow each
    other (`adjacent`) or all (`anywhere`); for the latter the whole place is held in memory, packed.
    """

    columns: frozenset[str]
    read: Callable[[Any], LabelledItem]
    tells: Callable[[Row], bool] = lambda row: True
    grouped: Grouped | None = None


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


def _is_message(value: Any) -> bool:
    return isinstance(value, str | Mapping)


def _entries(row: Row, column: str, key: str) -> bool:
    """Whether a column is a list of objects that have a key."""
    value = row[column]
    return isinstance(value, list) and bool(value) and all(isinstance(each, Mapping) and key in each for each in value)


LAYOUTS: dict[str, Layout] = {
    "multipref": Layout(_columns("completion_a completion_b normal_worker_annotations"), people.multipref),
    "helpsteer3": Layout(_columns("context response1 response2 overall_preference"), people.helpsteer3),
    "helpsteer2_preference": Layout(
        _columns("prompt response_1 response_2 preference_strength"), people.helpsteer2_preference
    ),
    "helpsteer2": Layout(_columns("prompt response") | set(groups.ATTRIBUTES), groups.helpsteer2, grouped="adjacent"),
    "ultrafeedback": Layout(
        _columns("instruction completions"), groups.ultrafeedback, lambda row: _entries(row, "completions", "response")
    ),
    "openhermes": Layout(_columns("candidates_completions ranks chosen rejected"), groups.openhermes),
    "pku_saferlhf": Layout(_columns("prompt response_0 response_1 better_response_id"), people.pku_saferlhf),
    "arena": Layout(_columns("conversation_a conversation_b"), people.arena),
    "ranked": Layout(_columns("context completions"), groups.ranked, lambda row: _entries(row, "completions", "rank")),
    "unpaired": Layout(_columns("prompt completion label"), groups.unpaired, grouped="anywhere"),
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
    "messages": Layout(
        _columns("messages chosen rejected"),
        pairs.messages,
        lambda row: row.get("messages") is not None and all(_is_message(row[side]) for side in ("chosen", "rejected")),
    ),
    "orca": Layout(
        _columns("question chosen rejected"), pairs.orca, lambda row: _texts(row) and row.get("prompt") is None
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
    licence: str | None = None


Finish = Callable[[LabelledItem, Sequence[Row]], LabelledItem]
"""What is made of an item and the rows that it was read from."""


def to_compare(item: LabelledItem, rows: Sequence[Row]) -> LabelledItem:
    """The item as it is, if a judge can be audited on it; raises `Unanswerable` where there is nothing to compare."""
    if len(item.answers) < 2:
        raise malformed("answers: there is one answer, and a judge compares two")
    return item


def read_labelled(place: str, layout: str | None = None, finish: Finish = to_compare) -> Iterator[Read]:
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
    return _read_all(itertools.chain(first, rows), chosen, finish)


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


def _read_all(rows: Iterator[Placed], layout: Layout, finish: Finish) -> Iterator[Read]:
    read = layout.read if layout.grouped else lambda group: layout.read(group[0])
    for group in _grouped(rows, layout.grouped):
        yield _read(group, read, finish)


def _grouped(rows: Iterator[Placed], grouped: Grouped | None) -> Iterator[list[Placed]]:
    """The rows that are read together."""
    if grouped is None:
        yield from ([placed] for placed in rows)
    elif grouped == "adjacent":
        yield from (list(group) for _, group in itertools.groupby(rows, key=_asked))
    else:
        packed: dict[tuple[str, str], list[tuple[str, bytes]]] = {}
        for placed in rows:
            values = placed.row.values
            try:
                if placed.row.problem or values.get("prompt") is None:
                    raise TypeError
                packed.setdefault(_asked(placed), []).append((placed.uri, orjson.dumps(dict(values))))
            except TypeError:  # it has no prompt, or holds what JSON does not: it stands by itself
                yield [placed]
        for (folder, _), group in packed.items():
            yield [Placed(uri, RawRow(orjson.loads(data)), folder) for uri, data in group]


def _asked(placed: Placed) -> tuple[str, str]:
    """What rows share that are about one prompt."""
    return placed.folder, repr(placed.row.values.get("prompt"))


def _read(group: list[Placed], read: Callable[[list[Row]], LabelledItem], finish: Finish) -> Read:
    placed, rows = group[0], [each.row.values for each in group]
    problem = next((each.row.problem for each in group if each.row.problem), None)
    try:
        if problem is not None:
            raise problem
        item = finish(read(rows), rows)
    except Unanswerable as why:
        return Read(placed.uri, None, why, [each.row.basis.decode("utf-8", "replace") for each in group] + [repr(rows)])
    except (KeyError, TypeError, AttributeError, ValueError) as why:
        detail = f"it is not what its layout says ({type(why).__name__}: {why})"
        return Read(placed.uri, None, malformed(detail), repr(rows))
    if placed.folder and not item.category:
        item = item.model_copy(update={"category": placed.folder})
    return Read(placed.uri, item, licence=licence_of(rows[0]))
