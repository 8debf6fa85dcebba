"""Importing: preference data that people have already becomes rows like those that a build makes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from flows.build import Job, prepare
from pipeline.land.restore import is_export
from pipeline.runner.intake import PREFERENCES, Sources
from pipeline.runner.restoring import restore
from schemas.errors import RequestError
from schemas.recipe import RecipeFile
from warehouse.address import Address
from warehouse.releases import ReleaseRow
from warehouse.store import Store

TAKES_IN = "mine/preferences"


def import_job(
    file: RecipeFile,
    places: Sequence[str],
    address: Address,
    *,
    layout: str | None = None,
    licence: str | None = None,
    engine: str | None = None,
) -> Job:
    """The build that takes preference data in by a recipe; raises `RequestError` for one that would pass it over."""
    if not any(step.strategy == TAKES_IN for step in file.recipe.steps):
        raise RequestError(
            f"recipe {file.recipe.recipe!r} takes no preference data in: begin its steps with `{TAKES_IN}`, as the recipe "
            "`import` does"
        )
    named = tuple(f"{PREFERENCES}{place.removeprefix(PREFERENCES)}" for place in places)
    return prepare(file, Sources(named, licence=licence, layout=layout), address, engine=engine)


def exports_among(places: Sequence[str]) -> list[Path]:
    """The places that prefmill exported; raises `RequestError` where they stand among others."""
    found = [Path(place) for place in places if is_export(Path(place))]
    if found and len(found) < len(places):
        raise RequestError(
            f"{str(found[0])!r} is an export of prefmill, and is brought back by itself; import the other sources after it, "
            "or take the rows of all with --layout preference"
        )
    return found


async def bring_back(exports: Sequence[Path], address: Address) -> list[tuple[ReleaseRow, bool]]:
    """Bring releases back from their exports; of each the release and whether it was not here before."""
    store = await asyncio.to_thread(Store.open, address)
    try:
        return [await restore(store, export) for export in exports]
    finally:
        await asyncio.to_thread(store.close)
