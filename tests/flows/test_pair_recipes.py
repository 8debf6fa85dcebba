"""Pair builders in whole builds: what each recipe pairs with what, what a pair carries, and what a change costs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import builds
import pyarrow.parquet as pq
import pytest

from flows.build import Built
from flows.recipes import find_recipe
from schemas.errors import RecipeError
from schemas.recipe import read_recipe
from warehouse.address import Address

SIDES = """
SELECT c.role, j.role, c.model, j.model, p.score_gap, p.rule, p.prompt_id FROM pairs p
JOIN responses c ON c.response_id = p.chosen_id JOIN responses j ON j.response_id = p.rejected_id ORDER BY ALL
"""
MADE: list[Any] = ["mine/chunk", "mine/qa", {"sample/grid": {"draws": 4, "show": "passage"}}, "sample/gold"]


async def run(name: str, documents: Path, lake: Address) -> Built:
    """A build of a shipped recipe in rehearsal, which has to end with a release and a sound warehouse."""
    built = await builds.run(find_recipe(name), documents, lake, engine="rehearsal")
    assert built.problem is None
    assert built.landed is not None
    assert built.landed.release.pairs > 0
    assert set(builds.audits(lake).values()) == {0}
    return built


async def build(folder: Path, documents: Path, lake: Address, *steps: Any) -> Built:
    """A build with these steps after four answers and the mined one."""
    recipe = builds.write_recipe(folder, steps=[*MADE, *steps, "land/release"])
    built = await builds.run(recipe, documents, lake)
    assert built.problem is None
    assert set(builds.audits(lake).values()) == {0}
    return built


def released(built: Built, lake: Address) -> list[dict[str, Any]]:
    """The rows of the release of a build."""
    assert built.landed is not None
    rows: list[dict[str, Any]] = pq.read_table(lake.root / built.landed.release.folder / "pairs.parquet").to_pylist()
    return rows


async def test_spin_prefers_the_demonstration_to_the_own_answer(documents: Path, lake: Address) -> None:
    built = await run("spin", documents, lake)
    sides = builds.ask(lake, SIDES)
    assert {row[:2] for row in sides} == {("gold", "candidate")}
    assert len({row[-1] for row in sides}) == len(sides), "one for each prompt"
    assert set(builds.calls_of(built)) == {"mine/qa", "sample/grid"}, "nobody judges"


async def test_a_list_of_knowpat_is_read_back(documents: Path, lake: Address) -> None:
    await run("knowpat", documents, lake)
    order = {"gold": 0, "strong": 1, "mid": 2, "weak": 3, "unaided": 2}
    sides = builds.ask(lake, SIDES)
    assert {row[0] for row in sides} == {"gold", "strong", "mid"}
    for chosen, rejected, _, _, gap, rule, _ in sides:
        assert rule == "ordered_list"
        assert gap == order[rejected] - order[chosen]
    lists = builds.ask(
        lake,
        """
        WITH members AS (
            SELECT unit_id, fingerprint, chosen_id AS response_id, score_gap AS place FROM pairs
            UNION ALL SELECT unit_id, fingerprint, rejected_id, 0 FROM pairs
        ), places AS (SELECT unit_id, fingerprint, response_id, max(place) AS place FROM members GROUP BY ALL)
        SELECT list(r.role ORDER BY p.place DESC) FROM places p JOIN responses r USING (response_id)
        GROUP BY p.unit_id, p.fingerprint HAVING count(DISTINCT r.text) = count(*)
        """,
    )
    whole = (["gold", "strong", "mid", "weak"], ["gold", "strong", "unaided"])
    found = [roles for (roles,) in lists]
    assert all(roles in ([role for role in of if role in roles] for of in whole) for roles in found)
    assert all(any(roles == of for roles in found) for of in whole)


async def test_micro_keeps_what_is_in_dispute(documents: Path, lake: Address) -> None:
    built = await run("micro", documents, lake)
    pairs = builds.ask(lake, "SELECT least(chosen_id, rejected_id), chosen_id, aspect, rule FROM pairs")
    assert {rule for *_, rule in pairs} == {f"per_aspect/{aspect}" for _, _, aspect, _ in pairs}
    by_duel: dict[str, set[str]] = {}
    for duel, chosen, _, _ in pairs:
        by_duel.setdefault(duel, set()).add(chosen)
    rows = released(built, lake)
    assert sorted(row["aspect"] for row in rows) == sorted(aspect for _, _, aspect, _ in pairs)
    for row in rows:
        scores = row["aspect_scores"]
        assert any(each["chosen"] < each["rejected"] for each in scores), "some other aspect says the opposite"
        assert row["aspect"] not in {each["name"] for each in scores}


async def test_modpo_pairs_carry_what_margins_are_made_of(documents: Path, lake: Address) -> None:
    """Every score on a pair is the rating that was given, and the pair's own aspect is the one it is ordered by."""
    await run("modpo", documents, lake)
    ratings = {
        (response, name): value
        for response, name, value in builds.ask(lake, "SELECT response_ids[1], name, avg(value) FROM signals GROUP BY ALL")
        if value is not None
    }
    pairs = builds.ask(lake, "SELECT chosen_id, rejected_id, aspect, aspect_scores, score_gap FROM pairs")
    assert pairs
    for chosen, rejected, aspect, scores, gap in pairs:
        assert gap == pytest.approx(ratings[chosen, aspect] - ratings[rejected, aspect])
        assert len(scores) == 3
        for each in scores:
            assert each["chosen"] == ratings[chosen, each["name"]]
            assert each["rejected"] == ratings[rejected, each["name"]]


async def test_pairs_of_different_aspects_are_no_duplicates(tmp_path: Path, documents: Path, lake: Address) -> None:
    steps = [
        {"judge/rubric_group": {"aspects": "ultrafeedback", "facts": "nothing"}},
        {"select/per_aspect": {"aspects": ["helpfulness", "truthfulness"]}},
        "select/exact_duplicates",
    ]
    await build(tmp_path, documents, lake, *steps)
    twins = "SELECT count(*) FROM pairs x JOIN pairs y USING (chosen_id, rejected_id) WHERE x.aspect < y.aspect"
    assert builds.ask(lake, twins)[0][0] > 0
    dropped = builds.ask(
        lake,
        """
        SELECT count(*) FROM outcomes o JOIN pairs x ON x.pair_id = o.subject_id
        JOIN pairs y ON y.pair_id = o.detail[9:] WHERE o.reason = 'exact_duplicate' AND x.aspect <> y.aspect
        """,
    )
    assert dropped == [(0,)]


async def test_temporal_self_rewarding_draws_its_sides_from_different_models(documents: Path, lake: Address) -> None:
    await run("temporal-self-rewarding", documents, lake)
    chosen, rejected = ({row[side] for row in builds.ask(lake, SIDES)} for side in (0, 1))
    assert chosen <= {"current", "future"}
    assert rejected <= {"current", "anchor"}
    assert "anchor" in rejected
    worse = """
        SELECT count(*) FROM pairs p JOIN signals s ON s.prompt_id = p.prompt_id
        JOIN responses r ON r.response_id = s.response_ids[1]
        JOIN signals t ON t.response_ids = [p.rejected_id] WHERE r.role IN ('current', 'anchor') AND s.value < t.value
    """
    assert builds.ask(lake, worse) == [(0,)], "nothing that may be rejected scores lower"


async def test_wrpo_has_a_list_on_the_chosen_side(documents: Path, lake: Address) -> None:
    built = await run("wrpo", documents, lake)
    assert {row[:2] for row in builds.ask(lake, SIDES)} == {("source", "target")}
    also = builds.ask(
        lake,
        "SELECT len(p.also_chosen), r.role, r.prompt_id = p.prompt_id, p.also_chosen[1] IN (p.chosen_id, p.rejected_id) "
        "FROM pairs p JOIN responses r ON r.response_id = p.also_chosen[1]",
    )
    assert set(also) == {(1, "target", True, False)}
    for row in released(built, lake):
        ((message,),) = row["also_chosen"]
        assert message["role"] == "assistant"
        assert message["content"] not in (row["chosen"][0]["content"], row["rejected"][0]["content"])


async def test_an_answer_that_leaves_takes_the_list_along_that_it_is_in(
    tmp_path: Path, documents: Path, lake: Address
) -> None:
    """Duplicate answers are dropped after pairing here, so that some are on the list of a pair."""
    steps = [
        {"judge/measure": {"what": ["words"]}},
        {"select/anchored": {
            "chosen_from": ["gold"], "also_chosen_from": ["candidate"], "rejected_from": ["candidate"], "aspects": ["words"],
        }},
        {"select/quotas": {"once": False, "most": 1, "cell": "rule"}},
    ]  # fmt: skip
    built = await build(tmp_path, documents, lake, *steps)
    assert len(released(built, lake)) == 1
    (row,) = released(built, lake)
    ((also,),) = builds.ask(lake, "SELECT also_chosen[1] FROM pairs WHERE pair_id = ?", [row["pair_id"]])
    dropping = {"select/exact_duplicates": {"of": "responses", "keep": "random"}}
    again = await build(tmp_path, documents, lake, *steps[:-1], dropping)
    gone = {name for (name,) in builds.ask(lake, "SELECT subject_id FROM outcomes WHERE reason = 'exact_duplicate'")}
    assert gone
    lists = "SELECT pair_id FROM pairs WHERE list_has_any([chosen_id, rejected_id] || also_chosen, ?)"
    resting = {name for (name,) in builds.ask(lake, lists, [sorted(gone)])}
    left = {each["pair_id"] for each in released(again, lake)} if again.landed else set()
    assert not left & resting
    assert isinstance(also, str)


async def test_a_window_is_learned_and_kept(documents: Path, lake: Address) -> None:
    await run("fusechat", documents, lake)
    assert all(row[2] == row[3] for row in builds.ask(lake, SIDES)), "both answers are by one model"
    ((kept,),) = builds.ask(lake, "SELECT fit FROM fits WHERE step = 'select/within_window'")
    ((model, window),) = json.loads(kept)["windows"].items()
    gaps = [row[4] for row in builds.ask(lake, SIDES)]
    assert all(window["low"] <= gap <= window["high"] for gap in gaps)
    assert window["gaps"] >= len(gaps)
    assert {row[2] for row in builds.ask(lake, SIDES)} == {model}


async def test_what_a_check_says_is_a_label(tmp_path: Path, documents: Path, lake: Address) -> None:
    check = {"judge/verify": {"check": {"kind": "normalised", "where": "anywhere"}, "name": "has_answer"}}
    built = await build(tmp_path, documents, lake, check, {"select/pass_fail": {"checks": ["has_answer"], "most": 3}})
    values = dict(builds.ask(lake, "SELECT response_ids[1], value FROM signals"))
    pairs = builds.ask(lake, "SELECT chosen_id, rejected_id, p_chosen, score_gap, prompt_id FROM pairs")
    assert pairs
    assert {(values[chosen], values[rejected], p, gap) for chosen, rejected, p, gap, _ in pairs} == {(1.0, 0.0, 1.0, 1.0)}
    reasons = {reason for (reason,) in builds.ask(lake, "SELECT reason FROM outcomes WHERE step = 'select/pass_fail'")}
    assert reasons <= {"", "all_pass", "all_fail", "too_few_candidates"}
    assert "all_pass" in reasons
    assert built.landed


async def test_a_rule_by_name_is_the_rule_spelled_out_and_asks_nothing_again(
    tmp_path: Path, documents: Path, lake: Address
) -> None:
    judge = {"judge/rubric_group": {"aspects": "ultrafeedback", "facts": "nothing"}}
    spelled_out = {
        "aspects": ["instruction_following", "honesty", "truthfulness", "helpfulness"],
        "require": "any",
        "pair": "best_random_lower",
    }
    first = await build(tmp_path, documents, lake, judge, {"select/from_scores": spelled_out})
    other = await build(tmp_path, documents, lake, judge, {"select/binarise": {"rule": "tulu3"}})
    assert first.calls > 0
    assert other.calls == 0
    labels = "SELECT chosen_id, rejected_id, score_gap, p_chosen, confidence FROM pairs WHERE rule = ? ORDER BY ALL"
    assert builds.ask(lake, labels, ["binarise/tulu3"]) == builds.ask(lake, labels, ["from_scores/mean"]) != []


async def test_two_answers_may_change_places_with_the_principle(
    tmp_path: Path, documents: Path, lake: Address
) -> None:
    """A judge that knows the evidence and one that does not stand for two conditions."""
    words = {name: {"name": name, "definition": f"It is {name}.", "negation": f"It is not {name}."} for name in "xy"}
    steps = [
        {"judge/pairwise": {"principle": words["x"], "facts": "evidence"}},
        {"judge/pairwise": {"principle": words["y"], "facts": "nothing"}},
        {"select/reversal": {"principles": list(words.values())}},
        "select/exact_duplicates",
    ]
    built = await build(tmp_path, documents, lake, *steps)
    pairs = builds.ask(lake, "SELECT chosen_id, rejected_id, rule, condition, rationale FROM pairs")
    assert pairs
    turned = {(rejected, chosen, {"x": "y", "y": "x"}[rule[-1]]) for chosen, rejected, rule, _, _ in pairs}
    assert turned == {(chosen, rejected, rule[-1]) for chosen, rejected, rule, _, _ in pairs}
    for _, _, rule, condition, rationale in pairs:
        assert condition["text"] == rationale == f"It is {rule[-1]}."
    kept = {(row["chosen"][0]["content"], row["rejected"][0]["content"], row["rule"][-1]) for row in released(built, lake)}
    assert kept == {(rejected, chosen, {"x": "y", "y": "x"}[name]) for chosen, rejected, name in kept} != set()


async def test_quotas_by_kind_of_error(tmp_path: Path, documents: Path, lake: Address) -> None:
    """Closed-book answers stand for ignorance, answers with the passage for the rest; each prompt gives one kind."""
    steps = [
        {"sample/grid": {"draws": 1, "temperatures": [0.5], "role": "closed_book"}},
        {"select/demonstrations": {"own": ["closed_book", "candidate"]}},
        {"select/quotas": {"most": 3}},
    ]
    built = await build(tmp_path, documents, lake, *steps)
    rows = released(built, lake)
    kinds: dict[str, set[str]] = {}
    for row in rows:
        kinds.setdefault(row["prompt_id"], set()).add(row["rejected_role"])
    assert all(len(each) == 1 for each in kinds.values())
    for kind in ("closed_book", "candidate"):
        assert 1 <= sum(row["rejected_role"] == kind for row in rows) <= 3
    pairs = builds.ask(lake, "SELECT count(*) FROM pairs")[0][0]
    dropped = "SELECT count(*) FROM outcomes WHERE reason IN ('other_cell', 'over_quota')"
    assert pairs == len(rows) + builds.ask(lake, dropped)[0][0], "in = out + every reason"


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ({"select/binarise": {"rule": "fusechat"}}, "rule: fusechat needs `aspects`"),
        ({"select/binarise": {"rule": "tulu"}}, "`rule` is 'tulu'"),
        ({"select/ordered_list": {"tiers": ["gold"]}}, "`tiers`"),
        ({"select/ordered_list": {"tiers": ["gold", {"models": "x"}]}}, "not 'models'; did you mean `model`"),
        ({"select/pass_fail": {}}, "needs the parameter `checks`"),
        ({"select/anchored": {"chosen_from": ["a"]}}, "needs the parameter `rejected_from`"),
    ],
)
def test_a_mistake_in_a_recipe_is_one_sentence(tmp_path: Path, step: Any, words: str) -> None:
    from pipeline.binding import bind

    recipe = builds.write_recipe(tmp_path, steps=[*MADE, {"judge/measure": {"what": ["words"]}}, step])
    with pytest.raises(RecipeError, match=words) as problem:
        bind(read_recipe(recipe))
    assert "\n" not in str(problem.value)
