"""The ledger: rows and outcome together or not at all, and each unit once, whoever records it how often."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import writing
from mills import MakeCatalog

from schemas.rows import Outcome
from warehouse.address import Address
from warehouse.builds import audit
from warehouse.ledger import Finished, Ledger
from warehouse.store import Store


@pytest.fixture(scope="module", params=("sqlite", "postgres"))
def opened(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, make_catalog: MakeCatalog
) -> Iterator[Store]:
    """An open warehouse on each catalog."""
    store = Store.open(make_catalog(request.param, tmp_path_factory.mktemp("ledger")))
    yield store
    store.close()


@pytest.fixture
async def store(opened: Store) -> Store:
    """The same with empty tables."""
    for table in ("outcomes", "passages", "documents"):
        await opened.write(lambda cursor, name: cursor.execute(f"DELETE FROM {name}"), table)
    return opened


def unit(number: int, **changes: Any) -> Finished:
    """A finished unit of two passages; `changes` are made to its outcome."""
    made: Any = writing.finished(number)
    return Finished(made.outcome.model_copy(update=changes), made.table, made.rows)


def document(item: str, document_id: str, uri: str) -> Finished:
    """A document that was read from one item."""
    outcome = Outcome(
        fingerprint="stp_read",
        unit_id=item,
        step="mine/read",
        subject_id=document_id,
        document_id=document_id,
        status="ok",
        reason="",
        rows=1,
    )
    row = {
        "document_id": document_id,
        "unit_id": item,
        "fingerprint": "stp_read",
        "uri": uri,
        "title": uri,
        "text": "text",
        "media_type": "text/plain",
        "licence": None,
        "sha256": document_id,
        "added_at": None,
    }
    return Finished(outcome, "documents", [row])


async def rows(store: Store, query: str) -> list[tuple[Any, ...]]:
    """The rows of a query."""
    return await store.read(lambda cursor: cursor.execute(query).fetchall())


async def counts(store: Store) -> tuple[int, int]:
    """How many outcomes and passages there are."""
    ((outcomes, passages),) = await rows(
        store, "SELECT (SELECT count(*) FROM outcomes), (SELECT count(*) FROM passages)"
    )
    return outcomes, passages


async def test_what_is_recorded_is_on_disk(store: Store) -> None:
    ledger = Ledger(store)
    await asyncio.gather(*(ledger.record(unit(number)) for number in range(50)))
    assert await counts(store) == (50, 100)
    assert await rows(store, "SELECT DISTINCT status, rows, calls, cost FROM outcomes") == [("ok", 2, 0, 0.0)]
    views = await audit(store)
    assert views["audit_units_with_two_outcomes"] == views["audit_rows_stored_twice"] == 0


async def test_a_unit_recorded_again_stays_as_it_was(store: Store) -> None:
    """Another batch, another ledger: an answer that comes late changes nothing."""
    await Ledger(store).record(unit(1, detail="first"))
    ledger = Ledger(store)
    await ledger.record(unit(1, detail="second"))
    await asyncio.gather(ledger.record(unit(1, detail="third", status="failed")), ledger.record(unit(2)))
    assert await counts(store) == (2, 4)
    assert await rows(store, "SELECT detail FROM outcomes WHERE unit_id = 'doc_1'") == [("first",)]


async def test_the_same_unit_in_another_step_is_another_outcome(store: Store) -> None:
    ledger = Ledger(store)
    other = unit(1, fingerprint="stp_other")
    moved = [row | {"fingerprint": "stp_other", "passage_id": f"{row['passage_id']}x"} for row in other.rows]
    await asyncio.gather(ledger.record(unit(1)), ledger.record(dataclasses.replace(other, rows=moved)))
    assert await counts(store) == (2, 4)


async def test_the_same_unit_twice_in_one_batch_is_recorded_once(store: Store) -> None:
    ledger = Ledger(store)
    await asyncio.gather(ledger.record(unit(1)), ledger.record(unit(1)))
    assert await counts(store) == (1, 2)


async def test_rows_and_outcome_are_recorded_together_or_not_at_all(store: Store) -> None:
    """A row that the table refuses takes its outcome with it, and the ledger goes on."""
    ledger = Ledger(store)
    good, bad = unit(1), unit(2)
    broken = dataclasses.replace(bad, rows=[bad.rows[0], bad.rows[1] | {"text": None}])
    with pytest.raises(Exception, match="NOT NULL"):
        await ledger.record(broken)
    assert await counts(store) == (0, 0)
    await ledger.record(good)
    assert await counts(store) == (1, 2)


async def test_an_outcome_without_rows_is_recorded_too(store: Store) -> None:
    """A filter that wrote nothing for a `no` would have the same units pending for ever."""
    nothing = Finished(unit(1, status="none", reason="nothing_to_ask", rows=0).outcome, "passages", [])
    await Ledger(store).record(nothing)
    assert await counts(store) == (1, 0)


async def test_the_same_text_from_two_files_is_one_document_with_two_outcomes(store: Store) -> None:
    ledger = Ledger(store)
    await asyncio.gather(
        ledger.record(document("itm_2", "doc_a", "b.md")), ledger.record(document("itm_1", "doc_a", "a.md"))
    )
    await ledger.record(document("itm_3", "doc_a", "0.md"))
    assert await rows(store, "SELECT document_id, uri FROM documents") == [("doc_a", "a.md")]
    assert await rows(store, "SELECT count(*) FROM outcomes") == [(3,)]


async def test_a_cancelled_record_does_not_hold_up_the_others(store: Store) -> None:
    ledger = Ledger(store)
    impatient = asyncio.create_task(ledger.record(unit(1)))
    patient = asyncio.create_task(ledger.record(unit(2)))
    await asyncio.sleep(0)
    impatient.cancel()
    await patient
    with pytest.raises(asyncio.CancelledError):
        await impatient
    kept = await counts(store)
    assert kept == (2, 4), "it was under way, so it is kept"


async def test_units_that_finish_together_share_a_commit(lake: Address) -> None:
    store = Store.open(lake)
    before = (await rows(store, "SELECT count(*) FROM ducklake_snapshots('lake')"))[0][0]
    ledger = Ledger(store)
    await asyncio.gather(*(ledger.record(unit(number)) for number in range(400)))
    after = (await rows(store, "SELECT count(*) FROM ducklake_snapshots('lake')"))[0][0]
    store.close()
    assert after - before <= 3


def test_closing_finishes_what_is_under_way(lake: Address) -> None:
    """And the lease is free again, the scratch folder gone."""

    async def record() -> None:
        store = Store.open(lake)
        await Ledger(store).record(unit(1))
        store.close()

    asyncio.run(record())
    asyncio.run(record())
    assert [path.name for path in (lake.root / "scratch").iterdir()] == []


def test_the_scratch_of_a_dead_build_is_swept(lake: Address) -> None:
    left: Path = lake.root / "scratch" / "build-dead"
    left.mkdir(parents=True)
    (left / "plan.duckdb").write_text("old")
    store = Store.open(lake)
    assert not left.exists()
    store.close()
