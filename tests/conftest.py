"""Fixtures for all tests: warehouses on both catalogs, and small real documents."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import builds
import hypothesis
import pytest
from mills import PASSWORD, WRITTEN, MakeCatalog, Mill, write_documents
from postgres_server import PostgresServer, find_binaries, start_server
from typed import Run, Said

from flows import cli
from warehouse.address import Address, resolve_address

OURS = ("PREFMILL_WAREHOUSE", "PREFMILL_DATA", "PREFMILL_MODEL", "OPENAI_BASE_URL", "OPENAI_API_KEY")
CATALOGS = ("sqlite", "postgres")

# The same examples on every machine, nothing kept between runs, and no clock: these machines are shared.
hypothesis.settings.register_profile("prefmill", deadline=None, derandomize=True, database=None, max_examples=60)
hypothesis.settings.load_profile("prefmill")


@pytest.fixture(autouse=True)
def _guests_leave() -> Iterator[None]:
    """Nobody reads a warehouse longer than the test that looked into it."""
    yield
    builds.leave()


@pytest.fixture(autouse=True)
def _no_settings_of_the_developer(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads a warehouse, a server or a key that the shell happens to name."""
    for name in OURS:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def lake(tmp_path: Path) -> Address:
    """The address of a fresh warehouse on an SQLite catalog."""
    return resolve_address(str(tmp_path / "lake"))


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One PostgreSQL server for the session, on loopback and a free port; its data dies with it."""
    binaries = find_binaries()
    if binaries is None:
        if os.environ.get("PREFMILL_REQUIRE_POSTGRES") == "1":
            pytest.fail("no PostgreSQL server is installed; apt-get install postgresql")
        pytest.skip("no PostgreSQL server is installed; apt-get install postgresql")
    with start_server(binaries, PASSWORD) as server:
        yield server


@pytest.fixture(scope="session")
def make_catalog(request: pytest.FixtureRequest) -> MakeCatalog:
    """Makes the address of a fresh warehouse in a folder, on the catalog of that name."""

    def make(kind: str, folder: Path) -> Address:
        if kind == "sqlite":
            return resolve_address(str(folder / "lake"))
        server: PostgresServer = request.getfixturevalue("postgres")
        url = f"{server.new_database()}?data={folder / 'lake'}"
        address = resolve_address(url)
        WRITTEN[address.catalog] = url
        return address

    return make


@pytest.fixture(params=CATALOGS)
def catalog(request: pytest.FixtureRequest, tmp_path: Path, make_catalog: MakeCatalog) -> Address:
    """The address of a fresh warehouse, once on each catalog."""
    return make_catalog(request.param, tmp_path)


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    """A folder of small real Markdown files."""
    return write_documents(tmp_path / "documents")


@pytest.fixture(scope="session", params=CATALOGS)
def mill(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, make_catalog: MakeCatalog) -> Mill:
    """One warehouse on each catalog with a finished build of the documents above, for tests that only read."""
    folder = tmp_path_factory.mktemp("mill")
    address, documents, recipe = (
        make_catalog(request.param, folder),
        write_documents(folder / "documents"),
        builds.write_recipe(folder),
    )
    built = asyncio.run(builds.run(recipe, documents, address))
    assert built.problem is None
    return Mill(address, built, documents, recipe)


@pytest.fixture
def prefmill(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Types a command into this very process, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words: Any) -> Said:
        monkeypatch.setattr(sys, "argv", ["prefmill", *map(str, words)])
        capsys.readouterr()
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        said = capsys.readouterr()
        assert "Traceback" not in said.out + said.err
        return Said(code, said.out, said.err)

    return run
