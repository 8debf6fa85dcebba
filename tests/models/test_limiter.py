"""The limiter: between one and the cap, first come first served, nothing lost to cancellation, and patience."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.models.limiter import LONGEST_WAIT_SECONDS, Limiter
from schemas.errors import Transient


def in_time(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 20))


async def settle() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


class Crowd:
    """Callers of one limiter, each with a number, that hold their slot until they are told to leave."""

    def __init__(self, limiter: Limiter) -> None:
        self.limiter = limiter
        self.admitted: list[int] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.turned_away: list[int] = []

    def arrive(self) -> None:
        self.tasks.append(asyncio.create_task(self._stay(len(self.tasks))))

    async def _stay(self, number: int) -> None:
        try:
            await self.limiter.enter()
        except Transient:
            self.turned_away.append(number)
            return
        self.admitted.append(number)


@settings(deadline=None)
@given(cap=st.integers(1, 8), steps=st.lists(st.tuples(st.sampled_from("aaalarfxcw"), st.integers(0, 99)), max_size=80))
def test_whatever_happens_slots_are_bounded_and_nobody_is_forgotten(cap: int, steps: list[tuple[str, int]]) -> None:
    in_time(live(Limiter(cap, server="s", patience_calls=10**6), cap, steps))


async def live(limiter: Limiter, cap: int, steps: list[tuple[str, int]]) -> None:
    crowd, left, cancelled = Crowd(limiter), 0, set[int]()
    for step, number in steps:
        holds = len(crowd.admitted) > left
        if step == "a":
            crowd.arrive()
        elif step == "l" and holds:
            limiter.leave()
            left += 1
        elif step == "c" and crowd.tasks:
            task = crowd.tasks[number % len(crowd.tasks)]
            if task.cancel():
                cancelled.add(number % len(crowd.tasks))
        elif step == "r":
            limiter.refused("busy", 0.002 if number < 30 else None)
        elif step == "f":
            limiter.failed("gone")
        elif step == "w":
            await asyncio.sleep(0.003)
        else:
            limiter.answered()
        if number % 2:
            await settle()
        assert 1 <= limiter.limit <= cap
        assert 0 <= limiter.in_flight <= cap
    await settle()
    limiter.answered()
    for _ in range(2 * len(crowd.tasks) + 2):
        if len(crowd.admitted) > left:
            limiter.leave()
            left += 1
        await settle()
        if limiter._resume is not None:
            await asyncio.sleep(0.003)
    assert all(task.done() for task in crowd.tasks)
    assert sorted(crowd.admitted) == sorted(set(range(len(crowd.tasks))) - cancelled)
    assert limiter.in_flight == 0
    assert not limiter._waiting


@given(cap=st.integers(1, 6), callers=st.integers(1, 30), leavers=st.sets(st.integers(0, 29)), draw=st.randoms())
def test_first_come_is_first_served(cap: int, callers: int, leavers: set[int], draw: random.Random) -> None:
    async def queue() -> None:
        limiter = Limiter(cap, server="s")
        crowd = Crowd(limiter)
        for _ in range(callers):
            crowd.arrive()
        await settle()
        gone = {number for number in leavers if cap <= number < callers and crowd.tasks[number].cancel()}
        while limiter.in_flight:
            for _ in range(draw.randint(1, limiter.in_flight)):
                limiter.leave()
            await settle()
        assert crowd.admitted == [number for number in range(callers) if number not in gone]

    in_time(queue())


async def test_a_newcomer_does_not_overtake_when_the_limit_rises() -> None:
    limiter = Limiter(2, server="s")
    for _ in range(2):
        limiter.refused("busy")
    await limiter.enter()
    crowd = Crowd(limiter)
    crowd.arrive()
    await settle()
    for _ in range(9):
        limiter.answered()
    crowd.arrive()
    await settle()
    limiter.leave()
    await settle()
    assert crowd.admitted == [0, 1]
    crowd.arrive()
    crowd.arrive()
    limiter.leave()
    await settle()
    assert crowd.admitted == [0, 1, 2]


async def test_a_slot_handed_over_to_a_cancelled_caller_goes_to_the_next() -> None:
    limiter = Limiter(1, server="s")
    await limiter.enter()
    crowd = Crowd(limiter)
    crowd.arrive()
    crowd.arrive()
    await settle()
    limiter.leave()
    crowd.tasks[0].cancel()
    await settle()
    assert crowd.admitted == [1]
    assert limiter.in_flight == 1


async def test_a_thousand_cancelled_callers_leave_nothing() -> None:
    limiter = Limiter(1, server="s")
    await limiter.enter()
    crowd = Crowd(limiter)
    for _ in range(1000):
        crowd.arrive()
    await settle()
    for task in crowd.tasks:
        task.cancel()
    await settle()
    assert not limiter._waiting
    assert limiter.in_flight == 1


async def test_a_round_trip_of_refusals_halves_the_limit_and_answers_bring_it_back() -> None:
    limiter = Limiter(256, server="s")
    for _ in range(256):
        limiter.refused("busy")
    assert limiter.limit == 128
    for _ in range(128):
        limiter.answered()
    assert 130 < limiter.limit < 140
    for _ in range(10_000):
        limiter.answered()
    assert limiter.limit == 256


async def test_rare_refusals_do_not_shrink_the_load() -> None:
    limiter, source = Limiter(256, server="s"), random.Random(1)
    for _ in range(10_000):
        if source.random() < 0.05:
            limiter.refused("busy", 0.001)
        else:
            limiter.answered()
    assert limiter.limit > 200


async def test_a_pause_stops_everybody_and_then_nobody() -> None:
    limiter = Limiter(4, server="s")
    for _ in range(3):
        limiter.refused("busy", 0.1)
    crowd = Crowd(limiter)
    crowd.arrive()
    await asyncio.sleep(0.03)
    assert crowd.admitted == []
    await asyncio.wait_for(crowd.tasks[0], 5)
    await asyncio.wait_for(limiter.enter(), 5)
    limiter.close()


async def test_one_refusal_among_answers_pauses_nobody() -> None:
    limiter = Limiter(4, server="s")
    for _ in range(9):
        limiter.refused("busy", 60.0)
        limiter.answered()
    await asyncio.wait_for(limiter.enter(), 1)


async def test_a_server_that_asks_for_too_long_is_given_up() -> None:
    limiter = Limiter(1, server="http://host/v1")
    limiter.refused("429 daily limit", LONGEST_WAIT_SECONDS + 1)
    with pytest.raises(Transient, match="http://host/v1 asks us to wait 121 s: 429 daily limit"):
        await limiter.enter()


async def test_the_breaker_needs_many_failures_and_time() -> None:
    limiter = Limiter(2, server="s", patience_calls=3, patience_seconds=0.1)
    for _ in range(100):
        limiter.failed("reset")
    await limiter.enter()
    await limiter.enter()
    crowd = Crowd(limiter)
    crowd.arrive()
    await asyncio.sleep(0.15)
    assert crowd.turned_away == []
    limiter.failed("reset")
    await settle()
    assert crowd.turned_away == [0]
    with pytest.raises(Transient, match="s does not answer: 101 calls in a row failed"):
        await limiter.enter()


async def test_after_the_breaker_one_call_looks_and_an_answer_opens_it() -> None:
    limiter = Limiter(8, server="s", patience_calls=1, patience_seconds=0.05)
    limiter.failed("reset")
    await asyncio.sleep(0.1)
    limiter.failed("reset")
    with pytest.raises(Transient):
        await limiter.enter()
    await asyncio.sleep(0.1)
    await limiter.enter()
    with pytest.raises(Transient):
        await limiter.enter()
    limiter.answered()
    await limiter.enter()
    assert limiter.in_flight == 2


async def test_closing_turns_the_waiting_away() -> None:
    limiter = Limiter(1, server="s")
    await limiter.enter()
    crowd = Crowd(limiter)
    crowd.arrive()
    await settle()
    limiter.close()
    await settle()
    assert crowd.turned_away == [0]
