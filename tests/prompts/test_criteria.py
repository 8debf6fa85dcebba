"""Criteria and categories that ship, and mistakes in a recipe's own."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from pipeline.binding import BoundRecipe, bind
from prompts.criteria import Category, Criterion
from schemas.errors import RecipeError
from schemas.recipe import read_recipe

DMOERM = {"roleplay": 6, "chat": 5, "subjective_qa": 5, "objective_qa": 6, "writing": 5}
"""Capability points of each category (arXiv 2403.01197)."""


def bound(folder: Path, *steps: str) -> BoundRecipe:
    """A recipe that ends in these steps."""
    path = folder / "r.yaml"
    head = "recipe: r\nsteps:\n  - mine/chunk\n  - mine/qa\n  - sample/gold\n"
    path.write_text(head + "".join(f"  - {step}\n" for step in steps))
    return bind(read_recipe(path))


def test_what_ships() -> None:
    assert {"dmoerm", "general", "properties"} <= set(Criterion.shipped())
    assert "dmoerm" in Category.shipped()


@pytest.mark.parametrize("name", Criterion.shipped())
def test_no_criterion_says_what_another_says(name: str) -> None:
    found = Criterion.load_all(name, Path())
    assert len({(each.category, each.definition) for each in found}) == len(found)
    assert all(Criterion.load(f"{name}/{each.name}", Path()) == each for each in found)


def test_every_category_of_dmoerm_has_its_capability_points() -> None:
    points = Criterion.load_all("dmoerm", Path())
    names = [category.name for category in Category.load_all("dmoerm", Path())]
    assert {name: sum(point.category == name for point in points) for name in names} == DMOERM
    assert {point.category for point in points} == set(names)
    assert {point.scope for point in points} == {"pair"}


def test_the_sheet_has_twenty_properties_of_one_response() -> None:
    properties = Criterion.load_all("properties", Path())
    assert [each.scope for each in properties] == ["response"] * 20


def test_a_set_is_one_step_for_each_criterion(tmp_path: Path) -> None:
    recipe = bound(tmp_path, "judge/criteria: {criteria: general}")
    labels = [step.label for step in recipe.body if step.key == "judge/criteria"]
    assert labels == [f"judge/criteria[{each.name}]" for each in Criterion.load_all("general", Path())]


def test_a_weight_is_for_labels_and_changes_no_fingerprint_of_the_asking(tmp_path: Path) -> None:
    def fingerprint(**changes: object) -> str:
        own = {"name": "kind", "definition": "The better answer is kinder."} | changes
        (tmp_path / "kind.yaml").write_text(yaml.safe_dump(own))
        return bound(tmp_path, "judge/criteria: {criterion: ./kind.yaml}").steps[-1].fingerprint

    assert fingerprint(weight=3.0) == fingerprint()
    others = {fingerprint(definition="Kinder."), fingerprint(category="chat"), fingerprint(name="mild"), fingerprint()}
    assert len(others) == 4


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ("judge/criteria: {criteria: genral}", "'genral' is not a criterion; did you mean `general`?"),
        ("judge/criteria: {criterion: general}", "is a set of 8; name one, such as `general/correct`"),
        ("judge/criteria: {criterion: properties/polite}", "it is for `judge/properties`"),
        ("judge/properties: {properties: general}", "it is for `judge/criteria`"),
        ("judge/properties: {properties: [properties/polite, properties/polite]}", "two properties are called 'polite'"),
        ("judge/properties", "needs the parameter `properties`"),
        ("judge/category: {categories: [dmoerm/chat]}", "at least 2 items"),
        ("judge/category: {categories: [dmoerm, dmoerm/chat]}", "two categories are called 'chat'"),
        ("judge/claims: {facts: nothing}", "`facts` is 'nothing'"),
        ("judge/rationale", "works on pairs, but no earlier step makes them"),
        ("select/consistent_rationale", "works on pairs, but no earlier step makes them"),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path: Path, step: str, words: str) -> None:
    with pytest.raises(RecipeError) as caught:
        bound(tmp_path, step)
    assert words in str(caught.value)
    assert "r.yaml:6: " in str(caught.value)
