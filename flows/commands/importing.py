"""`prefmill import`: preference data that people have already."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.commands.options import AsJson, Direct, Engine, Licence, Warehouse, address_of

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
    recipe: ByRecipe = "import",
    layout: Layout = None,
    licence: Licence = None,
    warehouse: Warehouse = None,
    engine: Engine = None,
    direct: Direct = False,
    as_json: AsJson = False,
) -> None:
    """Take in preference data of any known layout, margins and scores and all, and release it with its own labels.

    Example: `prefmill import hf:Anthropic/hh-rlhf@train --licence mit`
    """
    from flows.commands.building import run_job, show_build
    from flows.importing import import_job
    from flows.recipes import find_recipe
    from schemas.recipe import read_recipe

    file = read_recipe(find_recipe(recipe))
    job = import_job(file, sources, address_of(warehouse), layout=layout, licence=licence, engine=engine)
    built = run_job(job, {"recipe": recipe, "sources": sources}, direct=direct, quiet=as_json)
    show_build(built, job, as_json=as_json)
