"""Land a release: deal pairs out to splits, write the immutable files, hold the figures against the gates."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pipeline.audit.release.report import ReleaseReport
from pipeline.binding import BoundRecipe
from pipeline.land.files import write_release
from pipeline.land.gates import GateResult, Gates, check
from pipeline.runner.dealing import SPLIT_CONFLICT, deal, describe
from pipeline.runner.measuring import measure, parts_of
from schemas.errors import RequestError
from schemas.models import REHEARSAL
from warehouse.builds import now
from warehouse.leaving_out import count_left_out
from warehouse.release_facts import facts_of_scope
from warehouse.release_rows import over_release_rows
from warehouse.releases import (
    ReleaseRow,
    add_release,
    current_snapshot,
    deal_out,
    figures_of_scope,
    list_releases,
)
from warehouse.store import Store
from warehouse.traits import Pairs


@dataclass(frozen=True, slots=True)
class Landed:
    """What became of a build's pairs: the release, whether it is new, and what each gate said."""

    release: ReleaseRow
    is_new: bool
    gates: Sequence[GateResult]


async def land(
    store: Store, recipe: BoundRecipe, build_id: str, models: Mapping[str, Any], code_version: str
) -> Landed:
    """Make a release of all pairs in scope, unless the recipe's newest one already is just that.

    The files come first and the rows after, in one transaction, so that no release is ever listed without its files.
    A release that fails a gate is written all the same, as `held`.
    """
    assert recipe.release is not None
    strategy = recipe.release.strategy
    dealt = await deal(store, recipe.name, strategy)
    release_id, sizes, left_out = await deal_out(store, dealt.splits, [recipe.name, strategy.name or ""])
    shares = await figures_of_scope(store)
    figures = {"pairs": float(sum(sizes.values())), "documents": float(len(dealt.splits)), **shares}
    measured = await _measured(store, recipe, strategy.gates)
    figures |= measured.values
    results = check(strategy.gates, figures, measured.vacant)
    status = "published" if all(result.passed for result in results) else "held"
    # What is held in between leaves `latest` where it was: the same pairs again are no new version.
    earlier = await store.read(list_releases, recipe.name)
    newest = next((row for row in earlier if row.status == status or status == "held"), None)
    if newest and newest.release_id == release_id and newest.status == status:
        return Landed(newest, False, results)

    taken = {row.release for row in await store.read(list_releases)}
    name = _name(recipe.name, strategy.name, status, taken)
    row = ReleaseRow(
        release=name,
        release_id=release_id,
        recipe=recipe.name,
        status=status,
        pairs=sum(sizes.values()),
        documents=len(dealt.splits),
        splits=sizes,
        gates=[result.model_dump() for result in results],
        figures=figures,
        snapshot_id=await current_snapshot(store),
        build_id=build_id,
        folder=f"{store.address.releases.name}/{name}",
        manifest_sha256="",
        code_version=code_version,
        rehearsal=any(_is_rehearsal(step.identity) for step in recipe.body),
        created_at=now(),
        fingerprints=[{"step": step.label, "fingerprint": step.fingerprint} for step in recipe.steps],
        models=dict(models),
        dealt=describe(strategy),
        left_out={SPLIT_CONFLICT: left_out} if left_out else {},
    )
    row = replace(row, manifest_sha256=await _write_files(store, recipe, row))
    await add_release(store, row, recipe.file.text)
    return Landed(row, True, results)


async def _measured(store: Store, recipe: BoundRecipe, gates: Gates) -> ReleaseReport:
    """The figures that gates ask for beyond what is counted anyway, and those that are measured along with them."""
    parts = parts_of(gates.asked)
    if not parts:
        return ReleaseReport("", 0)
    steps = [step.fingerprint for step in recipe.steps]
    return await store.read(lambda cursor: measure(cursor, Pairs.in_scope(), "", steps, parts))


async def _write_files(store: Store, recipe: BoundRecipe, row: ReleaseRow) -> str:
    """Write the immutable files of a release; returns the hash of their manifest."""
    facts = {
        **{
            name: getattr(row, name)
            for name in (
                "release", "release_id", "snapshot_id", "code_version", "gates", "figures", "fingerprints", "models", "dealt",
                "left_out",
            )
        },
        **await facts_of_scope(store),
        "recipe_text": recipe.file.text,
        "revoked": [_told(row) for row in await count_left_out(store)],
        "output_licences": _output_licences(recipe),
    }
    folder = store.address.root / row.folder
    # A folder without a row in `releases` was left by a build that died in between; nobody has seen it.
    shutil.rmtree(folder, ignore_errors=True)
    await over_release_rows(store, row.rehearsal, lambda pairs, votes: write_release(folder, pairs, facts, votes))
    return hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()


def _told(revoked: Mapping[str, Any]) -> dict[str, Any]:
    """What a release tells of a revocation: the licence by its name, a place only by the revocation's id."""
    return {**revoked, "value": revoked["value"] if revoked["kind"] == "licence" else ""}


def _output_licences(recipe: BoundRecipe) -> dict[str, str]:
    """The licence of what each model writes, as far as the recipe says so: in a step on licences, or under `models:`."""
    said: dict[str, str] = {}
    for step in recipe.body:
        said |= getattr(step.strategy, "outputs", None) or {}
    return said | {spec.model: spec.licence for spec in recipe.models.values() if spec.licence}


def _is_rehearsal(identity: Mapping[str, Any]) -> bool:
    """Whether a step asks the rehearsal model, in its own name or in place of another."""
    return any(str(model["model"]).split(":")[0] == REHEARSAL for model in identity["models"])


def _name(recipe: str, given: str | None, status: str, taken: set[str]) -> str:
    """The given name, or `<recipe>-<date>`; with a number when that is taken.

    A release that is held back does not use up the name it was to be published under: its own ends in `.held`.
    """
    if given and status == "published":
        if given in taken:
            raise RequestError(
                f"there is a release {given!r} already, with other content or withdrawn; a name is used once: "
                "give another, or none"
            )
        return given
    stem = re.sub(r"[^a-z0-9_-]+", "-", recipe.lower()).strip("-_")[:40] or "release"
    name = f"{given}.held" if given else f"{stem}-{now():%Y-%m-%d}"
    return next(each for each in (name, *(f"{name}.{number}" for number in range(2, 100_000))) if each not in taken)
