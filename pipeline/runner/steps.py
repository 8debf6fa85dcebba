"""Run a step: take pending units, drive their strategies, and record each outcome with its rows."""

from __future__ import annotations

import asyncio
import time
import traceback
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from pipeline.binding import BoundStep
from pipeline.models.budget import Budget, LimitReached, allowance_of
from pipeline.models.pool import ModelPool
from pipeline.runner.asking import Asked
from pipeline.strategy import Answer, Drop, Fitted, Found, Kept, Note, Nothing, Rewritten, Rows
from schemas.errors import EngineError, Transient, Unanswerable
from schemas.fingerprints import identify
from schemas.recipe import UNLIMITED, Limits
from schemas.requests import Usage
from schemas.rows import Outcome
from schemas.units import Unit, document_of, subject_of
from warehouse.ledger import Finished, Ledger
from warehouse.plan import EVERY_SHARD, NOUNS, Plan, Saying

WORKERS_WITHOUT_MODEL = 256
WHOLE_BUILD = -1


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
    is_limited: bool = False


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
    limits: Limits = UNLIMITED
    _budgets: dict[int, Budget] = field(default_factory=dict)

    async def pass_over(self, position: int, step: BoundStep) -> StepReport | None:
        """A row-local step with nothing pending is done for all shards at once; None when some unit is pending."""
        counts = await self.plan.form_units(position, EVERY_SHARD, step.strategy.unit, step.fingerprint)
        if counts.pending:
            return None
        await self._settle(position, EVERY_SHARD, step, deferred=False)
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
            at_once = self.models.room(step.models, step.at_once) if step.models else WORKERS_WITHOUT_MODEL
            await self._work_off(step, batches, min(counts.pending, at_once), report)
        await self._settle(position, shard, step, deferred=report.deferred > 0)
        return report

    async def run_set_wide(self, position: int, step: BoundStep) -> StepReport:
        """Take a set-wide step's decisions anew over all rows in scope; only new ones become outcomes."""
        if isinstance(step.strategy, Fitted):
            return await self._run_fitted(position, step)
        found: list[Found] = []

        def decide(rows: Rows) -> Iterator[Saying]:
            for said in step.strategy.sift(rows):
                match said:
                    case Drop(row_id, reason, detail):
                        yield row_id, reason, detail, None, None, None
                    case Note(row_id, name, value, text):
                        yield row_id, None, None, name, value, text
                    case Found():
                        found.append(said)

        counts = await self.plan.sift(position, step.strategy.of, decide, step.fingerprint)
        report = StepReport(step.label, EVERY_SHARD, counts.units, counts.pending)
        self.progress(report)
        for each in found:
            await self.ledger.note_fit(step.fingerprint, step.label, dict(each.values))
        if counts.pending or counts.kept:
            await self.ledger.record_sifted(step.fingerprint, step.key, self.build_id, counts.kept)
            report.done = counts.pending
            self.progress(report)
        return report

    async def _run_fitted(self, position: int, step: BoundStep) -> StepReport:
        """Fit a step to all units, and answer those that were not answered under this fit."""
        strategy = step.strategy
        fit = await self.plan.over_all(strategy.unit, lambda units: dict(strategy.fit(units)))
        fit_id = await self.ledger.note_fit(step.fingerprint, step.label, fit)
        counts = await self.plan.form_fitted(position, strategy.unit, step.fingerprint, fit_id)
        report = StepReport(step.label, EVERY_SHARD, counts.units, counts.pending)
        self.progress(report)
        if counts.pending:
            answering = replace(step, strategy=_Answering(strategy, fit))
            batches = self.plan.pending(position, EVERY_SHARD, strategy.unit)
            await self._work_off(answering, batches, WORKERS_WITHOUT_MODEL, report)
        await self._settle(position, EVERY_SHARD, step, deferred=report.deferred > 0)
        return report

    async def _settle(self, position: int, shard: int, step: BoundStep, *, deferred: bool) -> None:
        """Put what a step made in scope, and what it sifted out of scope."""
        table, sifts = step.strategy.makes, step.sifts
        await self.plan.settle(position, shard, table, step.fingerprint, deferred=deferred, sifts=sifts)

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
                async with self.models.places(step.models, step.at_once):
                    more = not self.stopping.is_set() and not report.is_limited and (bool(ready) or await is_more())
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
        if report.is_limited:
            report.deferred = report.pending - report.done  # those that were not begun as well

    async def _attempt(self, step: BoundStep, unit: Unit, report: StepReport) -> Finished | None:
        """One unit, once: its rows and outcome, or None when it stays pending. The only place that catches everything."""
        usage = Usage()
        started = time.perf_counter()
        answer: Answer
        rows: list[dict[str, Any]] = []
        status = "failed"
        try:
            async with allowance_of(self._budgets_of(step), step.strategy.calls) as allowance:
                asked = Asked(self.models, step, allowance)
                try:
                    answer = await asked.drive(step.strategy(unit))
                finally:
                    usage = asked.usage
                    report.usage += usage
            rows = self._stamp(step, unit, answer)
            status = "none" if isinstance(answer, Nothing) else "ok"
        except Transient as problem:
            report.last_problem = str(problem)
            report.is_limited = report.is_limited or isinstance(problem, LimitReached)
            return None
        except EngineError:
            raise
        except Unanswerable as problem:
            answer = Nothing(problem.reason, problem.detail)
        except Exception as problem:
            place = traceback.extract_tb(problem.__traceback__)[-1]
            answer = Nothing("crashed", f"{type(problem).__name__}: {problem} ({place.name}, line {place.lineno})")
        outcome = Outcome(
            fingerprint=step.fingerprint,
            unit_id=unit.unit_id,
            step=step.key,
            subject_id=subject_of(unit),
            document_id=document_of(unit),
            status=status,
            reason=answer.reason if isinstance(answer, Nothing) else "",
            detail=answer.detail if isinstance(answer, Nothing | Rewritten) else "",
            rows=1 if isinstance(answer, Kept) else len(rows),
            calls=usage.calls,
            tokens_in=usage.tokens_in,
            tokens_out=usage.tokens_out,
            tokens_cached=usage.tokens_cached,
            cost=usage.cost,
            seconds=time.perf_counter() - started,
            build_id=self.build_id,
        )
        return Finished(outcome, "notes" if isinstance(answer, Kept) else step.strategy.makes, rows)

    def _budgets_of(self, step: BoundStep) -> list[Budget]:
        """What a step may spend: its own limits, which all steps that it stands for share, and the build's."""
        limited = [
            (index, limits, of)
            for index, limits, of in ((step.index, step.limits, step.key), (WHOLE_BUILD, self.limits, "this build"))
            if step.models and limits != UNLIMITED
        ]
        for index, limits, of in limited:
            if index not in self._budgets:
                self._budgets[index] = Budget(limits, of)
        return [self._budgets[index] for index, _, _ in limited]

    def _stamp(self, step: BoundStep, unit: Unit, answer: Answer) -> list[dict[str, Any]]:
        """The stored form of an answer: the content of its rows or notes, with id, unit, step and home document."""
        if isinstance(answer, Nothing):
            return []
        if isinstance(answer, Kept):
            table, contents = "notes", [_noted(note) for note in answer.notes]
        else:
            table, contents = step.strategy.makes, [row.model_dump() for row in answer]
        return [
            {
                f"{NOUNS[table]}_id": identify(table, step.fingerprint, unit.unit_id, ordinal, content),
                "unit_id": unit.unit_id,
                "fingerprint": step.fingerprint,
                "document_id": document_of(unit),
                **content,
            }
            for ordinal, content in enumerate(contents)
        ]


def _noted(note: Note) -> dict[str, Any]:
    return {"subject_id": note.row_id, "name": note.name, "value": note.value, "text": note.text}


@dataclass(frozen=True, slots=True)
class _Answering:
    """A fitted strategy with its fit: to the runner a strategy of one unit like any other."""

    calls: ClassVar[int] = 0

    fitted: Fitted
    fit: Mapping[str, Any]

    @property
    def makes(self) -> str:
        return self.fitted.makes

    def __call__(self, unit: Any) -> Answer:
        return self.fitted.answer(unit, self.fit)
