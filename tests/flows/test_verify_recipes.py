"""A build whose judges are checks, measurements and log-probabilities."""

from __future__ import annotations

import json
from pathlib import Path

import builds
import pytest

from pipeline.models.cage.confine import what_is_lacking
from warehouse.address import resolve_address
from warehouse.guest import guest

TEXT = "The runner stone turns above the bed stone. It weighs 900 kilograms. The miller lifts it once a month."
STEPS = [
    "mine/chunk",
    "mine/qa",
    {"sample/grid": {"draws": 3, "show": "passage"}},
    "sample/gold",
    {"judge/verify": {"check": {"kind": "normalised", "where": "anywhere"}, "name": "has_answer"}},
    {"judge/verify": {"check": {"kind": "regex", "pattern": r"\bstone\b", "ignore_case": True}}},
    {"judge/measure": {"what": ["words", "token_f1"]}},
    {"judge/log_likelihood": {"models": ["default", "reference"]}},
]
MODELS = {"default": {"model": "rehearsal"}, "reference": {"model": "rehearsal", "options": {"noise": 0.5}}}


@pytest.mark.skipif(what_is_lacking() != "", reason="this machine cannot confine a process")
async def test_a_build_verifies_measures_and_scores(tmp_path: Path) -> None:
    source = tmp_path / "mill.md"
    source.write_text(TEXT, encoding="utf-8")
    recipe = builds.write_recipe(tmp_path, steps=STEPS, models=MODELS)
    address = resolve_address(str(tmp_path / "lake"))
    built = await builds.run(recipe, source, address)
    with guest(address) as connection:
        signals = connection.execute(
            "SELECT s.name, s.evaluator, s.value, s.rationale, r.role FROM signals s, responses r "
            "WHERE r.response_id = s.response_ids[1] ORDER BY ALL"
        ).fetchall()
        responses = connection.execute("SELECT count(*) FROM responses").fetchone()
        failed = connection.execute("SELECT step, detail FROM outcomes WHERE status = 'failed'").fetchall()
    assert failed == []
    assert responses is not None
    names = ["has_answer", "implicit_reward", "regex", "token_f1:reference", "words"]
    assert sorted({name for name, *_ in signals}) == sorted([*names, "log_likelihood", "log_likelihood_per_token"])
    for name in names:
        assert sum(found == name for found, *_ in signals) == responses[0]
    gold = {name: value for name, _, value, _, role in signals if role == "gold"}
    assert (gold["has_answer"], gold["token_f1:reference"]) == (1.0, 1.0)
    assert {value for name, _, value, *_ in signals if name == "has_answer"} <= {0.0, 1.0}
    assert all(rationale for name, _, _, rationale, _ in signals if name in ("has_answer", "regex"))
    # The cage is no model: its work is neither counted nor charged.
    assert {step for step in builds.calls_of(built) if step.startswith("judge")} == {"judge/log_likelihood"}
    assert json.dumps(builds.calls_of(built)).count("judge/verify") == 0

    again = await builds.run(recipe, source, address)
    assert builds.calls_of(again) == {}
