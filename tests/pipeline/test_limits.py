"""Limits are hard: no more calls, no more money; what is not done stays pending, and the next build goes on."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import builds
import pytest
import scripted
from hypothesis import given
from hypothesis import strategies as st
from scripted import rehearse, said

from pipeline.models.budget import Budget, LimitReached, allowance_of
from pipeline.models.mock_knobs import Knobs
from pipeline.models.mock_server import MockServer
from schemas.errors import Deferred, RecipeError, RequestError
from schemas.recipe import Limits
from schemas.requests import Call, Completion, Usage
from warehouse.address import Address

PRICED = {"default": {"model": "m", "engine": "openai", "price": {"input": 1000.0, "output": 2000.0}}}
FREE = {"default": {"model": "m", "engine": "openai"}}
JUDGE = "judge/pairwise"


def steps(**of_the_judge: Any) -> list[Any]:
    """All steps, with limits for the judge."""
    return [{JUDGE: {"principle": "grounded", **of_the_judge}} if JUDGE in step else step for step in builds.STEPS]


async def build_until_done(recipe: Path, documents: Path, address: Address, **options: Any) -> list[builds.Built]:
    """The same build again until nothing is pending."""
    built = [await builds.run(recipe, documents, address, **options)]
    while built[-1].problem and len(built) < 50:
        assert isinstance(built[-1].problem, Deferred)
        built.append(await builds.run(recipe, documents, address, **options))
    return built


async def test_a_step_makes_no_more_calls_than_it_may_and_the_next_build_goes_on(
    tmp_path: Path, documents: Path, make_catalog: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted.install(monkeypatch, rehearse)
    free = builds.write_recipe(tmp_path, models=FREE, name="free")
    whole = await builds.run(free, documents, make_catalog("sqlite", tmp_path / "whole"))
    needed = builds.calls_of(whole)[JUDGE]
    assert needed >= 20
    limited = builds.write_recipe(tmp_path / "limited", models=FREE, steps=steps(max_calls=15), name="free")
    address = make_catalog("sqlite", tmp_path / "limited")
    built = await build_until_done(limited, documents, address)
    calls = [builds.calls_of(each).get(JUDGE, 0) for each in built]
    assert max(calls) == 14, "two for each pair: seven pairs and no eighth"
    assert sum(calls) == needed
    assert "max_calls 15 of judge/pairwise leaves no room for 2 more, 14 are made" in str(built[0].problem)
    assert built[0].deferred >= (needed - 14) // 2
    assert f"{built[0].deferred} units are still pending" in str(built[0].problem)
    assert builds.ids(address) == builds.ids(make_catalog("sqlite", tmp_path / "whole"))
    assert not any(builds.audits(address).values())


async def test_a_build_makes_no_more_calls_than_it_may(
    tmp_path: Path, documents: Path, lake: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = scripted.install(monkeypatch, rehearse)
    recipe = builds.write_recipe(tmp_path, models=FREE)
    built = await builds.run(recipe, documents, lake, limits=Limits(max_calls=9))
    assert len(log.calls) == built.calls == 9
    assert isinstance(built.problem, Deferred)
    assert "max_calls 9 of this build" in str(built.problem)
    before = len(log.calls)
    assert (await builds.run(recipe, documents, lake, limits=Limits(max_calls=0))).calls == 0
    assert len(log.calls) == before


async def test_no_more_money_is_spent_than_there_is(
    tmp_path: Path, documents: Path, lake: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The most that a call can cost is held before it is made, so the sum of all costs stays under the limit."""
    scripted.install(monkeypatch, rehearse)
    recipe = builds.write_recipe(tmp_path, models=PRICED, steps=steps(max_cost=7.5))
    built = await builds.run(recipe, documents, lake)
    assert isinstance(built.problem, Deferred)
    assert "max_cost 7.5 of judge/pairwise leaves no room for up to" in str(built.problem)
    spent = builds.ask(lake, "SELECT coalesce(sum(cost), 0), sum(calls) FROM outcomes WHERE step = ?", [JUDGE])[0]
    assert 0 < spent[0] <= 7.5
    assert spent[1] % 2 == 0, "no pair was begun that could not be finished"


async def test_a_reply_of_the_wrong_shape_is_not_asked_for_again_beyond_the_limit(
    tmp_path: Path, documents: Path, lake: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answer(call: Call) -> Completion:
        return said("no verdict") if call.request.prompt == JUDGE else await rehearse(call)

    log = scripted.install(monkeypatch, answer)
    recipe = builds.write_recipe(tmp_path, models=FREE, steps=steps(max_calls=5))
    built = await builds.run(recipe, documents, lake)
    assert log.asked(JUDGE) <= 5
    assert isinstance(built.problem, Deferred)
    assert builds.ask(lake, "SELECT count(*) FROM outcomes WHERE step = ?", [JUDGE]) == [(0,)]


@pytest.mark.parametrize("limits", [Limits(max_calls=5), Limits(max_cost=6.0)], ids=["calls", "money"])
async def test_calls_that_a_server_answers_with_half_a_body_count_too(
    tmp_path: Path, lake: Address, limits: Limits
) -> None:
    """They are paid for, and asked for again: every time the limit has to allow it."""
    sources = tmp_path / "sources"
    sources.mkdir()
    for number in range(12):
        (sources / f"{number}.md").write_text(f"The stone of mill {number} turns on a bed of granite.\n")
    server = MockServer(knobs=Knobs(latency_ms=0.0, p_cut_body=0.5))
    async with server as base_url:
        model = {"model": "m", "engine": "openai", "base_url": base_url, "price": {"input": 1000.0, "output": 1000.0}}
        model["engine_options"] = {"backoff_seconds": 0.01}
        steps = ["mine/chunk", {"mine/qa": {"max_tokens": 64}}, "sample/gold"]
        recipe = builds.write_recipe(tmp_path, models={"default": model}, steps=steps)
        built = await builds.run(recipe, sources, lake, limits=limits)
    assert isinstance(built.problem, Deferred)
    assert server.stats.by_status["cut_body"] > 0
    assert built.calls == server.stats.calls > 0, "what was paid for nothing is on the bill"
    assert built.calls <= (limits.max_calls or 100)
    assert sum(report.usage.cost for report in built.reports) <= (limits.max_cost or 1e9)


@pytest.mark.parametrize(
    ("step", "models", "words"),
    [
        ({"sample/gold": {"max_calls": 3}}, FREE, "`sample/gold` asks no model, so it takes no `max_calls`"),
        ({"sample/grid": {"max_cost": 3}}, FREE, "`max_cost` of `sample/grid` would limit nothing: give its model a `price`"),
        ({"sample/grid": {"max_calls": 2.5}}, FREE, "`steps.2.max_calls` is 2.5"),
        ({"sample/grid": {"max_cost": -1}}, PRICED, "`steps.2.max_cost` is -1"),
    ],
)
def test_a_limit_limits_something(
    tmp_path: Path, lake: Address, documents: Path, step: Any, models: Any, words: str
) -> None:
    recipe = builds.write_recipe(tmp_path, models=models, steps=["mine/chunk", "mine/qa", step])
    with pytest.raises(RecipeError) as problem:
        builds.job(recipe, documents, lake)
    assert words in str(problem.value)
    assert f"{recipe}:" in str(problem.value)


def test_a_limit_of_the_command_line_limits_something_too(tmp_path: Path, lake: Address, documents: Path) -> None:
    recipe = builds.write_recipe(tmp_path)
    with pytest.raises(RequestError, match="max_cost would limit nothing"):
        builds.job(recipe, documents, lake, limits=Limits(max_cost=1.0))


@given(
    most=st.integers(0, 12),
    units=st.lists(st.tuples(st.integers(1, 4), st.integers(0, 4), st.integers(0, 3)), max_size=12),
)
def test_whatever_units_do_a_budget_holds(most: int, units: list[tuple[int, int, int]]) -> None:
    """Units hold so many calls, make some of them, in some order; never more are made than the limit says."""
    budget = Budget(Limits(max_calls=most), "a test")

    async def one(held: int, made: int, naps: int) -> bool:
        try:
            async with allowance_of([budget], held) as allowance:
                for _ in range(min(held, made)):
                    for _ in range(naps):
                        await asyncio.sleep(0)
                    allowance.spend(Usage(calls=1), foreseen=True)
                    assert budget.spent.calls <= most
                return True
        except LimitReached:
            return False

    async def all_of_them() -> list[bool]:
        return list(await asyncio.wait_for(asyncio.gather(*(one(*unit) for unit in units)), 5))

    begun = asyncio.run(all_of_them())
    made = sum(min(held, made) for (held, made, _), was in zip(units, begun, strict=True) if was)
    assert budget.spent.calls == made <= most
    left = most - made
    assert all(was or held > left for (held, _, _), was in zip(units, begun, strict=True)), "room was left for this one"


@given(
    most=st.floats(0.01, 3),
    rounds=st.lists(st.tuples(st.floats(0.001, 1), st.floats(0, 1), st.integers(0, 3)), max_size=12),
)
def test_money_that_is_given_back_is_there_again(most: float, rounds: list[tuple[float, float, int]]) -> None:
    """Rounds hold the most they can cost and spend a share of it; nobody waits for ever, and no more is spent than there is."""
    budget = Budget(Limits(max_cost=most), "a test")

    async def one(cost: float, share: float, naps: int) -> bool:
        try:
            async with allowance_of([budget], 1) as allowance, allowance.round_of(cost):
                for _ in range(naps):
                    await asyncio.sleep(0)
                allowance.spend(Usage(calls=1, cost=cost * share), foreseen=True)
                assert budget.spent.cost <= most * (1 + 1e-9)
                return True
        except LimitReached:
            return False

    async def all_of_them() -> list[bool]:
        return list(await asyncio.wait_for(asyncio.gather(*(one(*each) for each in rounds)), 5))

    begun = asyncio.run(all_of_them())
    left = most - budget.spent.cost
    assert all(was or cost > left * (1 - 1e-9) for (cost, _, _), was in zip(rounds, begun, strict=True)), "room was left"


def test_sums_of_money_that_do_not_come_back_to_nothing_keep_nobody_waiting() -> None:
    """0.1 + 0.2 - 0.1 - 0.2 is not 0."""
    budget = Budget(Limits(max_cost=0.35), "a test")

    async def one(cost: float) -> None:
        async with allowance_of([budget], 1) as allowance, allowance.round_of(cost):
            await asyncio.sleep(0)

    async def scene() -> None:
        await asyncio.gather(one(0.1), one(0.2))
        with pytest.raises(LimitReached):
            await asyncio.wait_for(one(0.4), 2)

    asyncio.run(scene())
