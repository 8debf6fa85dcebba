"""A release as the folder that trainers and the hub read: a folder for each layout, a card, a manifest.

The first layout is TRL's conversational one with an explicit prompt, which TRL, OpenRLHF, axolotl and unsloth all read
without glue; the others are for who reads that one not. Nothing in it depends on when or where it was written.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from pipeline.land.card import render_card
from pipeline.land.facts import LayoutFact
from pipeline.land.files import RECIPE, read_release
from pipeline.land.folders import stage, sync_tree
from pipeline.land.layouts import choose
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
from pipeline.land.outlets import write_layouts
from schemas.errors import BuildError, RequestError

CARD = "README.md"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for: layouts by name, none for all that rows allow, and lines of JSON in place of Parquet."""

    layouts: tuple[str, ...]
    jsonl: bool


def export_release(
    release_folder: Path,
    to: Path,
    *,
    overwrite: bool = False,
    layouts: Sequence[str] | None = None,
    jsonl: bool = False,
) -> list[Path]:
    """Write the release in `release_folder` to the folder `to`; returns the files, sorted.

    `layouts` are names of `pipeline.land.layouts.LAYOUTS`; by default all that some row allows are written. With `jsonl`
    they are lines of JSON. `to` must not exist, be empty, or be an unchanged export of the same release in the same
    layouts, which is brought up to date. With `overwrite` it may be any export; a file that prefmill did not write is
    never removed.
    """
    wanted = Wanted(tuple(layout.name for layout in choose(layouts)) if layouts else (), jsonl)
    release = _check_release(release_folder)
    target = to.resolve()
    _check_target(target, release, wanted, overwrite)
    with stage(target) as under_way:
        written = _write(release_folder, release, under_way.folder, wanted)
        # A second look: writing takes minutes, and somebody else may have used the folder meanwhile.
        if not under_way.publish() and not _is_same(target, written):
            _check_target(target, release, wanted, overwrite)
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


def _check_target(target: Path, release: Manifest, wanted: Wanted, overwrite: bool) -> None:
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
    if (earlier.asked, earlier.jsonl) != (wanted.layouts, wanted.jsonl):
        raise RequestError(
            f"{place} is an export of {earlier.release.release!r} in {_worded(earlier.asked, earlier.jsonl)}; "
            f"overwrite it or {way_out}"
        )
    if damages := find_damage(target, earlier.files):
        raise RequestError(f"`{damages[0].file}` in {place} {damages[0].problem}; overwrite it or {way_out}")


def _worded(layouts: Sequence[str], jsonl: bool) -> str:
    """What an export is in, for a sentence."""
    names = f"the layouts {', '.join(layouts)}" if layouts else "all layouts"
    return f"{names} as {'JSONL' if jsonl else 'Parquet'}"


def _is_same(target: Path, written: ExportManifest) -> bool:
    """Whether `target` is an intact export with the very content of `written`."""
    try:
        return unseal(ExportManifest, target) == written and not find_damage(target, written.files)
    except (OSError, ValueError):
        return False


def _write(release_folder: Path, release: Manifest, folder: Path, wanted: Wanted) -> ExportManifest:
    """Write every file of the export into `folder` and bring them to the disk."""
    facts = write_layouts(release_folder, release, folder, choose(wanted.layouts), jsonl=wanted.jsonl)
    _check_asked(release, facts, wanted)
    layouts = {name: fact for name, fact in facts.items() if fact.splits}
    shutil.copyfile(release_folder / RECIPE, folder / RECIPE)
    card = render_card(release.model_dump(), layouts=layouts, jsonl=wanted.jsonl)
    (folder / CARD).write_bytes(card.encode("utf-8"))
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    with ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="hash") as pool:
        files = dict(zip(names, pool.map(lambda name: hash_file(folder / name), names), strict=True))
    manifest = ExportManifest(
        release=release,
        layouts=layouts,
        asked=wanted.layouts,
        jsonl=wanted.jsonl,
        written_with=list_writers(),
        files=files,
    )
    (folder / MANIFEST).write_bytes(seal(manifest).encode("utf-8"))
    sync_tree(folder)
    return manifest


def _check_asked(release: Manifest, facts: Mapping[str, LayoutFact], wanted: Wanted) -> None:
    """Raise `RequestError` for a layout that was asked for by name and has no row."""
    for name in wanted.layouts:
        if facts[name].splits:
            continue
        reasons = [f"{count:,} of {release.rows:,} {words}" for words, count in facts[name].left_out.items()]
        why = ", ".join(reasons) or "it holds no votes"
        raise RequestError(f"the release {release.release!r} has nothing for the layout `{name}`: {why}; leave it out")
