"""Bring a release back from a folder that prefmill exported: its files, its rows, its name."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pipeline.land.files import RECIPE
from pipeline.land.manifest import MANIFEST, Manifest
from pipeline.land.restore import read_export, restore_release
from schemas.errors import RequestError
from warehouse.releases import ReleaseRow, current_snapshot, list_releases
from warehouse.restoring import restore_rows
from warehouse.store import Store


async def restore(store: Store, export: Path) -> tuple[ReleaseRow, bool]:
    """The release that was exported to `export`, and whether it was not here before.

    Raises `SourceError` for an export that is damaged or not whole, `RequestError` if its name is taken by another release.
    """
    release = read_export(export)
    for row in await store.read(list_releases):
        if row.release == release.release:
            if row.release_id == release.release_id:
                return row, False
            raise RequestError(
                f"there is a release {release.release!r} already and its content differs; import this one into another "
                "warehouse (-w), or take its rows in with --layout preference"
            )
    name = f"{store.address.releases.name}/{release.release}"
    folder = store.address.root / name
    restore_release(export, folder)
    row = _row(release, name, folder, await current_snapshot(store))
    return await restore_rows(store, row, (folder / RECIPE).read_text("utf-8"), folder), True


def _row(release: Manifest, name: str, folder: Path, snapshot: int) -> ReleaseRow:
    """What the table of releases says of it; it is held here if it was held there."""
    return ReleaseRow(
        release=release.release,
        release_id=release.release_id,
        recipe=release.recipe,
        status="published" if all(gate.passed for gate in release.gates) else "held",
        pairs=release.rows,
        documents=release.documents,
        splits=dict(release.splits),
        gates=[gate.model_dump() for gate in release.gates],
        figures={each: value for each, value in release.figures.items() if value is not None},
        snapshot_id=snapshot,
        build_id="",
        folder=name,
        manifest_sha256=hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest(),
        code_version=release.code_version,
        rehearsal=release.rehearsal_rows > 0,
        created_at=None,
        fingerprints=[step.model_dump() for step in release.fingerprints],
        models=release.models,
        dealt=release.dealt,
        left_out=release.left_out,
    )
