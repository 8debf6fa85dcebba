"""Whole builds that mix principles: SALMON's recipe, what a change of a principle costs, and filtering by principle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import builds
import yaml

from flows.recipes import find_recipe
from prompts.principles import Principle
from schemas.recipe import read_recipe
from warehouse.address import Address

QUIET = {"default": {"model": "rehearsal", "options": {"misquote": 0, "noise": 0, "position_bias": 0}}}
WORDS = {name: f"The better answer is {name}." for name in ("brief", "kind", "true")}


def write_principles(folder: Path, **changes: dict[str, Any]) -> None:
    """A set of three principles of one's own, beside the recipe."""
    members = [
        {"name": name, "definition": text, "negation": f"The better answer is not {name}."} | changes.get(name, {})
        for name, text in WORDS.items()
    ]
    (folder / "ours.yaml").write_text(yaml.safe_dump({"members": members}))


def mixed(**mix: Any) -> list[Any]:
    """The steps from documents to mixed labels under the principles beside the recipe."""
    return [
        "mine/chunk",
        "mine/qa",
        {"sample/grid": {"draws": 2, "show": "passage"}},
        {"judge/pairwise": {"principles": "./ours.yaml", "reasoning": "none"}},
        {"select/salmon_mix": {"principles": "./ours.yaml", **mix}},
        "select/exact_duplicates",
        {"land/release": {"splits": {"train": 1}}},
    ]


async def test_the_recipe_salmon_goes_all_the_way(tmp_path: Path, documents: Path, lake: Address) -> None:
    built = await builds.run(find_recipe("salmon"), documents, lake, engine="rehearsal")
    assert built.problem is None
    assert built.landed is not None
    assert built.landed.release.pairs >= 1
    assert set(builds.audits(lake).values()) == {0}
    names = sorted(f"judge/pairwise[{each.name}]" for each in Principle.load_all("salmon_reward", tmp_path))
    calls = builds.calls_of(built)
    assert sorted(set(calls) - {"mine/qa", "sample/grid"}) == names
    assert len({calls[name] for name in names}) == 1, "every principle is asked about every two answers, twice"

    pairs = builds.ask(lake, "SELECT chosen_id, rejected_id, rule, rationale, condition FROM pairs")
    assert len(pairs) > len({frozenset(pair[:2]) for pair in pairs}), "two answers are labelled several times"
    for chosen, rejected, rule, rationale, condition in pairs:
        assert chosen != rejected
        assert rule == "salmon_mix"
        assert rationale == condition["text"]
        assert condition["kind"] == "principles"
        assert condition["dominant"] in {each["name"] for each in condition["principles"]}
        assert rationale.count("\n- ") == len(condition["principles"]) - 1
    told = [each for *_, condition in pairs for each in condition["principles"]]
    assert {each["negated"] for each in told} == {True, False}


def test_the_recipe_salmon_says_what_it_is_and_where_it_deviates() -> None:
    recipe = read_recipe(find_recipe("salmon")).recipe
    assert "2310.05910" in recipe.paper
    assert "Deviations" in recipe.paper
    assert recipe.about


async def test_editing_one_principle_asks_about_that_principle_and_nothing_else(
    tmp_path: Path, documents: Path, lake: Address
) -> None:
    folder = tmp_path / "recipe"
    recipe = builds.write_recipe(folder, steps=mixed(), models=QUIET)

    async def build(**changes: dict[str, Any]) -> builds.Built:
        write_principles(folder, **changes)
        built = await builds.run(recipe, documents, lake)
        assert built.problem is None
        return built

    first = await build()
    calls = builds.calls_of(first)
    assert set(calls) == {"mine/qa", "sample/grid", *(f"judge/pairwise[{name}]" for name in WORDS)}
    assert calls["judge/pairwise[kind]"] > 0

    assert builds.calls_of(await build()) == {}
    edited = await build(kind={"definition": "The better answer is kinder."})
    assert builds.calls_of(edited) == {"judge/pairwise[kind]": calls["judge/pairwise[kind]"]}
    reworded = await build(kind={"definition": "The better answer is kinder.", "negation": "It is cruel."})
    assert set(builds.calls_of(reworded)) <= {"judge/pairwise[kind]"}
    weighed = await build(
        kind={"definition": "The better answer is kinder.", "negation": "It is cruel.", "weight": 3.0, "when": "asked"}
    )
    assert builds.calls_of(weighed) == {}, "no judge is shown what a principle weighs"
    assert set(builds.audits(lake).values()) == {0}


async def test_another_seed_draws_other_mixes_without_a_call(tmp_path: Path, documents: Path, lake: Address) -> None:
    found = []
    for seed in (0, 1, 0):
        folder = tmp_path / f"recipe-{seed}"
        folder.mkdir(exist_ok=True)
        write_principles(folder)
        recipe = builds.write_recipe(folder, steps=mixed(seed=seed, normaliser="none"), models=QUIET)
        built = await builds.run(recipe, documents, lake)
        assert built.landed is not None
        release = built.landed.release.release
        rows = builds.ask(lake, f"SELECT pair_id FROM release_rows WHERE release = '{release}' ORDER BY 1")
        found.append((built.calls, rows))
    assert found[0][0] > 0
    assert found[1][0] == found[2][0] == 0
    assert found[0][1] != found[1][1]
    assert found[0][1] == found[2][1]


async def test_pairs_are_filtered_by_what_was_said_under_single_principles(
    tmp_path: Path, documents: Path, lake: Address
) -> None:
    """Two principles that the rehearsal judge answers alike, so all that one prefers the other prefers."""
    folder = tmp_path / "recipe"
    folder.mkdir()
    write_principles(folder)
    steps = mixed(passes=2, negate=0, noise=0, normaliser="none")
    for filters, dropped in (
        ({"principles": ["brief", "kind"], "drop": ["true"]}, 0),
        ({"weights": {"brief": 1, "kind": 2}, "min_score": 1}, 0),
        ({"principles": ["unheard_of"]}, None),
    ):
        recipe = builds.write_recipe(folder, steps=[*steps[:5], {"select/by_principle": filters}], models=QUIET)
        built = await builds.run(recipe, documents, lake)
        assert built.problem is None
        counted = dict(
            builds.ask(
                lake,
                "SELECT status, units FROM build_funnel WHERE step = 'select/by_principle' "
                f"AND build_id = '{built.build_id}'",
            )
        )
        kept, lost = counted.get("ok", 0), counted.get("none", 0)
        assert (kept > 0, lost) == (True, 0) if dropped == 0 else (kept, lost > 0) == (0, True)
    reasons = builds.ask(
        lake, "SELECT DISTINCT reason, detail FROM outcomes WHERE step = 'select/by_principle' AND status = 'none'"
    )
    assert reasons == [("principle_not_met", "0 agree, 1 wanted; not unheard_of")]
    assert set(builds.audits(lake).values()) == {0}
