"""Somebody else's recorded outputs in the shapes in which they are published; the content is ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.audit import accuracy, best_of
from pipeline.audit.figures import groups_of
from pipeline.audit.recorded import read_recorded
from pipeline.audit.table import audit
from pipeline.audit.verdicts import judged_pairs
from schemas.errors import SourceError


def write(path: Path, content: Any, *, lines: bool = True) -> str:
    """JSON lines, or one JSON value."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "".join(json.dumps(row) + "\n" for row in content) if lines else json.dumps(content), encoding="utf-8"
    )
    return str(path)


def figures(place: str, **more: Any) -> dict[str, float]:
    """The figures of the only judge in a file."""
    (judge,) = audit(read_recorded(place, **more)).judges
    return {figure.name: figure.value for figure in judge.figures}


def test_llmbar_results_name_the_winner_with_the_order_turned_back(tmp_path: Path) -> None:
    def item(label: int, unswapped: str | None, swapped: str | None) -> dict[str, Any]:
        said = {
            "swap = False": {"completion": ["Output (a)", "stop"], "winner": unswapped},
            "swap = True": {"completion": ["Output (b)", "stop"], "winner": swapped},
        }
        return {"input": "Q", "output_1": "x", "output_2": "yy", "label": label, "results": [["notes", "stop"], said]}

    rows = [item(1, "1", "1"), item(2, "2", "1"), item(2, "1", "1"), item(1, None, "1")]
    place = write(tmp_path / "Natural" / "evaluators" / "M" / "Vanilla" / "result.json", rows, lines=False)
    evidence = read_recorded(place)
    assert {(verdict.judge, verdict.category) for verdict in evidence.verdicts} == {("M/Vanilla", "Natural")}
    found = figures(place)
    assert found["llmbar"] == pytest.approx((1 + 0.5 + 0 + 0.5) / 4)
    assert (found["llmbar_both"], found["llmbar_agreement"]) == (0.25, 0.5)


def test_judgebench_outputs_turn_the_second_decision_back(tmp_path: Path) -> None:
    def item(number: int, label: str, *decisions: str | None) -> dict[str, Any]:
        judgments = [None if each is None else {"judgment": {}, "decision": each} for each in decisions]
        texts = {"pair_id": f"p{number}", "source": "math", "question": "Q", "response_A": "x", "response_B": "y"}
        return {**texts, "label": label, "judge_name": "arena_hard", "judgments": judgments}

    rows = [
        item(0, "A>B", "A>B", "B>A"),  # right twice
        item(1, "A>B", "A>B", "A>B"),  # contradicts itself
        item(2, "B>A", "B>A", "A=B"),  # right and tie
        item(3, "B>A", None, "B>A"),  # missing, then wrong
    ]
    place = write(tmp_path / "dataset=judgebench,judge_name=arena_hard,judge_model=m-1.jsonl", rows)
    assert {verdict.judge for verdict in read_recorded(place).verdicts} == {"arena_hard m-1"}
    found = figures(place)
    assert (found["judgebench"], found["judgebench_inconsistent"], found["judgebench_tie"]) == (0.5, 0.75, 0.25)


def test_rewardbench_scores_in_columns(tmp_path: Path) -> None:
    content = {
        "model": "rm", "subset": ["math-prm", "hep-go"], "id": [1, 2], "scores_chosen": [[0.9], 0.1],
        "scores_rejected": [[0.2], 0.5], "text_chosen": ["long answer", "x"], "text_rejected": ["short", "y"],
    }  # fmt: skip
    found = figures(write(tmp_path / "rm.json", content, lines=False))
    assert found["accuracy"] == 0.5
    assert found["rewardbench Reasoning"] == pytest.approx((984 / 447) / (984 / 447 + 1))
    assert found["always_longest"] == 0.75


def test_rewardbench2_scores_and_ties(tmp_path: Path) -> None:
    def item(name: str, subset: str, scores: list[Any], right: int = 1) -> dict[str, Any]:
        return {"id": name, "subset": subset, "scores": scores, "num_correct": right, "model": "rm", "text": []}

    rows = [
        item("1", "Math", [4, 3, 2, 1]), item("2", "Math", [[4], [4], [1], [0]]), item("3", "Focus", [4, None, 1, 0]),
        item("ref:1", "Ties", [5, 2, 1]), item("tied:1", "Ties", [4, 6, 1], 2),
    ]  # fmt: skip
    place = write(tmp_path / "rm.jsonl", rows)
    found = figures(place)
    assert found["rewardbench2"] == pytest.approx((1 + 0.5 + 0.25) / 3)
    assert found["rewardbench2_errors"] == pytest.approx(1 / 3)
    evidence = read_recorded(place)
    tied = [each for each in groups_of(evidence, "rm", "", judged_pairs(evidence.verdicts)) if each.category == "Ties"]
    assert found["rewardbench2_ties"] == best_of.ties(tied)
    assert len(tied) == 2


def test_rm_bench_scores(tmp_path: Path) -> None:
    row = {"id": "1", "domain": "chat", "score_chosen": [1, 2, 3], "score_rejected": [1, 2, 3], "model": "rm"}
    found = figures(write(tmp_path / "rm.json", [row], lines=False))
    assert (found["rm_bench_easy"], found["rm_bench_normal"], found["rm_bench_hard"]) == (1.0, 0.0, 0.0)


def test_alpaca_eval_annotations(tmp_path: Path) -> None:
    def item(preference: float | None, model: str = "new") -> dict[str, Any]:
        return {
            "instruction": f"Q{preference}", "output_1": "short", "generator_1": "base", "output_2": "longer one",
            "generator_2": model, "annotator": "weighted", "preference": preference,
        }  # fmt: skip

    evidence = read_recorded(
        write(tmp_path / "annotations.json", [item(2), item(1.25), item(0), item(None), item(7)], lines=False)
    )
    assert [verdict.probability for verdict in evidence.verdicts] == [0.0, 0.75, 0.5, None]
    assert [verdict.choice for verdict in evidence.verdicts] == ["b", "a", "tie", None]
    assert evidence.verdicts[0].models == ("base", "new")
    assert "1 of 5 records could not be read" in evidence.notes[0]
    assert "not between 1 and 2" in evidence.notes[0]


def test_plain_verdicts_with_labels_beside_them(tmp_path: Path) -> None:
    verdicts = [
        {"judge": "j", "pair_id": "1", "order": "ab", "choice": "A"}, {"judge": "j", "pair_id": "1", "order": "ba", "vote": "a"},
        {"judge": "j", "pair_id": "2", "order": "ab", "probability": 0.2}, {"judge": "j", "pair_id": "2", "order": "ba"},
        {"judge": "j", "pair_id": "9", "choice": "b", "gold": "b"}, {"judge": "j", "pair_id": "3", "abstained": True},
    ]  # fmt: skip
    labels = [
        {"id": "1", "prompt": "Q", "response_a": "right", "response_b": "wrong!", "label": "a", "category": "x"},
        {"id": "2", "prompt": "Q", "response_a": "wrong", "response_b": "right", "label": "a", "category": "y"},
        {"id": "3", "prompt": "Q", "response_a": "wrong", "response_b": "right", "label": "b"},
    ]
    evidence = read_recorded(write(tmp_path / "v.jsonl", verdicts), write(tmp_path / "l.jsonl", labels))
    found = accuracy.accuracy(judged_pairs(evidence.verdicts))
    assert found is not None
    assert (found.value, found.n) == (pytest.approx(2 / 3), 3)
    assert [verdict.category for verdict in evidence.verdicts] == ["x", "x", "y", "y", "", ""]
    assert "1 of 6 verdicts are on pairs that" in evidence.notes[0]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"order": "first"}, "not ab or ba"),
        ({"choice": "C"}, "the label is 'C'"),
        ({"probability": 1.5}, "not between 0 and 1"),
    ],
)
def test_a_bad_record_is_named(change: dict[str, Any], why: str, tmp_path: Path) -> None:
    row = {"judge": "j", "pair_id": "1", "choice": "a"}
    evidence = read_recorded(write(tmp_path / "v.jsonl", [row, {**row, **change}]))
    assert len(evidence.verdicts) == 1
    assert why in evidence.notes[0]


def test_records_in_no_known_layout_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="its columns are answer, winner; known are input output_1"):
        read_recorded(write(tmp_path / "v.jsonl", [{"winner": "x", "answer": 1}]))
