"""A cascade in a whole build: who is asked, who labels, what it costs, and what the views say of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import builds
import pytest

from flows.recipes import find_recipe
from pipeline.audit.cascade import CascadeRow, fit
from warehouse.address import Address
from warehouse.connection import connect

PRICES = {"small": {"input": 0.1, "output": 0.4}, "large": {"input": 2.0, "output": 8.0}}
JUDGES: dict[str, Any] = {
    "default": {"model": "rehearsal"},
    "small": {"model": "rehearsal", "options": {"noise": 0.3, "position_bias": 0.1}, "price": PRICES["small"]},
    "large": {"model": "rehearsal", "options": {"noise": 0.0, "position_bias": 0.0}, "price": PRICES["large"]},
}


def recipe(folder: Path, judge: dict[str, Any], name: str = "cascade") -> Path:
    """The whole way with this judge."""
    return builds.write_recipe(folder, steps=[*builds.STEPS[:4], judge, *builds.STEPS[5:]], models=JUDGES, name=name)


def cascade(**params: Any) -> dict[str, Any]:
    """A cascade that verifies itself, unless `params` say otherwise."""
    return {
        "judge/cascade": {"principle": "grounded", "policy": "half", "verify": "self", "examples": "checks", **params}
    }


async def test_the_shipped_recipe_runs_in_rehearsal(documents: Path, lake: Address) -> None:
    built = await builds.run(find_recipe("automix"), documents, lake, engine="rehearsal")
    assert built.problem is None
    assert built.landed is not None
    assert built.landed.release.pairs > 0
    assert set(builds.audits(lake).values()) == {0}


async def test_the_dear_judge_is_asked_where_the_cheap_one_does_not_hold(
    tmp_path: Path, documents: Path, lake: Address
) -> None:
    built = await builds.run(recipe(tmp_path, cascade()), documents, lake)
    assert built.problem is None
    assert set(builds.audits(lake).values()) == {0}
    ((pairs, kept, escalated, share, calls, cost, cost_kept, cost_escalated),) = builds.ask(
        lake,
        "SELECT pairs, kept, escalated_pairs, escalated_share, calls::BIGINT, cost, cost_kept, cost_escalated FROM cascade_costs",
    )
    assert pairs == kept + escalated
    assert 0 < share < 1
    assert share == escalated / pairs
    assert calls == builds.calls_of(built)["judge/cascade"] == 4 * pairs + 2 * escalated
    assert 0 < cost_kept < cost_escalated
    # What labels an escalated pair is what the dear judge said: it makes no mistake, and contradicts itself nowhere.
    of_dear = "SELECT count(*) FROM cascade_rows WHERE escalated AND large_p NOT IN (0, 0.5, 1)"
    assert builds.ask(lake, of_dear) == [(0,)]
    names = dict(builds.ask(lake, "SELECT name, count(*) FROM signals GROUP BY ALL"))
    assert names["grounded"] == 2 * pairs
    assert names["control/grounded"] == 2 * escalated
    assert names["cascade/check"] == 8 * pairs
    assert names["cascade/verification"] == names["cascade/escalated"] == pairs
    assert "cascade/check" not in {row[0] for row in builds.ask(lake, "SELECT principle FROM judge_consistency")}
    alone = await builds.run(
        recipe(tmp_path, {"judge/pairwise": {"principle": "grounded", "model": "large"}}, "dear"), documents, lake
    )
    assert alone.problem is None
    ((dear,),) = builds.ask(lake, "SELECT sum(cost) FROM outcomes WHERE step = 'judge/pairwise'")
    assert 0 < cost < dear


async def test_a_kept_pair_is_labelled_by_the_cheap_judge_and_an_escalated_one_is_not(
    tmp_path: Path, documents: Path, lake: Address
) -> None:
    """Every pair made rests on votes under the principle's own name."""
    await builds.run(recipe(tmp_path, cascade()), documents, lake)
    wrong = builds.ask(
        lake,
        """
        SELECT p.pair_id FROM pairs p JOIN cascade_rows c ON c.prompt_id = p.prompt_id
            AND list_has_all(c.response_ids, [p.chosen_id, p.rejected_id])
        WHERE (CASE WHEN c.escalated THEN c.large_p ELSE c.small_p END) <> (p.chosen_id = c.response_ids[1])::INTEGER
    """,
    )
    assert wrong == []
    assert builds.ask(lake, "SELECT count(*) FROM pairs")[0][0] > 0


async def test_a_release_is_as_consistent_as_the_judge_that_was_believed(
    tmp_path: Path, documents: Path, lake: Address
) -> None:
    """The cheap judge always takes what it sees first; of the dear one, which never does, is every label."""
    biased = JUDGES | {"small": {"model": "rehearsal", "options": {"position_bias": 1.0}}}
    steps = [*builds.STEPS[:4], cascade(verify="order_consistency", examples=[]), *builds.STEPS[5:]]
    built = await builds.run(builds.write_recipe(tmp_path, steps=steps, models=biased), documents, lake)
    assert built.problem is None
    assert builds.ask(lake, "SELECT escalated_share FROM cascade_costs") == [(1.0,)]
    figures = "SELECT (figures->>'$.position_consistency')::DOUBLE FROM releases"
    assert builds.ask(lake, figures) == [(1.0,)]
    by_name = "SELECT principle, position_consistency FROM judge_consistency ORDER BY ALL"
    assert builds.ask(lake, by_name) == [("control/grounded", 0.0), ("grounded", 1.0)]


async def test_pairs_may_wait_for_a_person(tmp_path: Path, documents: Path, lake: Address) -> None:
    judge = cascade(models=["small"], to="human", verify="order_consistency", examples=[])
    built = await builds.run(recipe(tmp_path, judge), documents, lake)
    assert built.problem is None
    ((escalated,),) = builds.ask(lake, "SELECT escalated_pairs FROM cascade_costs")
    found = builds.ask(lake, "SELECT name, abstained, vote, rationale FROM signals WHERE evaluator = 'human'")
    assert len(found) == escalated > 0
    assert {row[:3] for row in found} == {("grounded", True, None)}
    assert all(row[3].startswith("half: v = 0") for row in found)
    waiting = "SELECT count(*) FROM cascade_rows WHERE escalated AND large_p IS NULL"
    assert builds.ask(lake, waiting) == [(escalated,)]


async def test_rows_to_fit_on_come_from_a_build_and_what_people_say(
    tmp_path: Path, documents: Path, lake: Address
) -> None:
    """With the policy `everything` both judges speak of every pair; people label some of them."""
    await builds.run(recipe(tmp_path, cascade(policy="everything")), documents, lake)
    units = builds.ask(
        lake, "SELECT prompt_id, response_ids, small_p, large_p, small, large FROM cascade_rows ORDER BY unit_id"
    )
    assert all(row[2] is not None and row[3] is not None for row in units)
    assert {row[4:] for row in units} == {(None, None)}
    builds.leave()
    # One person for a everywhere; a second, about another principle, is not heard; a third is for b on the first pair alone.
    with connect(lake) as connection:
        for number, (prompt_id, response_ids, *_) in enumerate(units):
            said = [("ann", None, "a"), ("ben", "helpful", "b"), *([("cat", "grounded", "b")] if number == 0 else [])]
            for annotator, name, vote in said:
                connection.execute(
                    "INSERT INTO lake.labels VALUES (?, 'u', 'f', 'd', ?, ?, ?, ?, ?, NULL, NULL, NULL)",
                    [f"lbl_{number}_{annotator}", prompt_id, response_ids, annotator, name, vote],
                )
    found = builds.ask(lake, "SELECT small_p, large_p, human_p, small, large FROM cascade_rows ORDER BY unit_id")
    assert found[0][2:] == (0.5, None, None)
    for small_p, large_p, human_p, small, large in found[1:]:
        assert human_p == 1
        assert (small, large) == (int(small_p > 0.5), int(large_p > 0.5))
    assert {row[4] for row in found[1:]} == {0, 1}


async def test_a_policy_is_fitted_on_what_a_build_left(tmp_path: Path, documents: Path, lake: Address) -> None:
    """People agree with the dear judge here; the fitted policy escalates some pairs and pays."""
    more = {"sample/grid": {"draws": 5, "show": "passage"}}
    steps = [*builds.STEPS[:2], more, cascade(policy="everything"), "select/best_worst"]
    await builds.run(builds.write_recipe(tmp_path, steps=steps, models=JUDGES), documents, lake)
    found = builds.ask(lake, "SELECT unit_id, prompt_id, response_ids, large_p FROM cascade_rows WHERE large_p <> 0.5")
    builds.leave()
    with connect(lake) as connection:
        for unit_id, prompt_id, response_ids, large_p in found:
            connection.execute(
                "INSERT INTO lake.labels VALUES (?, ?, 'f', 'd', ?, ?, 'ann', NULL, ?, NULL, NULL, NULL)",
                [f"lbl_{unit_id}", unit_id, prompt_id, response_ids, "a" if large_p > 0.5 else "b"],
            )
    known = builds.ask(lake, "SELECT v, small, large FROM cascade_rows WHERE small IS NOT NULL AND large IS NOT NULL")
    assert len(known) == len(found) > 10
    fitted = fit([CascadeRow(*row) for row in known])
    assert fitted.worth.performance_large == 1
    assert fitted.worth.performance_small == sum(row[1] for row in known) / len(known) < 1
    assert 0 < fitted.worth.escalated < 1
    assert fitted.worth.lift is not None
    assert fitted.worth.lift > 0


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"models": ["small"]}, "`models` is ['small']: with `to: judge` it names a cheap judge and a dear one"),
        ({"to": "human"}, "with `to: human` it names the cheap judge alone"),
        ({"votes": 3}, "several `votes` go with a `temperature` above 0"),
        ({"verify": "votes"}, "`examples` are shown to a judge that verifies itself"),
        ({"policy": "halff"}, "'halff' is not a policy; did you mean `half`?"),
        ({"policy": {}}, "a policy has exactly one of threshold, double, triple, table; this one has none"),
        ({"policy": {"threshold": 2}}, "less than or equal to 1"),
        ({"policy": {"treshold": 0.5}}, "`policy` has no key `treshold`; did you mean `threshold`?"),
        ({"examples": "chekcs"}, "'chekcs' is not a verification; did you mean `checks`?"),
        ({"models": ["small", "lrage"]}, "`judge/cascade` asks model `lrage`, which is not under `models:`"),
    ],
)
def test_a_mistake_in_a_cascade_is_one_sentence(tmp_path: Path, params: dict[str, Any], words: str) -> None:
    from pipeline.binding import bind
    from schemas.errors import RecipeError
    from schemas.recipe import read_recipe

    with pytest.raises(RecipeError) as caught:
        bind(read_recipe(recipe(tmp_path, cascade(**params))))
    assert words in str(caught.value)
