"""Layouts: each against a plain Python reading of what it should be, for rows of every shape that people have."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.land.columns import release_schema, votes_schema
from pipeline.land.export import export_release
from pipeline.land.files import PAIRS, write_release
from pipeline.land.layouts import LAYOUTS, prepare
from pipeline.land.layouts.stepwise import part
from pipeline.land.manifest import ExportManifest, unseal
from pipeline.land.outlets import Outlet

from .readings import ORACLES, SPLITS, TAIL, Row, outer, plain_rows, read, tool_rows
from .rows import hash_tree, make_batches, make_facts


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "tools"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Row], bool, Path]:
    """Rows, whether some call tools, and their export."""
    folder = tmp_path_factory.mktemp("layouts")
    rows = tool_rows() if request.param else plain_rows()
    write_release(folder / "r", make_batches(rows), make_facts())
    export_release(folder / "r", folder / "e")
    return rows, request.param, folder / "e"


@pytest.mark.parametrize("name", ORACLES)
def test_layout_holds_what_its_rows_say(made: tuple[list[Row], bool, Path], name: str) -> None:
    rows, tools, export = made
    for split in SPLITS:
        expected = [each for row in rows if row["split"] == split for each in ORACLES[name](row, tools)]
        path = export / name / f"{split}.parquet"
        table = pq.read_table(path) if path.exists() else LAYOUTS[name].schema(tools).empty_table()
        table.validate(full=True)
        assert table.schema.equals(LAYOUTS[name].schema(tools))
        assert table.to_pylist() == expected
        assert path.exists() == bool(expected)


def test_conversational_and_provenance_are_columns_of_the_release(made: tuple[list[Row], bool, Path]) -> None:
    _, tools, export = made
    stored: dict[str, Row] = {row["pair_id"]: row for row in pq.read_table(export.parent / "r" / PAIRS).to_pylist()}
    for name in ("conversational", "provenance"):
        found = read(export / name)
        assert {row["pair_id"] for row in found} == stored.keys()
        for row in found:
            whole: Row = {
                key: outer(value, tools) if key in ("prompt", "chosen", "rejected") else value
                for key, value in stored[row["pair_id"]].items()
            }
            if whole["also_chosen"]:
                whole["also_chosen"] = [outer(each, tools) for each in whole["also_chosen"]]
            assert row == {key: whole[key] for key in row}


def test_rows_that_repeat_are_there_once(made: tuple[list[Row], bool, Path]) -> None:
    rows, tools, export = made
    answers = {(row["prompt_id"], str(row["chosen"])): [*row["prompt"], *row["chosen"]] for row in reversed(rows)}
    found = read(export / "sft")
    assert len(found) == len(answers) == len(rows) - 1
    assert all(row["messages"] in [outer(each, tools) for each in answers.values()] for row in found)
    found = read(export / "prompt_only")
    assert sorted(row["prompt_id"] for row in found) == sorted({row["prompt_id"] for row in rows})
    layouts = unseal(ExportManifest, export).layouts
    assert layouts["sft"].left_out == {"repeat a prompt and answer": 1}
    assert layouts["prompt_only"].left_out == {"repeat a prompt": 2}


def test_rows_without_a_place_are_counted_and_told(made: tuple[list[Row], bool, Path]) -> None:
    rows, tools, export = made
    layouts = unseal(ExportManifest, export).layouts
    assert sum(layouts["standard"].splits.values()) + sum(layouts["standard"].left_out.values()) == len(rows) == 40
    assert layouts["standard"].left_out == {"have several turns": 2} | ({"call tools": 2} if tools else {})
    assert layouts["soft"].left_out == {"have a p_chosen that is not between 0.5 and 1": 1}
    card = (export / "README.md").read_text("utf-8")
    assert "- `soft`: 39 of 40 pairs; 1 have a p_chosen that is not between 0.5 and 1" in card
    assert ("tool_trace" in layouts) is tools is (export / "tool_trace").exists()


@pytest.mark.parametrize("tools", [False, True])
def test_no_layout_has_a_margin_and_every_one_of_pairs_ends_alike(tools: bool) -> None:
    for name, layout in LAYOUTS.items():
        schema = layout.schema(tools)
        assert "margin" not in str(schema)
        assert layout.name == name
        if name not in ("votes", "provenance", "sft", "prompt_only"):
            assert set(TAIL) <= set(schema.names), name
        known = {*release_schema().names, *votes_schema().names}
        assert set(layout.needs) <= known, name
    assert next(iter(LAYOUTS)) == "conversational"


def test_a_label_is_smoothed_by_a_probability(made: tuple[list[Row], bool, Path]) -> None:
    table = pq.read_table(made[2] / "soft" / "train.parquet")
    assert all(0 <= each <= 0.5 for each in table["label_smoothing"].to_pylist())
    assert all(each is not None for each in table["weight"].to_pylist())


@given(cuts=st.lists(st.integers(0, 40), max_size=4), name=st.sampled_from([*LAYOUTS]), tools=st.booleans())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pieces_leave_no_trace(tmp_path: Path, cuts: list[int], name: str, tools: bool) -> None:
    if LAYOUTS[name].reads == "votes":
        return
    table = pa.Table.from_pylist(tool_rows() if tools else plain_rows(), release_schema())
    edges = sorted({0, *cuts, table.num_rows})
    for place, ranges in (("whole", [(0, 40)]), ("pieces", [*pairwise(edges)])):
        (tmp_path / place).mkdir(exist_ok=True)
        with Outlet(LAYOUTS[name], tmp_path / place, tools, False) as outlet:
            for start, end in ranges:
                outlet.take({"train": prepare(table.slice(start, end - start), tools)})
    assert hash_tree(tmp_path / "whole") == hash_tree(tmp_path / "pieces")


@given(st.text("ab\n ", max_size=12), st.text("ab\n ", max_size=12))
def test_a_step_begins_where_the_shared_lines_end(chosen: str, rejected: str) -> None:
    if parted := part(chosen, rejected):
        prefix, one, other = parted
        assert prefix.endswith("\n")
        assert prefix.strip()
        assert chosen.startswith(prefix + one)
        assert rejected.startswith(prefix + other)
        assert one.strip() != other.strip()
        assert "\n" not in one + other
        assert part(rejected, chosen) == (prefix, other, one)


def test_the_documentation_has_every_layout_and_column() -> None:
    page = (Path(__file__).parents[2] / "docs" / "exports.md").read_text("utf-8")
    for name, layout in LAYOUTS.items():
        assert page.count(f"| `{name}` | ") == (1 if name == "conversational" else 2)
        if name != "conversational":
            columns = ", ".join(f"`{column}`" for column in layout.schema(False).names)
            assert f"| `{name}` | {columns} |" in page
