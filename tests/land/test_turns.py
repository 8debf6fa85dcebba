"""Conversations in other shapes: wide and narrow, of slices too, and tools that a row calls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.land.columns import CONVERSATIONS, calls_tools, check_rows, message_type, release_schema
from pipeline.land.export import export_release
from pipeline.land.files import PAIRS, VOTES, write_release
from pipeline.land.turns import conform, reshape
from schemas.errors import BuildError

from .rows import as_stored, make_batches, make_facts, make_rows

CALL = {"id": "call_1", "name": "weigh", "arguments": '{"sack": "A"}'}
turns = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant", "tool"]), "content": st.text()}), max_size=3
)


@given(st.lists(st.none() | turns, max_size=8), st.integers(0, 8))
def test_narrow_turns_become_wide_and_narrow_again_in_any_slice(rows: list[Any], start: int) -> None:
    narrow = pa.list_(message_type(tools=False))
    column = pa.chunked_array([pa.array(rows, narrow)]).slice(start)
    wide = reshape(column, pa.list_(message_type()))
    wide.validate(full=True)
    empty = {"tool_calls": None, "name": None, "tool_call_id": None}
    assert wide.to_pylist() == [row if row is None else [turn | empty for turn in row] for row in rows[start:]]
    assert reshape(wide, narrow).to_pylist() == rows[start:]


def test_an_older_release_exports_with_what_it_has(tmp_path: Path) -> None:
    """Its file has neither the later columns nor the later keys of a message."""
    write_release(tmp_path / "r", make_batches(make_rows(30)), make_facts())
    today, messages = release_schema(), pa.list_(message_type(tools=False))
    old = today.names[: today.get_field_index("rehearsal") + 1]
    narrow = [(name, messages if name in CONVERSATIONS else today.field(name).type) for name in old]
    table = conform(pq.read_table(tmp_path / "r" / PAIRS), pa.schema(narrow))
    assert conform(table).schema.equals(release_schema())
    check_rows(conform(table))
    assert conform(table)["passages"].null_count == 30


def tool_rows() -> list[dict[str, Any]]:
    rows = make_rows(6)
    rows[1]["prompt"] = [
        {"role": "user", "content": "How heavy is A?"}, {"role": "assistant", "content": "", "tool_calls": [CALL]},
        {"role": "tool", "content": "12 kg", "name": "weigh", "tool_call_id": "call_1"},
    ]  # fmt: skip
    rows[2]["chosen"] = [{"role": "assistant", "content": "", "tool_calls": [CALL]}]
    rows[2]["rejected"] = [{"role": "assistant", "content": "", "tool_calls": [CALL | {"arguments": "{}"}]}]
    return rows


def test_rows_that_call_tools_are_told_and_kept(tmp_path: Path) -> None:
    rows = tool_rows()
    assert calls_tools(pa.Table.from_pylist(rows, release_schema())).to_pylist() == [
        False,
        True,
        True,
        False,
        False,
        False,
    ]
    manifest = write_release(tmp_path / "r", make_batches(rows, 2), make_facts())
    assert manifest.tool_rows == 2
    assert pq.read_table(tmp_path / "r" / PAIRS).to_pylist() == as_stored(rows)


@pytest.mark.parametrize("arguments", [CALL["arguments"], None])
def test_answers_that_call_the_same_prefer_nothing(arguments: str | None) -> None:
    rows = tool_rows()
    calls = [CALL | {"arguments": arguments}] if arguments else []
    for side in ("chosen", "rejected"):
        rows[2][side] = [{"role": "assistant", "content": "", "tool_calls": calls}]
    words = "has chosen equal to rejected" if arguments else "has an empty `chosen`"
    with pytest.raises(BuildError, match=words):
        check_rows(pa.Table.from_pylist(rows, release_schema()))


def test_a_release_without_votes_has_an_empty_file_of_them(tmp_path: Path) -> None:
    manifest = write_release(tmp_path / "r", make_batches(make_rows(3)), make_facts())
    assert (manifest.votes, pq.read_table(tmp_path / "r" / VOTES).num_rows) == (0, 0)
    export_release(tmp_path / "r", tmp_path / "e")
