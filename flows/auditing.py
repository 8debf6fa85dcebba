"""Auditing a judge: labelled data through the ordinary steps, and what builds and recorded verdicts say of judges."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from flows.build import Job, prepare
from flows.show import counted
from pipeline.audit.evidence import Evidence, gather
from pipeline.binding import bind
from pipeline.preferences.source import labelled_items
from pipeline.registry import STRATEGIES
from pipeline.runner.intake import Sources
from pipeline.sources import Item
from schemas.errors import RequestError
from schemas.recipe import Lines, RecipeFile, StepSpec
from warehouse.address import Address
from warehouse.guest import guest
from warehouse.releases import find_release
from warehouse.verdicts import answers_of, labels_of, repeated_of, signals_of, unread_of

TAKING_IN = ("mine/labelled", "sample/labelled", "judge/labelled")
JUDGED_UNITS = ("prompt", "response", "responses", "response_pair", "categorised_pair")
SHOWN = 5


@dataclass(frozen=True, slots=True)
class LabelledSources(Sources):
    """Labelled data in the place of documents: one place, in a layout that is named or recognised."""

    layout: str | None = None
    limit: int | None = None

    def find(self) -> Iterator[Item]:
        """The items, as documents to be read."""
        return itertools.chain.from_iterable([labelled_items(place, self.layout, self.limit) for place in self.places])


def audit_job(
    file: RecipeFile, place: str, address: Address, *, engine: str | None, layout: str | None, limit: int | None
) -> Job:
    """The build that runs the judges of a recipe over labelled data; it releases nothing.

    Raises `RequestError` for a recipe without a judge that can be audited so.
    """
    sources = LabelledSources((place,), layout=layout, limit=limit)
    return prepare(audit_recipe(file), sources, address, engine=engine, landing=False, kind="audit")


def audit_recipe(file: RecipeFile) -> RecipeFile:
    """The judges of a recipe after the steps that take labelled data in; parameters, models and limits are its own."""
    bind(file)  # its mistakes are told with its own lines
    steps: list[StepSpec] = [StepSpec(strategy=key) for key in TAKING_IN]
    lines: Lines = {place: line for place, line in file.lines.items() if place[:1] != ("steps",)}
    for index, step in enumerate(file.recipe.steps):
        if not _is_judge(step) or STRATEGIES[step.strategy].unit not in JUDGED_UNITS:
            continue
        moved = ("steps", len(steps))
        lines.update({(*moved, *place[2:]): at for place, at in file.lines.items() if place[:2] == ("steps", index)})
        steps.append(step)
    if len(steps) == len(TAKING_IN):
        left = ", ".join(left_out(file))
        why = f"{left} judges what other steps make" if left else "it has no `judge/…` step"
        raise RequestError(
            f"recipe {file.recipe.recipe!r} has no judge to audit on labelled data: {why}; name another with --recipe"
        )
    recipe = file.recipe.model_copy(update={"recipe": f"{file.recipe.recipe}.audit", "steps": tuple(steps)})
    return RecipeFile(recipe, file.text, file.path, lines)


def left_out(file: RecipeFile) -> list[str]:
    """The judges of a recipe that are not audited on labelled data, for they work on what other steps make."""
    steps = [step.strategy for step in file.recipe.steps if _is_judge(step)]
    return [key for key in steps if STRATEGIES[key].unit not in JUDGED_UNITS]


def _is_judge(step: StepSpec) -> bool:
    return step.strategy.startswith("judge/") and step.strategy not in TAKING_IN


def evidence_of_build(address: Address, build_id: str) -> Evidence:
    """What the judges of a build said, from its rows alone; no model is asked."""
    with guest(address) as cursor:
        found = gather(answers_of(cursor, build_id), signals_of(cursor, build_id), labels_of(cursor, build_id))
        unread, twice = unread_of(cursor, build_id), repeated_of(cursor, build_id)
    if unread:
        found.notes.append(f"{counted(len(unread), 'row')} could not be read: {'; '.join(unread[:SHOWN])}")
    if twice:
        found.notes.append(f"{counted(twice, 'row')} said what others say, and count once")
    return found


def evidence_of_release(address: Address, release: str) -> Evidence:
    """What the judges of a release said, from the rows of the build that made it."""
    with guest(address) as cursor:
        row = find_release(cursor, release)
    return evidence_of_build(address, row.build_id)
