"""`prefmill import`: preference data that people have already."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands.options import AsJson, Direct, Engine, Licence, Warehouse, address_of, console

if TYPE_CHECKING:
    from warehouse.address import Address

USUAL = "import"

Places = Annotated[
    list[str],
    typer.Argument(help="Files, folders, `hf:org/name[:config][@split]`, or a folder that prefmill exported."),
]
Layout = Annotated[
    str | None, typer.Option("--layout", help="The layout of the rows, where columns do not tell.", show_default=False)
]
ByRecipe = Annotated[
    str, typer.Option("--recipe", help="What is done with the rows: a recipe that begins with `mine/preferences`.")
]


def import_(
    sources: Places,
    recipe: ByRecipe = USUAL,
    layout: Layout = None,
    licence: Licence = None,
    warehouse: Warehouse = None,
    engine: Engine = None,
    direct: Direct = False,
    as_json: AsJson = False,
) -> None:
    """Take in preference data of any known layout, margins and scores and all, and release it with its own labels.

    A folder that prefmill exported is brought back as the release that it was; with --layout or --recipe, row by row.

    Example: `prefmill import hf:Anthropic/hh-rlhf@train --licence mit`
    """
    from flows.commands.building import run_job, show_build
    from flows.importing import exports_among, import_job
    from flows.recipes import find_recipe
    from schemas.recipe import read_recipe

    address = address_of(warehouse)
    if layout is None and recipe == USUAL and (exports := exports_among(sources)):
        _bring_back(exports, address, as_json=as_json)
        return
    file = read_recipe(find_recipe(recipe))
    job = import_job(file, sources, address, layout=layout, licence=licence, engine=engine)
    built = run_job(job, {"recipe": recipe, "sources": sources}, direct=direct, quiet=as_json)
    show_build(built, job, as_json=as_json)


def _bring_back(exports: Sequence[Path], address: Address, *, as_json: bool) -> None:
    """Bring releases back and say which."""
    import asyncio

    from flows.importing import bring_back

    found = asyncio.run(bring_back(exports, address))
    if as_json:
        print(
            json.dumps(
                [{"release": row.release, "pairs": row.pairs, "status": row.status, "new": new} for row, new in found]
            )
        )
        return
    for row, new in found:
        news = "brought back with its rows" if new else "is here already"
        console().print(
            f"release {row.release} ({row.status}, {row.pairs:,} pairs) {news}", highlight=False, markup=False
        )
