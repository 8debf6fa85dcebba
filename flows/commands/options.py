"""What commands share: their arguments, and how these become a job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from schemas.errors import RequestError

if TYPE_CHECKING:
    from flows.build import Job
    from warehouse.address import Address

Recipe = Annotated[
    str, typer.Argument(help="A shipped recipe's name (see `prefmill recipes`) or a YAML file.", show_default=True)
]
SourceList = Annotated[
    list[str] | None, typer.Argument(help="Files, folders, tables, or `hf:org/name`.", show_default=False)
]
Warehouse = Annotated[
    str | None,
    typer.Option(
        "--warehouse", "-w", help="A folder, or postgresql://… [$PREFMILL_WAREHOUSE, else `lake`].", show_default=False
    ),
]
Engine = Annotated[
    str | None,
    typer.Option(
        "--engine",
        help="`vllm`, `openai` or `rehearsal`, in place of what the recipe or this machine suggests.",
        show_default=False,
    ),
]
TextColumn = Annotated[
    str | None, typer.Option("--text-column", help="The column of tables that holds the text.", show_default=False)
]
Licence = Annotated[
    str | None,
    typer.Option("--licence", help="The licence of all these sources, where they do not say.", show_default=False),
]
MaxCalls = Annotated[
    int | None,
    typer.Option(
        "--max-calls", min=0, help="Make no more model calls; what is left stays pending.", show_default=False
    ),
]
MaxCost = Annotated[
    float | None,
    typer.Option(
        "--max-cost", min=0, help="Spend no more, by the models' prices; what is left stays pending.", show_default=False
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
Direct = Annotated[bool, typer.Option("--direct", help="Run without Prefect: for debuggers, notebooks and tests.")]


def console() -> Any:
    """The terminal."""
    from rich.console import Console

    return Console()


def address_of(warehouse: str | None) -> Address:
    """The warehouse that was asked for."""
    from warehouse.address import resolve_address

    return resolve_address(warehouse)


def job_of(
    recipe: str,
    sources: list[str] | None,
    warehouse: str | None,
    engine: str | None,
    text_column: str | None,
    licence: str | None,
    *,
    limit: int | None = None,
    landing: bool = True,
    max_calls: int | None = None,
    max_cost: float | None = None,
) -> Job:
    """The build that was asked for, with everything about it checked."""
    from flows.build import prepare
    from flows.recipes import find_recipe
    from pipeline.runner.intake import Sources
    from schemas.recipe import Limits, read_recipe

    file = read_recipe(find_recipe(recipe))
    if not sources:
        raise RequestError(f"no sources are given; name files or folders, as in `prefmill build {recipe} docs/`")
    return prepare(
        file,
        Sources(tuple(sources), text_column, licence),
        address_of(warehouse),
        engine=engine,
        limit=limit,
        landing=landing,
        limits=Limits(max_calls=max_calls, max_cost=max_cost),
    )
