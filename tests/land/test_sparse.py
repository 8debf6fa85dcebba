"""Where some pair calls tools, messages come out with the fields that they have and no others."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipeline.land.export import export_release
from pipeline.trainers.settings import SHAPES

from .shapes import exported, make_export, make_row

datasets = pytest.importorskip("datasets")
pytest.importorskip("trl")
TEMPLATES = sorted(
    path.name
    for path in files("trl").joinpath("chat_templates").iterdir()
    if path.name.endswith(".jinja") and "tool_calls" in path.read_text("utf-8")
)
SIDES = ("prompt", "chosen", "rejected")


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_export(tmp_path_factory.mktemp("sparse"))


@pytest.fixture(scope="module")
def rows(export: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    cache = str(tmp_path_factory.mktemp("cache"))
    return {row["pair_id"]: row for row in datasets.load_dataset(str(export), split="train", cache_dir=cache)}


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape != "tie"])
def test_messages_are_read_back_as_they_were(shape: Any, rows: dict[str, dict[str, Any]]) -> None:
    row = make_row(shape)
    for side in SIDES:
        assert tuple(rows[row["pair_id"]][side]) == exported(row[side])


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_template_of_trl_takes_turns_without_calls(name: str, rows: dict[str, dict[str, Any]]) -> None:
    from transformers.utils.chat_template_utils import _compile_jinja_template

    template = _compile_jinja_template(files("trl").joinpath("chat_templates", name).read_text("utf-8"))
    row = make_row("one_token_answer")

    def render(messages: list[dict[str, Any]]) -> str:
        return str(template.render(messages=messages, tools=None, bos_token="<s>", eos_token="</s>"))

    plain = rows[row["pair_id"]]
    assert render(plain["prompt"] + plain["chosen"]) == render(row["prompt"] + row["chosen"])


def test_lines_of_json_hold_objects(export: Path, tmp_path: Path) -> None:
    export_release(export.parent / "release", tmp_path / "lines", layouts=["conversational", "ranked"], jsonl=True)
    wanted = make_row("tool_call")
    for layout, prompt, chosen in (
        ("conversational", lambda row: row["prompt"], lambda row: row["chosen"]),
        ("ranked", lambda row: row["context"], lambda row: row["completions"][0]["completion"]),
    ):
        lines = (tmp_path / "lines" / layout / "train.jsonl").read_text("utf-8").split("\n")
        (row,) = (row for row in map(json.loads, filter(None, lines)) if row["pair_id"] == wanted["pair_id"])
        assert tuple(prompt(row)) == exported(wanted["prompt"])
        assert tuple(chosen(row)) == exported(wanted["chosen"])


def test_duckdb_reads_them_as_json(export: Path) -> None:
    found = duckdb.sql(
        f"SELECT prompt[2]->'tool_calls'->0->'function'->>'name' FROM '{export}/conversational/train.parquet' "
        "WHERE len(prompt) > 2 AND (prompt[3]->>'role') = 'tool'"
    ).fetchall()
    assert found == [("find_flow",)]
