"""`prefmill revoke`: what people type, what earlier releases are told, and what a later build leaves out."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import builds
import pytest

from flows import cli
from warehouse.address import Address
from warehouse.store import Store


@dataclass(frozen=True)
class Said:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What a script reads."""
        return json.loads(self.out)


Run = Callable[..., Said]


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


def run(*words: Any, **options: Any) -> builds.Built:
    """A build to its end: commands have event loops of their own."""
    return asyncio.run(builds.run(*words, **options))


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its bytes."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_an_earlier_release_is_told_of_and_left_as_it_is(
    prefmill: Run, tmp_path: Path, documents: Path, lake: Address
) -> None:
    """Listed, exported with a warning, explained; not a byte of it changes."""
    built = run(builds.write_recipe(tmp_path), documents, lake)
    assert built.landed is not None
    release = built.landed.release
    before = files_of(lake.root / release.folder)
    export = prefmill("export", release.release, "--to", "before")
    assert (export.code, export.err) == (0, "")
    assert "affected" not in prefmill("releases").out
    query = "SELECT pair_id FROM latest_pairs WHERE uri LIKE '%stones.md' ORDER BY 1"
    pairs = [row[0] for row in builds.ask(lake, query)]
    builds.leave()

    said = prefmill("revoke", "--document", documents / "stones.md", "--note", "asked [for]", "--json")
    assert said.code == 0
    (revoked,) = said.json["revoked"]
    assert (revoked["kind"], revoked["note"], revoked["documents"]) == ("document", "asked [for]", 1)
    assert said.json["affected"] == [
        {
            "release": release.release, "recipe": "r", "status": "published", "pairs": release.pairs,
            "affected_pairs": len(pairs), "affected_documents": 1,
        }
    ]  # fmt: skip
    shown = prefmill("revoke", "--document", f"{documents}/./stones.md")
    assert f"stones.md: 1 document ({revoked['revocation_id']})" in shown.out
    assert release.release in shown.out

    assert [row["affected_pairs"] for row in prefmill("releases", "--json").json] == [len(pairs)]
    assert "affected_pairs" in prefmill("releases").out
    export = prefmill("export", release.release, "--to", "after")
    assert export.code == 0
    assert export.err == (
        f"prefmill: {len(pairs)} of the {release.pairs} pairs of {release.release} are from documents that were revoked "
        "since; the next build makes a release without them\n"
    )
    assert files_of(tmp_path / "after") == files_of(tmp_path / "before")
    assert files_of(lake.root / release.folder) == before
    explained = prefmill("explain", pairs[0])
    assert "its document is revoked by document" in explained.out
    assert "asked [for]" in explained.out
    assert [row["note"] for row in prefmill("explain", pairs[0], "--json").json["revoked"]] == ["asked [for]"]


def test_revocations_are_listed_and_lifted(
    prefmill: Run, tmp_path: Path, documents: Path, lake: Address
) -> None:
    run(builds.write_recipe(tmp_path, steps=["mine/chunk"]), documents, lake)
    assert prefmill("revoke", "--list").out == "nothing is revoked\n"
    both = prefmill("revoke", "--source", f"{documents}/", "--document", documents / "stones.md")
    assert both.code == 0
    assert f"revoked source {documents}: 3 documents (rev_" in both.out
    assert "No release has a row from them." in both.out
    rows = {row["kind"]: row for row in prefmill("revoke", "--list", "--json").json}
    assert {kind: row["documents"] for kind, row in rows.items()} == {"source": 3, "document": 1}
    assert "stones.md" in prefmill("revoke", "--list").out
    lifted = prefmill("revoke", "--lift", rows["source"]["revocation_id"], "--lift", rows["document"]["revocation_id"])
    assert lifted.code == 0
    assert "the next build has its 3 documents again" in lifted.out
    rows = prefmill("revoke", "--list", "--json").json
    assert all(row["lifted_at"] and row["documents"] == 0 for row in rows)


WRONG: dict[str, tuple[list[str], str]] = {
    "nothing": ([], "say what to revoke with --document, --licence or --source"),
    "two things at once": (["--licence", "MIT", "--list"], "one of the three"),
    "a note on nothing": (["--list", "--note", "x"], "--note goes with what is revoked"),
    "an empty source": (["--source", " "], "--source is given an empty name"),
    "a uri that is not there": (["--document", "{documents}/stone.md"], "did you mean `{documents}/stones.md`?"),
    "a source that is not there": (["--source", "{documents}x"], "did you mean `{documents}`?"),
    "a licence that is not there": (["--licence", "MIT"], "no document states its licence; nothing was revoked"),
    "an id that is not there": (["--document", "doc_0"], "'doc_0' is not among the documents"),
    "lifting what does not hold": (["--lift", "rev_0"], "no revocation 'rev_0' holds; see `prefmill revoke --list`"),
    "no warehouse": (["--licence", "MIT", "-w", "nowhere"], "there is no warehouse in"),
}


def test_a_wrong_revocation_is_one_sentence(prefmill: Run, tmp_path: Path, documents: Path, lake: Address) -> None:
    run(builds.write_recipe(tmp_path, steps=["mine/chunk"]), documents, lake)
    for name, (command, words) in WRONG.items():
        said = prefmill("revoke", *(word.format(documents=documents) for word in command))
        assert (said.code, said.out) == (2, ""), name
        assert said.err.startswith("prefmill: "), name
        assert said.err.count("\n") == 1, name
        assert words.format(documents=documents) in said.err, name
    assert not (tmp_path / "nowhere").exists()
    assert prefmill("revoke", "--list").out == "nothing is revoked\n"


def test_beside_a_running_build_it_waits_for_nobody(
    prefmill: Run, tmp_path: Path, documents: Path, lake: Address
) -> None:
    run(builds.write_recipe(tmp_path, steps=["mine/chunk"]), documents, lake)
    store = Store.open(lake)
    said = prefmill("revoke", "--source", documents)
    store.close()
    assert said.code == 1
    assert "another process" in said.err
    assert prefmill("revoke", "--list").out == "nothing is revoked\n"
