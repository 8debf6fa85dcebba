"""Withdrawing a release, lifting that, and upkeep: one warehouse opened for one request that writes."""

from __future__ import annotations

from pathlib import Path

from schemas.errors import RequestError
from warehouse import upkeep, withdrawals
from warehouse.address import Address
from warehouse.connection import require
from warehouse.releases import ReleaseRow
from warehouse.store import Store
from warehouse.upkeep import Upkeep


async def withdraw(address: Address, release: str, note: str) -> ReleaseRow:
    """Withdraw a release; raises `Busy` beside a build."""
    store = _open(address)
    try:
        return await withdrawals.withdraw(store, release, note)
    finally:
        store.close()


async def lift(address: Address, release: str) -> ReleaseRow:
    """End the withdrawal of a release."""
    store = _open(address)
    try:
        return await withdrawals.lift(store, release)
    finally:
        store.close()


async def tidy(address: Address, keep_days: float, *, dry_run: bool) -> Upkeep:
    """Upkeep of a warehouse's files; raises `Busy` beside a build."""
    if keep_days < 0:
        raise RequestError(f"--keep-days {keep_days:g} is below 0; give the days whose snapshots stay")
    store = _open(address)
    try:
        data = Path(address.data)
        return await store.write(lambda cursor: upkeep.tidy(cursor, data, keep_days=keep_days, dry_run=dry_run))
    finally:
        store.close()


def _open(address: Address) -> Store:
    """The warehouse, if there is one: none of these makes one."""
    require(address)
    return Store.open(address)
