"""A release of a warehouse on its way to the hub: what forbids it, the export, and the push."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.hub.push import Destination, Pushed, Say
    from warehouse.address import Address


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be pushed, in which layouts (all, where none is named), and what its publisher says of it.

    `held` takes a release that failed a gate as it is, `licence` is the one of the set.
    """

    release: str
    repo_id: str
    layouts: tuple[str, ...] = ()
    held: bool = False
    licence: str | None = None


def push(address: Address, wish: Wish, to: Destination, *, shows_bars: bool = False, say: Say = print) -> Pushed:
    """Export a release into a folder beside the warehouse and push that; everything is checked before the network.

    Raises `RequestError` for what must not or cannot be pushed, and `BuildError` where the hub did not let it end.
    """
    from pipeline.hub import refusals
    from pipeline.hub.client import Client
    from pipeline.hub.push import declare_licence, push_export
    from pipeline.land.export import export_release
    from pipeline.land.files import read_release
    from pipeline.land.folders import stage
    from pipeline.land.layouts import choose
    from warehouse.guest import guest
    from warehouse.releases import find_release
    from warehouse.revocations import affected_releases

    choose(wish.layouts)
    refusals.check_repo_id(wish.repo_id)
    refusals.check_branch(to.branch)
    with guest(address) as cursor:
        row = find_release(cursor, wish.release)
        affected = sum(each.affected_pairs for each in affected_releases(cursor) if each.release == row.release)
    folder = address.root / row.folder
    refusals.check_status(row.release, row.status, held=wish.held)
    refusals.check_revoked(row.release, affected, row.pairs)
    manifest = read_release(folder)
    refusals.check_files(manifest, folder)
    refusals.check_rehearsal(manifest)
    refusals.check_licences(manifest, folder, wish.licence)
    client = Client(wish.repo_id, shows_bars=shows_bars)
    # The workspace goes with its writer; after a kill the next push of this release clears it.
    with stage(address.root.resolve() / f"push-{row.release}") as under_way:
        export_release(folder, under_way.folder, layouts=wish.layouts)
        if wish.licence is not None:
            declare_licence(under_way.folder, wish.licence)
        return push_export(under_way.folder, client, to, say)


def say_on_stderr(words: str) -> None:
    """A word that is no part of the result."""
    print(f"prefmill: {words}", file=sys.stderr)
