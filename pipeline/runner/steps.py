"""Run a step: take pending units, drive their strategies, and record each outcome with its rows."""

from __future__ import annotations

import asyncio
import time
import traceback
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from pipeline.binding import BoundStep
from pipeline.models.pool import ModelPool, usage_of
from pipeline.strategy import Answer, Decision, Nothing
from schemas.errors import EngineError, Transient, Unanswerable
from schemas.fingerprints import identify
from schemas.requests import Asking, Completion, Request, Usage
from schemas.rows import Outcome, Row
from schemas.units import Candidates, DocumentUnit, PassageUnit, PromptUnit, ResponsePair, Unit
from warehouse.ledger import Finished, Ledger
from warehouse.plan import EVERY_SHARD, NOUNS, Plan

WORKERS_WITHOUT_MODEL = 256
DECISIONS_AT_ONCE = 2000


@dataclass(slots=True)
class StepReport:
    """What one step did in one shard: `units` in scope, of which `pending` were to do, `done` now, and `deferred`."""

    step: str
    shard: int
    units: int = 0
    pending: int = 0
    done: int = 0
    deferred: int = 0
    usage: Usage = field(default_factory=Usage)
    last_problem: str = ""


Progress = Callable[[StepReport], None]


@dataclass(slots=True)
class StageRunner:
    """Runs bound steps for one build. `stopping` asks it to take no more units; what is under way is finished."""

    plan: Plan
    ledger: Ledger
    models: ModelPool
    build_id: str
    stopping: asyncio.Event
    progress: Progress

    async def pass_over(self, position: int, step: BoundStep) -> StepReport | None:
        """A row-local step with nothing pending is done for all shards at once; None when some unit is pending."""
        counts = await self.plan.form_units(position, EVERY_SHARD, step.strategy.unit, step.fingerprint)
        if counts.pending:
            return None
        await self.plan.settle(position, EVERY_SHARD, step.strategy.makes, step.fingerprint, deferred=False)
        report = StepReport(step.label, EVERY_SHARD, counts.units)
        self.progress(report)
        return report

    async def run(self, position: int, step: BoundStep, shard: int) -> StepReport:
        """Bring a row-local step up to date in one shard, or as far as it came when asked to stop."""
        strategy = step.strategy
        counts = await self.plan.form_units(position, shard, strategy.unit, step.fingerprint)
        report = StepReport(step.label, shard, counts.units, counts.pending)
        self.progress(report)
        if counts.pending:
            batches = self.plan.pending(position, shard, strategy.unit)
            at_once = self.models.room(step.models, strategy.calls) if step.models else WORKERS_WITHOUT_MODEL
            await self._work_off(step, batches, min(counts.pending, at_once), report)
        await self.plan.settle(position, shard, strategy.makes, step.fingerprint, deferred=report.deferred > 0)
        return report

    async def run_set_wide(self, position: int, step: BoundStep) -> StepReport:
        """Take a set-wide step's decisions anew over all pairs in scope; only new ones become outcomes."""
        decisions = await self.plan.over_pairs(lambda pairs: list(step.strategy.decide(pairs)))
        new = await self.plan.decide(
            position, [(d.unit_id, d.subject_id, d.document_id, d.keep) for d in decisions], step.fingerprint
        )
        report = StepReport(step.label, EVERY_SHARD, len(decisions), len(new))
        self.progress(report)
        fresh = [decision for decision in decisions if decision.unit_id in new]
        for start in range(0, len(fresh), DECISIONS_AT_ONCE):
            some = fresh[start : start + DECISIONS_AT_ONCE]
            await asyncio.gather(*(self.ledger.record(self._decided(step, decision)) for decision in some))
            report.done += len(some)
            self.progress(report)
        return report

    def _decided(self, step: BoundStep, decision: Decision) -> Finished:
        """A set-wide decision as an outcome."""
        outcome = Outcome(
            fingerprint=step.fingerprint,
            unit_id=decision.unit_id,
            step=step.key,
            subject_id=decision.subject_id,
            document_id=decision.document_id,
            status="ok" if decision.keep else "none",
            reason=decision.reason,
            detail=decision.detail,
            rows=int(decision.keep),
            build_id=self.build_id,
        )
        return Finished(outcome, "pairs", [])

    async def _work_off(
        self, step: BoundStep, batches: AsyncIterator[list[Unit]], workers: int, report: StepReport
    ) -> None:
        """Workers take units one by one: the plan is read as fast as it is worked off, never all at once."""
        ready: deque[Unit] = deque()
        reading = asyncio.Lock()

        async def is_more() -> bool:
            async with reading:
                if not ready:
                    ready.extend(await anext(batches, []))
            return bool(ready)

        async def work() -> None:
            more = True
            while more:
                async with self.models.places(step.models, step.strategy.calls):
                    more = not self.stopping.is_set() and (bool(ready) or await is_more())
                    if more:
                        await one(ready.popleft())

        async def one(unit: Unit) -> None:
            finished = await self._attempt(step, unit, report)
            if finished is None:
                report.deferred += 1
            else:
                await self.ledger.record(finished)
                report.done += 1
            self.progress(report)

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(workers):
                    group.create_task(work())
        except* Exception as problems:
            raise problems.exceptions[0] from None
        finally:
            await batches.aclose()  # type: ignore[attr-defined]

    async def _attempt(self, step: BoundStep, unit: Unit, report: StepReport) -> Finished | None:
        """One unit, once: its rows and outcome, or None when it stays pending. The only place that catches everything."""
        asked = _Asked(self.models, step)
        started = time.perf_counter()
        answer: Answer
        rows: list[dict[str, Any]] = []
        status = "failed"
        try:
            answer = await asked.drive(step.strategy(unit))
            rows = [] if isinstance(answer, Nothing) else self._stamp(step, unit, answer)
            status = "none" if isinstance(answer, Nothing) else "ok"
        except Transient as problem:
            report.last_problem = str(problem)
            report.usage += asked.usage
            return None
        except EngineError:
            raise
        except Unanswerable as problem:
            answer = Nothing(problem.reason, problem.detail)
        except Exception as problem:
            place = traceback.extract_tb(problem.__traceback__)[-1]
            answer = Nothing("crashed", f"{type(problem).__name__}: {problem} ({place.name}, line {place.lineno})")
        report.usage += asked.usage
        outcome = Outcome(
            fingerprint=step.fingerprint,
            unit_id=unit.unit_id,
            step=step.key,
            subject_id=subject_of(unit),
            document_id=document_of(unit),
            status=status,
            reason=answer.reason if isinstance(answer, Nothing) else "",
            detail=answer.detail if isinstance(answer, Nothing) else "",
            rows=len(rows),
            calls=asked.usage.calls,
            tokens_in=asked.usage.tokens_in,
            tokens_out=asked.usage.tokens_out,
            tokens_cached=asked.usage.tokens_cached,
            cost=asked.usage.cost,
            seconds=time.perf_counter() - started,
            build_id=self.build_id,
        )
        return Finished(outcome, step.strategy.makes, rows)

    def _stamp(self, step: BoundStep, unit: Unit, answer: list[Row]) -> list[dict[str, Any]]:
        """The stored form of an answer: its content, with id, unit, step and home document."""
        table, document_id = step.strategy.makes, document_of(unit)
        stamped = []
        for ordinal, row in enumerate(answer):
            content = row.model_dump()
            row_id = identify(table, step.fingerprint, unit.unit_id, ordinal, content)
            stamped.append(
                {
                    f"{NOUNS[table]}_id": row_id,
                    "unit_id": unit.unit_id,
                    "fingerprint": step.fingerprint,
                    "document_id": document_id,
                    **content,
                }
            )
        return stamped


@dataclass(slots=True)
class _Asked:
    """Drives one strategy through its rounds of requests and adds up what they used."""

    models: ModelPool
    step: BoundStep
    usage: Usage = field(default_factory=Usage)

    async def drive(self, work: Asking[Answer] | Answer) -> Answer:
        if isinstance(work, list | Nothing):
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
        if len(requests) == 1:
            results: list[Completion | BaseException] = [await self._one(requests[0])]
        else:
            results = await asyncio.gather(*map(self._one, requests))
        problems = [result for result in results if isinstance(result, BaseException)]
        # A round fails as a whole, for its gravest reason: a wrong key before a wait, a wait before a refusal.
        for kind in (EngineError, Transient, Unanswerable, BaseException):
            for problem in problems:
                if isinstance(problem, kind):
                    raise problem
        return [result for result in results if isinstance(result, Completion)]

    async def _one(self, request: Request) -> Completion | BaseException:
        try:
            completion = await self.models.ask(request, self.step.templates)
        except Exception as problem:
            self.usage += usage_of(problem)
            return problem
        self.usage += completion.usage
        return completion


def document_of(unit: Unit) -> str:
    """The home document of a unit."""
    match unit:
        case DocumentUnit():
            return unit.document.document_id
        case PassageUnit():
            return unit.passage.document_id
        case _:
            return unit.prompt.document_id


def subject_of(unit: Unit) -> str:
    """The row a unit is about: itself, or the prompt of a group of responses."""
    match unit:
        case PromptUnit() | ResponsePair() | Candidates():
            return unit.prompt.prompt_id
        case _:
            return unit.unit_id
