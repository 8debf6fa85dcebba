"""How a step over all rows reads a number and a group of each row, by the names of columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

from pipeline.strategy import Rows
from schemas.columns import Sifted, check_column, is_number

TAG = "tag:"
NO_GROUP = ""
"""The group of the rows that have no value in the column of groups."""
MOST_TOLD = 1000


def number(value: Any) -> float | None:
    """The number in a column, None where there is none; what is no finite number is missing."""
    return float(value) if isinstance(value, int | float) and isfinite(value) else None


def check_number(of: Sifted, column: str, name: str = "by") -> None:
    """Raise `ValueError` unless the rows of a table have this column, and numbers in it; `name` is the parameter's."""
    check_column(of, column)
    if not is_number(column):
        raise ValueError(f"`{name}` is {column!r}, which is no number; give such as `signal:NAME` or `note:NAME`")


def check_group(of: Sifted, per: str | None) -> None:
    """Raise `ValueError` unless the rows of a table can be grouped so: by a column, or by the tag with a prefix."""
    if per in (TAG, "tags"):
        raise ValueError(f"`per` is {per!r}; rows are grouped by the tag that begins with something, such as `tag:topic/`")
    for column in column_of(per):
        check_column(of, column)


def column_of(per: str | None) -> tuple[str, ...]:
    """The column that a grouping reads, if there is one."""
    return () if per is None else ("tags",) if per.startswith(TAG) else (per,)


def group_of(per: str | None, value: Any) -> str:
    """The group of a row: the value of its column as a text, or the first of its tags with a prefix, by name."""
    if per is None or value is None:
        return NO_GROUP
    if per.startswith(TAG):
        prefix = per.removeprefix(TAG)
        return min((tag for tag in value if tag.startswith(prefix)), default=NO_GROUP)
    return " ".join(sorted(value)) if isinstance(value, list | tuple) else str(value)


def read_numbers(rows: Rows, by: str, per: str | None = None) -> Iterator[tuple[str, str, float | None]]:
    """Of every row its id, its group and its number, None where it has none."""
    for batch in rows.read("id", by, *column_of(per)):
        if per is None:
            for row_id, value in batch:
                yield row_id, NO_GROUP, number(value)
        else:
            for row_id, value, group in batch:
                yield row_id, group_of(per, group), number(value)


def read_groups(rows: Rows, per: str | None) -> Iterator[tuple[str, str]]:
    """Of every row its id and its group."""
    if per is None:
        for batch in rows.read("id"):
            for (row_id,) in batch:
                yield row_id, NO_GROUP
    else:
        for batch in rows.read("id", *column_of(per)):
            for row_id, group in batch:
                yield row_id, group_of(per, group)


def called(group: str) -> str:
    """A group in a sentence."""
    return group or "(none)"


def told_by_group(per: str | None, told: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What was found out of each group; where there are more than anybody reads, only how many."""
    if per is None:
        return dict(told.get(NO_GROUP, {}))
    if len(told) > MOST_TOLD:
        return {"per": per, "groups": len(told)}
    return {"per": per, "groups": {called(group): dict(told[group]) for group in sorted(told)}}
