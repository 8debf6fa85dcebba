"""Hard limits on calls and money: what may be spent is held before a call is made, and the rest given back after it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from schemas.errors import Transient
from schemas.recipe import Limits
from schemas.requests import Usage


class LimitReached(Transient):
    """A limit leaves no room for the next unit or call; what is not done stays pending."""


class Budget:
    """What one step, or one build, may still spend; any number of units hold parts of it at once. One event loop only.

    Nothing is begun that the limit might not cover: a unit holds all calls it can need before its first, a round of
    requests the most it can cost. Where others still hold something one waits for what they give back.
    """

    def __init__(self, limits: Limits, of: str) -> None:
        self._limits, self._of = limits, of
        self.spent = Usage()
        self._calls_held = 0
        self._cost_held = 0.0
        self._holders_of_cost = 0  # a sum of money need not come back to 0 when all of it is given back
        self._changed = asyncio.Event()

    @property
    def limits_cost(self) -> bool:
        """Whether money is limited, so that someone has to say what a call can cost."""
        return self._limits.max_cost is not None

    async def hold_calls(self, count: int) -> None:
        """Hold so many calls; raises `LimitReached` when there will not be so many."""
        while (problem := self._calls_missing(count)) and self._calls_held:
            await self._change()
        if problem:
            raise LimitReached(problem)
        self._calls_held += count

    async def hold_cost(self, cost: float) -> None:
        """Hold so much money; raises `LimitReached` when there will not be so much."""
        while (problem := self._cost_missing(cost)) and self._holders_of_cost:
            await self._change()
        if problem:
            raise LimitReached(problem)
        self._hold_cost(cost)

    def hold_more(self, cost: float) -> None:
        """Hold one call that nobody foresaw, at most at this cost, or raise `LimitReached` at once."""
        if problem := self._calls_missing(1) or self._cost_missing(cost):
            raise LimitReached(problem)
        self._calls_held += 1
        self._hold_cost(cost)

    def spend(self, usage: Usage) -> None:
        """Note what was spent of what is held; it stays held until it is given back."""
        self.spent += usage

    def give_back_calls(self, count: int) -> None:
        """Let go of calls that were held."""
        self._calls_held -= count
        self._changed.set()

    def give_back_cost(self, cost: float) -> None:
        """Let go of money that was held."""
        self._holders_of_cost -= 1
        self._cost_held = max(0.0, self._cost_held - cost) if self._holders_of_cost else 0.0
        self._changed.set()

    def _hold_cost(self, cost: float) -> None:
        self._holders_of_cost += 1
        self._cost_held += cost

    def _calls_missing(self, count: int) -> str:
        most = self._limits.max_calls
        if most is None or self.spent.calls + self._calls_held + count <= most:
            return ""
        return f"max_calls {most} of {self._of} leaves no room for {count} more, {self.spent.calls} are made"

    def _cost_missing(self, cost: float) -> str:
        most = self._limits.max_cost
        if most is None or self.spent.cost + self._cost_held + cost <= most:
            return ""
        return f"max_cost {most:g} of {self._of} leaves no room for up to {cost:.4g} more, {self.spent.cost:.4g} is spent"

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()


@dataclass(slots=True)
class Allowance:
    """What one unit may spend of its step's budget and of its build's."""

    budgets: Sequence[Budget]
    calls_held: int = 0
    calls_spent: int = 0

    @property
    def limits_cost(self) -> bool:
        """Whether any of the budgets limits money."""
        return any(budget.limits_cost for budget in self.budgets)

    @asynccontextmanager
    async def round_of(self, cost: float) -> AsyncIterator[None]:
        """The most that a round of requests can cost, held until all of it is answered."""
        held: list[Budget] = []
        try:
            for budget in self.budgets:
                await budget.hold_cost(cost)
                held.append(budget)
            yield
        finally:
            for budget in held:
                budget.give_back_cost(cost)

    @asynccontextmanager
    async def one_more(self, cost: float) -> AsyncIterator[None]:
        """A call that was not foreseen: a reply of the wrong shape is asked for again."""
        held: list[Budget] = []
        try:
            for budget in self.budgets:
                budget.hold_more(cost)
                held.append(budget)
            yield
        finally:
            for budget in held:
                budget.give_back_calls(1)
                budget.give_back_cost(cost)

    def spend(self, usage: Usage, *, foreseen: bool) -> None:
        """Note one answered call; one that was foreseen is no longer held, for it is spent."""
        for budget in self.budgets:
            budget.spend(usage)
            if foreseen and self.calls_spent < self.calls_held:
                budget.give_back_calls(1)
        self.calls_spent += foreseen


@asynccontextmanager
async def allowance_of(budgets: Sequence[Budget], calls: int) -> AsyncIterator[Allowance]:
    """What one unit that makes at most so many calls may spend; raises `LimitReached` before it begins."""
    allowance = Allowance(budgets)
    held: list[Budget] = []
    try:
        for budget in budgets:
            await budget.hold_calls(calls)
            held.append(budget)
        allowance.calls_held = calls
        yield allowance
    finally:
        for budget in held:
            budget.give_back_calls(max(0, calls - allowance.calls_spent))
