"""`prefmill audit`: what can be known of a release, and of a judge."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from flows.commands.options import AsJson, Engine, Warehouse, address_of, console
from schemas.errors import RequestError

if TYPE_CHECKING:
    from pipeline.audit.evidence import Evidence
    from pipeline.audit.table import Report
    from warehouse.address import Address

DEFAULT = "quickstart"
RELEASE = "release"


class OrRelease(TyperGroup):
    """A group in which a word that is no command is the name of a release: `prefmill audit latest`."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """`args` begin with a command of ours, or are those of `release`."""
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            args = [RELEASE, *args]
        return super().resolve_command(ctx, args)


app = typer.Typer(
    cls=OrRelease,
    no_args_is_help=True,
    help="Find out what a release teaches besides preferences: `prefmill audit latest`; and how far a judge is to be trusted.",
)


Labels = Annotated[
    str | None,
    typer.Option(
        "--labels", help="Labelled pairs: a file, a folder, or `hf:org/name[:config][@split]`.", show_default=False
    ),
]
Release = Annotated[
    str | None,
    typer.Option("--release", help="A release, or `latest`: its own verdicts, no new calls.", show_default=False),
]
Verdicts = Annotated[
    str | None, typer.Option("--verdicts", help="Recorded outputs of any judge; no calls.", show_default=False)
]
WhoseJudges = Annotated[
    str | None,
    typer.Option("--recipe", help="Whose judges are asked about the labelled pairs [quickstart].", show_default=False),
]
Layout = Annotated[
    str | None,
    typer.Option("--layout", help="The layout of the labels, where columns do not tell.", show_default=False),
]
Limit = Annotated[
    int | None, typer.Option("--limit", min=1, help="At most so many items, spread over them all.", show_default=False)
]
SaveCalibration = Annotated[
    Path | None,
    typer.Option("--save-calibration", help="Write the judge's isotonic calibration to this file.", show_default=False),
]
Applied = Annotated[
    Path | None,
    typer.Option("--calibration", help="Apply a saved calibration, and say what is left.", show_default=False),
]


@app.command(RELEASE)
def of_release(
    name: Annotated[str, typer.Argument(help="A release, or `latest`.")] = "latest",
    other: Annotated[
        str | None, typer.Option("--against", help="Another release to compare it with.", show_default=False)
    ] = None,
    warehouse: Warehouse = None,
    as_json: AsJson = False,
) -> None:
    """What of a release can be learnt without learning to prefer: length, form, words, leakage, noise, coverage.

    Exit code 1 when a gate of the release's own recipe is not kept. Example: `prefmill audit latest`
    """
    from flows.auditing_releases import against, audit_release
    from schemas.errors import HeldBack

    address = address_of(warehouse)
    commands = [command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands]
    found = audit_release(address, name, others=commands)
    report = found.report
    there, changes = against(address, report, other) if other else (None, [])
    if as_json:
        told = report.as_dict() | {"broken": [gate.model_dump() for gate in found.broken]}
        if there:
            told |= {"against": there.release, "changes": [dataclasses.asdict(change) for change in changes]}
        print(json.dumps(told))
    else:
        from flows.release_table import change_table, release_tables

        terminal = console()
        for part in [change_table(changes, report.release, there.release)] if there else release_tables(report):
            terminal.print(part)
    if found.broken:
        said = "; ".join(gate.sentence for gate in found.broken)
        raise HeldBack(f"release {report.release} does not keep the gates of its recipe: {said}")


@app.command()
def judge(
    labels: Labels = None,
    release: Release = None,
    verdicts: Verdicts = None,
    recipe: WhoseJudges = None,
    engine: Engine = None,
    layout: Layout = None,
    limit: Limit = None,
    save_calibration: SaveCalibration = None,
    calibration: Applied = None,
    warehouse: Warehouse = None,
    as_json: AsJson = False,
) -> None:
    """Accuracy, consistency, biases and calibration of a judge, each with its interval and what it means.

    Example: `prefmill audit judge --labels pairs.jsonl --recipe quickstart`
    """
    from pipeline.audit.calibration import load_calibration
    from pipeline.audit.table import audit

    applied = load_calibration(calibration) if calibration else None
    asking = {"--recipe": recipe, "--engine": engine, "--limit": limit}
    _check(labels, release, verdicts, layout, asking)
    address = address_of(warehouse)
    if release:
        from flows.auditing import evidence_of_release

        evidence = evidence_of_release(address, release)
    elif verdicts:
        from pipeline.audit.recorded import read_recorded

        evidence = read_recorded(verdicts, labels, layout)
    else:
        evidence = _run(str(labels), recipe or DEFAULT, engine, layout, limit, address, quiet=as_json)
    if not evidence.verdicts:
        raise RequestError("there is no verdict to audit" + "".join(f"; {note}" for note in evidence.notes))
    report = audit(evidence, applied)
    if save_calibration:
        _save(report, save_calibration)
    if as_json:
        print(json.dumps(report.as_dict()))
        return
    from flows.judge_table import report_tables

    terminal = console()
    for part in report_tables(report):
        terminal.print(part)


def _check(
    labels: str | None, release: str | None, verdicts: str | None, layout: str | None, asking: Mapping[str, Any]
) -> None:
    """Raise `RequestError` unless one thing is to be audited, with options that have a meaning there."""
    if not (labels or release or verdicts):
        raise RequestError("nothing to audit; give --labels FILE, --release NAME or --verdicts FILE")
    if release and (labels or verdicts):
        raise RequestError("--release audits what a release holds; leave out --labels and --verdicts")
    for option, value in asking.items():
        if value is not None and (release or verdicts):
            raise RequestError(f"{option} is for asking a judge about --labels; here nothing is asked: leave it out")
    if layout is not None and labels is None:
        raise RequestError("--layout is that of --labels, and there are none: leave it out")


def _run(
    labels: str,
    recipe: str,
    engine: str | None,
    layout: str | None,
    limit: int | None,
    address: Address,
    *,
    quiet: bool,
) -> Evidence:
    """Ask the judges of a recipe about labelled pairs, as far as they were not asked before."""
    from flows.auditing import audit_job, evidence_of_build, left_out
    from flows.commands.building import run_job
    from flows.recipes import find_recipe
    from flows.show import counted
    from schemas.recipe import read_recipe

    file = read_recipe(find_recipe(recipe))
    job = audit_job(file, labels, address, engine=engine, layout=layout, limit=limit)
    built = run_job(job, {}, direct=True, quiet=quiet)
    if built.problem:
        raise built.problem
    if not quiet:
        console().print(f"{built.build_id}: {counted(built.calls, 'model call')}", highlight=False)
    evidence = evidence_of_build(address, built.build_id)
    if left := left_out(file):
        evidence.notes.append(f"not audited, for they work on what other steps make: {', '.join(left)}")
    return evidence


def _save(report: Report, path: Path) -> None:
    """Write the one calibration that there is."""
    from pipeline.audit.calibration import save_calibration

    fitted = [judge.calibration for judge in report.judges if judge.calibration is not None]
    if len(fitted) != 1:
        names = ", ".join(each.name for each in fitted) or "none"
        raise RequestError(
            f"a calibration is of one judge with at least 10 labelled pairs, and here are {len(fitted)} ({names}); "
            "audit a recipe with one judge"
        )
    save_calibration(fitted[0], path)
