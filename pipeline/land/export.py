"""A release as the folder that trainers and the hub read: conversational Parquet per split, a card, a manifest.

The layout is TRL's conversational one with an explicit prompt, the one layout that TRL, OpenRLHF, axolotl and unsloth
all read without glue. Nothing in it depends on when or where it was written.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.land.card import LAYOUT, render_card
from pipeline.land.columns import check_rows, export_schema
from pipeline.land.files import PAIRS, RECIPE, read_release
from pipeline.land.folders import stage, sync_tree
from pipeline.land.manifest import (
    MANIFEST,
    ExportManifest,
    Manifest,
    find_damage,
    find_strangers,
    hash_file,
    list_writers,
    seal,
    unseal,
)
from pipeline.land.parquet import PairFile
from pipeline.land.turns import conform
from schemas.errors import BuildError, RequestError

if TYPE_CHECKING:
    import pyarrow as pa

CARD = "README.md"


def export_release(release_folder: Path, to: Path, *, overwrite: bool = False) -> list[Path]:
    """Write the release in `release_folder` to the folder `to`; returns the files, sorted.

    `to` must not exist, be empty, or be an unchanged export of the same release, which is brought up to date. With
    `overwrite` it may be any export; a file that prefmill did not write is never removed.
    """
    release = _check_release(release_folder)
    target = to.resolve()
    _check_target(target, release, overwrite)
    with stage(target) as under_way:
        written = _write(release_folder, release, under_way.folder)
        # A second look: writing takes minutes, and somebody else may have used the folder meanwhile.
        if not under_way.publish() and not _is_same(target, written):
            _check_target(target, release, overwrite)
            under_way.replace()
    return sorted(target / name for name in (*written.files, MANIFEST))


def _check_release(folder: Path) -> Manifest:
    """The manifest of an intact release that has rows."""
    release = read_release(folder)
    if damages := find_damage(folder, release.files):
        raise BuildError(
            f"the release {release.release!r} is damaged: `{damages[0].file}` {damages[0].problem}; "
            "delete its folder and build it again"
        )
    if release.rows == 0:
        raise RequestError(f"the release {release.release!r} has no pairs; there is nothing to export")
    return release


def _check_target(target: Path, release: Manifest, overwrite: bool) -> None:
    """Raise `RequestError` unless what is at `target` may be replaced by an export of `release`."""
    if not target.is_dir() or not any(target.iterdir()):
        return
    place, way_out = repr(str(target)), "name another folder"
    try:
        earlier = unseal(ExportManifest, target)
    except (OSError, ValueError):
        raise RequestError(f"{place} is not empty and no export of prefmill; {way_out}") from None
    if strangers := find_strangers(target, earlier.files):
        raise RequestError(f"{place} holds `{strangers[0].file}`, which prefmill did not write; move it or {way_out}")
    if overwrite:
        return
    if earlier.release.release_id != release.release_id:
        raise RequestError(f"{place} is an export of {earlier.release.release!r}; overwrite it or {way_out}")
    if damages := find_damage(target, earlier.files):
        raise RequestError(f"`{damages[0].file}` in {place} {damages[0].problem}; overwrite it or {way_out}")


def _is_same(target: Path, written: ExportManifest) -> bool:
    """Whether `target` is an intact export with the very content of `written`."""
    try:
        return unseal(ExportManifest, target) == written and not find_damage(target, written.files)
    except (OSError, ValueError):
        return False


def _write(release_folder: Path, release: Manifest, folder: Path) -> ExportManifest:
    """Write every file of the export into `folder` and bring them to the disk."""
    (folder / LAYOUT).mkdir()
    rows = _write_splits(release_folder / PAIRS, release, folder / LAYOUT)
    if rows != release.splits:
        raise BuildError(f"the release {release.release!r} says {release.splits} rows but holds {rows}; build it again")
    shutil.copyfile(release_folder / RECIPE, folder / RECIPE)
    (folder / CARD).write_bytes(render_card(release.model_dump()).encode("utf-8"))
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    files = {name: hash_file(folder / name) for name in names}
    manifest = ExportManifest(release=release, written_with=list_writers(), files=files)
    (folder / MANIFEST).write_bytes(seal(manifest).encode("utf-8"))
    sync_tree(folder)
    return manifest


def _write_splits(pairs: Path, release: Manifest, folder: Path) -> dict[str, int]:
    """Deal the rows out to one file per split that has any, in one pass; returns how many each got."""
    import pyarrow.compute as pc

    schema = export_schema()
    with ExitStack() as stack:
        files = {
            name: stack.enter_context(PairFile(folder / f"{name}.parquet", schema)) for name in sorted(release.splits)
        }
        last_id = ""
        for rows in _read_groups(pairs):
            check_rows(rows, last_id)
            last_id = rows["pair_id"][-1].as_py()
            for name, file in files.items():
                file.add(conform(rows.filter(pc.equal(rows["split"], name)), schema))
        return {name: file.rows for name, file in files.items()}


def _read_groups(pairs: Path) -> Iterator[pa.Table]:
    """The row groups of a Parquet file, one in memory at a time."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(pairs, pre_buffer=False) as file:
        for group in range(file.num_row_groups):
            yield conform(file.read_row_group(group, use_threads=False))
