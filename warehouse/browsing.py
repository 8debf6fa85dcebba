"""Leafing through the pairs of a release: search, filters by any column, an order, and pages that stay quick.

Everything is read from the release's own `pairs.parquet`, whose rows lie in the order of their ids: what is shown is
what was released. A page is found by the keys of the row before it, never by counting rows from the top.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from schemas.errors import RequestError, nearest
from warehouse.connection import literal, rows_of

CONVERSATIONS = ("prompt", "chosen", "rejected")
OPERATORS: dict[str, tuple[str, ...]] = {
    "text": ("contains", "is", "is not", "missing", "present"),
    "number": ("min", "max", "is", "missing", "present"),
    "flag": ("is", "missing", "present"),
    "list": ("has", "has not", "missing", "present"),
    "words": ("contains", "missing", "present"),
}
"""What can be asked of a column, by its kind; `words` is text inside something nested."""
VALUELESS = ("missing", "present")
NUMBERS = re.compile(r"(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL.*)")
SUGGESTED_FROM = 20_000
SUGGESTIONS = 30
COUNTED = 100_000
"""Matches are counted in releases of up to so many pairs; in larger ones a count would read every text."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a release as it can be filtered: `kind` is a key of `OPERATORS`."""

    name: str
    kind: str
    conversation: bool = False

    @property
    def can_order(self) -> bool:
        """Whether rows can be put in its order."""
        return self.kind in ("text", "number", "flag")


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition; `value` is as it was typed."""

    column: str
    operator: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which pairs, in which order; words in double quotes are one phrase, and all of them must be there."""

    words: str = ""
    filters: tuple[Filter, ...] = ()
    order: str = "pair_id"
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Key:
    """Where a row stands in an order: its value there and its id."""

    value: Any
    pair_id: str


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows in order, with their keys, and whether there are more on either side."""

    rows: list[dict[str, Any]]
    keys: list[Key]
    earlier: bool
    later: bool


def columns_of(cursor: duckdb.DuckDBPyConnection, file: Path) -> dict[str, Column]:
    """The columns of a release's file, in its order."""
    described = cursor.execute(f"DESCRIBE FROM {_scan(file)}").fetchall()
    return {name: Column(name, _kind(kind), _is_conversation(kind)) for name, kind, *_ in described}


def suggestions(cursor: duckdb.DuckDBPyConnection, file: Path, columns: dict[str, Column]) -> dict[str, list[str]]:
    """The values of columns that have few, from the first rows of the file; for a form, not for a figure."""
    found = {}
    for column in columns.values():
        if column.kind not in ("text", "list") or column.name in CONVERSATIONS:
            continue
        value = f"unnest({_name(column.name)})" if column.kind == "list" else _name(column.name)
        query = f"""
            SELECT DISTINCT value FROM (SELECT {value} AS value FROM {_scan(file)} LIMIT {SUGGESTED_FROM})
            WHERE value IS NOT NULL LIMIT {SUGGESTIONS + 1}
        """
        values = [row[0] for row in cursor.execute(query).fetchall()]
        if len(values) <= SUGGESTIONS:
            found[column.name] = sorted(values)
    return found


def find_pairs(
    cursor: duckdb.DuckDBPyConnection,
    file: Path,
    columns: dict[str, Column],
    asked: Asked,
    *,
    after: Key | None = None,
    before: Key | None = None,
    size: int = 25,
) -> Page:
    """The pairs after (or before) a key, `size` at most; raises `RequestError` for what a column cannot be asked."""
    order = _column(columns, asked.order)
    if not order.can_order:
        raise RequestError(f"pairs cannot be put in the order of {order.name!r}; order by a text, a number or a flag")
    back = before is not None
    where = _conditions(columns, asked)
    if key := before or after:
        where.append(_beyond(order, key, descending=asked.descending, back=back))
    down = asked.descending is not back
    query = f"""
        SELECT {_name(order.name)} AS value, pair_id FROM {_scan(file)} {_where(where)}
        ORDER BY value {"DESC" if down else "ASC"} NULLS {"FIRST" if back else "LAST"}, pair_id {"DESC" if back else "ASC"}
        LIMIT {size + 1}
    """
    keys = [Key(value, pair_id) for value, pair_id in cursor.execute(query).fetchall()]
    more, keys = len(keys) > size, keys[:size]
    if back:
        keys.reverse()
    rows = read_pairs(cursor, file, [key.pair_id for key in keys])
    return Page(rows, keys, earlier=more if back else after is not None, later=back or more)


def read_pairs(cursor: duckdb.DuckDBPyConnection, file: Path, pair_ids: Sequence[str]) -> list[dict[str, Any]]:
    """Whole rows, in the order of these ids; ids that are not there are left out."""
    if not pair_ids:
        return []
    wanted = ", ".join(map(literal, pair_ids))
    found = {row["pair_id"]: row for row in rows_of(cursor, f"FROM {_scan(file)} WHERE pair_id IN ({wanted})")}
    return [found[each] for each in pair_ids if each in found]


def count_pairs(cursor: duckdb.DuckDBPyConnection, file: Path, columns: dict[str, Column], asked: Asked) -> int:
    """How many pairs are found; reads every text, so ask it of small releases only (`COUNTED`)."""
    row = cursor.execute(f"SELECT count(*) FROM {_scan(file)} {_where(_conditions(columns, asked))}").fetchone()
    return int(row[0]) if row else 0


def words_of(text: str) -> list[str]:
    """The words and quoted phrases of a search, in lower case."""
    return [(phrase or word).lower() for phrase, word in re.findall(r'"([^"]+)"|([^\s"]+)', text)]


def _kind(kind: str) -> str:
    if kind == "VARCHAR":
        return "text"
    if kind == "BOOLEAN":
        return "flag"
    if kind == "VARCHAR[]":
        return "list"
    return "number" if NUMBERS.fullmatch(kind) else "words"


def _is_conversation(kind: str) -> bool:
    return "content VARCHAR" in kind.replace('"', "") and kind.endswith(")[]")


def _scan(file: Path) -> str:
    return f"read_parquet({literal(str(file))})"


def _name(name: str) -> str:
    """An identifier as SQL, whatever is in it."""
    return '"' + name.replace("\0", "").replace('"', '""') + '"'


def _column(columns: dict[str, Column], name: str) -> Column:
    if name not in columns:
        raise RequestError(f"this release has no column {name!r}{nearest(name, list(columns))}")
    return columns[name]


def _where(conditions: list[str]) -> str:
    return f"WHERE {' AND '.join(conditions)}" if conditions else ""


def _conditions(columns: dict[str, Column], asked: Asked) -> list[str]:
    texts = [_text(columns[name]) for name in CONVERSATIONS if name in columns]
    everything = f"lower(concat_ws(chr(10), {', '.join(texts)}))"
    return [
        *(_condition(_column(columns, each.column), each) for each in asked.filters),
        *(f"contains({everything}, {literal(word)})" for word in words_of(asked.words)),
    ]


def _text(column: Column) -> str:
    """What a column says, as one text."""
    if column.conversation:
        return f"array_to_string(list_transform({_name(column.name)}, lambda said: said.content), chr(10))"
    return f"{_name(column.name)}::VARCHAR"


def _condition(column: Column, wanted: Filter) -> str:
    known = OPERATORS[column.kind]
    if wanted.operator not in known:
        raise RequestError(
            f"the column {column.name!r} cannot be asked {wanted.operator!r}; it can be asked: {', '.join(known)}"
        )
    name = _name(column.name)
    if wanted.operator in VALUELESS:
        empty = f"({name} IS NULL OR len({name}) = 0)" if column.kind == "list" else f"{name} IS NULL"
        return empty if wanted.operator == "missing" else f"NOT ({empty})"
    value = _value(column, wanted.value)
    match wanted.operator:
        case "contains":
            return f"contains(lower({_text(column)}), lower({value}))"
        case "min":
            return f"{name} >= {value}"
        case "max":
            return f"{name} <= {value}"
        case "is not":
            return f"{name} IS DISTINCT FROM {value}"
        case "has":
            return f"list_contains({name}, {value})"
        case "has not":
            return f"NOT coalesce(list_contains({name}, {value}), false)"
        case _:
            return f"{name} = {value}"


def _value(column: Column, typed: str) -> str:
    """What was typed as SQL of the column's kind."""
    if column.kind == "number":
        try:
            number = float(typed)
        except ValueError:
            number = math.nan
        if math.isnan(number):
            raise RequestError(f"{typed!r} is no number, and {column.name!r} is a column of numbers")
        return f"{literal(repr(number))}::DOUBLE"
    if column.kind == "flag":
        if typed.lower() not in ("true", "false"):
            raise RequestError(f"{typed!r} is neither true nor false, and {column.name!r} is a column of these")
        return typed.lower()
    return literal(typed)


def _beyond(order: Column, key: Key, *, descending: bool, back: bool) -> str:
    """What is true of the rows after a key, or before it; rows without a value come last, in either direction."""
    name = _name(order.name)
    identity = f"pair_id {'<' if back else '>'} {literal(key.pair_id)}"
    if key.value is None:
        return f"({name} IS NOT NULL OR {identity})" if back else f"({name} IS NULL AND {identity})"
    value = _value_of_key(order, key.value)
    further = f"{name} {'<' if descending is not back else '>'} {value} OR ({name} = {value} AND {identity})"
    return f"({further})" if back else f"({further} OR {name} IS NULL)"


def _value_of_key(order: Column, value: Any) -> str:
    """A key's value as SQL; it may come from a URL that somebody has changed."""
    typed = str(value)
    if order.kind == "number" and typed == "nan":
        return "'nan'::DOUBLE"
    return _value(order, typed)
