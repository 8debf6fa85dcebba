"""The build: sources in, every step brought up to date, a release out."""

from __future__ import annotations

import asyncio
import functools
import importlib.metadata
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, cast, get_args

from flows.stopping import stop_on_signals
from pipeline.binding import BoundRecipe, BoundStep, bind, models_used
from pipeline.models.choose import Chosen, choose_all
from pipeline.models.pool import ModelPool
from pipeline.runner import intake, revoked
from pipeline.runner.intake import Sources, take_in
from pipeline.runner.landing import Landed, land
from pipeline.runner.steps import Progress, StageRunner, StepReport
from schemas.errors import BuildError, Deferred, HeldBack, PrefmillError, RequestError, Stopped, nearest
from schemas.models import EngineName
from schemas.recipe import UNLIMITED, Limits, RecipeFile
from warehouse.address import Address
from warehouse.builds import FunnelRow, audit, compact, finish_build, note_funnel, note_listing, start_build
from warehouse.leaving_out import is_anything_revoked
from warehouse.ledger import Ledger
from warehouse.plan import EVERY_SHARD, Plan
from warehouse.store import Store

DOCUMENTS_PER_SHARD = 512
MOST_SHARDS = 16
SHARDS_AT_ONCE = 4

RunTask = Callable[[str, int, Callable[[], Awaitable[Any]]], Awaitable[Any]]
"""Runs one task, given its name, its shard and the work: plainly, or as a task of an orchestrator."""


@dataclass(frozen=True)
class Job:
    """One build as asked for. `limit` documents at most are taken; without `landing` nothing is released.

    `kind` is what the build is noted as: `build`, `preview`, `audit`.
    """

    recipe: BoundRecipe
    sources: Sources
    address: Address
    chosen: Mapping[str, Chosen]
    limit: int | None = None
    landing: bool = True
    kind: str = "build"
    limits: Limits = UNLIMITED


@dataclass
class Built:
    """What a build did: one report for each step and shard, how all units ended, and what landed."""

    build_id: str
    reports: list[StepReport] = field(default_factory=list)
    funnel: list[FunnelRow] = field(default_factory=list)
    landed: Landed | None = None
    problem: BuildError | None = None

    @property
    def calls(self) -> int:
        """Model calls made by this build."""
        return sum(report.usage.calls for report in self.reports)

    @property
    def done(self) -> int:
        """Units finished by this build."""
        return sum(report.done for report in self.reports)

    @property
    def deferred(self) -> int:
        """Units that are still pending because a server did not answer."""
        return sum(report.deferred for report in self.reports)


def prepare(
    file: RecipeFile,
    sources: Sources,
    address: Address,
    *,
    engine: str | None = None,
    limit: int | None = None,
    landing: bool = True,
    kind: str | None = None,
    limits: Limits = UNLIMITED,
) -> Job:
    """Resolve models and bind the recipe: everything that can be wrong with a request is found here.

    `limits` are put in place of the recipe's own, one by one.
    """
    sources.find()  # raises for what is not there
    bound = bind(file)
    used = models_used(bound)
    engines = get_args(EngineName)
    if engine is not None and engine not in engines:
        raise RequestError(f"there is no engine {engine!r}{nearest(engine, engines)}")
    chosen = choose_all({alias: bound.models[alias] for alias in used}, engine=cast("EngineName | None", engine))
    recipe = bind(file, {alias: each.spec for alias, each in chosen.items()})
    given = limits.model_dump(exclude_none=True)
    if "max_cost" in given and all(bound.models[alias].price.is_free for alias in used):
        raise RequestError("max_cost would limit nothing: give the models of the recipe a `price`")
    kind = kind or ("build" if landing else "preview")
    return Job(recipe, sources, address, chosen, limit, landing, kind, file.recipe.limits.model_copy(update=given))


async def run_plainly(name: str, shard: int, work: Callable[[], Awaitable[Any]]) -> Any:
    """Run a task with no orchestrator around it."""
    return await work()


async def build(job: Job, progress: Progress, run_task: RunTask = run_plainly) -> Built:
    """Bring a recipe up to date over its sources and release what is left.

    Raises `RequestError` for what was asked, `Busy` for a warehouse in use. A build that starts and does not reach its
    release returns with `problem` set: what it finished is kept.
    """
    store = await asyncio.to_thread(Store.open, job.address)
    stopping = asyncio.Event()
    pool = ModelPool({alias: each.spec for alias, each in job.chosen.items()})
    try:
        with stop_on_signals(stopping):
            return await _Build(job, store, pool, stopping, progress, run_task).run()
    finally:
        await pool.close()
        await asyncio.to_thread(store.close)


@dataclass
class _Build:
    """One build under way."""

    job: Job
    store: Store
    pool: ModelPool
    stopping: asyncio.Event
    progress: Progress
    run_task: RunTask

    async def run(self) -> Built:
        recipe, job = self.job.recipe, self.job
        version = importlib.metadata.version("prefmill")
        steps = [(0, intake.KEY, intake.FINGERPRINT, intake.IDENTITY)]
        if await is_anything_revoked(self.store):
            steps.append((len(steps), revoked.KEY, revoked.FINGERPRINT, revoked.IDENTITY))
        self.first = len(steps)
        steps += [
            (place, step.label, step.fingerprint, step.identity)
            for place, step in enumerate(recipe.steps, start=self.first)
        ]
        models = {alias: {**each.spec.identity(), "engine": each.spec.engine} for alias, each in job.chosen.items()}
        self.built = Built(
            await start_build(
                self.store,
                recipe=recipe.name,
                recipe_text=recipe.file.text,
                kind=job.kind,
                code_version=version,
                models=models,
                steps=steps,
            )
        )
        self.plan, self.ledger = Plan(self.store), Ledger(self.store)
        await self.plan.begin([step[:3] for step in steps])
        self.runner = StageRunner(
            self.plan, self.ledger, self.pool, self.built.build_id, self.stopping, self.progress, job.limits
        )
        try:
            await self._steps()
            if recipe.release and job.landing and self._may_land(recipe.release):
                await self._land(models, version)
            self.built.funnel = await note_funnel(self.store, self.built.build_id)
            await self._audit()
            await self._finish(self._verdict())
        except BuildError as problem:
            self.built.problem = problem
            with suppress(Exception):  # what stopped the build may also keep us from noting it
                await self._finish(problem)
        except BaseException as problem:
            with suppress(Exception):
                await self._finish(problem)
            raise
        return self.built

    async def _steps(self) -> None:
        recipe = self.job.recipe
        self.built.reports.append(await self.run_task(intake.KEY, EVERY_SHARD, self._take_in))
        shards = await self.plan.share_out(
            0,
            intake.FINGERPRINT,
            documents_per_shard=DOCUMENTS_PER_SHARD,
            most_shards=MOST_SHARDS,
            limit=self.job.limit,
        )
        await note_listing(self.store, self.built.build_id)
        if self.first > 1:
            self.built.reports.append(await self.run_task(revoked.KEY, EVERY_SHARD, self._leave_out))
        place = self.first
        for stretch in recipe.stretches:
            if stretch[0].is_set_wide:
                work = functools.partial(self.runner.run_set_wide, place, stretch[0])
                self.built.reports.append(await self.run_task(stretch[0].label, EVERY_SHARD, work))
            else:
                await self._stream(place, stretch, shards)
            if self.stopping.is_set():
                raise Stopped("stopped; what was finished is kept, run the same build again to go on")
            place += len(stretch)

    async def _stream(self, first: int, steps: list[BoundStep], shards: int) -> None:
        """Run row-local steps from position `first` on: while a shard is at one of them, others are at others."""
        over = await self._pass_over(first, steps)
        turn = asyncio.Semaphore(SHARDS_AT_ONCE)

        async def one_shard(shard: int) -> None:
            async with turn:
                for place, step in enumerate(steps[over:], start=first + over):
                    if not self.stopping.is_set():
                        work = functools.partial(self.runner.run, place, step, shard)
                        self.built.reports.append(await self.run_task(step.label, shard, work))

        try:
            async with asyncio.TaskGroup() as group:
                for shard in range(shards if over < len(steps) else 0):
                    group.create_task(one_shard(shard))
        except* PrefmillError as problems:
            raise problems.exceptions[0] from None

    async def _pass_over(self, first: int, steps: list[BoundStep]) -> int:
        """Pass over the leading steps that have nothing to do; returns how many."""
        for over, step in enumerate(steps):
            report = await self.runner.pass_over(first + over, step)
            if report is None:
                return over

            async def said(report: StepReport = report) -> StepReport:
                return report

            self.built.reports.append(await self.run_task(step.label, EVERY_SHARD, said))
        return len(steps)

    async def _take_in(self) -> StepReport:
        return await take_in(
            self.job.sources,
            self.plan,
            self.ledger,
            self.built.build_id,
            stopping=self.stopping,
            progress=self.progress,
            limit=self.job.limit,
        )

    async def _leave_out(self) -> StepReport:
        build_id, position = self.built.build_id, self.first - 1
        return await revoked.leave_out_revoked(self.store, self.ledger, position, build_id, self.progress)

    async def _land(self, models: Mapping[str, Any], version: str) -> None:
        async def work() -> Landed:
            return await land(self.store, self.job.recipe, self.built.build_id, models, version)

        self.built.landed = await self.run_task("land/release", EVERY_SHARD, work)

    def _may_land(self, release: BoundStep) -> bool:
        """Whether the release is worth making: not while units are pending, unless its gate lets some be."""
        return not self.built.deferred or release.strategy.gates.max_pending_share > 0

    def _verdict(self) -> BuildError | None:
        """What keeps this build from being done, if anything."""
        built = self.built
        if built.landed and built.landed.release.status == "held":
            failed = "; ".join(result.sentence for result in built.landed.gates if not result.passed)
            name = built.landed.release.release
            built.problem = HeldBack(f"release {name} is held back, `latest` has not moved: {failed}")
        elif built.deferred and not built.landed:
            last = next((report.last_problem for report in reversed(built.reports) if report.last_problem), "no reason")
            built.problem = Deferred(
                f"{built.deferred} {'unit is' if built.deferred == 1 else 'units are'} still pending ({last}); "
                "run the same build again to finish"
            )
        return built.problem

    async def _audit(self) -> None:
        """Raise if the tables break a rule of theirs: a fault of ours, never of the user's."""
        if broken := {name: count for name, count in (await audit(self.store)).items() if count}:
            view = next(iter(broken))
            raise PrefmillError(
                f'the warehouse breaks its own rules: {broken}; report it with `prefmill sql "FROM {view}"`'
            )

    async def _finish(self, problem: BaseException | None) -> None:
        names: dict[type[BaseException], str] = {Deferred: "deferred", HeldBack: "held", Stopped: "stopped"}
        status = "done" if problem is None else names.get(type(problem), "failed")
        if not self.built.funnel:
            self.built.funnel = await note_funnel(self.store, self.built.build_id)
        await finish_build(self.store, self.built.build_id, status=status, message=str(problem or ""))
        await compact(self.store)
