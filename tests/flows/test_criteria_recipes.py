"""Criteria, rationales and claims in whole builds: the recipes that ship, and what a change to one of their words costs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import builds
import pytest
import yaml

from flows.recipes import shipped_recipes
from prompts.criteria import Category, Criterion
from warehouse.address import Address

TEXT = """# The mill of {name}

The mill of {name} is a machine that turns grain into flour for the whole valley. Its wheel is not older than the house.

## Stones

The runner stone is the upper of the two stones, and it is made of granite. Rain makes the river at {name} run faster.
"""


def documents(folder: Path, count: int = 3) -> Path:
    """Small documents, each about one mill."""
    folder.mkdir()
    for number in range(count):
        (folder / f"d{number}.md").write_text(TEXT.format(name=f"Dorf-{number}"))
    return folder


def rehearsed(folder: Path, recipe: str, **options: float) -> Path:
    """A shipped recipe, on the rehearsal model."""
    content = yaml.safe_load(shipped_recipes()[recipe].read_text())
    content["models"] = {"default": {"model": "rehearsal", "options": options}}
    path = folder / f"{recipe}.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


async def test_dmoerm_asks_each_prompt_its_kind_once_and_each_pair_its_points_in_both_orders(
    tmp_path: Path, lake: Address
) -> None:
    built = await builds.run(rehearsed(tmp_path, "dmoerm"), documents(tmp_path / "in"), lake)
    assert built.problem is None
    assert built.landed is not None
    assert builds.ask(lake, "SELECT count(*) FROM latest_pairs")[0][0] > 0
    assert set(builds.audits(lake).values()) == {0}

    ((prompts,),) = builds.ask(lake, "SELECT count(*) FROM prompts")
    assert builds.calls_of(built)["judge/category"] == prompts
    kinds = dict(builds.ask(lake, "SELECT prompt_id, substr(name, 10) FROM signals WHERE name LIKE 'category/%'"))
    assert len(kinds) == prompts
    points = {point.name: point.category for point in Criterion.load_all("dmoerm", Path())}
    votes = builds.ask(lake, "SELECT prompt_id, name, \"order\" FROM signals WHERE len(response_ids) = 2")
    assert votes
    assert all(points[name] == kinds[prompt_id] for prompt_id, name, _ in votes)
    asked = {(prompt_id, name) for prompt_id, name, _ in votes}
    for prompt_id in {prompt_id for prompt_id, _ in asked}:
        names = {name for each, name in asked if each == prompt_id}
        assert names == {name for name, kind in points.items() if kind == kinds[prompt_id]}
    orders = [order for *_, order in votes]
    assert orders.count("ab") == orders.count("ba") == len(votes) / 2


async def test_rationales_keeps_pairs_whose_label_the_judge_finds_alone(tmp_path: Path, lake: Address) -> None:
    built = await builds.run(rehearsed(tmp_path, "rationales", noise=0.35), documents(tmp_path / "in", 8), lake)
    assert built.problem is None
    assert set(builds.audits(lake).values()) == {0}
    pairs = builds.ask(lake, "SELECT pair_id, chosen_id, rejected_id FROM latest_pairs")
    assert pairs
    for _, chosen, rejected in pairs:
        both = sorted((chosen, rejected))
        query = 'SELECT name, vote, "order", rationale FROM signals WHERE response_ids = $both AND name LIKE \'%rationale\''
        said = builds.ask(lake, query, {"both": both})
        wanted = "a" if both[0] == chosen else "b"
        assert sorted(name for name, *_ in said) == ["control/rationale", "control/rationale", "rationale"]
        assert {vote for _, vote, *_ in said} == {wanted}
        assert {order for name, _, order, _ in said if name == "control/rationale"} == {"ab", "ba"}
        ((order, reasons),) = [(order, words) for name, _, order, words in said if name == "rationale"]
        assert reasons.startswith(f"Answer {'A' if (order == 'ab') == (wanted == 'a') else 'B'} ")
    # Nobody was told a label when they were counted as judges.
    principles = {name for (name,) in builds.ask(lake, "SELECT DISTINCT principle FROM judge_consistency")}
    assert principles == {"grounded", "control/rationale"}
    votes: dict[tuple[str, str], dict[str, str]] = {}
    for unit, name, order, vote in builds.ask(
        lake, "SELECT unit_id, name, \"order\", vote FROM signals WHERE name = 'grounded'"
    ):
        votes.setdefault((unit, name), {})[order] = vote
    same = [each["ab"] == each["ba"] for each in votes.values()]
    ((figure,),) = builds.ask(lake, "SELECT (figures->>'position_consistency')::DOUBLE FROM releases")
    assert figure == pytest.approx(sum(same) / len(same))
    dropped = dict(builds.ask(lake, "SELECT reason, count(*) FROM outcomes WHERE status = 'none' GROUP BY 1"))
    assert dropped["rationale_contradicts"] > 0, "a noisy judge contradicts some labels"


def write_steps(folder: Path, criteria: list[dict[str, Any]], categories: list[dict[str, Any]]) -> Path:
    """A recipe whose words lie in files beside it."""
    (folder / "criteria.yaml").write_text(yaml.safe_dump({"members": criteria}))
    (folder / "kinds.yaml").write_text(yaml.safe_dump({"members": categories}))
    steps: list[Any] = [
        "mine/chunk",
        "mine/qa",
        {"sample/grid": {"draws": 2, "show": "passage"}},
        {"judge/category": {"categories": "./kinds.yaml"}},
        {"judge/criteria": {"criteria": "./criteria.yaml"}},
        "select/best_worst",
    ]
    return builds.write_recipe(folder, steps=steps)


async def test_a_change_to_one_criterion_asks_that_criterion_alone(tmp_path: Path, lake: Address) -> None:
    criteria = [each.model_dump() for each in Criterion.load_all("general", Path())[:3]]
    kinds = [each.model_dump() for each in Category.load_all("dmoerm", Path())]
    folder = documents(tmp_path / "in")

    async def build() -> dict[str, int]:
        return builds.calls_of(await builds.run(write_steps(tmp_path, criteria, kinds), folder, lake))

    first = await build()
    assert {f"judge/criteria[{each['name']}]" for each in criteria} <= set(first)
    assert await build() == {}

    criteria[1]["definition"] += " Think of the miller."
    label = f"judge/criteria[{criteria[1]['name']}]"
    assert await build() == {label: first[label]}

    criteria[0]["weight"] = 7.0
    assert await build() == {}, "a weight is for labels"


async def test_a_change_to_the_kinds_asks_again_only_where_the_kind_is_another(tmp_path: Path, lake: Address) -> None:
    """A pair's unit holds the kind of its prompt by name, not the call that found it."""
    kinds = [each.model_dump() for each in Category.load_all("dmoerm", Path())]
    criteria = [each.model_dump() for each in Criterion.load_all("dmoerm", Path())]
    folder = documents(tmp_path / "in")
    query = "SELECT prompt_id, name FROM signals WHERE name LIKE 'category/%' AND fingerprint = $step"

    async def build() -> tuple[dict[str, int], dict[str, str]]:
        built = await builds.run(write_steps(tmp_path, criteria, kinds), folder, lake)
        steps = "SELECT fingerprint FROM build_steps WHERE build_id = $build AND step = 'judge/category'"
        ((step,),) = builds.ask(lake, steps, {"build": built.build_id})
        return builds.calls_of(built), dict(builds.ask(lake, query, {"step": step}))

    first, before = await build()
    kinds[-1]["definition"] += " Or a poem."
    again, after = await build()
    assert again.pop("judge/category") == first["judge/category"] == len(before)
    same = {prompt for prompt in before if before[prompt] == after[prompt]}
    moved = set(before) - same
    assert moved, "the dice fall otherwise under other words"
    assert same, "and not for all"
    asked = builds.ask(lake, "SELECT prompt_id, name, count(*) FROM signals WHERE len(response_ids) = 2 GROUP BY ALL")
    points = {point["name"]: f"category/{point['category']}" for point in criteria}
    assert all(before[prompt] == points[name] for prompt, name, _ in asked if prompt in same)
    assert sum(again.values()) == sum(
        count for prompt, name, count in asked if prompt in moved and points[name] == after[prompt]
    )


async def test_sheets_and_claims_in_a_build(tmp_path: Path, lake: Address) -> None:
    steps: list[Any] = [
        "mine/chunk",
        "mine/qa",
        {"sample/grid": {"draws": 2, "show": "passage"}},
        {"judge/properties": {"properties": "properties"}},
        {"judge/claims": {"facts": "passage"}},
        {"judge/claims": {"against": "checklist", "facts": "reference", "ask": "apart", "most": 4}},
        {"judge/pairwise": {"principle": "grounded"}},
        "select/best_worst",
    ]
    models = {"default": {"model": "rehearsal", "options": {"noise": 0, "misquote": 0, "position_bias": 0}}}
    recipe = builds.write_recipe(tmp_path, steps=steps, models=models)
    built = await builds.run(recipe, documents(tmp_path / "in"), lake)
    assert built.problem is None
    assert set(builds.audits(lake).values()) == {0}
    sheets = builds.ask(
        lake,
        "SELECT unit_id, count(*), count(DISTINCT response_ids[1]), min(value), max(value) FROM signals "
        "WHERE name IN (SELECT name FROM signals WHERE name = 'polite' OR name = 'clear') GROUP BY 1",
    )
    assert sheets
    assert all((count, responses) == (4, 2) and 0 <= low <= high <= 3 for _, count, responses, low, high in sheets)
    found = dict(builds.ask(lake, "SELECT name, count(*) FROM signals WHERE name IN ('claim', 'checklist') GROUP BY 1"))
    assert set(found) == {"claim", "checklist"}
    contradicted = builds.ask(lake, "SELECT count(*) FROM signals WHERE name = 'claim' AND value < 0")
    assert contradicted == [(0,)], "whoever answers from the passage says nothing against it"
