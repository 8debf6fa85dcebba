"""Recipes on real vLLM, in this machine's CPU, with a tiny random model: gibberish, but every unit has its outcome."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import builds
import pytest
import yaml

from flows.recipes import shipped_recipes
from tests.tiny_model import EXPECTS_VLLM, make_tiny_model
from warehouse.address import resolve_address

pytestmark = [
    pytest.mark.slow,
    pytest.mark.vllm,
    pytest.mark.skipif(not EXPECTS_VLLM, reason="vLLM is not installed"),
]

MACHINERY = {"distributed_executor_backend": "uni", "kv_cache_memory_bytes": 2**28, "max_model_len": 2048}


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.getbasetemp() / "tiny-model")


def build(folder: Path, recipe: dict[str, Any], documents: Path) -> dict[str, Any]:
    """Run a recipe through the command line in a process of its own and return what it says."""
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe, sort_keys=False))
    command = [
        sys.executable,
        "-m",
        "flows.cli",
        "build",
        "recipe.yaml",
        str(documents),
        "--direct",
        "--json",
        "-w",
        "lake",
    ]
    environment = {**os.environ, "VLLM_ENABLE_V1_MULTIPROCESSING": "0", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=900
    )
    assert done.stdout, done.stderr[-3000:]
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def check_every_unit_has_one_outcome(folder: Path, built: dict[str, Any]) -> None:
    lake = resolve_address(str(folder / "lake"))
    assert built["units_pending"] == 0
    assert {row["status"] for row in built["funnel"]} <= {"ok", "none", "failed"}
    assert set(builds.audits(lake).values()) == {0}
    outcomes = builds.ask(lake, "SELECT count(*), count(DISTINCT (fingerprint, unit_id)) FROM outcomes")
    assert outcomes[0][0] == outcomes[0][1] == sum(row["units"] for row in built["funnel"])


def test_the_quickstart_runs_on_vllm(tmp_path: Path, documents: Path, tiny_model: Path) -> None:
    recipe = yaml.safe_load(shipped_recipes()["quickstart"].read_text("utf-8"))
    recipe["models"] = {"default": {"model": str(tiny_model), "engine": "vllm", "engine_options": MACHINERY}}
    built = build(tmp_path, recipe, documents)
    assert built["calls"] > 0
    check_every_unit_has_one_outcome(tmp_path, built)
    mined = [row for row in built["funnel"] if row["step"] == "mine/qa"]
    assert sum(row["units"] for row in mined) > 0


def test_vllm_samples_and_judges_what_another_model_mined(tmp_path: Path, documents: Path, tiny_model: Path) -> None:
    recipe = yaml.safe_load(shipped_recipes()["quickstart"].read_text("utf-8"))
    recipe["models"] = {
        "miner": {"model": "rehearsal"},
        "default": {"model": str(tiny_model), "engine": "vllm", "engine_options": MACHINERY},
    }
    steps = {next(iter(step)) if isinstance(step, dict) else step: step for step in recipe["steps"]}
    steps["mine/qa"] = {"mine/qa": {"model": "miner", "per_passage": 1}}
    steps["sample/grid"] = {"sample/grid": {"draws": 2, "max_tokens": 24, "show": "passage"}}
    steps["judge/pairwise"] = {"judge/pairwise": {"principle": "grounded", "reasoning": "none", "max_tokens": 32}}
    recipe["steps"] = [step for key, step in steps.items() if key != "land/release"]
    built = build(tmp_path, recipe, documents)
    check_every_unit_has_one_outcome(tmp_path, built)
    lake = resolve_address(str(tmp_path / "lake"))
    assert builds.ask(lake, "SELECT count(*) > 0 FROM responses WHERE role = 'candidate' AND tokens > 0") == [(True,)]
    assert builds.ask(lake, "SELECT count(*) > 0 FROM signals WHERE vote IN ('a', 'b', 'tie')") == [(True,)]
    assert builds.ask(lake, "SELECT DISTINCT status FROM outcomes WHERE step = 'sample/grid'") == [("ok",)]


def test_the_recipe_of_rlaif_runs_on_vllm(tmp_path: Path, documents: Path, tiny_model: Path) -> None:
    """RLAIF as it ships, but for short replies and a miner that finds evidence: soft labels after reasons in a call apart."""
    recipe = yaml.safe_load(shipped_recipes()["rlaif"].read_text("utf-8"))
    recipe["models"] = {
        "miner": {"model": "rehearsal"},
        "default": {"model": str(tiny_model), "engine": "vllm", "engine_options": MACHINERY},
    }
    steps = {next(iter(step)) if isinstance(step, dict) else step: step for step in recipe["steps"]}
    steps["mine/qa"] = {"mine/qa": {"model": "miner"}}
    steps["sample/grid"]["sample/grid"]["max_tokens"] = 24
    judging = steps["judge/pairwise"]["judge/pairwise"]
    judging["max_tokens"] = 16
    several_tokens = {"judge/pairwise": judging | {"labels": ["first answer", "second answer"]}}
    recipe["steps"] = list(steps.values())
    recipe["steps"].insert(recipe["steps"].index(steps["judge/pairwise"]) + 1, several_tokens)
    built = build(tmp_path, recipe, documents)
    check_every_unit_has_one_outcome(tmp_path, built)
    lake = resolve_address(str(tmp_path / "lake"))
    assert not builds.ask(lake, "FROM outcomes WHERE status = 'failed'")
    assert built["release"]["pairs"] > 0
    found = builds.ask(lake, 'SELECT "order", raw, vote, probability, rationale FROM signals ORDER BY ALL')
    assert {row[1] for row in found} <= {"1", "2", "first answer", "second answer"}
    assert len(found) == 4 * len(builds.ask(lake, "SELECT DISTINCT unit_id FROM signals")) > 0
    for order, raw, vote, probability, rationale in found:
        leans_first = raw in ("1", "first answer")
        assert vote == ("a" if leans_first == (order == "ab") else "b")
        assert probability >= 0.5 if vote == "a" else probability <= 0.5
        assert rationale
