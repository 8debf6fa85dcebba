"""The lease: one writer at a time, known by name, and a dead one loses it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from subprocess import Popen

import pytest
import writing
from mills import PASSWORD, MakeCatalog, written

from schemas.errors import Busy, PrefmillError
from warehouse.address import Address
from warehouse.guest import guest
from warehouse.lease import Lease
from warehouse.ledger import Ledger
from warehouse.store import Store

PATIENCE_SECONDS = 20


@pytest.fixture
def writer(catalog: Address) -> Iterator[Popen[str]]:
    """Another process that holds the lease."""
    process = writing.start("hold", written(catalog))
    yield process
    process.kill()
    process.wait()


def test_a_second_writer_is_told_who_writes(catalog: Address, writer: Popen[str]) -> None:
    with pytest.raises(Busy) as caught:
        Store.open(catalog)
    assert catalog.shown in str(caught.value)
    assert PASSWORD not in str(caught.value)
    assert caught.value.exit_code == 1
    if not catalog.is_postgres:
        assert f"process {writer.pid} on " in str(caught.value)
    with guest(catalog) as cursor:
        assert cursor.execute("SELECT count(*) FROM outcomes").fetchone() == (0,)

    writer.kill()
    writer.wait()
    open_within(catalog, PATIENCE_SECONDS).close()


def open_within(address: Address, seconds: float) -> Store:
    """The store, as soon as the server has seen that the other process is gone."""
    until = time.monotonic() + seconds
    while True:
        try:
            return Store.open(address)
        except Busy:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def test_a_second_writer_in_the_same_process_is_refused_too(catalog: Address) -> None:
    first = Store.open(catalog)
    with pytest.raises(Busy):
        Store.open(catalog)
    first.close()
    Store.open(catalog).close()


async def test_a_writer_whose_lease_is_gone_writes_no_more(tmp_path: Path, make_catalog: MakeCatalog) -> None:
    """A server that restarts, a firewall that drops what is idle: another process may be writing by now."""
    import psycopg

    address = make_catalog("postgres", tmp_path)
    first = Store.open(address)
    with psycopg.connect(written(address).split("?")[0], autocommit=True) as session:
        session.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'prefmill writer'"
        )
    second = open_within(address, PATIENCE_SECONDS)
    try:
        with pytest.raises(PrefmillError):
            await Ledger(first).record(writing.finished(1))
    finally:
        first.close()
        second.close()


def test_a_lease_given_back_twice_is_given_back(catalog: Address) -> None:
    lease = Lease(catalog)
    lease.acquire()
    lease.release()
    lease.release()
    again = Lease(catalog)
    again.acquire()
    again.release()


def test_a_warehouse_that_cannot_be_opened_does_not_keep_the_lease(lake: Address) -> None:
    from schemas.errors import WarehouseError

    lake.root.mkdir(parents=True)
    (lake.root / "catalog.sqlite").write_text("this is no database, but long enough to look at" * 50)
    for _ in range(2):
        with pytest.raises(WarehouseError, match="cannot be opened"):
            Store.open(lake)
    (lake.root / "catalog.sqlite").unlink()
    Store.open(lake).close()


def test_warehouses_are_leased_one_by_one(tmp_path_factory: pytest.TempPathFactory) -> None:
    from warehouse.address import resolve_address

    stores = [Store.open(resolve_address(str(tmp_path_factory.mktemp("lake")))) for _ in range(2)]
    for store in stores:
        store.close()
