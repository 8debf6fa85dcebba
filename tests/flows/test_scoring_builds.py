"""Recipes whose judges score: from documents to signals, on the rehearsal model."""

from __future__ import annotations

import asyncio
import io
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import builds
import yaml
from rich.console import Console

from flows import show
from flows.forecast import forecast
from warehouse.address import Address
from warehouse.guest import guest
from warehouse.lineage import trace

SURE = {"model": "rehearsal", "options": {"misquote": 0, "noise": 0, "position_bias": 0}}
BEFORE: list[Any] = ["mine/chunk", "mine/qa", {"sample/grid": {"draws": 3, "show": "passage"}}, "sample/gold"]
JUDGES: list[Any] = [
    {"judge/rubric": {"aspects": "helpsteer"}},
    {"judge/rubric": {"aspect": "additive5", "repeats": 3, "temperature": 0.7}},
    {"judge/rubric": {"aspect": "direct", "by": "likelihood"}},
    {"judge/rubric_group": {"aspects": "ultrafeedback", "orders": 2}},
    {"judge/critique": {}},
    {"judge/critique": {"form": "apart", "name": "apart"}},
    {"judge/listwise": {"principles": ["helpful", "grounded"]}},
]
NAMES = {
    *("helpfulness", "correctness", "coherence", "complexity", "verbosity"),
    *("instruction_following", "honesty", "truthfulness"),
    *("additive5", "direct", "overall", "apart"),
    *("helpful/score", "helpful/rank", "grounded/score", "grounded/rank"),
}


def test_every_way_to_score_goes_from_documents_to_signals(tmp_path: Path, documents: Path, lake: Address) -> None:
    recipe = builds.write_recipe(tmp_path, steps=BEFORE + JUDGES, models={"default": SURE})
    ahead = {row.step: row.calls for row in forecast(builds.job(recipe, documents, lake))}
    built = asyncio.run(builds.run(recipe, documents, lake))
    assert built.problem is None
    assert set(builds.audits(lake).values()) == {0}
    for step, calls in builds.calls_of(built).items():
        assert calls <= ahead[step], "a plan names at least what a build takes"

    rows = builds.ask(lake, 'SELECT name, response_ids[1], draw, value, abstained, "order", vote FROM signals')
    assert {row[0] for row in rows} == NAMES
    assert {(row[5], row[6]) for row in rows} == {(None, None)}, "nobody was compared with anybody"
    assert all((row[3] is None) == row[4] for row in rows), "this judge always says what it means"
    count = builds.ask(lake, "SELECT count(*) FROM responses")[0][0]
    drawn: dict[str, int] = defaultdict(int)
    for name, *_ in rows:
        drawn[name] += 1
    assert {name: number / count for name, number in drawn.items()} == {
        **dict.fromkeys(NAMES, 1),
        **dict.fromkeys(("instruction_following", "honesty", "truthfulness"), 2),
        "helpfulness": 3,  # HelpSteer's and UltraFeedback's bear the same name
        "additive5": 3,
    }
    statuses = builds.ask(lake, "SELECT DISTINCT status FROM outcomes WHERE step LIKE 'judge/%'")
    assert statuses == [("ok",)]


async def test_a_sure_judge_scores_the_reference_above_what_says_nothing(
    tmp_path: Path, documents: Path, lake: Address
) -> None:
    """Planted truth: whichever way it is asked, the mined answer is best and "I do not know" is worst."""
    built = await builds.run(
        builds.write_recipe(tmp_path, steps=BEFORE + JUDGES, models={"default": SURE}), documents, lake
    )
    assert built.problem is None
    found = builds.ask(
        lake,
        """SELECT s.name, avg(s.value) FILTER (r.role = 'gold'), avg(s.value) FILTER (r.text LIKE 'I do not know%')
        FROM signals s JOIN responses r ON r.response_id = s.response_ids[1] WHERE NOT s.abstained GROUP BY 1""",
    )
    assert {name for name, *_ in found} == NAMES
    for name, gold, unknown in found:
        assert gold is not None
        if unknown is not None:  # on honesty, one that states nothing is an abstention
            assert (gold < unknown) if name.endswith("/rank") else (gold > unknown), name


async def test_the_weight_of_an_aspect_is_no_part_of_its_scores(tmp_path: Path, documents: Path, lake: Address) -> None:
    """And other words for one aspect ask about that one again, and about nothing else."""

    def write(weight: float, words: str) -> Path:
        scale = {0: "No.", 1: "Yes."}
        aspects = [
            {"name": "short", "definition": words, "scale": scale, "weight": weight},
            {"name": "kind", "definition": "Whether it is kind.", "scale": scale},
        ]
        (tmp_path / "ours.yaml").write_text(yaml.safe_dump({"members": aspects}))
        return builds.write_recipe(tmp_path, steps=[*BEFORE, {"judge/rubric": {"aspects": "./ours.yaml"}}])

    first = builds.calls_of(await builds.run(write(1.0, "Whether it is short."), documents, lake))
    assert first["judge/rubric[short]"] == first["judge/rubric[kind]"] > 0
    assert builds.calls_of(await builds.run(write(-0.5, "Whether it is short."), documents, lake)) == {}
    again = builds.calls_of(await builds.run(write(-0.5, "Whether it is brief."), documents, lake))
    assert again == {"judge/rubric[short]": first["judge/rubric[short]"]}


async def test_a_noisy_judge_contradicts_itself_and_says_nothing_then(
    tmp_path: Path, documents: Path, lake: Address
) -> None:
    noisy = {"model": "rehearsal", "options": {"misquote": 0, "noise": 1.0, "position_bias": 0}}
    steps = [*BEFORE, {"judge/listwise": {"principle": "helpful", "orders": 4}}]
    built = await builds.run(builds.write_recipe(tmp_path, steps=steps, models={"default": noisy}), documents, lake)
    assert built.problem is None
    rows = builds.ask(lake, "SELECT value, abstained, rationale, raw FROM signals")
    silent = [row for row in rows if row[1]]
    assert 0 < len(silent) < len(rows)
    assert all(value is None and "scored" in rationale for value, _, rationale, _ in silent)
    assert all({"thought", "scores", "ranking"} <= set(json.loads(raw)) for *_, raw in rows)


async def test_more_answers_than_are_shown_at_once_are_an_outcome(
    tmp_path: Path, documents: Path, lake: Address
) -> None:
    steps = [*BEFORE[:2], {"sample/grid": {"draws": 9}}, {"judge/listwise": {"principle": "helpful"}}]
    await builds.run(builds.write_recipe(tmp_path, steps=steps), documents, lake)
    outcomes = builds.ask(lake, "SELECT DISTINCT status, reason, calls FROM outcomes WHERE step = 'judge/listwise'")
    assert outcomes == [("none", "too_many_candidates", 0)]


async def test_a_pair_is_explained_by_the_scores_it_rests_on(tmp_path: Path, documents: Path, lake: Address) -> None:
    """Every verdict on the way: those on the pair, and those on either of its answers; no other answer's."""
    judges = [{"judge/rubric": {"aspect": "direct"}}, {"judge/pairwise": {"principle": "grounded"}}]
    label = {"select/from_scores": {"combine": "single", "aspects": ["direct"], "pair": "best_worst"}}
    steps = [*builds.STEPS[:4], *judges, label, builds.STEPS[-1]]
    await builds.run(builds.write_recipe(tmp_path, steps=steps), documents, lake)
    for pair_id, chosen, rejected in builds.ask(lake, "SELECT pair_id, chosen_id, rejected_id FROM latest_pairs"):
        with guest(lake) as cursor:
            found = trace(cursor, pair_id)
        signals = [node.row for node in found.node.children if node.table == "signals"]
        assert {tuple(sorted(row["response_ids"])) for row in signals} == {
            (chosen,),
            (rejected,),
            tuple(sorted((chosen, rejected))),
        }
        told = Console(width=200, record=True, file=io.StringIO())
        told.print(show.lineage(found))
        text = told.export_text()
        assert f"direct of {chosen}: " in text
        assert "grounded, shown ab: " in text
