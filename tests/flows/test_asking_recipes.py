"""The recipes that ask about pairs, all the way on the rehearsal model; and likelihoods from a server's log-probabilities."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import builds
import pyarrow.parquet as pq
import pytest
import yaml

from flows.recipes import SHIPPED
from pipeline.models.mock_server import MockServer
from warehouse.address import Address

UNTIL_JUDGED: list[Any] = [
    "mine/chunk",
    {"mine/qa": {"model": "writer"}},
    {"sample/grid": {"models": ["writer"], "draws": 2, "show": "passage"}},
    "sample/gold",
]
BIASED = {"model": "rehearsal", "options": {"position_bias": 0.2, "softness": 0.3}}


def shipped(folder: Path, name: str) -> Path:
    """A shipped recipe on the rehearsal model."""
    content = yaml.safe_load((SHIPPED / f"{name}.yaml").read_text("utf-8"))
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(content | {"models": {"default": {"model": "rehearsal"}}}))
    return folder / f"{name}.yaml"


@pytest.mark.parametrize("name", ["rlaif", "fact-rlhf"])
async def test_the_recipe_makes_pairs_and_leaves_every_audit_empty(
    tmp_path: Path, documents: Path, lake: Address, name: str
) -> None:
    built = await builds.run(shipped(tmp_path, name), documents, lake)
    assert built.problem is None
    assert builds.ask(lake, "SELECT count(*) > 0 FROM latest_pairs") == [(True,)]
    assert set(builds.audits(lake).values()) == {0}
    again = await builds.run(tmp_path / f"{name}.yaml", documents, lake)
    assert builds.calls_of(again) == {}


async def test_the_soft_label_of_rlaif_is_the_mean_over_both_orders(
    tmp_path: Path, documents: Path, lake: Address
) -> None:
    await builds.run(shipped(tmp_path, "rlaif"), documents, lake)
    query = """SELECT p.p_chosen, avg(CASE WHEN p.chosen_id = s.response_ids[1] THEN s.probability ELSE 1 - s.probability END),
        count(*), count(s.rationale) FROM pairs p JOIN signals s USING (prompt_id) GROUP BY p.pair_id, p.p_chosen"""
    found = builds.ask(lake, query)
    assert found
    for told, reckoned, rows, reasons in found:
        assert told == pytest.approx(reckoned)
        assert 0.5 < told < 1
        assert rows == reasons == 2
    calls = "SELECT DISTINCT calls FROM outcomes WHERE step = 'judge/pairwise' AND status = 'ok'"
    assert builds.ask(lake, calls) == [(4,)], "two calls in each order"


async def test_the_control_shows_what_facts_change_and_makes_no_label(
    tmp_path: Path, documents: Path, lake: Address
) -> None:
    await builds.run(shipped(tmp_path, "fact-rlhf"), documents, lake)
    found = builds.ask(lake, "SELECT principle, verdicts, changed, changed_share FROM judge_facts_effect")
    ((principle, verdicts, changed, share),) = found
    assert (principle, share) == ("grounded", pytest.approx(changed / verdicts))
    assert verdicts == builds.ask(lake, "SELECT count(*) FROM signals WHERE name = 'control/grounded'")[0][0]
    assert 0 < changed < verdicts, "without facts the rehearsed judge can only compare with the question"
    without = yaml.safe_load((tmp_path / "fact-rlhf.yaml").read_text())
    without["steps"] = [each for each in without["steps"] if "control: true" not in yaml.safe_dump(each)]
    (tmp_path / "without.yaml").write_text(yaml.safe_dump(without))
    labels = "SELECT DISTINCT chosen_id, rejected_id, p_chosen, confidence FROM pairs ORDER BY ALL"
    before = builds.ask(lake, labels)
    assert before
    await builds.run(tmp_path / "without.yaml", documents, lake)
    assert builds.ask(lake, labels) == before
    principles = "SELECT count(*) FROM build_steps WHERE step LIKE 'judge/%'"
    assert builds.ask(lake, principles) == [(3,)]


async def test_a_control_is_in_no_gate_and_in_no_export(tmp_path: Path, documents: Path, lake: Address) -> None:
    built = await builds.run(shipped(tmp_path, "fact-rlhf"), documents, lake)
    assert built.landed is not None
    query = """SELECT avg((ab = ba)::INT) FROM (SELECT unit_id, max(vote) FILTER ("order" = 'ab') AS ab,
        max(vote) FILTER ("order" = 'ba') AS ba FROM signals WHERE name {} GROUP BY unit_id, name)"""
    ((consistent,),) = builds.ask(lake, query.format("= 'grounded'"))
    assert consistent != builds.ask(lake, query.format("IS NOT NULL"))[0][0], "or nothing is shown here"
    assert built.landed.release.figures["position_consistency"] == pytest.approx(consistent)
    folder = lake.root / built.landed.release.folder
    rows = pq.read_table(folder / "pairs.parquet").to_pylist()
    assert {name for row in rows for name in row["principles"]} == {"grounded"}


async def test_the_gate_compares_each_vote_with_its_own_draw(tmp_path: Path, documents: Path, lake: Address) -> None:
    votes = {"principle": "grounded", "by": "votes", "votes": 4, "temperature": 0.7, "model": "judge"}
    models = {"default": {"model": "rehearsal"}, "writer": {"model": "rehearsal"}, "judge": BIASED}
    steps = [*UNTIL_JUDGED, {"judge/pairwise": votes}, "select/best_worst", "land/release"]
    built = await builds.run(builds.write_recipe(tmp_path, models=models, steps=steps), documents, lake)
    ((consistent,),) = builds.ask(lake, "SELECT position_consistency FROM judge_consistency")
    assert built.landed is not None
    assert built.landed.release.figures["position_consistency"] == pytest.approx(consistent)
    assert builds.ask(lake, "SELECT DISTINCT calls FROM outcomes WHERE step LIKE 'judge/%' AND status = 'ok'") == [(2,)]


async def test_a_jury_and_a_set_of_principles_are_steps_of_their_own(
    tmp_path: Path, documents: Path, lake: Address
) -> None:
    jury = {"principles": ["helpful", "harmful"], "models": ["one", "other"]}
    models = {
        "writer": {"model": "rehearsal"},
        "one": {"model": "one", "engine": "rehearsal"},
        "other": {"model": "other", "engine": "rehearsal"},
    }
    recipe = builds.write_recipe(tmp_path, models=models, steps=[*UNTIL_JUDGED, {"judge/pairwise": jury}])
    await builds.run(recipe, documents, lake)
    said = builds.ask(lake, "SELECT name, evaluator, count(*) FROM signals GROUP BY ALL ORDER BY ALL")
    assert [row[:2] for row in said] == [
        (name, f"rehearsal:{model}") for name in ("harmful", "helpful") for model in ("one", "other")
    ]
    assert len({row[2] for row in said}) == 1


async def test_stopping_early_saves_votes_and_says_how_many(tmp_path: Path, documents: Path, lake: Address) -> None:
    votes = {"principle": "grounded", "by": "votes", "votes": 8, "stop_at": 0.95, "temperature": 0.7, "model": "judge"}
    models = {"writer": {"model": "rehearsal"}, "judge": BIASED}
    recipe = builds.write_recipe(tmp_path, models=models, steps=[*UNTIL_JUDGED, {"judge/pairwise": votes}])
    built = await builds.run(recipe, documents, lake)
    ((pairs, asked, saved, share),) = builds.ask(lake, "SELECT pairs, asked, saved, saved_share FROM judge_votes_saved")
    assert asked == builds.calls_of(built)["judge/pairwise"]
    assert asked + saved == 16 * pairs
    assert 0.2 < share < 0.8, "clear pairs are settled by four votes, close ones are not"
    # Every pair that was settled early was settled by the rule: at least four votes, most of them alike.
    query = """WITH counted AS (SELECT unit_id, vote, count(*) AS alike FROM signals GROUP BY ALL)
        SELECT sum(alike), max(alike) FROM counted GROUP BY unit_id"""
    settled = [(int(votes), most) for votes, most in builds.ask(lake, query) if votes < 16]
    assert settled
    assert all(votes >= 4 and most > votes / 2 for votes, most in settled)


@pytest.mark.parametrize(
    ("asking", "labels"),
    [
        ({}, ["A", "B"]),
        ({"labels": ["1", "2"], "reasoning": "apart"}, ["1", "2"]),
        ({"labels": ["left side", "right side"], "ties": "refused"}, ["left side", "right side"]),
    ],
)
async def test_likelihoods_are_read_from_a_servers_log_probabilities(
    tmp_path: Path, documents: Path, lake: Address, asking: dict[str, Any], labels: list[str]
) -> None:
    judge = {"principle": "helpful", "by": "likelihood", "model": "judge", **asking}
    async with MockServer() as base_url:
        models = {"writer": {"model": "rehearsal"}, "judge": {"model": "m", "engine": "openai", "base_url": base_url}}
        recipe = builds.write_recipe(tmp_path, models=models, steps=[*UNTIL_JUDGED, {"judge/pairwise": judge}])
        built = await builds.run(recipe, documents, lake)
    assert built.problem is None
    assert not builds.ask(lake, "FROM outcomes WHERE status = 'failed'")
    found = builds.ask(lake, 'SELECT "order", raw, vote, probability, rationale FROM signals')
    assert len(found) > 10
    for order, raw, vote, probability, rationale in found:
        first = labels.index(raw) == 0 if raw != "tie" else None
        assert vote == ("tie" if first is None else "a" if first == (order == "ab") else "b")
        assert 0 < probability < 1, "the other label has its share"
        # The mock gives what it says at least half, and the other labels at most half of the rest.
        assert {"a": probability > 0.5, "b": probability < 0.5, "tie": True}[vote]
        assert bool(rationale) == (asking.get("reasoning") == "apart")
    assert len({round(row[3], 6) for row in found}) > len(found) / 2, "a soft label is not a verdict in disguise"
