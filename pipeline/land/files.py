"""The files of a release, `pairs.parquet`, `votes.parquet`, `recipe.yaml` and `manifest.json`, in a folder that never changes.

The folder is written whole or not at all (`pipeline.land.folders`), from rows that arrive in batches, and the same rows
give the same bytes (`pipeline.land.parquet`). Writing a release that is already there leaves it alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from pipeline.land.columns import check_rows, release_schema, votes_schema
from pipeline.land.folders import Stage, stage, sync_tree
from pipeline.land.manifest import (
    MANIFEST,
    Damage,
    Facts,
    Manifest,
    find_damage,
    find_strangers,
    hash_file,
    list_writers,
    seal,
    unseal,
)
from pipeline.land.parquet import PairFile
from pipeline.land.release import check_name
from pipeline.land.tally import Tally
from schemas.errors import BuildError, RequestError, WarehouseError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["PAIRS", "RECIPE", "VOTES", "read_release", "release_schema", "verify_release", "write_release"]

PAIRS = "pairs.parquet"
VOTES = "votes.parquet"
RECIPE = "recipe.yaml"
# Who wrote a release is not part of what it is: a later prefmill finds the release of an earlier one complete.
PROVENANCE = {"code_version", "written_with"}


def write_release(
    folder: Path, batches: Iterable[pa.RecordBatch], manifest: Mapping[str, Any], votes: Iterable[pa.RecordBatch] = ()
) -> Manifest:
    """Write a release of `batches`, which have the columns of `release_schema` and are sorted by `pair_id`.

    `votes` have the columns of `votes_schema`, sorted by prompt and signal; they are taken after the pairs.

    `manifest` says what only the build knows; its keys are the fields of `Facts`. Returns the manifest that is on the
    disk. Raises `BuildError` for a row that breaks an invariant, or if the folder holds anything else.
    """
    facts = Facts.model_validate(manifest)
    try:
        check_name(facts.release)
    except ValueError as problem:
        raise RequestError(str(problem)) from None
    target = folder.resolve()
    with stage(target) as under_way:
        written = _write(under_way, batches, votes, facts)
        if under_way.publish():
            return written
    return _confirm(target, written)


def read_release(folder: Path) -> Manifest:
    """The manifest of the release in `folder`."""
    try:
        return unseal(Manifest, folder)
    except FileNotFoundError:
        raise WarehouseError(f"{str(folder)!r} holds no release: there is no `{MANIFEST}` in it") from None
    except (OSError, ValueError):
        raise WarehouseError(
            f"the `{MANIFEST}` of the release {str(folder)!r} is damaged; delete the folder and build the release again"
        ) from None


def verify_release(folder: Path) -> list[Damage]:
    """Hash every file of the release again and say which are not as they were written; empty if all are."""
    try:
        manifest = unseal(Manifest, folder)
    except FileNotFoundError:
        return [Damage(MANIFEST, "is missing")]
    except (OSError, ValueError):
        return [Damage(MANIFEST, "has other content than was written")]
    return [*find_damage(folder, manifest.files), *find_strangers(folder, manifest.files)]


def _write(
    under_way: Stage, batches: Iterable[pa.RecordBatch], votes: Iterable[pa.RecordBatch], facts: Facts
) -> Manifest:
    """Write the four files into the staged folder and bring them to the disk."""
    folder = under_way.folder
    recipe = _read_recipe(facts.recipe_text)
    (folder / RECIPE).write_bytes(facts.recipe_text.encode("utf-8"))
    tally = _write_pairs(folder / PAIRS, batches)
    known = facts.model_dump(exclude={"recipe_text"})
    said = _write_votes(folder / VOTES, votes)
    files = {name: hash_file(folder / name) for name in (PAIRS, VOTES, RECIPE)}
    manifest = Manifest(**known, **recipe, **tally.totals(), votes=said, written_with=list_writers(), files=files)
    (folder / MANIFEST).write_bytes(seal(manifest).encode("utf-8"))
    sync_tree(folder)
    return manifest


def _write_votes(path: Path, batches: Iterable[pa.RecordBatch]) -> int:
    """Write every signal about the pairs, one batch in memory at a time; returns how many there are."""
    import pyarrow as pa

    schema = votes_schema()
    with PairFile(path, schema) as file:
        for batch in batches:
            file.add(pa.Table.from_batches([batch]).select(schema.names).cast(schema))
    return file.rows


def _write_pairs(path: Path, batches: Iterable[pa.RecordBatch]) -> Tally:
    """Check, count and write the rows, one batch in memory at a time."""
    import pyarrow as pa

    schema, tally = release_schema(), Tally()
    with PairFile(path, schema) as file:
        for batch in batches:
            if missing := [name for name in schema.names if name not in batch.schema.names]:
                raise BuildError(f"the rows of a release have no column `{missing[0]}`; see `release_schema`")
            rows = pa.Table.from_batches([batch]).select(schema.names).cast(schema)
            check_rows(rows, tally.last_id)
            tally.add(rows)
            file.add(rows)
    return tally


def _read_recipe(text: str) -> dict[str, Any]:
    """What the recipe says of itself: its name, what it is about and the paper it follows."""
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError:
        content = None
    if not isinstance(content, dict) or not isinstance(content.get("recipe"), str):
        raise BuildError("the text of the recipe is not a recipe; hand over the file that was built")
    return {key: str(content.get(key) or "") for key in ("recipe", "about", "paper")}


def _confirm(target: Path, written: Manifest) -> Manifest:
    """The manifest at `target`, if that is an intact release with the same files and facts as `written`."""
    present = read_release(target)
    if damages := find_damage(target, present.files):
        raise BuildError(
            f"the release {present.release!r} in {str(target)!r} is damaged: `{damages[0].file}` {damages[0].problem}; "
            "move the folder away and run it again"
        )
    old, new = (manifest.model_dump(exclude=PROVENANCE) for manifest in (present, written))
    if old == new:
        return present
    other = next(name for name in {**new, **old} if old.get(name) != new.get(name))
    raise BuildError(
        f"the release {present.release!r} is there already in {str(target)!r} with other content "
        f"(`{other}` differs; written with {_writers(present)}, now {_writers(written)}); a release never changes: "
        "give this one another name"
    )


def _writers(manifest: Manifest) -> str:
    """The libraries that wrote a release, for a sentence."""
    return ", ".join(f"{name} {version}" for name, version in sorted(manifest.written_with.items()))
