"""Commands about releases as versions: one of them, two of them, one that is taken back, and the room that they take."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.commands.options import AsJson, Warehouse, address_of, console
from schemas.errors import RequestError

if TYPE_CHECKING:
    from warehouse.releases import ReleaseRow

Name = Annotated[str, typer.Argument(help="A release's name, or `latest`.", show_default=False)]


def show(release: Name, warehouse: Warehouse = None, as_json: AsJson = False) -> None:
    """Show one release: its recipe, gates, counts, splits, models and steps, and whether its files are intact.

    Example: `prefmill show latest`
    """
    from flows.version_tables import release_sight, release_tables
    from warehouse.guest import guest

    address = address_of(warehouse)
    with guest(address) as cursor:
        sight = release_sight(cursor, address.root, release)
    if as_json:
        print(json.dumps(sight, default=str))
    else:
        for each in release_tables(sight):
            console().print(each)


def diff(
    a: Annotated[str, typer.Argument(help="The earlier release, or `latest`.", show_default=False)],
    b: Annotated[str, typer.Argument(help="The later one.", show_default=False)],
    limit: Annotated[int, typer.Option("--limit", min=0, help="How many examples of each reason.")] = 1,
    warehouse: Warehouse = None,
    as_json: AsJson = False,
) -> None:
    """Say what differs between two releases: pairs that were added, removed, relabelled or rewritten, and why.

    Example: `prefmill diff mill-2026-11-20 latest`
    """
    from dataclasses import asdict

    from flows.version_tables import difference_tables
    from warehouse.differences import compare, comparer

    address = address_of(warehouse)
    with comparer(address) as cursor:
        found = compare(cursor, a, b, root=address.root, limit=limit)
    if as_json:
        sides = {side: getattr(found, side).release for side in ("a", "b")}
        print(json.dumps(asdict(found) | sides, default=str))
    else:
        for each in difference_tables(found):
            console().print(each)


def withdraw(
    release: Annotated[str, typer.Argument(help="A release's name.", show_default=False)],
    note: Annotated[
        str | None, typer.Option("--note", help="Why, for those who ask later.", show_default=False)
    ] = None,
    lift: Annotated[bool, typer.Option("--lift", help="End the withdrawal.")] = False,
    warehouse: Warehouse = None,
    as_json: AsJson = False,
) -> None:
    """Take a release back: `latest` is the one before again, and nobody exports it by accident. Nothing is deleted.

    Example: `prefmill withdraw mill-2026-11-20 --note "the judge saw the gold answers"`
    """
    import asyncio

    from flows import keeping

    address = address_of(warehouse)
    if lift:
        if note is not None:
            raise RequestError("--note says why a release is withdrawn; it does not go with --lift")
        row = asyncio.run(keeping.lift(address, release))
        _say_release(row, f"{row.release} is {row.status} again", as_json=as_json)
        return
    if note is None:
        raise RequestError("say why with --note, for those who ask later, or end a withdrawal with --lift")
    row = asyncio.run(keeping.withdraw(address, release, note))
    undo = f"undo it with `prefmill withdraw {row.release} --lift`"
    _say_release(
        row, f"{row.release} is withdrawn; its rows and files stay where they are, and {undo}", as_json=as_json
    )


def tidy(
    keep_days: Annotated[
        float, typer.Option("--keep-days", help="Keep every snapshot that is younger than so many days.")
    ] = 30,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and change nothing.")] = False,
    warehouse: Warehouse = None,
    as_json: AsJson = False,
) -> None:
    """Merge small files, let old snapshots expire and delete files that nothing needs; what a release pins stays.

    Example: `prefmill tidy --keep-days 90`
    """
    import asyncio
    from dataclasses import asdict

    from flows import keeping
    from flows.show import counted

    done = asyncio.run(keeping.tidy(address_of(warehouse), keep_days, dry_run=dry_run))
    if as_json:
        print(json.dumps(asdict(done)))
        return
    would = "would be " if dry_run else ""
    releases = f"{done.kept:,} stay, {done.pinned:,} of them for releases"
    for line in (
        *([] if dry_run else [f"{counted(done.merged, 'small file')} merged"]),
        f"{counted(done.expired, 'snapshot')} {would}expired; {releases}",
        f"{counted(done.deleted, 'file')} that no snapshot needs, {would}deleted",
        f"{counted(done.orphans, 'file')} of commits that never landed, {would}deleted",
        f"{_megabytes(done.bytes_free)} {would}free, of {_megabytes(done.bytes_before)}",
    ):
        _say(line)
    if dry_run:
        _say("merging small files frees more; how much is seen when it is done")


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"


def _say_release(row: ReleaseRow, sentence: str, *, as_json: bool) -> None:
    from flows.sights import release_as_dict

    if as_json:
        print(json.dumps(release_as_dict(row), default=str))
    else:
        _say(sentence)


def _say(text: Any) -> None:
    console().print(text, highlight=False, markup=False, soft_wrap=True)
