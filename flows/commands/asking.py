"""Commands that ask a warehouse what is in it, and take a release out of it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from flows.commands.options import (
    AsJson,
    Warehouse,
    address_of,
    console,
)
from schemas.errors import RequestError


def sql(
    query: Annotated[
        str | None, typer.Argument(help="One query; without it an interactive shell starts.", show_default=False)
    ] = None,
    warehouse: Warehouse = None,
    as_json: AsJson = False,
    timeout: Annotated[
        float | None,
        typer.Option("--timeout", min=0.01, help="Stop the query after so many seconds.", show_default=False),
    ] = None,
    init: Annotated[
        bool, typer.Option("--init", help="Print the SQL that attaches this warehouse in DuckDB's own shell.")
    ] = False,
    at: Annotated[
        str | None, typer.Option("--at", help="Ask as of the moment a release became visible.", show_default=False)
    ] = None,
) -> None:
    """Ask the warehouse in SQL, read-only, also while a build writes.

    Views: latest_pairs, lineage, funnel, judge_consistency, cost_by_step; tables: releases, pairs, signals, outcomes, …

    One table as of a release: `FROM pairs AT (RELEASE => 'name')`; everything as of then, views too: `--at name`.

    Example: `prefmill sql "SELECT step, reason, units FROM funnel WHERE status = 'none'"`
    """
    from flows.shell import print_query, shell
    from warehouse.guest import attach_script

    address = address_of(warehouse)
    if init:
        print(attach_script(address, at), end="")
    elif query is None:
        shell(address, console(), at)
    else:
        print_query(address, query, console(), as_json=as_json, at=at, seconds=timeout)


def explain(
    id: Annotated[
        str, typer.Argument(help="The id of a pair, response, prompt, passage, signal or document.", show_default=False)
    ],
    warehouse: Warehouse = None,
    as_json: AsJson = False,
) -> None:
    """Follow any id back to the sentence it came from and on to what came of it."""
    from flows import show
    from flows.sights import trace_as_dict
    from warehouse.guest import guest
    from warehouse.lineage import trace

    with guest(address_of(warehouse)) as cursor:
        found = trace(cursor, id)
    if as_json:
        print(json.dumps(trace_as_dict(found), default=str))
    else:
        console().print(show.lineage(found))


def releases(warehouse: Warehouse = None, as_json: AsJson = False) -> None:
    """List all releases, newest first; `affected_pairs` are those from documents that were revoked since."""
    from flows import version_tables
    from flows.sights import release_as_dict
    from warehouse.guest import guest
    from warehouse.releases import list_releases
    from warehouse.revocations import affected_releases

    with guest(address_of(warehouse)) as cursor:
        affected = {row.release: row.affected_pairs for row in affected_releases(cursor)}
        found = [
            {**release_as_dict(row), "affected_pairs": affected.get(row.release, 0)} for row in list_releases(cursor)
        ]
    if as_json:
        print(json.dumps(found, default=str))
    elif not found:
        console().print("no release yet; make one with `prefmill build`", markup=False)
    else:
        console().print(version_tables.release_list(found))


def export(
    release: Annotated[str, typer.Argument(help="A release's name, or `latest`.")],
    to: Annotated[Path, typer.Option("--to", help="The folder to write.", show_default=False)],
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an earlier export of another release or in other layouts.")
    ] = False,
    layout: Annotated[
        list[str] | None,
        typer.Option("--layout", help="A layout to write; may be given again. All that rows allow by default."),
    ] = None,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="Write lines of JSON in place of Parquet.")] = False,
    withdrawn: Annotated[bool, typer.Option("--withdrawn", help="Even though the release was withdrawn.")] = False,
    warehouse: Warehouse = None,
    as_json: AsJson = False,
) -> None:
    """Write a release as training splits with a dataset card; the same release always gives the same bytes.

    One folder for each layout, so that each trainer finds the columns that it reads; docs/exports.md has them all.

    Example: `prefmill export latest --to ./dataset --layout conversational --layout unpaired`
    """
    from pipeline.land.export import export_release
    from warehouse.guest import guest
    from warehouse.releases import find_release
    from warehouse.revocations import affected_releases

    address = address_of(warehouse)
    with guest(address) as cursor:
        row = find_release(cursor, release)
        affected = [each for each in affected_releases(cursor) if each.release == row.release]
    if row.status == "withdrawn" and not withdrawn:
        raise RequestError(
            f"the release {row.release!r} was withdrawn: {row.withdrawn_note}; to export it all the same, add --withdrawn"
        )
    for each in affected:
        print(
            f"prefmill: {each.affected_pairs} of the {each.pairs} pairs of {each.release} are from documents that were revoked "
            "since; the next build makes a release without them",
            file=sys.stderr,
        )
    files = export_release(address.root / row.folder, to, overwrite=overwrite, layouts=layout, jsonl=jsonl)
    if as_json:
        print(json.dumps({"release": row.release, "files": [str(file) for file in files]}))
    else:
        console().print(f"{row.release} ({row.status}): {row.pairs} pairs in {to}", highlight=False, markup=False)
        for file in files:
            console().print(f"  {file}", highlight=False, markup=False)
