"""The command that shows a release to people."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from flows.commands.options import AsJson, Warehouse, address_of, console


def report(
    release: Annotated[str, typer.Argument(help="A release's name, or `latest`.")] = "latest",
    to: Annotated[
        Path | None, typer.Option("--to", help="The file to write; else `RELEASE.html` here.", show_default=False)
    ] = None,
    against: Annotated[
        str | None,
        typer.Option("--against", help="The release to hold it against, else the one before.", show_default=False),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is no report.")] = False,
    open_it: Annotated[bool, typer.Option("--open", help="Show it in the browser.")] = False,
    warehouse: Warehouse = None,
    as_json: AsJson = False,
) -> None:
    """Write a release as one HTML page: plots, figures, and examples to leaf through; it asks the network for nothing.

    Example: `prefmill report latest --to report.html`
    """
    from rich.console import Console

    from flows.reporting import write_report

    address = address_of(warehouse)
    with Console(stderr=True, quiet=not sys.stderr.isatty()).status("reading the release") as status:
        file = write_report(address, release, to, status.update, against=against, overwrite=overwrite)
    if as_json:
        print(json.dumps({"file": str(file), "bytes": file.stat().st_size}))
    else:
        console().print(str(file), highlight=False, markup=False, soft_wrap=True)
    if open_it:
        typer.launch(file.as_uri())
