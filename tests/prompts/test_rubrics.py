"""Aspects: data that a judge scores on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from prompts.rubrics import Aspect
from schemas.errors import RequestError

BRIEF: dict[str, Any] = {"name": "brief", "definition": "How short it is.", "scale": {1: "Long.", 2: "Short."}}


def test_the_shipped_rubrics_are_those_of_their_papers() -> None:
    found = {name: Aspect.load_all(name, Path()) for name in Aspect.shipped()}
    assert {name: [each.name for each in aspects] for name, aspects in found.items()} == {
        "additive5": ["additive5"],
        "direct": ["direct"],
        "helpsteer": ["helpfulness", "correctness", "coherence", "complexity", "verbosity"],
        "ultrafeedback": ["instruction_following", "honesty", "truthfulness", "helpfulness"],
    }
    assert {name: {(each.least, each.most) for each in aspects} for name, aspects in found.items()} == {
        "additive5": {(0, 5)},
        "direct": {(1, 10)},
        "helpsteer": {(0, 4)},
        "ultrafeedback": {(1, 5)},
    }
    assert [each.name for aspects in found.values() for each in aspects if each.not_applicable] == ["honesty"]


def test_the_weights_of_helpsteer_are_those_of_its_largest_reward_model() -> None:
    weights = {each.name: each.weight for each in Aspect.load_all("helpsteer", Path())}
    assert weights == {
        "helpfulness": 0.30,
        "correctness": 0.74,
        "coherence": 0.46,
        "complexity": 0.47,
        "verbosity": -0.33,
    }


def test_the_anchors_are_read_from_the_least_to_the_most() -> None:
    scale = {str(number): f"grade {number}" for number in (10, 9, 11)}
    aspect = Aspect.model_validate(BRIEF | {"scale": scale})
    assert aspect.anchors == "9: grade 9\n10: grade 10\n11: grade 11"
    assert (aspect.least, aspect.most) == (9, 11)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param({"scale": {1: "a", 3: "b"}}, "goes from 1 to 3 but says nothing of 2", id="a gap"),
        pytest.param({"scale": {1: "a"}}, "`scale`", id="one number"),
        pytest.param({"scale": {"good": "a", "bad": "b"}}, "`scale.", id="no numbers"),
        pytest.param({"scale": {-1: "a", 0: "b"}}, "`scale.", id="below 0"),
        pytest.param({"scale": {1: "a", 2: ""}}, "`scale.", id="no words"),
        pytest.param({"scale": dict.fromkeys(range(22), "a")}, "`scale.", id="too long"),
        pytest.param({"weight": float("nan")}, "`weight`", id="no weight"),
        pytest.param({"colour": "blue"}, "`colour`", id="a field too many"),
    ],
)
def test_a_file_that_is_no_aspect_is_refused_by_its_name(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(BRIEF | change))
    with pytest.raises(RequestError) as caught:
        Aspect.load("own.yaml", tmp_path)
    assert "own.yaml is not an aspect" in str(caught.value)
    assert words in str(caught.value)


def test_one_of_a_set_is_named_by_both() -> None:
    assert Aspect.load("helpsteer/verbosity", Path()).weight < 0
    with pytest.raises(RequestError, match="'helpsteer' is a set of 5; name one, such as `helpsteer/helpfulness`"):
        Aspect.load("helpsteer", Path())
