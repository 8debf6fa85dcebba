"""The command line. Every command is a few lines: it asks, calls, shows, and never prints a traceback at a user's mistake."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from schemas.errors import PrefmillError, RequestError

EXAMPLES = 3

if TYPE_CHECKING:
    from flows.build import Built, Job
    from warehouse.address import Address

app = typer.Typer(
    no_args_is_help=True, add_completion=False, rich_markup_mode="markdown", pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""Turn documents into versioned preference pairs.

Start with `prefmill build quickstart docs/`, then ask `prefmill sql "FROM latest_pairs"` what came out and `prefmill explain ID`
where a pair comes from. Exit codes: 0 done, 1 a build or a gate failed, 2 the request itself was wrong.""",
)

Recipe = Annotated[str, typer.Argument(help="A shipped recipe's name (see `prefmill recipes`) or a YAML file.", show_default=True)]
SourceList = Annotated[list[str] | None, typer.Argument(help="Files, folders, tables, or `hf:org/name`.", show_default=False)]
Warehouse = Annotated[str | None, typer.Option("--warehouse", "-w", help="A folder, or postgresql://… [$PREFMILL_WAREHOUSE, else `lake`].", show_default=False)]
Engine = Annotated[str | None, typer.Option("--engine", help="`vllm`, `openai` or `rehearsal`, in place of what the recipe or this machine suggests.", show_default=False)]
TextColumn = Annotated[str | None, typer.Option("--text-column", help="The column of tables that holds the text.", show_default=False)]
Licence = Annotated[str | None, typer.Option("--licence", help="The licence of all these sources, where they do not say.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
Direct = Annotated[bool, typer.Option("--direct", help="Run without Prefect: for debuggers, notebooks and tests.")]


@app.command()
def build(
    recipe: Recipe = "quickstart", sources: SourceList = None, warehouse: Warehouse = None, engine: Engine = None,
    text_column: TextColumn = None, licence: Licence = None, direct: Direct = False, as_json: AsJson = False,
) -> None:
    """Run a recipe over documents and release what is left. Run it again: only what changed is done.

    Example: `prefmill build quickstart README.md docs/`
    """
    job = _job(recipe, sources, warehouse, engine, text_column, licence)
    parameters = {"recipe": recipe, "sources": list(job.sources.places)}
    _show_build(_run(job, parameters, direct=direct, quiet=as_json), job, as_json=as_json)


@app.command()
def preview(
    recipe: Recipe = "quickstart", sources: SourceList = None,
    n: Annotated[int, typer.Option("-n", "--number", min=1, help="How many documents.")] = 3,
    warehouse: Warehouse = None, engine: Engine = None, text_column: TextColumn = None, licence: Licence = None, as_json: AsJson = False,
) -> None:
    """Take a few documents all the way through and show the rows. Nothing is released; the work is kept for the build."""
    job = _job(recipe, sources, warehouse, engine, text_column, licence, limit=n, landing=False)
    built = _run(job, {}, direct=True, quiet=as_json)
    from warehouse.guest import guest
    from warehouse.reports import rows_of_build

    with guest(job.address) as cursor:
        rows = rows_of_build(cursor, built.build_id)
    _preview(built, job, rows, as_json=as_json)


@app.command()
def plan(
    recipe: Recipe = "quickstart", sources: SourceList = None, warehouse: Warehouse = None, engine: Engine = None,
    text_column: TextColumn = None, licence: Licence = None, as_json: AsJson = False,
) -> None:
    """Count units, calls and tokens a build would take. Calls no model and changes nothing."""
    from flows.forecast import forecast, forecast_table

    rows = forecast(_job(recipe, sources, warehouse, engine, text_column, licence))
    if as_json:
        print(json.dumps([row.as_dict() for row in rows]))
    else:
        _console().print(forecast_table(rows))


@app.command()
def check(recipe: Recipe, as_json: AsJson = False) -> None:
    """Find every kind of mistake in a recipe, with file, line and the nearest right name. Does nothing else."""
    from flows.recipes import find_recipe
    from pipeline.binding import bind
    from schemas.recipe import read_recipe

    bound = bind(read_recipe(find_recipe(recipe)))
    if as_json:
        print(json.dumps({"recipe": bound.name, "steps": [{"step": step.label, "fingerprint": step.fingerprint} for step in bound.steps]}))
    else:
        _console().print(f"{recipe}: {len(bound.steps)} steps, no mistakes", highlight=False, markup=False)


@app.command()
def sql(
    query: Annotated[str | None, typer.Argument(help="One query; without it an interactive shell starts.", show_default=False)] = None,
    warehouse: Warehouse = None, as_json: AsJson = False,
    init: Annotated[bool, typer.Option("--init", help="Print the SQL that attaches this warehouse in DuckDB's own shell.")] = False,
) -> None:
    """Ask the warehouse in SQL, read-only, also while a build writes.

    Views: latest_pairs, lineage, funnel, judge_consistency, cost_by_step; tables: releases, pairs, signals, outcomes, …

    Example: `prefmill sql "SELECT step, reason, units FROM funnel WHERE status = 'none'"`
    """
    from flows.shell import print_query, shell
    from warehouse.guest import attach_script

    address = _address(warehouse)
    if init:
        print(attach_script(address), end="")
    elif query is None:
        shell(address, _console())
    else:
        print_query(address, query, _console(), as_json=as_json)


@app.command()
def explain(
    id: Annotated[str, typer.Argument(help="The id of a pair, response, prompt, passage, signal or document.", show_default=False)],
    warehouse: Warehouse = None, as_json: AsJson = False,
) -> None:
    """Follow any id back to the sentence it came from and on to what came of it."""
    from flows import show
    from flows.sights import trace_as_dict
    from warehouse.guest import guest
    from warehouse.lineage import trace

    with guest(_address(warehouse)) as cursor:
        found = trace(cursor, id)
    if as_json:
        print(json.dumps(trace_as_dict(found), default=str))
    else:
        _console().print(show.lineage(found))


@app.command()
def releases(warehouse: Warehouse = None, as_json: AsJson = False) -> None:
    """List all releases, newest first."""
    from flows import show
    from flows.sights import release_as_dict
    from warehouse.guest import guest
    from warehouse.releases import list_releases

    with guest(_address(warehouse)) as cursor:
        found = [release_as_dict(row) for row in list_releases(cursor)]
    if as_json:
        print(json.dumps(found, default=str))
    elif not found:
        _console().print("no release yet; make one with `prefmill build`", markup=False)
    else:
        names = ("release", "status", "recipe", "pairs", "documents", "splits", "rehearsal", "created_at")
        _console().print(show.records(names, ([row[name] for name in names] for row in found)))


@app.command()
def export(
    release: Annotated[str, typer.Argument(help="A release's name, or `latest`.")],
    to: Annotated[Path, typer.Option("--to", help="The folder to write.", show_default=False)],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier export of another release.")] = False,
    warehouse: Warehouse = None, as_json: AsJson = False,
) -> None:
    """Write a release as training splits with a dataset card; the same release always gives the same bytes.

    Example: `prefmill export latest --to ./dataset`
    """
    from pipeline.land.export import export_release
    from warehouse.guest import guest
    from warehouse.releases import find_release

    with guest(_address(warehouse)) as cursor:
        row = find_release(cursor, release)
    files = export_release(Path(row.folder), to, overwrite=overwrite)
    if as_json:
        print(json.dumps({"release": row.release, "files": [str(file) for file in files]}))
    else:
        _console().print(f"{row.release} ({row.status}): {row.pairs} pairs in {to}", highlight=False, markup=False)
        for file in files:
            _console().print(f"  {file}", highlight=False, markup=False)


@app.command()
def schedule(
    recipe: Recipe, sources: SourceList = None,
    cron: Annotated[str, typer.Option("--cron", help="When, as five cron fields.")] = "0 2 * * *",
    name: Annotated[str | None, typer.Option("--name", help="The deployment's name; the recipe's name by default.", show_default=False)] = None,
    warehouse: Warehouse = None, engine: Engine = None, text_column: TextColumn = None, licence: Licence = None,
) -> None:
    """Serve nightly builds as a Prefect deployment until you stop it. Starts a local Prefect server when none is configured."""
    from flows.schedule import serve

    job = _job(recipe, sources, warehouse, engine, text_column, licence)
    serve(job, recipe, cron=cron, name=name, warehouse=warehouse, engine=engine, console=_console())


@app.command()
def recipes(as_json: AsJson = False) -> None:
    """List the recipes that ship."""
    from flows import show
    from flows.recipes import shipped_recipes
    from schemas.recipe import read_recipe

    found = [read_recipe(path).recipe for path in shipped_recipes().values()]
    rows = [{"recipe": each.recipe, "steps": [step.strategy for step in each.steps], "about": each.about, "paper": each.paper} for each in found]
    if as_json:
        print(json.dumps(rows))
    else:
        _console().print(show.records(("recipe", "about", "paper"), ([row["recipe"], row["about"], row["paper"]] for row in rows)))


@app.command()
def strategies(as_json: AsJson = False) -> None:
    """List the strategies a recipe can use, with their parameters."""
    from flows import show
    from flows.sights import strategy_rows

    rows = strategy_rows()
    if as_json:
        print(json.dumps(rows))
    else:
        _console().print(show.records(("strategy", "works on", "makes", "about", "parameters"), ([row[key] for key in ("strategy", "unit", "makes", "about", "parameters")] for row in rows)))


@app.command()
def doctor(warehouse: Warehouse = None, as_json: AsJson = False) -> None:
    """Say what is installed, reachable and configured, and what to do about the rest. Exit code 1 if something is broken."""
    from flows.doctor import examine, findings_table

    findings = examine(_address(warehouse))
    if as_json:
        print(json.dumps([finding.as_dict() for finding in findings]))
    else:
        _console().print(findings_table(findings))
    raise typer.Exit(1 if any(finding.state == "broken" for finding in findings) else 0)


def main() -> None:
    """The entry point: errors made for people are shown as their one sentence."""
    try:
        app(standalone_mode=True)
    except PrefmillError as problem:
        print(f"prefmill: {problem}", file=sys.stderr)
        sys.exit(problem.exit_code)
    except KeyboardInterrupt:
        print("prefmill: stopped; what was finished is kept", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:  # `prefmill sql … | head`
        sys.stderr.close()
        sys.exit(0)


def _console() -> Any:
    from rich.console import Console

    return Console()


def _address(warehouse: str | None) -> Address:
    from warehouse.address import resolve_address

    return resolve_address(warehouse)


def _job(
    recipe: str, sources: list[str] | None, warehouse: str | None, engine: str | None, text_column: str | None, licence: str | None,
    *, limit: int | None = None, landing: bool = True,
) -> Job:
    from flows.build import prepare
    from flows.recipes import find_recipe
    from pipeline.runner.intake import Sources
    from schemas.recipe import read_recipe

    file = read_recipe(find_recipe(recipe))
    if not sources:
        raise RequestError(f"no sources are given; name files or folders, as in `prefmill build {recipe} docs/`")
    return prepare(file, Sources(tuple(sources), text_column, licence), _address(warehouse), engine=engine, limit=limit, landing=landing)


def _run(job: Job, parameters: dict[str, Any], *, direct: bool, quiet: bool) -> Built:
    """Run a job with progress bars, under Prefect or not."""
    import asyncio

    from rich.console import Console

    from flows import show
    from flows.build import build as run_build

    errors = Console(stderr=True)
    if not quiet:
        for alias, chosen in job.chosen.items():
            errors.print(f"model `{alias}`: {chosen.spec.model} on engine {chosen.spec.engine} ({chosen.why})", highlight=False, markup=False, style="dim")

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


def _show_build(built: Built, job: Job, *, as_json: bool) -> None:
    """The summary, the release, three examples and what to do next; exit code 1 when the build did not reach its end."""
    from flows import show
    from flows.sights import build_as_dict
    from warehouse.guest import guest
    from warehouse.reports import example_pairs

    landed = built.landed
    if as_json:
        print(json.dumps(build_as_dict(built), default=str))
    else:
        console = _console()
        console.print(show.summary(built))
        console.print(f"{built.calls:,} model calls, {built.done:,} units done" + ("" if built.done else "; nothing was to be done"), highlight=False)
        if landed:
            row = landed.release
            news = "new" if landed.is_new else "unchanged"
            splits = ", ".join(f"{name} {count:,}" for name, count in row.splits.items())
            console.print(f"release {row.release} ({row.status}, {news}): {row.pairs:,} pairs ({splits}) from {row.documents:,} documents", highlight=False, style="bold")
            with guest(job.address) as cursor:
                examples = example_pairs(cursor, row.release, EXAMPLES)
            for number, example in enumerate(examples, start=1):
                console.print(show.example_pair(example, number))
            if row.rehearsal:
                console.print("This is rehearsal data: rules wrote it, not a model. It shows the way; do not train on it.", style="yellow")
            _say_next(console, job, row.release, examples)
    if built.problem:
        raise built.problem


def _say_next(console: Any, job: Job, release: str, examples: list[dict[str, Any]]) -> None:
    """The next three commands to try."""
    from warehouse.address import DEFAULT

    where = "" if job.address.shown == str(Path(DEFAULT).absolute()) else f" -w {job.address.shown}"
    console.print("Try next:")
    console.print(f'  prefmill sql "FROM funnel"{where}', highlight=False, markup=False)
    for example in examples[:1]:
        console.print(f"  prefmill explain {example['pair_id']}{where}", highlight=False, markup=False)
    console.print(f"  prefmill export {release} --to dataset{where}", highlight=False, markup=False)


def _preview(built: Built, job: Job, rows: dict[str, list[dict[str, Any]]], *, as_json: bool) -> None:
    """The rows of a preview, table by table."""
    from flows import show
    from flows.sights import build_as_dict

    if as_json:
        print(json.dumps({**build_as_dict(built), "preview": rows}, default=str))
    else:
        console = _console()
        for table, found in rows.items():
            if found:
                console.print(f"[bold]{table}[/bold]")
                console.print(show.cards(found))
        console.print(show.summary(built))
        console.print("nothing was released; `prefmill build` goes on from here", markup=False)
    if built.problem:
        raise built.problem


if __name__ == "__main__":
    main()
