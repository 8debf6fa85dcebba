"""Strategies by case files: `tests/cases/<stage>/<name>.yaml`, one list entry a case.

A case says `title`, `params`, `unit`, what the models answer (`completions`, a list of rounds) and what comes of it:
`rows` (each naming only the fields it is about), `nothing`, `kept` or, of a sieve, `said`; `asks` says what is to be asked
for. The unit of a sieve is a list of rows as columns.

`tests/cases/digests.json` holds a digest of everything each case gives. A strategy that answers a known case otherwise
has to raise its `version`; then, or after adding cases, `PREFMILL_RECORD=1 pytest tests/pipeline/test_cases.py`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
from collections.abc import Generator, Sequence
from typing import Any

import made
import pytest
from case_files import CASES, Case, bind_case, load_cases

from pipeline.strategy import Kept, Nothing
from schemas.fingerprints import canonical_json
from schemas.requests import CAGE, Choice, Completion, Draw, Json, Request, TokenLogprob

DIGESTS = CASES / "digests.json"
ALL = load_cases()
EACH = [pytest.param(key, case, id=f"{key}: {case['title']}") for key, cases in ALL.items() for case in cases]


def unit_of(strategy: Any, values: Any) -> Any:
    """The unit that a case describes in short, by the kind that its strategy works on."""
    if hasattr(strategy, "sift"):
        return made.Columns(values)
    match strategy.unit:
        case "document":
            return made.document_unit(**values)
        case "passage":
            return made.passage_unit(**values)
        case "prompt":
            return made.prompt_unit(**values)
        case "sourced_prompt":
            return made.sourced_prompt(**values)
        case "sourced_responses":
            return made.sourced_responses(**values)
        case "response" | "judged_response":
            return judged_response(**values)
        case "responses":
            return made.response_group(**values)
        case "response_pair" | "categorised_pair":
            return made.response_pair(**values)
        case "candidates":
            return candidates_unit(**values)
        case "pair" | "judged_pair":
            return judged_pair(values)
        case "all_candidates":
            return [candidates_unit(**each) for each in values]
    raise AssertionError(f"say how a unit of kind {strategy.unit} is made")


def judged_response(signals: Sequence[dict[str, Any]] = (), **values: Any) -> Any:
    """One response, with the signals about it if a case gives any."""
    unit = made.response_unit(**values)
    return dataclasses.replace(unit, signals=tuple(made.any_signal(number, **each) for number, each in enumerate(signals)))


def judged_pair(values: dict[str, Any]) -> Any:
    """One labelled pair, with the signals about it if a case gives any."""
    others = {name: value for name, value in values.items() if name not in ("id", "signals")}
    unit = made.pair_text(values.get("id", "par_1"), **others)
    signals = tuple(made.any_signal(number, **each) for number, each in enumerate(values.get("signals", ())))
    return dataclasses.replace(unit, signals=signals)


def candidates_unit(
    texts: dict[str, Any],
    verdicts: Sequence[list[Any]] = (),
    signals: Sequence[dict[str, Any]] = (),
    prompt: dict[str, Any] | None = None,
    **changes: Any,
) -> Any:
    """Candidates, by id a text or the columns of a response, with what was said of them.

    `verdicts`: one in each order for each pair asked about, `changes` go to their signals. `signals`: any others.
    """
    said = [
        made.signal(a, b, order, vote).model_copy(update=changes)
        for a, b, *votes in verdicts
        for order, vote in zip(("ab", "ba"), votes, strict=True)
    ]
    said += [made.any_signal(number, **each) for number, each in enumerate(signals)]
    return made.candidates(texts, said, **(prompt or {}))


def completion(request: Request, said: Any) -> Completion:
    """What a model said, as its engine would hand it over, checked against the shape that was asked for.

    One reply, or `{draws: [...], model: ...}`. A reply to a choice may be its probabilities, `{A: 0.7, B: 0.3}`, or those
    of each of its tokens, `{spelled: [{answer: 1.0}, {" two": 0.7, " one": 0.3}]}`.
    """
    given = said if isinstance(said, dict) and "draws" in said else {"draws": [said]}
    draws = tuple(drawn(request, each) for each in given["draws"])
    return Completion(draws, model=given.get("model", "judge-model"))


def drawn(request: Request, said: Any) -> Draw:
    """One draw of a reply."""
    if isinstance(request.shape, Json):
        text = json.dumps(said, ensure_ascii=False)
        return Draw(text, data=request.shape.reply.model_validate_json(text))
    if isinstance(said, dict) and "spelled" in said:
        return spelled([{token: math.log(share) for token, share in each.items()} for each in said["spelled"]])
    if isinstance(request.shape, Choice) and isinstance(said, dict):
        likely = {str(label): math.log(share) for label, share in said.items() if share > 0}
        text = max(likely, key=lambda label: likely[label])
        said = {"text": text, "logprob": likely[text], "logprobs": (TokenLogprob(text, likely[text], likely),)}
    draw = Draw(said) if isinstance(said, str) else Draw(**said)
    if isinstance(request.shape, Choice):
        assert draw.text in request.shape.options, "an engine hands over nothing else"
    return draw


def spelled(tokens: list[dict[str, float]]) -> Draw:
    """A reply token by token; of each token's alternatives the first one was drawn."""
    drawn = [TokenLogprob(next(iter(each)), next(iter(each.values())), each) for each in tokens]
    return Draw("".join(each.token for each in drawn), logprobs=tuple(drawn))


def drive(strategy: Any, unit: Any, rounds: Sequence[Sequence[Any]]) -> tuple[Any, list[list[Request]]]:
    """The answer of a strategy to these completions, and all it asked for."""
    if hasattr(strategy, "sift"):
        return sorted(strategy.sift(unit), key=lambda said: getattr(said, "row_id", "")), []
    if hasattr(strategy, "fit"):
        fit = json.loads(canonical_json(strategy.fit(unit)))
        answers = [strategy.answer(each, fit) for each in unit]
        rows = [row for answer in answers if not isinstance(answer, Nothing) for row in answer]
        return rows or answers[0], []
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
        assert found == (pytest.approx(wanted) if isinstance(wanted, float) else wanted), place


@pytest.mark.parametrize(("key", "case"), EACH)
def test_a_strategy_answers_as_its_case_says(key: str, case: Case) -> None:
    step = bind_case(key, case)
    answer, asked = drive(step.strategy, unit_of(step.strategy, case["unit"]), case.get("completions", []))
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
    if "kept" in case:
        assert isinstance(answer, Kept), answer
        assert len(answer.notes) == len(case["kept"].get("notes", ())), answer
        for number, (note, want) in enumerate(zip(plain(answer.notes), case["kept"].get("notes", ()), strict=True)):
            assert_holds(note, want, f"note {number}")
        return
    wanted_rows = case["said"] if "said" in case else case["rows"]
    found = plain(answer)
    assert len(found) == len(wanted_rows), found
    for number, (row, want) in enumerate(zip(found, wanted_rows, strict=True)):
        assert_holds(row, want, f"row {number}")


@pytest.mark.parametrize(("key", "case"), EACH)
def test_a_strategy_asks_only_with_the_prompts_and_models_it_names(key: str, case: Case) -> None:
    """What it does not name is not in its fingerprint, and what a prompt is not given cannot be rendered."""
    step = bind_case(key, case)
    _, asked = drive(step.strategy, unit_of(step.strategy, case["unit"]), case.get("completions", []))
    aliases = {getattr(step.strategy, "model", None), *getattr(step.strategy, "models", ())}
    for request in (each for requests in asked for each in requests if each.model != CAGE):
        assert request.model in aliases
        assert set(request.variables) == set(step.templates[request.prompt].inputs)
        assert step.templates[request.prompt].render(request.variables)


@pytest.mark.parametrize(("key", "case"), EACH)
def test_no_case_asks_or_makes_more_than_the_plan_was_told(key: str, case: Case) -> None:
    strategy = bind_case(key, case).strategy
    if hasattr(strategy, "sift") or hasattr(strategy, "fit"):
        return
    answer, asked = drive(strategy, unit_of(strategy, case["unit"]), case.get("completions", []))
    assert sum(request.model != CAGE for requests in asked for request in requests) <= strategy.calls
    if strategy.yields:  # 0: nobody can know before the document is read
        assert isinstance(answer, Nothing | Kept) or len(answer) <= strategy.yields


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
        answer, asked = drive(step.strategy, unit_of(step.strategy, case["unit"]), case.get("completions", []))
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
