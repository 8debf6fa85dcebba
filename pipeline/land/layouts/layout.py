"""What a layout is: some of a release's pairs, as the columns that some trainers read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pipeline.land.columns import CONVERSATIONS, message_type, release_schema

if TYPE_CHECKING:
    import pyarrow as pa

TAIL = ("pair_id", "score_gap", "p_chosen", "confidence", "licence", "rehearsal")
"""What every layout of pairs ends with."""

CALLS = "calls_tools"
"""A column that rows have for layouts and no layout has: whether a conversation of the pair calls a tool or hears one."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Pairs that a layout has no place for; `words` go on "12 pairs …", `finds` marks them among rows."""

    words: str
    finds: Callable[[pa.Table], pa.Array]


@dataclass(frozen=True, slots=True)
class Layout:
    """One folder of an export and one configuration of the dataset.

    `schema` takes whether any pair of the release calls tools; `shape` makes rows of it from rows of the release that no
    refusal marks, as `pipeline.land.layouts.prepare` leaves them, one chunk a column, and needs the columns `needs`.
    Of rows with an equal `same` only the first is kept; the others are counted under `repeats`.
    """

    name: str
    about: str
    needs: tuple[str, ...]
    schema: Callable[[bool], pa.Schema]
    shape: Callable[[pa.Table, pa.Schema], pa.Table]
    refusals: tuple[Refusal, ...] = ()
    same: Callable[[pa.Table], pa.Array] | None = None
    repeats: str = ""
    reads: Literal["pairs", "votes"] = "pairs"


def outer_message(tools: bool) -> pa.DataType:
    """One turn as trainers read it: role and content, or with `tools` the form of OpenAI and of TRL."""
    import pyarrow as pa

    if not tools:
        return message_type(tools=False)
    called = pa.struct([("name", pa.string()), ("arguments", pa.string())])
    call = pa.struct([("id", pa.string()), ("type", pa.string()), ("function", called)])
    text = pa.string()
    return pa.struct([
        ("role", text), ("content", text), ("tool_calls", pa.list_(call)), ("name", text), ("tool_call_id", text),
    ])  # fmt: skip


def fields(names: Iterable[str], tools: bool = False) -> list[Any]:
    """Columns of the release by name, as a layout has them."""
    import pyarrow as pa

    stored, messages = release_schema(), pa.list_(outer_message(tools))
    outer = dict.fromkeys(CONVERSATIONS, messages) | {"also_chosen": pa.list_(messages)}
    return [pa.field(name, outer.get(name, stored.field(name).type)) for name in names]


def narrow_messages() -> pa.DataType:
    """A conversation of roles and contents alone."""
    import pyarrow as pa

    return pa.list_(message_type(tools=False))


def build(schema: pa.Schema, rows: pa.Table, **made: pa.Array) -> pa.Table:
    """A table of `schema`: the columns in `made`, all others from `rows` as they are."""
    import pyarrow as pa

    columns = [made[name] if name in made else rows[name] for name in schema.names]
    return pa.Table.from_arrays(columns, schema=schema)


CALLING = Refusal("call tools", lambda rows: only(rows, CALLS))


def only(rows: pa.Table, name: str) -> pa.Array:
    """A column as one array."""
    return rows[name].combine_chunks()
