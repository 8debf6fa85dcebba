"""Commands that build, or say what a build would do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.commands.options import (
    AsJson,
    Direct,
    Engine,
    Licence,
    MaxCalls,
    MaxCost,
    Recipe,
    SourceList,
    TextColumn,
    Warehouse,
    console,
    job_of,
)

if TYPE_CHECKING:
    from flows.build import Built, Job

EXAMPLES = 3


def build(
    recipe: Recipe = "quickstart",
    sources: SourceList = None,
    warehouse: Warehouse = None,
    engine: Engine = None,
    text_column: TextColumn = None,
    licence: Licence = None,
    max_calls: MaxCalls = None,
    max_cost: MaxCost = None,
    direct: Direct = False,
    as_json: AsJson = False,
) -> None:
    """Run a recipe over documents and release what is left. Run it again: only what changed is done.

    Example: `prefmill build quickstart README.md docs/`
    """
    job = job_of(
        recipe, sources, warehouse, engine, text_column, licence, max_calls=max_calls, max_cost=max_cost
    )
    parameters = {"recipe": recipe, "sources": list(job.sources.places)}
    show_build(run_job(job, parameters, direct=direct, quiet=as_json), job, as_json=as_json)


def preview(
    recipe: Recipe = "quickstart",
    sources: SourceList = None,
    n: Annotated[int, typer.Option("-n", "--number", min=1, help="How many documents.")] = 3,
    warehouse: Warehouse = None,
    engine: Engine = None,
    text_column: TextColumn = None,
    licence: Licence = None,
    as_json: AsJson = False,
) -> None:
    """Take a few documents all the way through and show the rows. Nothing is released; the work is kept for the build."""
    job = job_of(recipe, sources, warehouse, engine, text_column, licence, limit=n, landing=False)
    built = run_job(job, {}, direct=True, quiet=as_json)
    from warehouse.guest import guest
    from warehouse.reports import rows_of_build

    with guest(job.address) as cursor:
        rows = rows_of_build(cursor, built.build_id)
    show_preview(built, job, rows, as_json=as_json)


def plan(
    recipe: Recipe = "quickstart",
    sources: SourceList = None,
    warehouse: Warehouse = None,
    engine: Engine = None,
    text_column: TextColumn = None,
    licence: Licence = None,
    as_json: AsJson = False,
) -> None:
    """Count units, calls and tokens a build would take. Calls no model and changes nothing."""
    from flows.forecast import forecast, forecast_table

    rows = forecast(job_of(recipe, sources, warehouse, engine, text_column, licence))
    if as_json:
        print(json.dumps([row.as_dict() for row in rows]))
    else:
        console().print(forecast_table(rows))


def check(recipe: Recipe, as_json: AsJson = False) -> None:
    """Find every kind of mistake in a recipe, with file, line and the nearest right name. Does nothing else."""
    from flows.recipes import find_recipe
    from pipeline.binding import bind
    from schemas.recipe import read_recipe

    bound = bind(read_recipe(find_recipe(recipe)))
    if as_json:
        print(
            json.dumps(
                {
                    "recipe": bound.name,
                    "steps": [{"step": step.label, "fingerprint": step.fingerprint} for step in bound.steps],
                }
            )
        )
    else:
        console().print(f"{recipe}: {len(bound.steps)} steps, no mistakes", highlight=False, markup=False)


def schedule(
    recipe: Recipe,
    sources: SourceList = None,
    cron: Annotated[str, typer.Option("--cron", help="When, as five cron fields.")] = "0 2 * * *",
    name: Annotated[
        str | None,
        typer.Option("--name", help="The deployment's name; the recipe's name by default.", show_default=False),
    ] = None,
    warehouse: Warehouse = None,
    engine: Engine = None,
    text_column: TextColumn = None,
    licence: Licence = None,
    max_calls: MaxCalls = None,
    max_cost: MaxCost = None,
) -> None:
    """Serve nightly builds as a Prefect deployment until you stop it. Starts a local Prefect server when none is configured."""
    from flows.schedule import serve

    job = job_of(
        recipe, sources, warehouse, engine, text_column, licence, max_calls=max_calls, max_cost=max_cost
    )
    serve(job, recipe, cron=cron, name=name, warehouse=warehouse, engine=engine, console=console())


def run_job(job: Job, parameters: dict[str, Any], *, direct: bool, quiet: bool) -> Built:
    """Run a job with progress bars, under Prefect or not."""
    import asyncio

    from rich.console import Console

    from flows import show
    from flows.build import build as run_build

    errors = Console(stderr=True)
    if not quiet:
        for alias, chosen in job.chosen.items():
            errors.print(
                f"model `{alias}`: {chosen.spec.model} on engine {chosen.spec.engine} ({chosen.why})",
                highlight=False,
                markup=False,
                style="dim",
            )

    async def run() -> Built:
        with show.progress_bars(errors, shown=not quiet and errors.is_terminal) as note:
            if direct:
                return await run_build(job, note)
            from flows.prefect_settings import apply_defaults

            apply_defaults(quiet=True)
            from flows.orchestrate import run_under_prefect

            return await run_under_prefect(job, parameters, note)

    try:
        import uvloop
    except ImportError:  # Windows
        return asyncio.run(run())
    return uvloop.run(run())


def show_build(built: Built, job: Job, *, as_json: bool) -> None:
    """The summary, the release, three examples and what to do next; exit code 1 when the build did not reach its end."""
    from flows import show
    from flows.sights import build_as_dict
    from warehouse.guest import guest
    from warehouse.reports import example_pairs

    landed = built.landed
    if as_json:
        print(json.dumps(build_as_dict(built), default=str))
    else:
        terminal = console()
        terminal.print(show.summary(built))
        terminal.print(
            f"{show.counted(built.calls, 'model call')}, {show.counted(built.done, 'unit')} done"
            + ("" if built.done else "; nothing was to be done"),
            highlight=False,
        )
        if landed:
            row = landed.release
            news = "new" if landed.is_new else "unchanged"
            splits = ", ".join(f"{name} {count:,}" for name, count in row.splits.items())
            terminal.print(
                f"release {row.release} ({row.status}, {news}): {row.pairs:,} pairs ({splits}) from {row.documents:,} documents",
                highlight=False,
                style="bold",
            )
            with guest(job.address) as cursor:
                examples = example_pairs(cursor, row.release, EXAMPLES)
            for number, example in enumerate(examples, start=1):
                terminal.print(show.example_pair(example, number))
            if row.rehearsal:
                terminal.print(
                    "This is rehearsal data: rules wrote it, not a model. It shows the way; do not train on it.",
                    style="yellow",
                )
            _say_next(terminal, job, row.release, examples)
    if built.problem:
        raise built.problem


def _say_next(terminal: Any, job: Job, release: str, examples: list[dict[str, Any]]) -> None:
    """The next three commands to try."""
    from warehouse.address import DEFAULT

    where = "" if job.address.shown == str(Path(DEFAULT).absolute()) else f" -w {job.address.shown}"
    terminal.print("Try next:")
    terminal.print(f'  prefmill sql "FROM funnel"{where}', highlight=False, markup=False)
    for example in examples[:1]:
        terminal.print(f"  prefmill explain {example['pair_id']}{where}", highlight=False, markup=False)
    terminal.print(f"  prefmill export {release} --to dataset{where}", highlight=False, markup=False)


def show_preview(built: Built, job: Job, rows: dict[str, list[dict[str, Any]]], *, as_json: bool) -> None:
    """The rows of a preview, table by table."""
    from flows import show
    from flows.sights import build_as_dict

    if as_json:
        print(json.dumps({**build_as_dict(built), "preview": rows}, default=str))
    else:
        terminal = console()
        for table, found in rows.items():
            if found:
                terminal.print(f"[bold]{table}[/bold]")
                terminal.print(show.cards(found))
        terminal.print(show.summary(built))
        terminal.print("nothing was released; `prefmill build` goes on from here", markup=False)
    if built.problem:
        raise built.problem
