"""What a person has asked for, in the address of the page: a link is a search, and a search is a link."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from schemas.errors import RequestError
from warehouse.browsing import Asked, Column, Filter, Key


def read_asked(query: QueryParams) -> Asked:
    """The search of an address; raises `RequestError` for a filter that is not `column:operator:value`."""
    filters = [_filter(each) for each in query.getlist("f")]
    # The three fields of the form that adds one more.
    if column := query.get("column"):
        filters.append(Filter(column, query.get("operator", "is"), query.get("value", "")))
    return Asked(
        query.get("q", "").strip(),
        tuple(dict.fromkeys(filters)),
        query.get("order", "") or "pair_id",
        query.get("down", "") == "1",
    )


def _filter(text: str) -> Filter:
    parts = text.split(":", 2)
    if len(parts) < 2:
        raise RequestError(f"the filter {text!r} is not column:operator:value")
    return Filter(parts[0], parts[1], parts[2] if len(parts) == 3 else "")


def write_asked(asked: Asked, **more: str) -> str:
    """The address of a search, from `?` on; nothing for the search that asks for all."""
    fields = [("q", asked.words)] if asked.words else []
    fields += [("f", f"{each.column}:{each.operator}:{each.value}") for each in asked.filters]
    if asked.order != "pair_id":
        fields.append(("order", asked.order))
    if asked.descending:
        fields.append(("down", "1"))
    fields += list(more.items())
    return f"?{urlencode(fields)}" if fields else ""


def read_key(text: str) -> Key | None:
    """A place in an order; None where none is named. Raises `RequestError` for what is none."""
    if not text:
        return None
    try:
        value, pair_id = json.loads(text)
    except (ValueError, TypeError):
        raise RequestError(f"{text!r} is no place in a list of pairs; go back to the beginning of the list") from None
    if not isinstance(pair_id, str) or isinstance(value, list | dict):
        raise RequestError(f"{text!r} is no place in a list of pairs; go back to the beginning of the list")
    return Key(value, pair_id)


def write_key(key: Key) -> str:
    """A place in an order as the text that `read_key` reads."""
    value = str(key.value) if isinstance(key.value, float) and key.value != key.value else key.value
    return json.dumps([value, key.pair_id], separators=(",", ":"))


def key_of(row: Mapping[str, Any], asked: Asked, columns: Mapping[str, Column]) -> Key:
    """Where a row stands in the order that was asked for; raises `RequestError` for an order that there is not."""
    if asked.order not in columns or not columns[asked.order].can_order:
        raise RequestError(f"pairs cannot be put in the order of {asked.order!r}")
    return Key(row[asked.order], row["pair_id"])


def without(asked: Asked, each: Filter) -> Asked:
    """A search less one of its filters."""
    rest = tuple(other for other in asked.filters if other != each)
    return Asked(asked.words, rest, asked.order, asked.descending)
