"""Drive one strategy through its rounds of requests, and keep the bill."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from pipeline.binding import BoundStep
from pipeline.models.budget import Allowance
from pipeline.models.pool import ModelPool, usage_of
from pipeline.strategy import Answer, Kept, Nothing
from schemas.errors import EngineError, Transient, Unanswerable
from schemas.requests import Asking, Completion, Request, Usage


@dataclass(slots=True)
class Asked:
    """Drives one strategy through its rounds of requests and adds up what they used."""

    models: ModelPool
    step: BoundStep
    allowance: Allowance
    usage: Usage = field(default_factory=Usage)

    async def drive(self, work: Asking[Answer] | Answer) -> Answer:
        if isinstance(work, list | Nothing | Kept):
            return work
        try:
            requests = next(work)
            while True:
                requests = work.send(await self._round(requests))
        except StopIteration as stop:
            answer: Answer = stop.value
            return answer

    async def _round(self, requests: list[Request]) -> list[Completion]:
        """The completions of one round, in the order of the requests, whatever order they came in."""
        if self.allowance.limits_cost:
            cost = sum(self.models.most_cost(request, self.step.templates) for request in requests)
            async with self.allowance.round_of(cost):
                results = await self._all(requests)
        else:
            results = await self._all(requests)
        problems = [result for result in results if isinstance(result, BaseException)]
        # A round fails as a whole, for its gravest reason: a wrong key before a wait, a wait before a refusal.
        for kind in (EngineError, Transient, Unanswerable, BaseException):
            for problem in problems:
                if isinstance(problem, kind):
                    raise problem
        return [result for result in results if isinstance(result, Completion)]

    async def _all(self, requests: list[Request]) -> list[Completion | BaseException]:
        if len(requests) == 1:
            return [await self._one(requests[0])]
        return await asyncio.gather(*map(self._one, requests))

    async def _one(self, request: Request) -> Completion | BaseException:
        try:
            completion = await self.models.ask(request, self.step.templates, self.allowance)
        except Exception as problem:
            self.usage += usage_of(problem)
            return problem
        self.usage += completion.usage
        return completion
