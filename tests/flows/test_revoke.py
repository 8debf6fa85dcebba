"""`prefmill revoke`: what people type, what earlier releases are told, and what a later build leaves out."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import builds
import pytest
from typed import Run

from flows import revoking
from warehouse.address import Address
from warehouse.revocations import Wanted
from warehouse.store import Store


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


# --- what a later build leaves out -----------------------------------------------------------------------------------


def funnel_of(built: builds.Built, step: str = "mine/revoked") -> dict[tuple[str, str], int]:
    """How the units of a step ended."""
    return {(row.status, row.reason): row.units for row in built.funnel if row.step == step}


def released(address: Address, built: builds.Built) -> set[str]:
    """The names of the files that a build's release has pairs from."""
    assert built.landed is not None
    query = (
        "SELECT DISTINCT d.uri FROM release_rows JOIN pairs USING (pair_id) JOIN documents d USING (document_id) "
        "WHERE release = ?"
    )
    found = {Path(uri).name for (uri,) in builds.ask(address, query, [built.landed.release.release])}
    builds.leave()
    return found


def manifest_of(address: Address, built: builds.Built) -> Any:
    """The manifest of a build's release."""
    assert built.landed is not None
    return json.loads((address.root / built.landed.release.folder / "manifest.json").read_text())


def revoke(address: Address, *wanted: Wanted) -> list[str]:
    """Revoke past the command line; the ids."""
    return [row.revocation_id for row in asyncio.run(revoking.revoke(address, wanted, ""))[0]]


def test_the_next_release_has_no_row_from_what_is_revoked_and_a_lifted_one_costs_nothing(
    tmp_path: Path, documents: Path, catalog: Address
) -> None:
    recipe = builds.write_recipe(tmp_path)
    first = run(recipe, documents, catalog)
    assert funnel_of(first) == {}, "the step is there only while something is revoked"
    everything = released(catalog, first)
    assert "stones.md" in everything
    (revocation,) = revoke(catalog, Wanted("document", str(documents / "stones.md")))

    second = run(recipe, documents, catalog)
    assert second.problem is None
    assert second.calls == 0
    assert funnel_of(second) == {("ok", ""): 2, ("none", "revoked"): 1}
    assert funnel_of(second, "mine/chunk") == {("ok", ""): 2}
    assert released(catalog, second) == everything - {"stones.md"}
    assert manifest_of(catalog, second)["revoked"] == [
        {"revocation_id": revocation, "kind": "document", "value": "", "documents": 1}
    ]
    detail = builds.ask(catalog, "SELECT detail FROM outcomes WHERE reason = 'revoked'")
    assert detail == [(f"document {documents}/stones.md ({revocation})",)]
    affected = [row[0] for row in builds.ask(catalog, "SELECT release FROM affected_releases")]
    assert first.landed is not None
    assert affected == [first.landed.release.release]
    assert set(builds.audits(catalog).values()) == {0}
    builds.leave()

    again = run(recipe, documents, catalog)
    assert (again.calls, again.done) == (0, 0)
    assert again.landed is not None
    assert not again.landed.is_new

    asyncio.run(revoking.lift(catalog, [revocation]))
    third = run(recipe, documents, catalog)
    assert third.calls == 0
    assert released(catalog, third) == everything
    assert funnel_of(third) == {}
    assert "revoked" not in manifest_of(catalog, third)


def test_what_was_revoked_comes_back_under_no_other_name_and_an_edited_file_not_at_all(
    tmp_path: Path, documents: Path, lake: Address
) -> None:
    recipe = builds.write_recipe(tmp_path, steps=["mine/chunk"])
    run(recipe, documents, lake)
    stones = documents / "stones.md"
    revoke(lake, Wanted("document", str(stones)))
    text = stones.read_text()
    (documents / "a-copy.md").write_text(text)
    edited = text + "\n## More\n\nA third stone lies outside and is used as a table by the whole village.\n"
    stones.write_text(edited)
    built = run(recipe, documents, lake)
    assert funnel_of(built) == {("ok", ""): 2, ("none", "revoked"): 2}
    assert funnel_of(built, "mine/chunk") == {("ok", ""): 2}
    # What that build has found at the place is known from now on, wherever it is moved.
    stones.rename(documents / "moved.md")
    (documents / "a-copy.md").rename(documents / "of-another-kind.txt")
    again = run(recipe, documents, lake)
    assert funnel_of(again) == {("ok", ""): 2, ("none", "revoked"): 2}
    assert funnel_of(again, "mine/chunk") == {("ok", ""): 2}


def test_what_is_added_to_a_revoked_source_stays_out_from_the_first_build_on(
    tmp_path: Path, documents: Path, lake: Address
) -> None:
    recipe = builds.write_recipe(tmp_path, steps=["mine/chunk"])
    bad = documents / "bad" / "deeper"
    bad.mkdir(parents=True)
    (bad / "one.md").write_text("# One\n\nThe first poisoned text says that flour is made of stones.\n")
    run(recipe, documents, lake)
    revoke(lake, Wanted("source", str(documents / "bad")))
    (bad / "two.md").write_text("# Two\n\nThe second poisoned text says that wheels are made of flour.\n")
    (documents / "x-copy-of-two.md").write_bytes((bad / "two.md").read_bytes())
    built = run(recipe, documents, lake)
    assert funnel_of(built) == {("ok", ""): 3, ("none", "revoked"): 2}
    assert builds.ask(lake, "SELECT count(*) FROM revoked_documents") == [(2,)]


def test_a_licence_keeps_out_what_is_under_it_now(prefmill: Run, tmp_path: Path, documents: Path, lake: Address) -> None:
    """A licence that this build says for the first time counts already, and so it does in a plan."""
    recipe = builds.write_recipe(tmp_path, steps=["mine/chunk"])
    run(recipe, documents / "stones.md", lake)
    assert prefmill("build", recipe, documents / "stones.md", "--licence", "CC-BY-NC-4.0", "--direct").code == 0
    assert prefmill("revoke", "--licence", "cc-by-nc-4.0").code == 0
    (row,) = [row for row in prefmill("plan", recipe, documents, "--json").json if row["step"] == "mine/chunk"]
    assert row["units"] == 2, "two that are new"
    built = run(recipe, documents, lake)
    assert funnel_of(built) == {("ok", ""): 2, ("none", "revoked"): 1}
    said = prefmill("build", recipe, documents, "--licence", "cc-by-NC-4.0", "--direct", "--json")
    ended = {(row["step"], row["reason"]): row["units"] for row in said.json["funnel"]}
    assert ended[("mine/revoked", "revoked")] == 3
    said = prefmill("build", recipe, documents, "--licence", "MIT", "--direct")
    assert "revoked" in said.out
    assert "mine/chunk" in said.out


@pytest.mark.slow
def test_five_poisoned_documents_are_gone_with_one_command(prefmill: Run, tmp_path: Path, lake: Address) -> None:
    """5 in 300, put there by one source (five texts in a large corpus are enough, PoisonedRAG)."""
    folder = tmp_path / "corpus"
    for place, names in (("web", range(295)), ("evil.example", range(5))):
        (folder / place).mkdir(parents=True)
        for name in names:
            (folder / place / f"{name:03}.md").write_text(
                f"# The mill of {place} {name}\n\nThe mill of {place}-{name} is a machine that turns grain into flour. "
                f"It has {name + 3} pairs of stones made of granite. Rain makes the river at {place}-{name} run faster.\n"
            )
    recipe = builds.write_recipe(tmp_path)
    first = run(recipe, folder, lake)
    poisoned = "SELECT count(*) FROM release_rows JOIN pairs USING (pair_id) JOIN documents USING (document_id) \
        WHERE release = ? AND uri LIKE '%/evil.example/%'"
    assert first.landed is not None
    ((rows,),) = builds.ask(lake, poisoned, [first.landed.release.release])
    assert rows > 0
    builds.leave()

    said = prefmill("revoke", "--source", folder / "evil.example", "--json")
    assert [row["documents"] for row in said.json["revoked"]] == [5]
    assert [(row["release"], row["affected_pairs"]) for row in said.json["affected"]] == [
        (first.landed.release.release, rows)
    ]
    second = run(recipe, folder, lake)
    assert second.calls == 0
    assert second.landed is not None
    assert second.landed.is_new
    assert builds.ask(lake, poisoned, [second.landed.release.release]) == [(0,)]
    assert second.landed.release.pairs == first.landed.release.pairs - rows
    assert funnel_of(second) == {("ok", ""): 295, ("none", "revoked"): 5}
    listed = [row["affected_pairs"] for row in prefmill("releases", "--json").json]
    assert listed == [0, rows]
    card = prefmill("export", "latest", "--to", "out")
    assert (card.code, card.err) == (0, "")
    assert "5 documents are left out because they were revoked: 5 from revoked sources." in (
        tmp_path / "out" / "README.md"
    ).read_text()
