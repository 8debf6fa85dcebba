"""Revoking, lifting and listing: one warehouse opened for one request."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.sources.files import name_path
from pipeline.sources.text import tidy_licence
from schemas.errors import RequestError
from warehouse import revocations
from warehouse.address import Address
from warehouse.connection import require
from warehouse.guest import guest
from warehouse.revocations import Affected, Revocation, Wanted, affected_releases, list_revocations
from warehouse.sources import tidy_source
from warehouse.store import Store


def wanted_of(documents: Sequence[str], licences: Sequence[str], sources: Sequence[str]) -> list[Wanted]:
    """What is to be revoked, written as the warehouse writes it; raises `RequestError` for an empty name."""
    for option, values in (("document", documents), ("licence", licences), ("source", sources)):
        if not all(value.strip() for value in values):
            raise RequestError(f"--{option} is given an empty name, which names nothing")
    return [
        *(Wanted("document", value if "://" in value else name_path(Path(value))) for value in documents),
        *(Wanted("licence", tidy_licence(value) or "") for value in licences),
        *(Wanted("source", tidy_source(value)) for value in sources),
    ]


async def revoke(address: Address, wanted: Sequence[Wanted], note: str) -> tuple[list[Revocation], list[Affected]]:
    """Revoke; returns the revocations, and the releases with rows from what they cover. Raises `Busy` beside a build."""
    store = _open(address)
    try:
        revoked = await revocations.revoke(store, wanted, note)
        return revoked, await store.read(affected_releases, [row.revocation_id for row in revoked])
    finally:
        store.close()


async def lift(address: Address, revocation_ids: Sequence[str]) -> list[Revocation]:
    """End revocations, all or none; returns them as they were."""
    store = _open(address)
    try:
        return await revocations.lift(store, revocation_ids)
    finally:
        store.close()


def listed(address: Address) -> list[Revocation]:
    """All revocations, newest first."""
    with guest(address) as cursor:
        return list_revocations(cursor)


def _open(address: Address) -> Store:
    """The warehouse, if there is one: a revocation makes none."""
    require(address)
    return Store.open(address)
