"""Words as data: files of one and of many, names for both, and a sentence for what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from prompts.principles import Principle
from schemas.errors import RequestError


def principle(name: str, **changes: Any) -> dict[str, Any]:
    """A principle as it stands in a file."""
    return {"name": name, "definition": f"More {name}.", "negation": f"Less {name}.", **changes}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one principle and a set of two."""
    (tmp_path / "kind.yaml").write_text(yaml.safe_dump(principle("kind")))
    (tmp_path / "two.yaml").write_text(yaml.safe_dump({"members": [principle("brief"), principle("clear", weight=2)]}))
    return tmp_path


def test_a_name_stands_for_one_or_for_all_of_a_set(folder: Path) -> None:
    assert [each.name for each in Principle.load_all("./two.yaml", folder)] == ["brief", "clear"]
    assert [each.name for each in Principle.load_all("kind.yaml", folder)] == ["kind"]
    assert Principle.load("two.yaml/clear", folder).weight == 2
    assert Principle.load("kind.yaml/kind", folder) == Principle.load("kind.yaml", folder)
    assert Principle.load("helpful", folder) == Principle.load("helpful/helpful", folder)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("two.yaml", "principle 'two.yaml' is a set of 2; name one, such as `two.yaml/brief`"),
        ("two.yaml/cleer", "there is no principle 'cleer' in 'two.yaml'; did you mean `clear`?"),
        ("none.yaml/clear", "principle 'none.yaml' is not a file"),
        ("helpful/other", "there is no principle 'other' in 'helpful'"),
    ],
)
def test_a_wrong_name_is_one_sentence(folder: Path, name: str, words: str) -> None:
    with pytest.raises(RequestError) as problem:
        Principle.load(name, folder)
    assert words in str(problem.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"members": []}, "`members` is a list of at least one principle"),
        ({"members": [principle("a"), principle("a")]}, "two of the name 'a'"),
        ({"members": [principle("a", weight=-1)]}, "`weight`: "),
        ([1, 2], "is not a principle"),
    ],
)
def test_a_wrong_file_is_one_sentence(tmp_path: Path, content: Any, words: str) -> None:
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(RequestError) as problem:
        Principle.load_all("own.yaml", tmp_path)
    assert words in str(problem.value)
    assert "own.yaml" in str(problem.value)
