"""Importing: preference data that people have already becomes rows like those that a build makes."""

from __future__ import annotations

from collections.abc import Sequence

from flows.build import Job, prepare
from pipeline.runner.intake import PREFERENCES, Sources
from schemas.errors import RequestError
from schemas.recipe import RecipeFile
from warehouse.address import Address

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
