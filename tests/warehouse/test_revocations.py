"""Revocations in the tables: what each kind covers, what is told of releases, and that nothing is revoked by halves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from mills import MakeCatalog

from schemas.errors import RequestError, WarehouseError
from warehouse.address import Address
from warehouse.connection import SQL, connect
from warehouse.revocations import (
    Wanted,
    affected_releases,
    lift,
    list_revocations,
    revocations_of,
    revoke,
)
from warehouse.store import Store

# document: its uri now, its licence; the places where builds found it lie in `LISTED`.
DOCUMENTS = {
    "doc_1": ("bad/a.md", "CC-BY-4.0"),
    "doc_2": ("good/b.md", "MIT"),
    "doc_3": ("good/c.md", None),
    "doc_4": ("hf:org/name/train#row=3", "cc-by-4.0"),
    "doc_5": ("good/c.txt", "X"),
}
SAME_TEXT = {"doc_5": "doc_3"}
LISTED = [("bad/a.md", "doc_1"), ("good/b.md", "doc_2"), ("bad/b-copy.md", "doc_2"), ("good/c.md", "doc_3"),
          ("good/b.md", "doc_1"), ("hf:org/name/train#row=3", "doc_4")]  # fmt: skip
PAIRS = {"par_1": "doc_1", "par_2": "doc_2", "par_3": "doc_2", "par_4": "doc_3"}
RELEASES = {"old": ["par_1", "par_2", "par_3", "par_4"], "new": ["par_4"], "other": ["par_3", "par_4"]}


def plant(cursor: Any) -> None:
    """A small warehouse, written past the ledger."""
    stamp = "'u', 'f'"
    for document_id, (uri, licence) in DOCUMENTS.items():
        said = "NULL" if licence is None else f"'{licence}'"
        cursor.execute(
            "INSERT INTO documents (document_id, unit_id, fingerprint, uri, text, sha256, licence) "
            f"VALUES ('{document_id}', {stamp}, '{uri}', 't', '{SAME_TEXT.get(document_id, document_id)}', {said})"
        )
    for number, (uri, document_id) in enumerate(LISTED):
        cursor.execute(f"INSERT INTO listings VALUES ('lst_1', '{uri}', 'itm_{number}')")
        cursor.execute(
            "INSERT INTO outcomes (fingerprint, unit_id, step, subject_id, document_id, status, reason) "
            f"VALUES ('f', 'itm_{number}', 'mine/read', '{document_id}', '{document_id}', 'ok', '')"
        )
    for pair_id, document_id in PAIRS.items():
        cursor.execute(
            "INSERT INTO pairs (pair_id, unit_id, fingerprint, document_id, prompt_id, chosen_id, rejected_id) "
            f"VALUES ('{pair_id}', {stamp}, '{document_id}', 'prm_{document_id[-1]}', 'rsp_1', 'rsp_2')"
        )
    for number, (release, pairs) in enumerate(RELEASES.items()):
        cursor.execute(
            "INSERT INTO releases (release, release_id, recipe, status, pairs, documents, build_id, folder, "
            "manifest_sha256, created_at) "
            f"VALUES ('{release}', 'rel_{number}', 'r', 'published', {len(pairs)}, 1, 'build-1', 'x', '', '2026-11-2{number}')"
        )
        cursor.executemany("INSERT INTO release_rows VALUES (?, ?, 'train')", [[release, pair] for pair in pairs])


@pytest.fixture(scope="module", params=("sqlite", "postgres"))
def planted(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, make_catalog: MakeCatalog
) -> Iterator[Store]:
    """An open warehouse with five documents and three releases."""
    address = make_catalog(request.param, tmp_path_factory.mktemp("revoked"))
    Store.open(address).close()
    with connect(address) as connection:
        plant(connection)
    opened = Store.open(address)
    yield opened
    opened.close()


@pytest.fixture
async def store(planted: Store) -> AsyncIterator[Store]:
    """The same, with nothing revoked; it is left like that."""
    yield planted
    for table in ("revocations", "revocation_documents"):
        await planted.write(lambda cursor, table=table: cursor.execute(f"DELETE FROM {table}"))
    await planted.write(lambda cursor: cursor.execute("UPDATE documents SET licence = 'MIT' WHERE document_id = 'doc_2'"))


async def covered(store: Store) -> dict[str, set[str]]:
    """The revoked documents, each with the values that it is revoked by."""
    found: dict[str, set[str]] = {}
    query = "SELECT document_id, value FROM revoked_documents"
    for document_id, value in await store.read(lambda cursor: cursor.execute(query).fetchall()):
        found.setdefault(document_id, set()).add(value)
    return found


# What is revoked, and the documents that this covers: by every name that a build has ever found them under.
COVERS: dict[str, tuple[Wanted, set[str]]] = {
    "a place": (Wanted("document", "bad/b-copy.md"), {"doc_2"}),
    "a text that is there as two kinds": (Wanted("document", "good/c.md"), {"doc_3", "doc_5"}),
    "a licence of one of the two": (Wanted("licence", "X"), {"doc_5"}),
    "a place that held two texts": (Wanted("document", "good/b.md"), {"doc_1", "doc_2"}),
    "an id": (Wanted("document", "doc_1"), {"doc_1"}),
    "the id of a pair": (Wanted("document", "par_3"), {"doc_2"}),
    "a folder": (Wanted("source", "bad"), {"doc_1", "doc_2"}),
    "a dataset": (Wanted("source", "hf:org/name"), {"doc_4"}),
    "a licence, however it is written": (Wanted("licence", "cc-BY-4.0"), {"doc_1", "doc_4"}),
}


@pytest.mark.parametrize("name", COVERS)
async def test_what_a_revocation_covers(store: Store, name: str) -> None:
    wanted, documents = COVERS[name]
    (made,) = await revoke(store, [wanted])
    assert set(await covered(store)) == documents
    assert made.documents == len(documents)
    assert made.kind == wanted.kind


async def test_several_are_told_apart_and_lifted_one_by_one(store: Store) -> None:
    made = await revoke(store, [Wanted("source", "bad"), Wanted("licence", "MIT"), Wanted("source", "bad")], "a reason")
    assert {row.note for row in made} == {"a reason"}
    assert await covered(store) == {"doc_1": {"bad"}, "doc_2": {"bad", "MIT"}}
    by_value = {row.value: row.revocation_id for row in made}
    assert [row.value for row in await lift(store, [by_value["bad"]])] == ["bad"]
    assert await covered(store) == {"doc_2": {"MIT"}}
    rows = await store.read(list_revocations)
    assert {row.value: (row.lifted_at is None, row.documents) for row in rows} == {"bad": (False, 0), "MIT": (True, 1)}


async def test_an_id_is_of_kind_and_value_and_a_lifted_revocation_leaves_its_row(store: Store) -> None:
    (first,) = await revoke(store, [Wanted("licence", "MIT")])
    (again,) = await revoke(store, [Wanted("licence", "mit")], "said later")
    assert again.revocation_id == first.revocation_id
    assert (again.revoked_at, again.note) == (first.revoked_at, "said later")
    await lift(store, [first.revocation_id])
    (anew,) = await revoke(store, [Wanted("licence", "MIT")])
    assert anew.revocation_id == first.revocation_id
    rows = await store.read(list_revocations)
    assert [row.lifted_at is None for row in rows] == [True, False], "the first is kept, with the day it was lifted"
    (named,) = await revoke(store, [Wanted("document", "good/b.md")])
    assert named.revocation_id != first.revocation_id
    assert await covered(store) == {"doc_1": {"good/b.md"}, "doc_2": {"good/b.md", "MIT"}}


async def test_a_document_that_takes_another_licence_is_no_longer_under_the_revoked_one(store: Store) -> None:
    await revoke(store, [Wanted("licence", "MIT")])
    await store.write(lambda cursor: cursor.execute("UPDATE documents SET licence = 'X' WHERE document_id = 'doc_2'"))
    assert await covered(store) == {}


async def test_releases_with_rows_from_revoked_documents_are_affected(store: Store) -> None:
    assert await store.read(affected_releases) == []
    made = await revoke(store, [Wanted("source", "bad"), Wanted("document", "good/c.md")])
    by_value = {row.value: row.revocation_id for row in made}

    async def counts(by: list[str] | None = None) -> list[tuple[str, int, int, int]]:
        rows = await store.read(affected_releases, by)
        return [(row.release, row.pairs, row.affected_pairs, row.affected_documents) for row in rows]

    assert await counts() == [("other", 2, 2, 2), ("new", 1, 1, 1), ("old", 4, 4, 3)]
    assert await counts([by_value["bad"]]) == [("other", 2, 1, 1), ("old", 4, 3, 2)]
    view = "SELECT release, pairs, affected_pairs, affected_documents FROM affected_releases"
    assert await store.read(lambda cursor: cursor.execute(view).fetchall()) == await counts()
    assert [row["value"] for row in await store.read(revocations_of, "doc_2")] == ["bad"]
    await lift(store, list(by_value.values()))
    assert await counts() == []


WRONG = {
    "a uri": (Wanted("document", "bad/a.m"), "did you mean `bad/a.md`"),
    "a folder": (Wanted("source", "bax"), "did you mean `bad`"),
    "a licence": (Wanted("licence", "CC-BY-NC-4.0"), "did you mean `CC-BY-4.0`"),
    "a licence like no other": (Wanted("licence", "zlib"), "there is: CC-BY-4.0, MIT, X, cc-by-4.0"),
    "an id": (Wanted("document", "par_9"), "is not among the pairs"),
    "a word that only begins like an id": (Wanted("document", "doc"), "no build has found a document at 'doc'"),
}


@pytest.mark.parametrize("name", WRONG)
async def test_what_names_no_document_revokes_nothing_at_all(store: Store, name: str) -> None:
    wanted, words = WRONG[name]
    with pytest.raises(RequestError, match=words):
        await revoke(store, [Wanted("licence", "MIT"), wanted])
    assert await store.read(list_revocations) == []


async def test_what_does_not_hold_cannot_be_lifted(store: Store) -> None:
    (made,) = await revoke(store, [Wanted("licence", "MIT")])
    with pytest.raises(RequestError, match=f"no revocation 'rev_0' holds; .*{made.revocation_id}"):
        await lift(store, [made.revocation_id, "rev_0"])
    assert set(await covered(store)) == {"doc_2"}
    await lift(store, [made.revocation_id])
    with pytest.raises(RequestError, match=f"no revocation '{made.revocation_id}' holds; see `prefmill revoke --list`"):
        await lift(store, [made.revocation_id])


async def test_a_warehouse_from_before_revocations_says_so_until_it_is_opened(
    lake: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    import warehouse.connection

    folder = lake.root / "sql"
    folder.mkdir(parents=True)
    for file in SQL.glob("0*.sql"):
        if file.name < "005":
            (folder / file.name).write_bytes(file.read_bytes())
    (folder / "views.sql").write_text("SELECT 1;")
    with monkeypatch.context() as patch:
        patch.setattr(warehouse.connection, "SQL", folder)
        Store.open(lake).close()
    with pytest.raises(WarehouseError, match="is from an earlier prefmill; `prefmill tidy` or any build brings it up to date"):
        connect(lake, read_only=True)
    Store.open(lake).close()
    with connect(lake, read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM revoked_documents").fetchone() == (0,)
        assert list_revocations(connection) == []


def test_a_revocation_makes_no_warehouse(lake: Address) -> None:
    from flows.revoking import listed

    with pytest.raises(WarehouseError, match="there is no warehouse in"):
        listed(lake)
    assert not lake.root.exists()
