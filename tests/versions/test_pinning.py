"""A release stays what it is: later builds, upkeep and expired snapshots change neither its bytes nor its rows."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

import builds
import pytest
from mills import DOCUMENTS

from pipeline.land.export import export_release
from schemas.errors import WarehouseError
from warehouse.address import Address
from warehouse.connection import connect
from warehouse.guest import guest, locked_guest, run_sql
from warehouse.releases import find_release
from warehouse.store import Store
from warehouse.travel import moments, snapshot_of
from warehouse.upkeep import Upkeep, tidy

THEN = "SELECT count(*), md5(string_agg(pair_id, '' ORDER BY pair_id)) FROM pairs AT (RELEASE => '{}')"


async def tidied(address: Address, **words: Any) -> Upkeep:
    """Upkeep by the one writer."""
    store = Store.open(address)
    try:
        return await store.write(lambda cursor: tidy(cursor, Path(address.data), **words))
    finally:
        store.close()


def sums_of(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def answered(address: Address, query: str) -> list[tuple[Any, ...]]:
    """What a guest is told."""
    with locked_guest(address) as connection:
        return list(run_sql(connection, query)[1])


def export(address: Address, release: str, to: Path) -> dict[str, str]:
    """The sums of an export of a release, written anew."""
    shutil.rmtree(to, ignore_errors=True)
    with guest(address) as cursor:
        folder = address.root / find_release(cursor, release).folder
    export_release(folder, to)
    return sums_of(to)


async def test_a_release_outlives_builds_upkeep_and_snapshots(
    tmp_path: Path, documents: Path, catalog: Address
) -> None:
    recipe = builds.write_recipe(tmp_path)
    first = await builds.run(recipe, documents, catalog)
    assert first.landed is not None
    name = first.landed.release.release
    files = sums_of(catalog.root / first.landed.release.folder)
    exported = export(catalog, name, tmp_path / "export")
    then = answered(catalog, THEN.format(name))

    for number in range(3):
        (documents / f"more-{number}.md").write_text(DOCUMENTS["gearing.md"].replace("mill", f"mill {number}"))
        assert (await builds.run(recipe, documents, catalog)).problem is None
    (Path(catalog.data) / "main" / "pairs" / "of-a-dead-commit.parquet").write_bytes(b"x" * 1000)

    foreseen = await tidied(catalog, keep_days=0, dry_run=True)
    assert (foreseen.dry_run, foreseen.orphans) == (True, 1)
    assert answered(catalog, "SELECT count(*) > 50 FROM ducklake_snapshots('lake')") == [(True,)]
    young = await tidied(catalog, keep_days=1)
    assert (young.expired, young.orphans) == (0, 1)
    done = await tidied(catalog, keep_days=0)
    assert done.expired >= foreseen.expired > 0
    assert done.pinned == 8  # the one before and the one in which it is visible, of four releases
    assert young.deleted + done.deleted > 0
    assert foreseen.bytes_free >= 1000  # the whole may have grown: small commits lie in the catalog until they are merged
    again = await tidied(catalog, keep_days=0)
    assert (again.merged, again.expired, again.deleted, again.orphans) == (0, 0, 0, 0)

    builds.leave()
    assert answered(catalog, THEN.format(name)) == then
    with guest(catalog) as cursor:
        assert len(moments(cursor)) == 4
    assert export(catalog, name, tmp_path / "export") == exported
    assert sums_of(catalog.root / first.landed.release.folder) == files
    assert set(builds.audits(catalog).values()) == {0}
    assert (await builds.run(recipe, documents, catalog)).calls == 0

    # And when somebody expires everything by hand, as nobody should, its files are still what they were.
    connection = connect(catalog)
    connection.execute("SELECT count(*) FROM ducklake_expire_snapshots('lake', older_than => now())").fetchall()
    connection.execute("SELECT count(*) FROM ducklake_cleanup_old_files('lake', cleanup_all => true)").fetchall()
    connection.close()
    builds.leave()
    with pytest.raises(
        WarehouseError, match=f"the snapshot of the release '{name}' has expired.*prefmill export {name}"
    ):
        answered(catalog, THEN.format(name))
    with guest(catalog) as cursor, pytest.raises(WarehouseError, match="has expired"):
        snapshot_of(cursor, name)
    assert export(catalog, name, tmp_path / "export") == exported
    assert sums_of(catalog.root / first.landed.release.folder) == files


async def test_upkeep_of_a_new_warehouse_does_nothing(lake: Address) -> None:
    done = await tidied(lake, keep_days=30)
    assert (done.expired, done.deleted, done.orphans, done.pinned) == (0, 0, 0, 0)
