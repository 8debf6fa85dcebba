"""The `Release` strategy as a recipe writes it."""

from __future__ import annotations

import json

import pytest
from pydantic import TypeAdapter, ValidationError

from pipeline.land.release import Release
from pipeline.land.splits import assign_split

ADAPTER = TypeAdapter(Release)


def read(text: str) -> Release:
    return ADAPTER.validate_json(text, strict=True)


def complain(text: str) -> tuple[tuple[int | str, ...], str]:
    """The place and the message of the only complaint about a recipe's parameters."""
    with pytest.raises(ValidationError) as error:
        read(text)
    (complaint,) = error.value.errors(include_url=False)
    return complaint["loc"], complaint["msg"]


def test_recipe_without_parameters_gives_the_defaults() -> None:
    assert read("{}") == Release()
    assert (Release.version, Release.unit) == (1, "all_pairs")


def test_parameters_survive_json() -> None:
    release = read('{"splits": {"train": 1}, "seed": 3, "gates": {"min_pairs": 9}, "name": "rev-2.1_a"}')
    assert release.splits == {"train": 1.0}
    assert release.gates.min_pairs == 9
    assert read(ADAPTER.dump_json(release).decode()) == release


@pytest.mark.parametrize(
    ("params", "place", "sentence"),
    [
        ({"splits": {"trian": 1}}, ("splits",), "`trian` is not a split; did you mean `train`?"),
        ({"splits": {"train": 0.5}}, ("splits",), "the sizes of the splits sum to 0.5; make them sum to 1"),
        ({"splits": {"train": True}}, ("splits", "train"), "Input should be a valid number"),
        ({"splits": [["train", 1]]}, ("splits",), "Input should be an object"),
        ({"seed": "1"}, ("seed",), "Input should be a valid integer"),
        ({"gates": {"min_pair": 1}}, ("gates", "min_pair"), "Extra inputs are not permitted"),
        ({"sizes": {}}, ("sizes",), "Unexpected keyword argument"),
    ],
)
def test_mistake_is_told_at_its_place(params: object, place: tuple[str, ...], sentence: str) -> None:
    assert complain(json.dumps(params)) == (place, sentence)


@pytest.mark.parametrize(
    "name",
    ["", "Quickstart", "-a", ".a", "a b", "a/b", "..", "a..b", "a.", "a.lock", "a\n", "é", "a" * 64, "latest", "a'"],
)
def test_name_that_cannot_be_folder_and_tag_is_refused(name: str) -> None:
    place, sentence = complain(json.dumps({"name": name}))
    assert place == ("name",)
    assert repr(name) in sentence
    with pytest.raises(ValueError, match="the name"):
        Release(name=name)


@pytest.mark.parametrize("name", ["a", "0", "quickstart-2026.11.20_1", "a" * 63])
def test_plain_name_is_taken(name: str) -> None:
    assert read(json.dumps({"name": name})).name == name


def test_split_is_that_of_the_parameters() -> None:
    release = Release(splits={"train": 0.5, "test": 0.5}, seed=4)
    sides = [release.split(f"doc_{number}") for number in range(100)]
    assert sides == [assign_split(f"doc_{number}", release.splits, 4) for number in range(100)]
    assert set(sides) == {"train", "test"}
