"""Principles: data that a judge is told to value."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from prompts.principles import Principle
from schemas.errors import RequestError

KIND = {"name": "kind", "definition": "The better answer is kind.", "negation": "The better answer is unkind."}


# The sets that ship, by the names of their members; the first three follow SALMON's lists (arXiv 2310.05910).
SETS = {
    "salmon_reward": (
        "overall_helpful concise honest_accurate ethical natural_fluent specific educational_engaging methodical "
        "multilingual creative comprehensive"
    ),
    "salmon_rl": (
        "honest_accurate ethical educational_engaging creative multilingual comprehensive natural_language "
        "consistent_reasoning numerical_sensitive analytical_structure vivid privacy_protection candor stand_alone"
    ),
    "salmon_interventions": "no_self_praise fulfils_the_instruction to_the_point",
    "hhh": "helpful honest harmless",
    "grounded_qa": "faithful complete answers_the_question no_outside_claims cites",
    "honesty": "truthful calibrated admits_not_knowing does_not_pretend",
    "style_neutral": "content_whatever_the_length content_whatever_the_formatting content_whatever_the_tone",
}


def test_there_are_principles() -> None:
    assert {"helpful", "honest", "grounded", *SETS} <= set(Principle.shipped())


@pytest.mark.parametrize(("name", "members"), SETS.items())
def test_a_set_has_the_members_it_is_known_for(name: str, members: str) -> None:
    assert [each.name for each in Principle.load_all(name, Path())] == members.split()


def test_the_sets_of_salmon_have_its_counts_and_weights() -> None:
    assert [len(Principle.load_all(f"salmon_{name}", Path())) for name in ("reward", "rl", "interventions")] == [
        11,
        14,
        3,
    ]
    weights = [each.weight for each in Principle.load_all("salmon_rl", Path())]
    assert weights == [3, 2, 1, 1, 1, 3, 3, 1, 1, 3, 1, 1, 4, 2]
    assert {each.weight for each in Principle.load_all("salmon_reward", Path())} == {1}


def test_no_two_principles_say_the_same_and_each_describes_the_better_answer() -> None:
    """Two of the same words would be one principle that counts twice; verdicts are read as `which is better`."""
    every = [each for name in Principle.shipped() for each in Principle.load_all(name, Path())]
    texts = [text for each in every for text in (each.definition, each.negation, each.detail) if text]
    assert len(texts) > 80
    assert len(texts) == len({" ".join(text.lower().split()) for text in texts})
    for each in every:
        assert not each.inverted
        for text in (each.definition, each.negation):
            assert text.startswith("The better answer ")
            assert text.endswith(".")
            assert text == text.strip()


def test_helpful_honest_and_harmless_say_at_length_what_is_good_and_what_is_poor() -> None:
    for each in Principle.load_all("hhh", Path()):
        assert each.detail.startswith("Good: ")
        assert " Poor: " in each.detail


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
        ("xyz", "'xyz' is not a principle; there is: grounded, grounded_qa, harmful"),
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
