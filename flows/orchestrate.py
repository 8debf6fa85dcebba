"""The build as one Prefect flow: a task for each step and shard, named as the recipe names them.

Prefect says when and where and shows how far; it is never the record of anything. Results are not persisted, so nothing
is pickled: what a task made is in the ledger.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from flows.prefect_settings import apply_defaults

apply_defaults()

from prefect import flow, task  # noqa: E402  (its settings are read on import)
from prefect.artifacts import acreate_progress_artifact, acreate_table_artifact, aupdate_progress_artifact  # noqa: E402
from prefect.cache_policies import NO_CACHE  # noqa: E402

from flows.build import Built, Job, build, prepare  # noqa: E402
from flows.recipes import find_recipe  # noqa: E402
from pipeline.runner.intake import Sources  # noqa: E402
from pipeline.runner.steps import Progress, StepReport  # noqa: E402
from schemas.errors import BuildError  # noqa: E402
from schemas.recipe import Limits, read_recipe  # noqa: E402
from warehouse.address import resolve_address  # noqa: E402
from warehouse.plan import EVERY_SHARD  # noqa: E402

PROGRESS_STEP = 5.0
"""The progress artifact moves in steps of this many percent: each move is a call to the server."""


def flow_name(parameters: Mapping[str, Any]) -> str:
    """What a run is called in the Prefect UI."""
    return f"{parameters['recipe']} over {', '.join(parameters['sources'])}"


def _run_name() -> str:
    from prefect.runtime import flow_run

    return flow_name(flow_run.parameters)


@flow(name="prefmill build", flow_run_name=_run_name, persist_result=False, log_prints=False)
async def prefmill_build(
    recipe: str,
    sources: list[str],
    warehouse: str | None = None,
    engine: str | None = None,
    text_column: str | None = None,
    licence: str | None = None,
    max_calls: int | None = None,
    max_cost: float | None = None,
) -> str:
    """Bring a recipe up to date over its sources and release what is left; the parameters are those of the command line."""
    job = prepare(
        read_recipe(find_recipe(recipe)),
        Sources(tuple(sources), text_column, licence),
        resolve_address(warehouse),
        engine=engine,
        limits=Limits(max_calls=max_calls, max_cost=max_cost),
    )
    built = await run_steps(job, lambda _: None)
    if built.problem:
        raise built.problem
    landed = built.landed
    return landed.release.release if landed else built.build_id


async def run_under_prefect(job: Job, parameters: Mapping[str, Any], progress: Progress) -> Built:
    """Run a prepared job as a flow of this process and hand back what it built, failed or not."""
    kept: list[Built] = []

    @flow(name="prefmill build", flow_run_name=flow_name(parameters), persist_result=False, log_prints=False)
    async def in_this_process() -> None:
        kept.append(await run_steps(job, progress))
        if kept[0].problem:
            raise kept[0].problem  # so that Prefect shows the run as failed

    try:
        await in_this_process()
    except BuildError:
        if not kept:
            raise
    return kept[0]


async def run_steps(job: Job, progress: Progress) -> Built:
    """The build with every step as a Prefect task, a progress artifact, and the summary as a table artifact."""
    meter = _Meter(len(job.recipe.body))
    await meter.start()

    async def run_task(name: str, shard: int, work: Callable[[], Awaitable[Any]]) -> Any:
        @task(
            name=name,
            task_run_name=name if shard == EVERY_SHARD else f"{name} · shard {shard + 1}",
            persist_result=False,
            cache_policy=NO_CACHE,
        )
        async def step() -> Any:
            return await work()

        result = await step()
        await meter.move(name)
        return result

    def note(report: StepReport) -> None:
        progress(report)
        meter.note(report)

    built = await build(job, note, run_task)
    await acreate_table_artifact(
        key="summary", description=f"{built.build_id}: what was kept, dropped and why", table=_table(built)
    )
    await meter.end()
    return built


class _Meter:
    """The progress artifact: the share of planned units that are done."""

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self._reports: dict[tuple[str, int], StepReport] = {}
        self._artifact: Any = None
        self._shown = 0.0

    async def start(self) -> None:
        self._artifact = await acreate_progress_artifact(progress=0.0, key="progress", description="units done")

    def note(self, report: StepReport) -> None:
        self._reports[report.step, report.shard] = report

    async def move(self, step: str) -> None:
        """Later steps are not planned yet; they are taken to be as large as the average one so far."""
        planned = sum(report.pending for report in self._reports.values())
        done = sum(report.done for report in self._reports.values())
        seen = len({name for name, _ in self._reports}) or 1
        share = 100.0 * done / max(1.0, planned * max(1.0, (self._steps + 1) / seen))
        if share >= self._shown + PROGRESS_STEP:
            self._shown = min(99.0, share)
            await aupdate_progress_artifact(
                artifact_id=self._artifact, progress=self._shown, description=f"units done, now {step}"
            )

    async def end(self) -> None:
        await aupdate_progress_artifact(artifact_id=self._artifact, progress=100.0, description="done")


def _table(built: Built) -> list[dict[str, Any]]:
    """The funnel as rows of a table artifact."""
    return [
        {"step": row.step, "ended": row.status, "reason": row.reason or "-", "units": row.units, "rows": row.rows}
        for row in built.funnel
    ]
