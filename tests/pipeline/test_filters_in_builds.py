"""Filters, caps and gates in whole builds: each row that comes in leaves by one door, and what is noted is released."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import builds
import pyarrow.parquet as pq
import pytest

from schemas.errors import RequestError
from warehouse import sifting
from warehouse.address import Address

MODELS: dict[str, Any] = {
    "default": {"model": "rehearsal", "options": {"noise": 0.1, "position_bias": 0.2, "softness": 0.3}},
    "second": {"model": "rehearsal-second", "engine": "rehearsal", "options": {"noise": 0.4, "position_bias": 0}},
}
"""The one is taken in by positions, the other errs."""
JUDGED: list[Any] = [
    "mine/chunk",
    "mine/qa",
    {"sample/grid": {"draws": 3, "show": "passage"}},
    "sample/gold",
    {"judge/pairwise": {"principle": "grounded"}},
    {"judge/pairwise": {"principle": "honest", "model": "second"}},
    "judge/log_likelihood",
    {"select/from_votes": {"names": ["grounded"], "pairs": "all", "min_p": 0.5}},
]
FILTERS: list[Any] = [
    {"select/undecided": {"max_inconsistent": 0.4}},
    {"select/principle_weight": {"principles": ["grounded", "honest"]}},
    {"select/cyclic": {"circles": "any"}},
    {"select/filter": {"by": "note:weight", "min": 0.5, "missing": "keep"}},
    {"select/filter": {"by": "gap:log_likelihood", "sd": {"below": 2.0, "above": 2.0}}},
    {"select/filter": {"by": "confidence", "top": 2, "per": "prompt_id"}},
    {"select/gold_gate": {"gold": {"name": "grounded"}, "orders": "order_mean"}},
    {"select/peer": {"judges": ["signal:grounded", "gap:log_likelihood"], "noise": 0.2}},
    "judge/difficulty",
    {"select/filter": {"by": "signal:difficulty/required_loss", "quantile": {"from": 0.1}}},
    {"select/cap": {"per": "document_id", "max_share": 0.3, "max_rows": 1, "keep": "best", "by": "score_gap"}},
    {"select/sample_rows": {"share": 0.9, "per": "chosen_role"}},
    {"select/curriculum": {"by": "signal:difficulty/c", "easiest": "low"}},
]


def write_documents(folder: Path, count: int) -> None:
    """Documents enough that every filter finds something."""
    for number in range(count):
        (folder / f"more_{number}.md").write_text(
            f"# Mill {number}\n\nThe mill number {number} has {number + 3} stones. Its wheel is {number + 2} metres wide.\n\n"
            f"A miller of mill {number} dresses the stones every {number + 4} days, and he sleeps {number % 5 + 4} hours.\n"
        )


def write_recipe(folder: Path, steps: list[Any]) -> Path:
    """A recipe with both judges."""
    return builds.write_recipe(folder, steps=steps, models=MODELS)


async def test_every_row_leaves_by_one_door(tmp_path: Path, documents: Path, lake: Address) -> None:
    write_documents(documents, 12)
    recipe = write_recipe(tmp_path, [*JUDGED, *FILTERS, "land/release"])
    built = await builds.run(recipe, documents, lake)
    pairs = next(row.rows for row in built.funnel if row.step == "select/from_votes" and row.status == "ok")
    entering = pairs
    doors: dict[str, str] = {}
    for position in range(len(JUDGED) + 1, len(JUDGED) + len(FILTERS) + 1):  # after the intake
        rows = [row for row in built.funnel if row.position == position]
        assert rows, f"step {position} is in the funnel"
        assert all((row.status == "ok") == (row.reason == "") for row in rows), rows
        assert sum(row.units for row in rows) == entering, rows[0].step
        if not rows[0].step.startswith("judge/"):
            entering = sum(row.units for row in rows if row.status == "ok")
            doors |= {row.reason: row.step for row in rows if row.reason}
    assert built.landed
    assert builds.ask(lake, "SELECT count(*) FROM latest_pairs") == [(entering,)]
    assert 0 < entering < pairs
    assert {"not_in_top", "below_threshold", "peer_loss", "over_cap", "not_sampled"} <= set(doors)
    assert not any(builds.audits(lake).values())
    released = pq.read_table(lake.root / built.landed.release.folder / "pairs.parquet").to_pylist()
    assert sorted(row["curriculum_rank"] for row in released) == list(range(1, entering + 1))
    assert {row["weight"] for row in released} <= {None, 0.5, 1.0}
    again = await builds.run(recipe, documents, lake)
    assert (again.done, again.calls) == (0, 0)
    assert again.landed
    assert not again.landed.is_new


async def test_difficulty_is_of_the_pair_and_ranks_it(tmp_path: Path, documents: Path, lake: Address) -> None:
    steps = [*JUDGED, "judge/difficulty", {"select/curriculum": {"by": "signal:difficulty/c", "easiest": "low"}}]
    await builds.run(write_recipe(tmp_path, steps), documents, lake)
    rows = builds.ask(lake, """
        SELECT p.pair_id, r.value - c.value, d.value, n.value FROM pairs p
        JOIN signals c ON c.response_ids = [p.chosen_id] AND c.name = 'log_likelihood'
        JOIN signals r ON r.response_ids = [p.rejected_id] AND r.name = 'log_likelihood'
        JOIN signals d ON d.response_ids = [p.chosen_id, p.rejected_id] AND d.name = 'difficulty/c'
        JOIN notes n ON n.subject_id = p.pair_id AND n.name = 'curriculum_rank'
        ORDER BY d.value, p.pair_id
    """)  # fmt: skip
    assert len(rows) > 3
    assert [difference for _, difference, _, _ in rows] == pytest.approx([value for _, _, value, _ in rows])
    assert [rank for *_, rank in rows] == [float(rank) for rank in range(1, len(rows) + 1)]


async def test_a_pair_is_turned_round_and_the_old_one_is_out(tmp_path: Path, documents: Path, lake: Address) -> None:
    """Labels by one principle, gold by another: where they differ, gold's word is what is released."""
    write_documents(documents, 12)
    gold = {"evaluator": "rehearsal:rehearsal-second"}
    gate = {"select/gold_gate": {"gold": gold, "orders": "order_mean", "otherwise": "flip"}}
    recipe = write_recipe(tmp_path, [*JUDGED, gate, "land/release"])
    built = await builds.run(recipe, documents, lake)
    turned = "SELECT prompt_id, rejected_id, chosen_id FROM latest_pairs WHERE rule = 'gold_gate/flip'"
    flipped = builds.ask(lake, turned)
    made = builds.ask(lake, "SELECT prompt_id, chosen_id, rejected_id FROM pairs WHERE rule <> 'gold_gate/flip'")
    assert flipped
    assert set(flipped) <= set(made)
    released = builds.ask(lake, "SELECT prompt_id, chosen_id, rejected_id FROM latest_pairs")
    assert not set(released) & set(flipped), "no pair is there both ways"
    assert sum(row.units for row in built.funnel if row.step == "select/gold_gate") == len(made)
    assert not any(builds.audits(lake).values())
    gold = builds.ask(lake, """
        SELECT l.pair_id, avg(CASE WHEN s.response_ids[1] = l.chosen_id THEN s.probability ELSE 1 - s.probability END)
        FROM latest_pairs l JOIN signals s ON list_sort(s.response_ids) = list_sort([l.chosen_id, l.rejected_id])
        WHERE s.evaluator = 'rehearsal:rehearsal-second' GROUP BY 1
    """)  # fmt: skip
    assert len(gold) == len(released)
    assert all(p > 0.5 for _, p in gold)


async def test_thresholds_are_kept_and_a_cap_that_cannot_be_met_is_told(
    tmp_path: Path, documents: Path, lake: Address
) -> None:
    steps = [*JUDGED, {"select/filter": {"by": "score_gap", "quantile": {"from": 0.5}, "per": "chosen_role"}}]
    await builds.run(write_recipe(tmp_path, steps), documents, lake)
    ((told,),) = builds.ask(lake, "SELECT fit FROM fits WHERE step LIKE 'select/filter%'")
    assert '"per":"chosen_role"' in str(told).replace(" ", "")
    impossible = [*JUDGED, {"select/cap": {"per": "source", "max_share": 0.2}}]
    with pytest.raises(RequestError, match="unless there are 5 or more by `source`, and there are 1"):
        await builds.run(write_recipe(tmp_path, impossible), documents, lake)


async def test_what_is_said_of_many_rows_is_taken_in_parts(
    tmp_path: Path, documents: Path, make_catalog: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a million rows a part at a time, and the units are the same."""
    steps = [*builds.STEPS[:6], {"select/curriculum": {"by": "score_gap", "easiest": "high"}}]
    steps.append({"select/filter": {"by": "note:curriculum_rank", "max": 2}})
    recipe, found = builds.write_recipe(tmp_path, steps=steps), []
    for part in (sifting.SAID_IN_A_PART, 2):
        monkeypatch.setattr(sifting, "SAID_IN_A_PART", part)
        catalog = make_catalog("sqlite", tmp_path / str(part))
        await builds.run(recipe, documents, catalog)
        query = "SELECT unit_id, subject_id, status, reason, detail FROM outcomes WHERE step LIKE 'select/%' ORDER BY ALL"
        found.append((builds.ask(catalog, query), builds.ask(catalog, "SELECT * FROM notes ORDER BY ALL")))
    assert found[0] == found[1]
    assert {status for _, _, status, _, _ in found[0][0]} == {"ok", "none"}
    assert len(found[0][1]) > 2, "more than a part"


async def test_documents_prompts_and_responses_are_filtered_too(tmp_path: Path, documents: Path, lake: Address) -> None:
    """A pass rate is the mean of a check over the responses of a prompt."""
    write_documents(documents, 6)
    steps: list[Any] = [
        {"select/filter": {"of": "documents", "by": "length", "bottom": 8}},
        *builds.STEPS[:4],
        {"select/filter": {"of": "responses", "by": "role", "one_of": ["candidate", "gold"]}},
        {"judge/measure": {"what": ["words"]}},
        {"select/filter": {"of": "prompts", "by": "signal:words", "quantile": {"from": 0.2, "to": 0.8}}},
        *builds.STEPS[4:6],
        "land/release",
    ]
    built = await builds.run(builds.write_recipe(tmp_path, steps=steps), documents, lake)
    ends = [(row.step, row.status, row.reason, row.units) for row in built.funnel if row.step.startswith("select/filter")]
    assert ("select/filter", "none", "not_in_bottom", 1) in ends
    assert ("select/filter", "ok", "", 8) in ends
    assert {reason for step, _, reason, _ in ends if step == "select/filter#3"} == {
        "", "below_threshold", "above_threshold",
    }  # fmt: skip
    means = dict(builds.ask(lake, """
        SELECT prompt_id, avg(value) FROM signals WHERE name = 'words' AND len(response_ids) = 1 GROUP BY 1
    """))  # fmt: skip
    outside = "SELECT subject_id FROM outcomes WHERE reason IN ('below_threshold', 'above_threshold')"
    gone = {row[0] for row in builds.ask(lake, outside)}
    kept = sorted(value for prompt, value in means.items() if prompt not in gone)
    assert all(means[prompt] < kept[0] or means[prompt] > kept[-1] for prompt in gone)
    assert not gone & {row[0] for row in builds.ask(lake, "SELECT prompt_id FROM latest_pairs")}
    assert not any(builds.audits(lake).values())
