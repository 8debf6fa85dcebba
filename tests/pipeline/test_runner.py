"""The stage runner: every unit ends in exactly one outcome or stays pending, whatever engines and strategies do."""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import builds
import pytest
import scripted
from pydantic import ConfigDict
from scripted import rehearse, said

from pipeline.registry import STRATEGIES
from pipeline.strategy import Answer, Table
from schemas.errors import (
    BuildError,
    Deferred,
    EngineError,
    PrefmillError,
    SourceError,
    Stopped,
    Transient,
    Unanswerable,
)
from schemas.requests import Asking, Call, Completion, Draw, Request
from schemas.rows import ResponseAnswer, Row
from schemas.units import PromptUnit, UnitKind
from warehouse.address import Address

MODELS = {"default": {"model": "m", "engine": "openai"}}
QUESTION = "SELECT step, status, reason, detail, calls FROM outcomes WHERE step = ? ORDER BY ALL"


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """A recipe that asks the scripted engine."""
    return builds.write_recipe(tmp_path, models=MODELS)


@pytest.fixture
def to_signals(tmp_path: Path) -> Path:
    """A recipe that ends with the judge."""
    return builds.write_recipe(tmp_path, models=MODELS, steps=builds.STEPS[:5])


def short(tmp_path: Path, *steps: Any) -> Path:
    """A recipe of these steps after mining."""
    return builds.write_recipe(tmp_path, models=MODELS, steps=["mine/chunk", "mine/qa", *steps])


def failing(
    prompt: str, problem: Callable[[], Exception], *, after: int = 0
) -> Callable[[Call], Awaitable[Completion]]:
    """An engine that raises for this prompt, from call number `after` on."""
    seen = 0

    async def answer(call: Call) -> Completion:
        nonlocal seen
        if call.request.prompt == prompt:
            seen += 1
            if seen > after:
                raise problem()
        return await rehearse(call)

    return answer


# --- keyed to the request --------------------------------------------------------------------------------------------


async def test_completion_order_never_matters(
    tmp_path: Path, to_signals: Path, documents: Path, monkeypatch: pytest.MonkeyPatch, make_catalog: Any
) -> None:
    """Both orders of a pair, all models of a grid and all units come back in another order each time."""

    def late(salt: str) -> Callable[[Call], Awaitable[Completion]]:
        async def answer(call: Call) -> Completion:
            digest = hashlib.sha256((salt + call.key + str(call.request.variables.get("first"))).encode()).digest()
            await asyncio.sleep(digest[0] / 256 * 0.02)
            return await rehearse(call)

        return answer

    found = []
    for salt in ("", "a"):
        scripted.install(monkeypatch, late(salt) if salt else rehearse)
        address = make_catalog("sqlite", tmp_path / f"warehouse-{salt}")
        await builds.run(to_signals, documents, address)
        votes = builds.ask(
            address, 'SELECT signal_id, response_ids, "order", vote, rationale FROM signals ORDER BY ALL'
        )
        found.append((builds.ids(address), votes))
    assert found[0] == found[1]
    assert len(found[0][1]) > 10


async def test_a_verdict_stays_with_the_order_it_was_asked_in(
    to_signals: Path, documents: Path, lake: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second request is answered first; the judge likes the longer answer, wherever it stands."""
    waiting: dict[frozenset[str], asyncio.Event] = {}

    async def answer(call: Call) -> Completion:
        if call.request.prompt != "judge/pairwise":
            return await rehearse(call)
        first, second = call.request.variables["first"], call.request.variables["second"]
        key = frozenset((first, second))
        if key not in waiting:
            waiting[key] = asyncio.Event()
            await waiting[key].wait()
        else:
            waiting.pop(key).set()
        verdict = "A" if len(first) > len(second) else "B" if len(second) > len(first) else "tie"
        return said(f'{{"reason": "{first[:3]!a}", "verdict": "{verdict}"}}'.replace("'", ""))

    scripted.install(monkeypatch, answer)
    await builds.run(to_signals, documents, lake)
    wrong = builds.ask(
        lake,
        """SELECT count(*), count(*) FILTER (WHERE vote <> CASE WHEN length(a.text) > length(b.text) THEN 'a'
            WHEN length(b.text) > length(a.text) THEN 'b' ELSE 'tie' END)
        FROM signals s JOIN responses a ON a.response_id = s.response_ids[1]
        JOIN responses b ON b.response_id = s.response_ids[2]""",
    )
    assert wrong[0][0] > 10
    assert wrong[0][1] == 0


# --- how units end ---------------------------------------------------------------------------------------------------


async def test_a_transient_failure_writes_nothing_and_comes_back(
    tmp_path: Path, documents: Path, lake: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = short(tmp_path, "sample/gold")
    scripted.install(monkeypatch, failing("mine/qa", lambda: Transient("the server is busy"), after=1))
    built = await builds.run(recipe, documents, lake)
    assert isinstance(built.problem, Deferred)
    assert "the server is busy" in str(built.problem)
    assert len(builds.ask(lake, QUESTION, ["mine/qa"])) == 1
    pending = sum(row.units for row in built.funnel if row.status == "pending")
    assert pending == built.deferred > 0

    log = scripted.install(monkeypatch, rehearse)
    again = await builds.run(recipe, documents, lake)
    assert again.problem is None
    assert log.asked("mine/qa") == pending
    assert all(status == "ok" for _, status, *_ in builds.ask(lake, QUESTION, ["mine/qa"]))
    assert set(builds.audits(lake).values()) == {0}


async def test_an_unanswerable_unit_is_one_failed_outcome_for_good(
    tmp_path: Path, documents: Path, lake: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = short(tmp_path)
    scripted.install(monkeypatch, failing("mine/qa", lambda: Unanswerable("too_long", "9000 tokens"), after=1))
    built = await builds.run(recipe, documents, lake)
    outcomes = builds.ask(lake, QUESTION, ["mine/qa"])
    assert built.problem is None
    assert [row[1:4] for row in outcomes if row[1] == "failed"] == [("failed", "too_long", "9000 tokens")] * (
        len(outcomes) - 1
    )

    log = scripted.install(monkeypatch, rehearse)
    await builds.run(recipe, documents, lake)
    assert log.opened == [], "a build with nothing to do opens no engine"
    assert builds.ask(lake, QUESTION, ["mine/qa"]) == outcomes


async def test_an_unparsable_verdict_is_no_signal_and_no_score(
    recipe: Path, documents: Path, lake: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answer(call: Call) -> Completion:
        return said("N/A") if call.request.prompt == "judge/pairwise" else await rehearse(call)

    scripted.install(monkeypatch, answer)
    built = await builds.run(recipe, documents, lake)
    assert builds.ask(lake, "SELECT count(*) FROM signals") == [(0,)]
    judged = [row for row in builds.ask(lake, QUESTION, ["judge/pairwise"]) if row[2] != "identical_texts"]
    assert {row[1:3] for row in judged} == {("failed", "unparsable_reply")}
    assert {row[4] for row in judged} == {8}, "two requests, four attempts each"
    assert {row[2] for row in builds.ask(lake, QUESTION, ["select/best_worst"])} <= {"unjudged", "too_few_candidates"}
    assert built.landed is not None
    assert built.landed.release.status == "held"


async def test_a_round_fails_for_its_gravest_reason(
    to_signals: Path, documents: Path, lake: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One order is refused for good, the other may be asked again: the pair waits, and nothing is written."""

    async def answer(call: Call) -> Completion:
        first, second = (call.request.variables.get(place) for place in ("first", "second"))
        if first is None or second is None:
            return await rehearse(call)
        raise Unanswerable("refused") if first > second else Transient("busy")

    scripted.install(monkeypatch, answer)
    built = await builds.run(to_signals, documents, lake)
    assert isinstance(built.problem, Deferred)
    assert {row[1:3] for row in builds.ask(lake, QUESTION, ["judge/pairwise"])} <= {("none", "identical_texts")}


@dataclass(frozen=True, slots=True)
class Crash:
    """A strategy with a bug."""

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    unit: ClassVar[UnitKind] = "prompt"
    makes: ClassVar[Table] = "responses"
    prompts: ClassVar[tuple[str, ...]] = ()
    calls: ClassVar[int] = 0
    yields: ClassVar[int] = 1

    def __call__(self, unit: PromptUnit) -> Answer:
        """Divide by nothing."""
        rows: list[Row] = []
        return [rows[1 // 0]]


async def test_what_crashes_fails_its_unit_with_type_message_and_place_and_not_the_build(
    tmp_path: Path, documents: Path, lake: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engine with a bug in one step, a strategy with a bug in the next."""
    monkeypatch.setitem(STRATEGIES, "sample/crash", Crash)
    scripted.install(monkeypatch, failing("mine/qa", lambda: KeyError("choices"), after=1))
    built = await builds.run(short(tmp_path, "sample/crash"), documents, lake)
    assert built.problem is None
    of_engine = [row for row in builds.ask(lake, QUESTION, ["mine/qa"]) if row[1] == "failed"]
    assert len(of_engine) >= 2
    assert all(row[2] == "crashed" and row[3].startswith("KeyError: 'choices'") for row in of_engine)
    of_strategy = builds.ask(lake, QUESTION, ["sample/crash"])
    assert {row[1:3] for row in of_strategy} == {("failed", "crashed")}
    assert all(row[3].startswith("ZeroDivisionError: ") and "__call__, line" in row[3] for row in of_strategy)


@dataclass(frozen=True, slots=True)
class Rounds:
    """A strategy of two rounds: asks twice, then as often as the answers say."""

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    unit: ClassVar[UnitKind] = "prompt"
    makes: ClassVar[Table] = "responses"
    prompts: ClassVar[tuple[str, ...]] = ("sample/answer",)
    calls: ClassVar[int] = 5
    yields: ClassVar[int] = 1
    model: str = "default"

    def __call__(self, unit: PromptUnit) -> Asking[Answer]:
        """Ask one and two, then every letter of the answers."""
        first = yield [self._ask(name) for name in ("one", "two")]
        second = yield [self._ask(letter) for completion in first for letter in completion.text]
        text = " ".join(completion.text for completion in [*first, *second])
        return [ResponseAnswer(prompt_id=unit.prompt.prompt_id, text=text, model="m", role="r", strategy="rounds")]

    def _ask(self, question: str) -> Request:
        return Request("sample/answer", {"question": question, "facts": ""}, self.model)


async def test_rounds_follow_each_other_and_all_of_them_are_paid(
    tmp_path: Path, documents: Path, lake: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(STRATEGIES, "sample/rounds", Rounds)

    async def answer(call: Call) -> Completion:
        question = call.request.variables.get("question")
        if call.request.prompt != "sample/answer":
            return await rehearse(call)
        return said({"one": "ab", "two": "c"}.get(question, question.upper()), tokens_in=7, tokens_out=3, cached=2)

    scripted.install(monkeypatch, answer)
    models = {"default": {**MODELS["default"], "price": {"input": 1.0, "output": 4.0, "cached_input": 0.5}}}
    recipe = builds.write_recipe(tmp_path, models=models, steps=["mine/chunk", "mine/qa", "sample/rounds"])
    built = await builds.run(recipe, documents, lake)
    assert {row[0] for row in builds.ask(lake, "SELECT text FROM responses")} == {"ab c A B C"}
    bill = (
        "SELECT DISTINCT calls, tokens_in, tokens_out, tokens_cached, rows FROM outcomes WHERE step = 'sample/rounds'"
    )
    assert builds.ask(lake, bill) == [(5, 35, 15, 10, 1)]
    totals = "SELECT sum(cost), sum(tokens_in)::INT, sum(tokens_cached)::INT, sum(tokens_out)::INT FROM outcomes"
    ((cost, tokens_in, cached, tokens_out),) = builds.ask(lake, totals)
    assert cost == pytest.approx((tokens_in - cached + 0.5 * cached + 4 * tokens_out) / 1e6)
    assert sum(report.usage.cost for report in built.reports) == pytest.approx(cost)


# --- what stops a build ----------------------------------------------------------------------------------------------


async def test_a_wrong_key_stops_the_build_and_keeps_what_was_finished(
    recipe: Path, documents: Path, lake: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = short(recipe.parent, {"sample/grid": {"draws": 1}})
    scripted.install(monkeypatch, failing("sample/answer", lambda: EngineError("the server refuses our key")))
    with pytest.raises(EngineError, match="refuses our key"):
        await builds.run(recipe, documents, lake)
    assert builds.ask(lake, "SELECT status, message FROM builds") == [("failed", "the server refuses our key")]
    assert len(builds.ask(lake, QUESTION, ["mine/qa"])) > 1
    assert builds.ask(lake, QUESTION, ["sample/grid"]) == []

    log = scripted.install(monkeypatch, rehearse)
    again = await builds.run(recipe, documents, lake)
    assert again.problem is None
    assert log.asked("mine/qa") == 0


async def test_an_engine_that_cannot_be_opened_stops_the_build(
    recipe: Path, documents: Path, lake: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline.models.engine import MODULES

    class Closed:
        @classmethod
        async def open(cls, spec: Any) -> Any:
            raise EngineError("no server there")

    monkeypatch.setattr(scripted, "Current", Closed)
    monkeypatch.setitem(MODULES, "openai", ("scripted", "Current"))
    with pytest.raises(EngineError, match="no server there"):
        await builds.run(recipe, documents, lake)


async def test_deferral_withholds_the_document_and_its_release(
    recipe: Path, documents: Path, lake: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A group of candidates is judged whole or not at all, else late answers would make it another group."""

    async def answer(call: Call) -> Completion:
        if call.request.prompt == "sample/answer" and "French burr" in call.request.variables["facts"]:
            raise Transient("busy")
        return await rehearse(call)

    scripted.install(monkeypatch, answer)
    built = await builds.run(recipe, documents, lake)
    assert isinstance(built.problem, Deferred)
    uris = "SELECT DISTINCT d.uri FROM {} t JOIN documents d USING (document_id)"
    sampled = {Path(row[0]).name for row in builds.ask(lake, uris.format("responses"))}
    judged = {Path(row[0]).name for row in builds.ask(lake, uris.format("signals"))}
    assert "stones.md" not in judged
    assert judged == sampled - {"stones.md"} == {"gearing.md", "wasser.md"}
    assert built.landed is None or built.landed.release.status == "held"
    assert builds.ask(lake, "SELECT count(*) FROM latest_pairs") == [(0,)]
    assert builds.ask(lake, "SELECT status FROM builds") == [("deferred",)]

    scripted.install(monkeypatch, rehearse)
    again = await builds.run(recipe, documents, lake)
    assert again.problem is None
    assert again.landed is not None
    assert again.landed.release.status == "published"


async def test_the_same_rows_come_of_a_build_that_was_deferred_as_of_one_that_was_not(
    tmp_path: Path, recipe: Path, documents: Path, monkeypatch: pytest.MonkeyPatch, make_catalog: Any
) -> None:
    whole, broken = (make_catalog("sqlite", tmp_path / name) for name in ("whole", "broken"))
    scripted.install(monkeypatch, rehearse)
    await builds.run(recipe, documents, whole)

    async def busy(call: Call) -> Completion:
        if int(call.key[-1], 16) < 5:
            raise Transient("busy")
        return await rehearse(call)

    scripted.install(monkeypatch, busy)
    assert isinstance((await builds.run(recipe, documents, broken)).problem, Deferred)
    scripted.install(monkeypatch, rehearse)
    await builds.run(recipe, documents, broken)
    assert builds.ids(broken) == builds.ids(whole)
    assert set(builds.audits(broken).values()) == {0}


async def test_asked_to_stop_the_runner_takes_no_more_units_and_finishes_those_under_way(
    to_signals: Path, documents: Path, lake: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The build sets this event at the first Ctrl-C; here the engine does, in the middle of the judging."""
    import flows.build

    events: list[asyncio.Event] = []

    class Remembered(asyncio.Event):
        def __init__(self) -> None:
            super().__init__()
            events.append(self)

    monkeypatch.setattr(flows.build.asyncio, "Event", Remembered)
    models = {"default": {**MODELS["default"], "concurrency": 2}}
    to_signals = builds.write_recipe(to_signals.parent, models=models)
    seen = 0

    async def answer(call: Call) -> Completion:
        nonlocal seen
        if call.request.prompt == "judge/pairwise":
            seen += 1
            if seen == 3:
                events[0].set()
        return await rehearse(call)

    scripted.install(monkeypatch, answer)
    built = await builds.run(to_signals, documents, lake)
    assert isinstance(built.problem, Stopped)
    assert builds.ask(lake, "SELECT status FROM builds") == [("stopped",)]
    judged = [row for row in builds.ask(lake, QUESTION, ["judge/pairwise"]) if row[1] == "ok"]
    assert seen == 2 * len(judged) <= 6, "what was asked was recorded"

    log = scripted.install(monkeypatch, rehearse)
    again = await builds.run(to_signals, documents, lake)
    assert again.problem is None
    everything = [row for row in builds.ask(lake, QUESTION, ["judge/pairwise"]) if row[1] == "ok"]
    assert len(log.calls) == 2 * (len(everything) - len(judged)), "no finished call is repeated"


async def test_nothing_to_read_is_said_before_anything_is_asked(
    tmp_path: Path, recipe: Path, lake: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = scripted.install(monkeypatch, rehearse)
    (tmp_path / "empty").mkdir()
    with pytest.raises((SourceError, BuildError)):
        await builds.run(recipe, tmp_path / "empty", lake)
    assert log.opened == []


NASTY = [
    "plain",
    "quote ' and \" and \\",
    "'; DROP TABLE pairs; --",
    "粉 🌾 e\u0301",
    "line\nline\r\nline\ttab",
    "\u202eright to left",
    "a \0 b",
    "x" * 200_000,
]


async def test_what_a_model_may_write_can_be_stored(
    tmp_path: Path, documents: Path, catalog: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answer(call: Call) -> Completion:
        return said(*NASTY) if call.request.prompt == "sample/answer" else await rehearse(call)

    scripted.install(monkeypatch, answer)
    await builds.run(short(tmp_path, {"sample/grid": {"draws": len(NASTY)}}), documents / "stones.md", catalog)
    assert {row[0] for row in builds.ask(catalog, "SELECT DISTINCT text FROM responses")} == set(NASTY)


async def test_what_no_table_can_hold_does_not_end_the_build(
    tmp_path: Path, documents: Path, lake: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a character, and a log-probability that is no number."""

    async def answer(call: Call) -> Completion:
        if call.request.prompt == "sample/answer":
            return Completion((Draw("half \ud83d a character", logprob=-math.inf),), "m")
        return await rehearse(call)

    scripted.install(monkeypatch, answer)
    built = await builds.run(short(tmp_path, {"sample/grid": {"draws": 1}}), documents / "stones.md", lake)
    assert built.problem is None
    assert {row[1] for row in builds.ask(lake, QUESTION, ["sample/grid"])} == {"ok"}
    assert set(builds.ask(lake, "SELECT text, logprob FROM responses")) == {("half \ufffd a character", None)}


async def test_the_same_step_twice_does_no_harm(
    tmp_path: Path, documents: Path, lake: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted.install(monkeypatch, rehearse)
    steps = ["sample/gold", {"sample/grid": {"draws": 1}}, "sample/gold", {"judge/pairwise": {"principle": "helpful"}}]
    await builds.run(short(tmp_path, *steps), documents, lake)
    assert set(builds.audits(lake).values()) == {0}


async def test_calls_of_a_deferred_unit_are_reported(
    to_signals: Path, documents: Path, lake: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One order of every pair is answered, the other is not."""
    answered = 0

    async def answer(call: Call) -> Completion:
        nonlocal answered
        if (
            call.request.prompt == "judge/pairwise"
            and call.request.variables["first"] > call.request.variables["second"]
        ):
            raise Transient("busy")
        answered += 1
        return await rehearse(call)

    scripted.install(monkeypatch, answer)
    built = await builds.run(to_signals, documents, lake)
    assert built.calls == answered


@pytest.mark.slow
async def test_a_problem_while_recording_is_told_in_one_sentence(
    recipe: Path, documents: Path, lake: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk, a catalog that went away: an error of ours with a sentence, not a group of tracebacks."""

    async def answer(call: Call) -> Completion:
        for file in (lake.root / "data").rglob("*"):
            file.chmod(0o500)
        import shutil

        shutil.rmtree(lake.root / "data", ignore_errors=True)
        (lake.root / "data").write_text("not a folder")
        return await rehearse(call)

    scripted.install(monkeypatch, answer)
    built = await builds.run(recipe, documents, lake)
    assert isinstance(built.problem, PrefmillError)
    assert "\n" not in str(built.problem)
