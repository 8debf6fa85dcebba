"""Principles: data that a judge is told to value."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from prompts.principles import Principle
from schemas.errors import RequestError

KIND = {"name": "kind", "definition": "The better answer is kind.", "negation": "The better answer is unkind."}


def test_there_are_principles() -> None:
    assert {"helpful", "honest", "grounded"} <= set(Principle.shipped())


@pytest.mark.parametrize("name", Principle.shipped())
def test_every_shipped_principle_loads_under_its_own_name(name: str) -> None:
    found = Principle.load_all(name, Path())
    for principle in found:
        assert principle.negation != principle.definition
        assert Principle.load(name if len(found) == 1 else f"{name}/{principle.name}", Path()) == principle
    assert len(found) > 1 or found[0].name == name


def test_a_file_is_found_beside_the_recipe(tmp_path: Path) -> None:
    (tmp_path / "kind.yaml").write_text(yaml.safe_dump(KIND))
    assert Principle.load("./kind.yaml", tmp_path) == Principle(**KIND)
    assert Principle.load(str(tmp_path / "kind.yaml"), Path("/")) == Principle(**KIND)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("helpfull", "'helpfull' is not a principle; did you mean `helpful`?"),
        ("xyz", "'xyz' is not a principle; there is: grounded, h"),
        ("nowhere.yaml", "'nowhere.yaml' is not a file"),
        ("../helpful", "is not a principle"),
        ("", "is not a principle"),
    ],
)
def test_an_unknown_principle_is_named_with_the_nearest(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(RequestError) as caught:
        Principle.load(name, tmp_path)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(yaml.safe_dump({"name": "kind"}), id="half"),
        pytest.param(yaml.safe_dump(KIND | {"colour": "blue"}), id="a field too many"),
        pytest.param(yaml.safe_dump(KIND | {"weight": 0}), id="no weight"),
        pytest.param("- a\n", id="a list"),
        pytest.param("", id="empty"),
        pytest.param("name: [", id="not YAML"),
        pytest.param(b"\xff\xfe\x00", id="not text"),
    ],
)
def test_a_file_that_is_no_principle_is_refused_by_its_name(tmp_path: Path, text: str | bytes) -> None:
    path = tmp_path / "own.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(RequestError, match=r"own\.yaml is not a principle"):
        Principle.load("own.yaml", tmp_path)
