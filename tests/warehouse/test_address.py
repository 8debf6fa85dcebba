"""Addresses of warehouses: what they mean, what is wrong with them, and that no message shows a password."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.errors import WarehouseError
from warehouse.address import Address, resolve_address
from warehouse.guest import guest, locked_guest, run_sql
from warehouse.lease import Lease
from warehouse.store import Store

SECRET = "s3cret"


def test_a_folder_is_an_sqlite_catalog_inside_it(tmp_path: Path) -> None:
    address = resolve_address(str(tmp_path / "mill"))
    assert address.catalog == f"sqlite:{tmp_path}/mill/catalog.sqlite"
    assert (address.root, address.data, address.is_postgres) == (tmp_path / "mill", f"{tmp_path}/mill/data/", False)
    assert address.releases == tmp_path / "mill" / "releases"


def test_without_a_name_it_is_the_one_of_the_environment_or_the_folder_lake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert resolve_address().root == tmp_path / "lake"
    monkeypatch.setenv("PREFMILL_WAREHOUSE", str(tmp_path / "mill"))
    assert resolve_address().root == tmp_path / "mill"
    assert resolve_address(str(tmp_path / "asked")).root == tmp_path / "asked"


def test_a_home_folder_may_be_written_with_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert resolve_address("~/mill").root == tmp_path / "mill"


def test_a_postgres_address_becomes_words_for_libpq(tmp_path: Path) -> None:
    address = resolve_address(f"postgresql://ann:{SECRET}@db.example:5433/mill?sslmode=require&data={tmp_path}/files")
    assert address.catalog == ("postgres:dbname=mill host=db.example port=5433 user=ann sslmode=require")
    assert (address.root, address.is_postgres) == (tmp_path / "files", True)


def test_the_files_of_a_postgres_warehouse_may_be_named_by_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert resolve_address("postgres://host/mill").root == tmp_path / "lake-mill"
    monkeypatch.setenv("PREFMILL_DATA", str(tmp_path / "files"))
    assert resolve_address("postgres://host/mill").root == tmp_path / "files"


@pytest.mark.parametrize(("written", "meant"), [("p%40ss", "p@ss"), ("p%20w", "p w"), ("it%27s", "it's")])
def test_a_password_may_hold_any_sign_and_stays_out_of_the_words(written: str, meant: str) -> None:
    address = resolve_address(f"postgresql://ann:{written}@host/mill")
    assert address.password == meant
    assert "password" not in address.catalog


@pytest.mark.parametrize(
    ("address", "words"),
    [
        (f"mysql://ann:{SECRET}@host/mill", "neither a folder nor a `postgresql://` address"),
        (f"s3://ann:{SECRET}@bucket/mill", "neither a folder nor a `postgresql://` address"),
        (f"postgresql://ann:{SECRET}@host/", "names no database"),
        (f"postgresql://ann:{SECRET}@host", "names no database"),
        (f"postgresql://ann:{SECRET}@host:x/mill", "a host or port that cannot be read"),
        (f"postgresql://ann:{SECRET}@host:99999/mill", "a host or port that cannot be read"),
        (f"postgresql://ann:{SECRET}@host/mill?colour=blue", "unknown option 'colour'"),
        (f"postgresql://ann@host/mill?password={SECRET}", "unknown option 'password'"),
    ],
)
def test_an_address_that_leads_nowhere_is_one_sentence_without_its_password(address: str, words: str) -> None:
    with pytest.raises(WarehouseError) as caught:
        resolve_address(address)
    assert words in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_file_is_no_warehouse(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WarehouseError, match="is a file; give a folder"):
        resolve_address(str(tmp_path / "file"))


def test_a_folder_below_a_file_is_a_warehouse_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WarehouseError):
        Store.open(resolve_address(str(tmp_path / "file" / "mill")))


@pytest.mark.parametrize("address", [f"postgresql://ann:{SECRET}@host/mill", f"postgresql://:{SECRET}@host/mill"])
def test_what_people_see_of_an_address_has_no_password(address: str) -> None:
    assert SECRET not in resolve_address(address).shown


@pytest.mark.parametrize(
    "address",
    [f"postgresql://ann:p@{SECRET}@host/mill", f"postgresql://ann:{SECRET}/mill", f"postgresql://ann:{SECRET}"],
)
def test_a_password_is_masked_however_the_address_is_written(address: str) -> None:
    try:
        seen = resolve_address(address).shown
    except WarehouseError as problem:
        seen = str(problem)
    assert SECRET not in seen


def test_an_address_shows_no_password_when_it_is_printed() -> None:
    assert SECRET not in repr(resolve_address(f"postgresql://ann:{SECRET}@host/mill"))


def test_a_broken_host_is_a_warehouse_error() -> None:
    with pytest.raises(WarehouseError):
        resolve_address("postgresql://[::1/mill")


def nobody_listens(password: str, tmp_path: Path) -> Address:
    """An address on this machine that nobody answers."""
    return resolve_address(f"postgresql://ann:{password}@127.0.0.1:9/mill?connect_timeout=2&data={tmp_path}")


@pytest.mark.parametrize("password", ["s3cret", "s3cret%20Zeile", "s3cret%5C"])
def test_a_server_that_does_not_answer_is_one_sentence_without_the_password(tmp_path: Path, password: str) -> None:
    address = nobody_listens(password, tmp_path)
    with pytest.raises(WarehouseError) as writing:
        Lease(address).acquire()
    with pytest.raises(WarehouseError) as reading, guest(address):
        pass
    for message in (str(writing.value), str(reading.value)):
        assert "postgresql://ann:…@127.0.0.1:9/mill" in message
        assert "s3cret" not in message
        assert "Zeile" not in message


def test_a_password_with_a_quotation_mark_is_masked_as_a_whole(tmp_path: Path) -> None:
    with pytest.raises(WarehouseError) as caught, guest(nobody_listens("it%27s3cret", tmp_path)):
        pass
    assert "s3cret" not in str(caught.value)


def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    address = resolve_address(str(tmp_path / 'it\'s a "Mühle" 粉; 100% $HOME'))
    Store.open(address).close()
    with locked_guest(address) as connection:
        assert list(run_sql(connection, "SELECT count(*) FROM pairs")[1]) == [(0,)]
