"""The commands that say where to spend, as people type them, and the policy they save in a recipe."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import builds
import pytest
import typer
import yaml
from typer.testing import CliRunner, Result

from flows.commands import spending
from pipeline.binding import bind
from schemas.errors import RequestError
from schemas.recipe import read_recipe

app = typer.Typer()
app.command()(spending.selective)
app.command()(spending.cascade)
FOUR = [{"v": 1, "small": 1, "large": 1}, {"v": 1, "small": 1, "large": 1}, {"v": 0, "small": 0, "large": 1}]
FOUR += [{"v": 0, "small": 1, "large": 1}]


def write(path: Path, rows: list[Any]) -> str:
    """A JSONL file."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def run(*arguments: str) -> Result:
    """What a command prints; a `RequestError` is raised, as `flows.cli.main` has it."""
    done = CliRunner().invoke(app, arguments)
    if isinstance(done.exception, RequestError):
        raise done.exception
    return done


# --- selective ---------------------------------------------------------------------------------------------------------


def test_a_threshold_from_recorded_verdicts(tmp_path: Path) -> None:
    verdicts = write(tmp_path / "v.jsonl", [{"confidence": 0.8, "correct": number > 0} for number in range(38)])
    done = run("selective", "--verdicts", verdicts, "--save", str(tmp_path / "found.json"), "--json")
    found = json.loads(done.stdout)
    assert done.exit_code == 0
    assert (found["threshold"], found["kept"], found["wrong"], found["gold"]) == (0.8, 38, 1, 38)
    assert json.loads((tmp_path / "found.json").read_text()) == found
    told = run("selective", "--verdicts", verdicts).stdout
    assert "keep verdicts from confidence 0.8 on: 38 of 38 gold pairs (100%), 1 of them wrong" in told
    assert "with probability 0.9 at most 0.099 of what is kept is wrong (asked for: 0.1)" in told


def test_probabilities_and_gold_are_as_good(tmp_path: Path) -> None:
    """p = 0.9 for a and 0.1 for b are equally sure; a coin is wrong whoever is better."""
    rows = [{"p": 0.9, "gold": "a"}, {"p": 0.1, "gold": "b"}] * 15 + [{"p": 0.5, "gold": "a"}] * 4
    found = json.loads(run("selective", "--verdicts", write(tmp_path / "v.jsonl", rows), "--json").stdout)
    assert (found["threshold"], found["kept"], found["wrong"], found["gold"]) == (0.8, 30, 0, 34)


def test_none_is_safe(tmp_path: Path) -> None:
    verdicts = write(tmp_path / "v.jsonl", [{"confidence": 1, "correct": False}] * 100)
    done = run("selective", "--verdicts", verdicts)
    assert done.exit_code == 1
    assert "no threshold is safe on these 100 gold pairs" in done.stdout
    assert json.loads(run("selective", "--verdicts", verdicts, "--json").stdout)["threshold"] is None


# --- cascade -----------------------------------------------------------------------------------------------------------


def test_a_fitted_policy_is_saved_and_used(tmp_path: Path) -> None:
    rows, saved = write(tmp_path / "rows.jsonl", FOUR), tmp_path / "ours.yaml"
    done = run("cascade", "--rows", rows, "--save", str(saved), "--family", "threshold", "--json")
    found = json.loads(done.stdout)
    assert done.exit_code == 0
    assert found["lift"] == pytest.approx(100 * (49 / 26 - 1))
    assert (found["cost"], found["escalated"], found["policy"]) == (27, 0.5, {"name": "ours", "threshold": 0.125})
    assert yaml.safe_load(saved.read_text())["about"] == "Fitted on 4 rows: lift 88.5%, 50% escalated, 27 a pair."
    judge = {"judge/cascade": {"principle": "grounded", "policy": "./ours.yaml"}}
    models = {"small": {"model": "rehearsal"}, "large": {"model": "rehearsal"}, "default": {"model": "rehearsal"}}
    recipe = builds.write_recipe(tmp_path, steps=[*builds.STEPS[:4], judge, *builds.STEPS[5:]], models=models)
    policy = bind(read_recipe(recipe)).steps[4].strategy.policy
    assert (policy.name, policy.threshold) == ("ours", 0.125)


def test_what_a_policy_is_about_changes_no_identity(tmp_path: Path) -> None:
    models = {"small": {"model": "rehearsal"}, "large": {"model": "rehearsal"}, "default": {"model": "rehearsal"}}
    prints = []
    for about, threshold in (("one", 0.5), ("other", 0.5), ("one", 0.75)):
        (tmp_path / "p.yaml").write_text(yaml.safe_dump({"name": "p", "about": about, "threshold": threshold}))
        judge = {"judge/cascade": {"principle": "grounded", "policy": "./p.yaml"}}
        recipe = builds.write_recipe(tmp_path, steps=[*builds.STEPS[:4], judge, *builds.STEPS[5:]], models=models)
        prints.append(bind(read_recipe(recipe)).steps[4].fingerprint)
    assert prints[0] == prints[1] != prints[2]


@pytest.mark.parametrize(
    "change",
    [
        {"policy": "unanimous"},
        {"policy": {"name": "half", "threshold": 0.5, "always": ["tie"]}},
        {"models": ["large", "small"]},
        {"models": ["small"], "to": "human"},
        {"verify": "order_consistency", "examples": []},
        {"votes": 2, "temperature": 0.5},
        {"checks": 5},
        {"check_temperature": 0.7},
        {"examples": "checks/supported"},
        {"facts": "passage"},
        {"reasoning": "none"},
        {"max_tokens": 64},
    ],
)
def test_what_could_change_a_cascades_answer_changes_its_identity(tmp_path: Path, change: dict[str, Any]) -> None:
    models = {name: {"model": name, "engine": "rehearsal"} for name in ("default", "small", "large")}
    params = {"principle": "grounded", "policy": "half", "verify": "self", "examples": "checks"}
    steps = [[*builds.STEPS[:4], {"judge/cascade": each}, *builds.STEPS[5:]] for each in (params, params | change)]
    one, other = (bind(read_recipe(builds.write_recipe(tmp_path, steps=each, models=models))).steps for each in steps)
    changed = {a.key for a, b in zip(one, other, strict=True) if a.fingerprint != b.fingerprint}
    assert changed == {"judge/cascade"}


def test_costs_families_and_verdicts_are_heeded(tmp_path: Path) -> None:
    rows = write(tmp_path / "rows.jsonl", [*FOUR[:3], {**FOUR[3], "verdict": "tie", "cost_large": 100}])
    costs = ("--cost-small", "2", "--cost-verify", "3", "--cost-large", "20")
    found = json.loads(run("cascade", "--rows", rows, "--family", "greedy", *costs, "--json").stdout)
    assert (found["cost_small"], found["cost_large"], found["candidates"]) == (2, 40, 10)
    # The tie alone costs 100 of four rows: 25 a row, beside 2 + 3 for asking and checking.
    with pytest.raises(RequestError, match="they cost 30 to 45"):
        run("cascade", "--rows", rows, *costs, "--cost-at-most", "29", "--always", "tie")
    found = json.loads(
        run("cascade", "--rows", rows, *costs, "--cost-at-most", "35", "--always", "tie", "--json").stdout
    )
    assert found["cost"] <= 35
    assert found["policy"]["always"] == ["tie"]


def test_the_table_says_what_the_figures_mean(tmp_path: Path) -> None:
    told = run("cascade", "--rows", write(tmp_path / "rows.jsonl", FOUR)).stdout
    assert "benefit per cost" in told
    assert "88.5" in told


# --- mistakes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "row", "words"),
    [
        ("selective", {"confidence": 2, "correct": True}, ":1: `confidence` is 2; it lies between 0 and 1"),
        ("selective", {"confidence": 0.5, "correct": "yes"}, ":1: `correct` is 'yes'; it is true or false"),
        ("selective", {"p": 0.5, "gold": "tie"}, "pairs that people call a tie are left out"),
        ("selective", {"confidance": 0.5}, ":1: `p` is missing"),
        ("selective", [1], ":1: a row is an object"),
        ("cascade", {"v": 0.5, "small": 1}, ":1: `large` is missing"),
        ("cascade", {"v": 0.5, "small": float("nan"), "large": 1}, ":1: `small` is nan; a number is needed"),
        ("cascade", {"v": 1.5, "small": 1, "large": 1}, ":1: `v` is 1.5; it lies between 0 and 1"),
        (
            "cascade",
            {"v": 1, "small": 1, "large": 1, "verdict": "A"},
            "`verdict` is 'A'; it is one of a, b, tie, split",
        ),
        ("cascade", {"v": 1, "small": 1, "large": 1, "cost_small": -1}, "a cost is not below 0"),
    ],
)
def test_a_row_that_is_none_is_named_with_its_line(tmp_path: Path, command: str, row: Any, words: str) -> None:
    path = write(tmp_path / "rows.jsonl", [row])
    with pytest.raises(RequestError) as caught:
        run(command, "--verdicts" if command == "selective" else "--rows", path)
    assert words in str(caught.value)
    assert path in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--rows", "nowhere.jsonl"], "'nowhere.jsonl' cannot be read"),
        (["--rows", "ROWS", "--family", "treshold"], "did you mean `threshold`?"),
        (["--rows", "ROWS", "--always", "tei"], "did you mean `tie`?"),
        (["--rows", "ROWS", "--save", "no/such/folder.yaml"], "'no/such/folder.yaml' cannot be written"),
        (["--rows", "EMPTY"], "has no rows"),
        (["--rows", "ROWS", "--cost-at-most", "1"], "no candidate costs 0 to 1 a row"),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path: Path, arguments: list[str], words: str) -> None:
    places = {"ROWS": write(tmp_path / "rows.jsonl", FOUR), "EMPTY": write(tmp_path / "empty.jsonl", [])}
    with pytest.raises(RequestError) as caught:
        run("cascade", *(places.get(each, each) for each in arguments))
    assert words in str(caught.value)


def test_not_json_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"v": 1, "small": 1, "large": 1}\n\n{"v":\n')
    with pytest.raises(RequestError, match=r"rows\.jsonl:3: "):
        run("cascade", "--rows", str(path))
