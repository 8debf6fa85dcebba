"""From stored rows to verdicts: gold by votes and scores, ratings as verdicts, one judge asked in two ways."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.audit.evidence import form_of, gather, settled
from pipeline.audit.table import Report, audit
from pipeline.audit.verdicts import Form


def answer(response_id: str, draw: int = 0, text: str = "text", **more: Any) -> dict[str, Any]:
    """One response with the tags of its prompt."""
    given = {"prompt_id": "q", "model": "m", "strategy": "labelled", "tags": ["labelled:set", "category:c:d", "plain"]}
    return {"response_id": response_id, "draw": draw, "text": text, **given, **more}


def signal(ids: list[str], **more: Any) -> dict[str, Any]:
    """One signal with its step."""
    given = {"name": "helpful", "evaluator": "judge", "order": None, "draw": 0, "vote": None, "value": None}
    others = {"probability": None, "abstained": False, "raw": "", "step": "judge/pairwise", "prompt_id": "q"}
    return {"response_ids": ids, **given, **others, **more}


def label(ids: list[str], annotator: str, **more: Any) -> dict[str, Any]:
    """One label."""
    return {
        "prompt_id": "q",
        "response_ids": ids,
        "annotator": annotator,
        "name": None,
        "vote": None,
        "score": None,
        **more,
    }


def figures(report: Report, at: int = 0) -> dict[str, float]:
    """The figures of one judge."""
    return {figure.name: figure.value for figure in report.judges[at].figures}


def test_the_form_of_an_answer() -> None:
    text = "# Title\n\n- one\n* two\n1. three\n\n**bold** and __bolder__, not 2 * 3 * 4\n"
    assert form_of(text) == Form(len(text), headers=1, lists=3, bold=2)


@pytest.mark.parametrize(
    ("said", "gold"),
    [
        ({"gold": "b", "p1": "a", "p2": "a"}, "b"), ({"p1": "a", "p2": "a", "p3": "b"}, "a"), ({"p1": "a", "p2": "b"}, "tie"),
        ({"p1": "a", "p2": "tie"}, "tie"), ({"p1": "b", "p2": "tie", "p3": "tie"}, "tie"), ({"p1": "b"}, "b"),
    ],
)  # fmt: skip
def test_the_gold_vote_is_the_sets_own_or_the_majority(said: dict[str, Any], gold: str) -> None:
    assert settled(said) == gold


def test_votes_probabilities_and_silence() -> None:
    rows = [
        signal(["x", "y"], order="ab", vote="a"),
        signal(["x", "y"], order="ba", probability=0.3),
        signal(["x", "y"], order="ab", draw=1, abstained=True),
        signal(["x", "z"], order="ab", vote="a"),  # z is not in scope
    ]
    found = gather([answer("x"), answer("y", 1)], rows, [label(["x", "y"], "gold", vote="b")])
    assert [(each.order, each.choice, each.p_a, each.abstained) for each in found.verdicts] == [
        ("ab", "a", 1.0, False), ("ba", "b", 0.3, False), ("ab", None, None, True),
    ]  # fmt: skip
    assert {(each.gold, each.category, each.pair_id) for each in found.verdicts} == {("b", "c:d", "x y")}
    assert [each.p_first for each in found.verdicts] == [1.0, 0.7, None]


def test_ratings_are_verdicts_and_scores_are_gold() -> None:
    answers = [answer("x"), answer("y", 1), answer("z", 2)]
    rows = [
        signal(["x"], value=4.0),
        signal(["x"], value=2.0, draw=1),
        signal(["y"], value=3.0),
        signal(["z"], value=1.0),
    ]
    labels = [
        label(["x"], "gold", score=1.0),
        label(["y"], "gold", score=0.0),
        label(["z"], "p1", score=0.0),
        label(["z"], "p2", score=1.0),
    ]
    found = gather(
        answers, rows, [*labels, label(["x"], "p1", score=0.0), label(["x"], "p1", score=9.0, name="helpful")]
    )
    assert [(each.pair_id, each.choice, each.gold) for each in found.verdicts] == [
        ("x y", "tie", "a"), ("x z", "a", "a"), ("y z", "a", "b"),
    ]  # fmt: skip
    report = audit(found)
    assert figures(report)["accuracy"] == pytest.approx(1 / 3)
    assert (report.judges[0].calls, report.judges[0].pairs) == (4, 3)
    assert "readable" not in figures(report)  # nobody was asked about a pair


def test_a_judge_asked_in_two_ways_is_audited_in_each_of_them() -> None:
    rows = [signal(["x", "y"], vote="a", step="judge/pairwise"), signal(["x", "y"], vote="b", step="judge/pairwise#2")]
    report = audit(gather([answer("x"), answer("y", 1)], rows, [label(["x", "y"], "gold", vote="a")]))
    assert [(judge.judge, judge.criterion) for judge in report.judges] == [
        ("judge", "helpful (judge/pairwise#2)"),
        ("judge", "helpful (judge/pairwise)"),
    ]
    assert [figures(report, at)["accuracy"] for at in (0, 1)] == [0.0, 1.0]


def test_people_are_compared_with_people() -> None:
    answers = [answer(f"{side}{number}", prompt_id=f"q{number}") for number in range(4) for side in "xy"]
    votes = {"p1": "aabb", "p2": "aabb", "p3": "abbb"}
    labels = [
        label([f"x{number}", f"y{number}"], person, vote=said[number], prompt_id=f"q{number}")
        for person, said in votes.items()
        for number in range(4)
    ]
    rows = [signal([f"x{number}", f"y{number}"], vote="aabb"[number], prompt_id=f"q{number}") for number in range(4)]
    report = audit(gather(answers, rows, labels))
    between = {figure.name: figure for figure in report.between}
    assert set(between) == {"alpha of people"}
    assert 0 < between["alpha of people"].value < 1
    assert between["alpha of people"].n == 3
    assert figures(report)["accuracy"] == 1.0


def test_a_missing_library_is_a_note_and_the_rest_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "sklearn.metrics", None)
    rows = [signal(["x", "y"], order="ab", vote="a"), signal(["x", "z"], order="ab", vote="b")]
    answers = [answer("x"), answer("y", 1), answer("z", 2)]
    report = audit(gather(answers, rows, [label(["x", "y"], "gold", vote="a"), label(["x", "z"], "gold", vote="b")]))
    assert report.notes == ["left out: Cohen's kappa needs sklearn: pip install 'prefmill[judging]'"]
    assert figures(report)["accuracy"] == 1.0
    assert "kappa" not in figures(report)
