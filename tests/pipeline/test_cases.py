"""Strategies by case files: `tests/cases/<stage>/<name>.yaml`, one list entry a case.

A case says `title`, `params`, `unit`, what the models answer (`completions`, a list of rounds) and what comes of it:
`rows` (each naming only the fields it is about), `nothing` or `decisions`; `asks` says what is to be asked for.

`tests/cases/digests.json` holds a digest of everything each case gives. A strategy that answers a known case otherwise
has to raise its `version`; then, or after adding cases, `PREFMILL_RECORD=1 pytest tests/pipeline/test_cases.py`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import made
import pytest
import yaml

from pipeline.binding import BoundStep, bind
from pipeline.strategy import Nothing
from schemas.fingerprints import canonical_json
from schemas.models import ModelSpec
from schemas.recipe import Recipe, RecipeFile, StepSpec
from schemas.requests import Completion, Draw, Json, Request

CASES = Path(__file__).parents[1] / "cases"
DIGESTS = CASES / "digests.json"
# What a strategy needs before it, so that a step alone makes a recipe.
BEFORE = {
    "mine": [],
    "sample": ["mine/chunk", "mine/qa"],
    "judge": ["mine/chunk", "mine/qa", "sample/gold"],
    "select": ["mine/chunk", "mine/qa", "sample/gold", {"judge/pairwise": {"principle": "helpful"}}],
}
Case = dict[str, Any]


def load_cases() -> dict[str, list[Case]]:
    """All cases by the key of their strategy."""
    files = sorted(CASES.glob("*/*.yaml"))
    return {
        path.relative_to(CASES).with_suffix("").as_posix(): yaml.safe_load(path.read_text("utf-8")) for path in files
    }


ALL = load_cases()
EACH = [pytest.param(key, case, id=f"{key}: {case['title']}") for key, cases in ALL.items() for case in cases]


def bind_case(key: str, case: Case) -> BoundStep:
    """The step of a case, bound as a recipe binds it: parameters are checked and principles are loaded."""
    before: list[Any] = [*BEFORE[key.split("/")[0]]]
    if key == "mine/qa":
        before = ["mine/chunk"]
    if key == "select/exact_duplicates":
        before += ["select/best_worst"]
    steps = [
        StepSpec(strategy=each)
        if isinstance(each, str)
        else StepSpec(strategy=next(iter(each)), params=each[next(iter(each))])
        for each in before
    ]
    steps.append(StepSpec(strategy=key, params=case.get("params", {})))
    models = {alias: ModelSpec(model=alias) for alias in case.get("models", [])}
    recipe = Recipe(recipe="case", models=models, steps=tuple(steps))
    return bind(RecipeFile(recipe, "", Path("case.yaml"), {})).steps[-1]


def unit_of(key: str, values: Any) -> Any:
    """The unit that a case describes in short."""
    match key:
        case "mine/chunk":
            return made.document_unit(**values)
        case "mine/qa":
            return made.passage_unit(**values)
        case "sample/grid" | "sample/gold":
            return made.prompt_unit(**values)
        case "judge/pairwise":
            return made.response_pair(**values)
        case "select/best_worst":
            return best_worst_unit(**values)
        case "select/exact_duplicates":
            return [
                made.pair_text(each["id"], **{name: each[name] for name in each if name != "id"}) for each in values
            ]
        case _:
            raise AssertionError(f"say how a unit of {key} is made")


def best_worst_unit(texts: dict[str, str], verdicts: list[list[Any]], **changes: Any) -> Any:
    """Candidates with one verdict in each order for each pair asked about."""
    signals = [
        made.signal(a, b, order, vote).model_copy(update=changes)
        for a, b, *votes in verdicts
        for order, vote in zip(("ab", "ba"), votes, strict=True)
    ]
    return made.candidates(texts, signals)


def completion(request: Request, said: Any) -> Completion:
    """What a model said, as its engine would hand it over, checked against the shape that was asked for."""
    if isinstance(request.shape, Json):
        text = json.dumps(said, ensure_ascii=False)
        return Completion((Draw(text, data=request.shape.reply.model_validate_json(text)),), model="judge-model")
    draws = tuple(Draw(draw) if isinstance(draw, str) else Draw(**draw) for draw in said["draws"])
    return Completion(draws, model=said["model"])


def drive(strategy: Any, unit: Any, rounds: Sequence[Sequence[Any]]) -> tuple[Any, list[list[Request]]]:
    """The answer of a strategy to these completions, and all it asked for."""
    if hasattr(strategy, "decide"):
        return list(strategy.decide(unit)), []
    work = strategy(unit)
    if not isinstance(work, Generator):
        assert rounds == []
        return work, []
    asked: list[list[Request]] = []
    waiting = iter(rounds)
    try:
        requests = next(work)
        while True:
            asked.append(requests)
            answers = [completion(request, said) for request, said in zip(requests, next(waiting), strict=True)]
            requests = work.send(answers)
    except StopIteration as stop:
        assert list(waiting) == [], "the strategy asked for fewer rounds"
        return stop.value, asked


def plain(value: Any) -> Any:
    """Rows, decisions and requests as plain values."""
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if isinstance(value, Request):
        shape = list(value.shape.reply.model_fields) if isinstance(value.shape, Json) else str(value.shape)
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return fields | {
            "variables": dict(value.variables),
            "sampling": dataclasses.asdict(value.sampling),
            "shape": shape,
        }
    return dataclasses.asdict(value)


def assert_holds(found: Any, wanted: Any, place: str) -> None:
    """All that is wanted is found; what is not spoken of may be anything."""
    if isinstance(wanted, dict):
        for name, value in wanted.items():
            assert name in found, f"{place}.{name} is not there"
            assert_holds(found[name], value, f"{place}.{name}")
    else:
        assert found == wanted, place


@pytest.mark.parametrize(("key", "case"), EACH)
def test_a_strategy_answers_as_its_case_says(key: str, case: Case) -> None:
    step = bind_case(key, case)
    answer, asked = drive(step.strategy, unit_of(key, case["unit"]), case.get("completions", []))
    if "asks" in case:
        assert [len(each) for each in asked] == [len(each) for each in case["asks"]]
        for number, (requests, wanted) in enumerate(zip(asked, case["asks"], strict=True)):
            for place, (request, want) in enumerate(zip(plain(requests), wanted, strict=True)):
                assert_holds(request, want, f"round {number} request {place}")
    if "nothing" in case:
        assert isinstance(answer, Nothing), answer
        assert_holds(plain(answer), case["nothing"], "nothing")
        return
    assert not isinstance(answer, Nothing), answer
    wanted_rows = case["decisions"] if "decisions" in case else case["rows"]
    found = sorted(plain(answer), key=lambda row: row["subject_id"]) if "decisions" in case else plain(answer)
    assert len(found) == len(wanted_rows), found
    for number, (row, want) in enumerate(zip(found, wanted_rows, strict=True)):
        assert_holds(row, want, f"row {number}")


@pytest.mark.parametrize(("key", "case"), EACH)
def test_a_strategy_asks_only_with_the_prompts_and_models_it_names(key: str, case: Case) -> None:
    """What it does not name is not in its fingerprint, and what a prompt is not given cannot be rendered."""
    step = bind_case(key, case)
    _, asked = drive(step.strategy, unit_of(key, case["unit"]), case.get("completions", []))
    aliases = {getattr(step.strategy, "model", None), *getattr(step.strategy, "models", ())}
    for request in (each for requests in asked for each in requests):
        assert request.model in aliases
        assert set(request.variables) == set(step.templates[request.prompt].inputs)
        assert step.templates[request.prompt].render(request.variables)


@pytest.mark.parametrize(("key", "case"), EACH)
def test_no_case_asks_or_makes_more_than_the_plan_was_told(key: str, case: Case) -> None:
    strategy = bind_case(key, case).strategy
    if hasattr(strategy, "decide"):
        return
    answer, asked = drive(strategy, unit_of(key, case["unit"]), case.get("completions", []))
    assert sum(map(len, asked)) <= strategy.calls
    if strategy.yields:  # 0: nobody can know before the document is read
        assert isinstance(answer, Nothing) or len(answer) <= strategy.yields


@pytest.mark.parametrize("key", ALL)
def test_titles_are_unique(key: str) -> None:
    titles = [case["title"] for case in ALL[key]]
    assert len(titles) == len(set(titles))


# --- a change of answers is a change of version ----------------------------------------------------------------------


def digest(value: Any) -> str:
    """A short digest of plain values."""
    return hashlib.sha256(canonical_json(value).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def record(key: str) -> dict[str, Any]:
    """The version of a strategy, and the digests of every case and of what it gives today."""
    given = {}
    version = 0
    for case in ALL[key]:
        step = bind_case(key, case)
        version = step.strategy.version
        answer, asked = drive(step.strategy, unit_of(key, case["unit"]), case.get("completions", []))
        case_digest = digest([case.get("params"), case["unit"], case.get("completions")])
        given[case["title"]] = {"case": case_digest, "gives": digest(plain([[answer], asked]))}
    return {"version": version, "cases": given}


@pytest.mark.parametrize("key", ALL)
def test_answers_change_only_with_the_version(key: str) -> None:
    known = json.loads(DIGESTS.read_text("utf-8")) if DIGESTS.exists() else {}
    before, now = known.get(key, {"version": 0, "cases": {}}), record(key)
    if before["version"] == now["version"]:
        changed = [
            title
            for title, case in now["cases"].items()
            if title in before["cases"]
            and before["cases"][title]["case"] == case["case"]
            and before["cases"][title]["gives"] != case["gives"]
        ]
        assert changed == [], f"{key} answers otherwise than its version {now['version']} did; raise its `version`"
    if os.environ.get("PREFMILL_RECORD") == "1":
        known[key] = now
        DIGESTS.write_text(json.dumps(known, indent=1, sort_keys=True, ensure_ascii=False) + "\n", "utf-8")
    else:
        assert before == now, "cases are new or changed; record them (see the docstring of this file)"
