"""Taking a release back, on the command line: what `latest` is then, what later builds make, how it is undone."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import builds
import pytest
from mills import write_documents
from typed import Run

from warehouse.address import Address, resolve_address
from warehouse.guest import guest
from warehouse.releases import find_release


def run(*words: Any, **options: Any) -> builds.Built:
    """A build to its end: commands have event loops of their own."""
    built = asyncio.run(builds.run(*words, **options))
    builds.leave()
    return built


def latest(address: Address) -> str:
    """What `latest` is."""
    with guest(address) as cursor:
        return find_release(cursor, "latest").release


def landed(built: builds.Built) -> tuple[str, str, bool]:
    """The release of a build: its name, its status, and whether it is new."""
    assert built.landed is not None
    return built.landed.release.release, built.landed.release.status, built.landed.is_new


def test_a_release_is_taken_back_and_nothing_resurrects_it(
    prefmill: Run, tmp_path: Path, documents: Path, lake: Address
) -> None:
    recipe = builds.write_recipe(tmp_path)
    one, _, _ = landed(run(recipe, documents, lake))
    text = (documents / "stones.md").read_text()
    (documents / "stones.md").unlink()
    two, _, _ = landed(run(recipe, documents, lake))
    assert latest(lake) == two

    said = prefmill("withdraw", two, "--note", "the judge [saw] the gold")
    assert said.code == 0
    assert f"{two} is withdrawn" in said.out
    assert latest(lake) == one
    assert prefmill("show", two, "--json").json["withdrawn_note"] == "the judge [saw] the gold"
    assert "the judge [saw] the gold" in prefmill("show", two).out
    assert prefmill("releases", "--json").json[0]["status"] == "withdrawn"
    refused = prefmill("export", two, "--to", "x")
    assert (refused.code, refused.out) == (2, "")
    assert "was withdrawn: the judge [saw] the gold; to export it all the same, add --withdrawn" in refused.err
    assert prefmill("export", two, "--to", "x", "--withdrawn").code == 0
    assert prefmill("diff", one, two, "--json").json["counts"]["removed"] > 0

    # The same content again is a new release, and the one before stays what a build of its content finds.
    three, status, is_new = landed(run(recipe, documents, lake))
    assert (status, is_new) == ("published", True)
    assert three not in (one, two)
    assert latest(lake) == three
    assert prefmill("withdraw", three, "--note", "again").code == 0
    (documents / "stones.md").write_text(text)
    assert landed(run(recipe, documents, lake)) == (one, "published", False)

    lifted = prefmill("withdraw", two, "--lift", "--json")
    assert (lifted.json["status"], lifted.json["withdrawn_at"], lifted.json["withdrawn_note"]) == (
        "published",
        None,
        None,
    )
    assert latest(lake) == two
    assert prefmill("export", two, "--to", "y").code == 0


def test_what_was_held_is_held_again_and_never_the_latest(
    prefmill: Run, tmp_path: Path, documents: Path, lake: Address
) -> None:
    gated = [*builds.STEPS[:-1], {"land/release": {"gates": {"min_pairs": 1000}}}]
    name, status, _ = landed(run(builds.write_recipe(tmp_path, steps=gated), documents, lake))
    assert status == "held"
    assert prefmill("sql", "--at", "latest", "FROM pairs").err.startswith("prefmill: there is no published release yet")
    assert prefmill("withdraw", name, "--note", "no").code == 0
    assert prefmill("withdraw", name, "--lift", "--json").json["status"] == "held"
    assert prefmill("show", "latest").code == 2


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("withdraw", "latest", "--note", "x"), "and another one afterwards; give the name itself"),
        (("withdraw", "NAME"), "say why with --note"),
        (("withdraw", "NAME", "--note", " "), "--note is empty"),
        (("withdraw", "NAME", "--lift"), "is not withdrawn, it is published; there is nothing to lift"),
        (("withdraw", "NAME", "--lift", "--note", "x"), "it does not go with --lift"),
        (("withdraw", "r-1999", "--note", "x"), "there is no release 'r-1999'"),
        (("show", "r-1999"), "there is no release 'r-1999'"),
        (("diff", "NAME", "r-1999"), "there is no release 'r-1999'"),
        (("tidy", "--keep-days", "-1"), "--keep-days -1 is below 0"),
    ],
)
def test_mistakes_are_one_sentence(
    prefmill: Run, shelf: tuple[Address, str], words: tuple[str, ...], sentence: str
) -> None:
    address, name = shelf
    said = prefmill(*(name if word == "NAME" else word for word in words), "-w", address.root)
    assert (said.code, said.out) == (2, "")
    assert sentence in said.err
    assert said.err.count("\n") == 1


def test_a_release_is_shown_whole(prefmill: Run, shelf: tuple[Address, str]) -> None:
    address, name = shelf
    sight = prefmill("show", name, "--json", "-w", address.root).json
    assert (sight["release"], sight["damages"], sight["affected_pairs"]) == (name, [], 0)
    assert sight["snapshot"]["is_there"] is True
    assert sight["recipe_text"].startswith("recipe: r\n")
    shown = prefmill("show", "latest", "-w", address.root).out
    for word in (
        name,
        "published",
        "intact",
        "min_pairs",
        "judge/pairwise",
        "rehearsal",
        f"prefmill export {name} --to DIR",
    ):
        assert word in shown


def test_a_release_without_its_folder_is_shown_too(prefmill: Run, shelf: tuple[Address, str]) -> None:
    address, name = shelf
    folder = address.root / "releases" / name
    pairs = folder / "pairs.parquet"
    whole = pairs.read_bytes()
    pairs.write_bytes(whole + b"x")
    sight = prefmill("show", name, "--json", "-w", address.root).json
    assert [each["file"] for each in sight["damages"]] == ["pairs.parquet"]
    assert "damaged: pairs.parquet has" in prefmill("show", name, "-w", address.root).out
    pairs.write_bytes(whole)
    folder.rename(folder.with_name("elsewhere"))
    assert prefmill("show", name, "--json", "-w", address.root).json["damages"] is None
    assert "the folder is gone" in prefmill("show", name, "-w", address.root).out
    folder.with_name("elsewhere").rename(folder)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> tuple[Address, str]:
    """A warehouse with one release."""
    folder = tmp_path_factory.mktemp("shelf")
    address = resolve_address(str(folder / "lake"))
    name, _, _ = landed(run(builds.write_recipe(folder), write_documents(folder / "documents"), address))
    return address, name
