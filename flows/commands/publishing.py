"""The command that brings a release to the hub."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands.options import AsJson, Warehouse, address_of, console

if TYPE_CHECKING:
    from pipeline.hub.push import Pushed


def push(
    release: Annotated[str, typer.Argument(help="A release's name, or `latest`.")],
    repo_id: Annotated[str, typer.Argument(metavar="ORG/NAME", help="The dataset on the hub.", show_default=False)],
    private: Annotated[bool, typer.Option("--private", help="Make the dataset private, if it is made now.")] = False,
    revision: Annotated[
        str, typer.Option("--revision", metavar="BRANCH", help="The branch; made if it is not there.")
    ] = "main",
    layout: Annotated[
        list[str] | None,
        typer.Option("--layout", help="A layout to push; may be given again. All that rows allow by default."),
    ] = None,
    licence: Annotated[
        str | None,
        typer.Option(
            "--licence",
            help="The licence that you publish the set under; for rows that state none.",
            show_default=False,
        ),
    ] = None,
    held: Annotated[bool, typer.Option("--held", help="Push a release that failed a gate, as it is.")] = False,
    warehouse: Warehouse = None,
    as_json: AsJson = False,
) -> None:
    """Push a release to the Hugging Face hub in one commit, tagged with its name. Run it again: it goes on, or does nothing.

    HF_TOKEN and HF_ENDPOINT hold. Rehearsals, withdrawn releases and licences that do not go together are refused.

    Example: `prefmill push latest my-org/handbook-pairs --private`
    """
    from flows.pushing import Wish, say_on_stderr
    from flows.pushing import push as push_release
    from pipeline.hub.push import Destination

    pushed = push_release(
        address_of(warehouse),
        Wish(release, repo_id, tuple(layout or ()), held=held, licence=licence),
        Destination(revision, private=private),
        shows_bars=not as_json and sys.stderr.isatty(),
        say=say_on_stderr,
    )
    for note in pushed.notes:
        say_on_stderr(note)
    if as_json:
        print(json.dumps(asdict(pushed)))
    else:
        show(pushed)


def show(pushed: Pushed) -> None:
    """What was done, file by file, and how to load it."""
    words = {
        "pushed": f"{pushed.repo_id}: {len(pushed.added)} files in one commit",
        "tagged": f"{pushed.repo_id}: every file was there; the tag was missing",
        "already there": f"{pushed.repo_id}: already there",
    }
    terminal = console()
    terminal.print(f"{words[pushed.outcome]}, tag {pushed.tag}", highlight=False, markup=False)
    for path in pushed.added:
        terminal.print(f"  {path}", highlight=False, markup=False)
    for path in pushed.deleted:
        terminal.print(f"  {path} (removed: not in this release)", highlight=False, markup=False)
    terminal.print(f'load_dataset("{pushed.repo_id}", revision="{pushed.tag}")', highlight=False, markup=False)
