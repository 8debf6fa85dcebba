"""A parameter in the plural is one step for each: a jury is several judges, a set of principles several questions."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import Any

import builds
import pytest
import yaml
from rich.console import Console

from flows import show
from flows.forecast import forecast, forecast_table
from pipeline.binding import bind
from schemas.errors import RecipeError
from schemas.recipe import read_recipe
from warehouse.address import Address

BEFORE = ["mine/chunk", "mine/qa", {"sample/grid": {"draws": 2, "show": "passage"}}, "sample/gold"]
MODELS = {"default": {"model": "rehearsal"}, "strict": {"model": "rehearsal", "options": {"noise": 0.0}}}
AFTER = ["select/best_worst"]


def judged(folder: Path, *after: Any, **params: Any) -> Path:
    """A recipe whose judge has these parameters."""
    return builds.write_recipe(folder, steps=[*BEFORE, {"judge/pairwise": params}, *after], models=MODELS)


def own_set(folder: Path, **definitions: str) -> None:
    """A file of principles beside the recipe."""
    members = [{"name": name, "definition": said, "negation": f"Not: {said}"} for name, said in definitions.items()]
    (folder / "ours.yaml").write_text(yaml.safe_dump({"members": members}))


def test_each_judge_and_each_principle_is_a_step_of_its_own(tmp_path: Path) -> None:
    bound = bind(read_recipe(judged(tmp_path, principles=["helpful", "honest"], models=["default", "strict"])))
    labels = [step.label for step in bound.steps if step.key == "judge/pairwise"]
    assert labels == [
        "judge/pairwise[helpful, default]",
        "judge/pairwise[helpful, strict]",
        "judge/pairwise[honest, default]",
        "judge/pairwise[honest, strict]",
    ]
    alone = bind(read_recipe(judged(tmp_path / "alone", principle="honest", model="strict")))
    assert bound.steps[-1].fingerprint == alone.steps[-1].fingerprint, "how it was written is no part of what it is"


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"principles": ["helpful"], "principle": "honest"}, "has both `principle` and `principles`; give one of them"),
        ({"principles": []}, "`principles` is empty; give at least one"),
        ({"principles": ["helpful", "helpful"]}, "`principles` names 'helpful' twice"),
        ({"principles": ["helpfull"]}, "did you mean `helpful`?"),
        ({"principle": "helpful", "models": ["default", "strickt"]}, "not under `models:`; did you mean `strict`?"),
        ({"principle": "helpful", "modells": ["default"]}, "has no parameter `modells`; did you mean `models`?"),
        ({"principle": "ours.yaml"}, "is a set of 2; name one"),
    ],
)
def test_a_mistake_in_a_plural_is_one_sentence_with_its_line(tmp_path: Path, params: Any, words: str) -> None:
    own_set(tmp_path, brief="Brief.", clear="Clear.")
    recipe = judged(tmp_path, **params)
    with pytest.raises(RecipeError) as problem:
        bind(read_recipe(recipe))
    assert words in str(problem.value)
    assert f"{recipe}:" in str(problem.value)


async def test_editing_one_principle_asks_its_questions_again_and_no_others(
    tmp_path: Path, documents: Path, lake: Address
) -> None:
    own_set(tmp_path, brief="The better answer is brief.", clear="The better answer is clear.")
    recipe = judged(tmp_path, *AFTER, principles="./ours.yaml")
    first = builds.calls_of(await builds.run(recipe, documents, lake))
    assert first["judge/pairwise[brief]"] == first["judge/pairwise[clear]"] > 10
    assert builds.calls_of(await builds.run(recipe, documents, lake)) == {}
    own_set(tmp_path, brief="The better answer is brief.", clear="The better answer is clear to a child.")
    again = builds.calls_of(await builds.run(recipe, documents, lake))
    assert again == {"judge/pairwise[clear]": first["judge/pairwise[clear]"]}


async def test_what_a_judge_is_not_shown_is_no_part_of_its_question(
    tmp_path: Path, documents: Path, lake: Address
) -> None:
    """How much a principle weighs in a label later, and when it applies, changes no verdict."""
    words = {"name": "brief", "definition": "The better answer is brief.", "negation": "The longer the better."}
    recipe = judged(tmp_path, *AFTER, principle=words)
    assert builds.calls_of(await builds.run(recipe, documents, lake))
    heavier = judged(tmp_path, *AFTER, principle=words | {"weight": 3.0, "when": "people are in a hurry"})
    assert builds.calls_of(await builds.run(heavier, documents, lake)) == {}


async def test_people_see_which_step_is_which(tmp_path: Path, documents: Path, lake: Address) -> None:
    """A label in brackets is no markup to a terminal."""
    recipe = judged(tmp_path, *AFTER, principles=["helpful", "honest"])
    job = builds.job(recipe, documents, lake)
    terminal = Console(width=120, record=True, file=io.StringIO())
    terminal.print(forecast_table(await asyncio.to_thread(forecast, job)))
    terminal.print(show.summary(await builds.run(recipe, documents, lake)))
    told = terminal.export_text()
    assert told.count("judge/pairwise[helpful]") == told.count("judge/pairwise[honest]") == 2


def test_steps_of_one_plural_share_their_limits(tmp_path: Path) -> None:
    bound = bind(read_recipe(judged(tmp_path, principles=["helpful", "honest"], max_calls=10)))
    judges = [step for step in bound.steps if step.key == "judge/pairwise"]
    assert {step.index for step in judges} == {len(BEFORE)}
    assert {step.limits.max_calls for step in judges} == {10}
