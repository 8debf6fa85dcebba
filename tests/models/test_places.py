"""Places: never more taken than there are, handed on in order, and none lost to whoever gives up."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.models.places import Places
from pipeline.models.pool import ModelPool
from schemas.models import ModelSpec


@given(count=st.integers(1, 8), wishes=st.lists(st.integers(1, 12), min_size=1, max_size=30))
def test_never_more_are_taken_than_there_are(count: int, wishes: list[int]) -> None:
    places, taken, most = Places(count), 0, 0

    async def visit(wish: int) -> None:
        nonlocal taken, most
        async with places.taken(wish):
            taken += min(wish, count)
            most = max(most, taken)
            await asyncio.sleep(0)
            taken -= min(wish, count)

    async def visit_all() -> None:
        await asyncio.wait_for(asyncio.gather(*map(visit, wishes)), 10)

    asyncio.run(visit_all())
    assert taken == 0
    assert most <= count


async def test_who_comes_first_goes_first() -> None:
    """Even when a later one would have fitted in."""
    places, order = Places(2), []

    async def visit(name: str, wish: int) -> None:
        async with places.taken(wish):
            order.append(name)
            await asyncio.sleep(0)

    await asyncio.gather(visit("one", 1), visit("both", 2), visit("another", 1))
    assert order == ["one", "both", "another"]


async def test_a_place_is_not_lost_to_someone_who_gives_up() -> None:
    places = Places(1)

    async def visit() -> None:
        async with places.taken(1):
            await asyncio.sleep(0)

    async with places.taken(1):
        waiting = [asyncio.create_task(visit()) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await asyncio.sleep(0)
    waiting[1].cancel()  # it has just been handed the place
    results = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 10)
    assert [type(result) for result in results] == [asyncio.CancelledError, asyncio.CancelledError, type(None)]
    await asyncio.wait_for(visit(), 10)


@pytest.mark.parametrize(
    ("aliases", "calls", "room"),
    [(("small",), 1, 4), (("small",), 2, 2), (("small",), 9, 1), (("small", "large"), 2, 4), (("small", "same"), 2, 2)],
)
def test_the_room_for_units_is_that_of_the_tightest_model(aliases: tuple[str, ...], calls: int, room: int) -> None:
    small, large = ModelSpec(model="s", concurrency=4), ModelSpec(model="l", concurrency=64)
    assert ModelPool({"small": small, "large": large, "same": small}).room(aliases, calls) == room
