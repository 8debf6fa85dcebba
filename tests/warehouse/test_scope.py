"""What a build is about: the documents it was given, in its own steps, and nothing that others left in the tables."""

from __future__ import annotations

from pathlib import Path

import builds
import pytest
from mills import MakeCatalog

from flows.build import build, prepare
from pipeline.runner.intake import Sources
from schemas.errors import HeldBack, RequestError, WarehouseError
from schemas.recipe import read_recipe
from warehouse.address import Address
from warehouse.guest import guest
from warehouse.releases import find_release, list_releases

TWO_SECTIONS = "# Stones\n\nA bed stone is fixed in the floor.\n\n# Wheels\n\nA wheel takes water from the river.\n"
SHORT = ["mine/chunk", "mine/qa"]
LISTED = "SELECT count(*) FROM listings l JOIN builds b USING (listing_id) WHERE b.build_id = ?"


def units(built: builds.Built) -> dict[str, int]:
    """How many units each step had in scope."""
    counted: dict[str, int] = {}
    for row in built.funnel:
        counted[row.step] = counted.get(row.step, 0) + row.units
    return counted


async def test_what_is_deleted_edited_or_renamed_leaves_and_changes_the_scope(
    tmp_path: Path, documents: Path, catalog: Address
) -> None:
    recipe = builds.write_recipe(tmp_path, steps=["mine/chunk"])
    first = await builds.run(recipe, documents, catalog)
    assert units(first)["mine/chunk"] == 3
    everything = builds.ids(catalog)

    (documents / "stones.md").rename(documents / "a-stones.md")
    renamed = await builds.run(recipe, documents, catalog)
    assert (renamed.done, units(renamed)) == (0, units(first))
    assert builds.ids(catalog) == everything

    (documents / "gearing.md").unlink()
    deleted = await builds.run(recipe, documents, catalog)
    assert deleted.done == 0
    assert units(deleted)["mine/chunk"] == 2
    assert builds.ids(catalog) == everything, "rows are kept: the document may come back"

    path = documents / "wasser.md"
    path.write_text(
        path.read_text() + "\n## Ende\n\nDas Wasser fließt unter der Brücke hindurch in den Fluss zurück.\n"
    )
    edited = await builds.run(recipe, documents, catalog)
    assert units(edited)["mine/chunk"] == 2
    assert sum(report.done for report in edited.reports if report.step == "mine/chunk") == 1
    assert len(builds.ids(catalog)["documents"]) == 4

    builds_and_listings = builds.ask(catalog, "SELECT count(*), count(DISTINCT listing_id) FROM builds")
    assert builds_and_listings == [(4, 4)]
    assert builds.ask(catalog, LISTED, [edited.build_id]) == [(2,)]
    assert set(builds.audits(catalog).values()) == {0}


@pytest.mark.slow
async def test_rows_of_another_recipe_stay_out_of_scope(tmp_path: Path, documents: Path, lake: Address) -> None:
    """Both judge the same responses under another principle; neither sees the other's verdicts."""

    def steps(principle: str) -> list[object]:
        return [
            *SHORT,
            {"sample/grid": {"draws": 2}},
            {"judge/pairwise": {"principle": principle}},
            "select/best_worst",
        ]

    one = builds.write_recipe(tmp_path, name="one", steps=steps("grounded"))
    other = builds.write_recipe(tmp_path, name="other", steps=steps("helpful"))
    first = await builds.run(one, documents, lake)
    second = await builds.run(other, documents, lake)
    assert builds.calls_of(second) == {"judge/pairwise": builds.calls_of(first)["judge/pairwise"]}
    assert units(second) == units(first)
    per_group = "SELECT count(DISTINCT name) FROM signals GROUP BY prompt_id"
    assert set(builds.ask(lake, per_group)) == {(2,)}
    again = await builds.run(one, documents, lake)
    assert (again.done, units(again)) == (0, units(first))


async def test_the_same_text_in_two_files_is_one_document(tmp_path: Path, documents: Path, catalog: Address) -> None:
    recipe = builds.write_recipe(tmp_path, steps=["mine/chunk"])
    (documents / "copy.md").write_bytes((documents / "stones.md").read_bytes())
    built = await builds.run(recipe, documents, catalog)
    assert units(built) == {"mine/read": 3, "mine/chunk": 3}
    assert len(builds.ids(catalog)["documents"]) == 3
    assert builds.ask(catalog, LISTED, [built.build_id]) == [(4,)], "both places are known"
    uris = {Path(row[0]).name for row in builds.ask(catalog, "SELECT uri FROM documents")}
    assert uris == {"copy.md", "gearing.md", "wasser.md"}


async def test_a_file_that_cannot_be_read_is_an_outcome_and_no_document(
    tmp_path: Path, documents: Path, lake: Address
) -> None:
    (documents / "empty.md").write_text(" \n")
    (documents / "binary.md").write_bytes(bytes(range(256)) * 10)
    built = await builds.run(builds.write_recipe(tmp_path, steps=["mine/chunk"]), documents, lake)
    ended = {(row.status, row.reason): row.units for row in built.funnel if row.step == "mine/read"}
    assert ended[("ok", "")] == 3
    assert ended[("none", "empty")] == 1
    assert sum(ended.values()) == 5
    again = await builds.run(builds.write_recipe(tmp_path, steps=["mine/chunk"]), documents, lake)
    assert again.done == 0


async def test_a_renamed_document_is_known_by_its_new_name(tmp_path: Path, documents: Path, lake: Address) -> None:
    """It is what a release says of where a pair comes from."""
    recipe = builds.write_recipe(tmp_path, steps=["mine/chunk"])
    await builds.run(recipe, documents, lake)
    (documents / "stones.md").rename(documents / "a-stones.md")
    await builds.run(recipe, documents, lake)
    uris = {Path(row[0]).name for row in builds.ask(lake, "SELECT uri FROM documents")}
    assert "stones.md" not in uris


async def test_a_licence_that_is_said_later_is_kept(tmp_path: Path, documents: Path, lake: Address) -> None:
    """A build that says none takes none away; one that says another makes another release."""
    recipe = builds.write_recipe(tmp_path)
    releases = []
    for licence, kept in ((None, None), ("CC-BY-4.0", "CC-BY-4.0"), (None, "CC-BY-4.0"), ("MIT", "MIT")):
        sources = Sources((str(documents / "stones.md"),), None, licence)
        built = await build(prepare(read_recipe(recipe), sources, lake), lambda report: None)
        assert built.landed is not None
        releases.append(built.landed.release.release)
        assert builds.ask(lake, "SELECT DISTINCT licence FROM latest_pairs") == [(kept,)]
        builds.leave()
    assert releases[1] == releases[2]
    assert len(set(releases)) == 3


async def test_a_row_that_says_its_licence_later_has_it(tmp_path: Path, catalog: Address) -> None:
    """Of rows with one text, the first that says a licence says it for all."""
    recipe = builds.write_recipe(tmp_path, steps=["mine/chunk"])
    table = tmp_path / "table.jsonl"
    for licences in (["", ""], ["", "MIT"], ["CC0-1.0", "MIT"]):
        table.write_text("".join(f'{{"text": "A wheel turns.", "licence": "{licence}"}}\n' for licence in licences))
        await builds.run(recipe, table, catalog)
        wanted = next((licence for licence in licences if licence), None)
        assert builds.ask(catalog, "SELECT licence FROM documents") == [(wanted,)]
        builds.leave()


@pytest.mark.slow
async def test_what_a_document_is_does_not_depend_on_what_was_built_before(
    tmp_path: Path, make_catalog: MakeCatalog
) -> None:
    """The same text as plain text and as Markdown is cut as the first of the two is to be, whichever was read first."""
    recipe = builds.write_recipe(tmp_path, steps=[{"mine/chunk": {"least": 0}}])
    folder = tmp_path / "documents"
    folder.mkdir()
    step_by_step, at_once = (make_catalog("sqlite", tmp_path / name) for name in ("step-by-step", "at-once"))
    (folder / "z.txt").write_text(TWO_SECTIONS)
    alone = await builds.run(recipe, folder, step_by_step)
    (folder / "a.md").write_text(TWO_SECTIONS)
    first, second = [await builds.run(recipe, folder, lake) for lake in (step_by_step, at_once)]
    assert [row.rows for row in alone.funnel] == [1, 1]
    assert first.funnel == second.funnel
    assert [row.rows for row in second.funnel] == [2, 2], "two documents, of which one is cut, at its two headings"
    of_markdown = "SELECT p.* FROM passages p JOIN documents USING (document_id) WHERE uri LIKE '%a.md' ORDER BY start"
    assert builds.ask(step_by_step, of_markdown) == builds.ask(at_once, of_markdown)

    (folder / "a.md").unlink()
    again = await builds.run(recipe, folder, step_by_step)
    assert (again.done, again.funnel) == (0, alone.funnel)


@pytest.mark.slow
async def test_a_named_release_that_was_held_back_can_be_published(
    tmp_path: Path, documents: Path, lake: Address
) -> None:
    """Its gate was set too high; now it is set right. What was held is kept, and a name is published once."""

    async def run(least: int, *sources: str) -> builds.Built:
        landing = {"land/release": {"name": "v1", "gates": {"min_pairs": least}}}
        recipe = builds.write_recipe(tmp_path, steps=[*builds.STEPS[:-2], landing])
        return await builds.run(recipe, [documents / name for name in sources], lake)

    for least, sources in ((1000, ["stones.md"]), (1000, ["stones.md"]), (1000, ["gearing.md"])):
        assert isinstance((await run(least, *sources)).problem, HeldBack)
    assert (await run(1, "stones.md")).problem is None
    with guest(lake) as cursor:
        names = {row.release: row.status for row in list_releases(cursor)}
        folders = {row.release: row.folder for row in list_releases(cursor)}
    assert names == {"v1.held": "held", "v1.held.2": "held", "v1": "published"}
    assert all((lake.root / folder / "manifest.json").exists() for folder in folders.values())
    with pytest.raises(RequestError, match="there is a release 'v1' already"):
        await run(1, "gearing.md")
    assert isinstance((await run(1000, "gearing.md")).problem, HeldBack)
    again = (await run(1, "stones.md")).landed
    assert again is not None
    assert (again.release.release, again.is_new) == ("v1", False)


async def test_releases_are_found_by_name_and_the_latest_by_its_status(
    tmp_path: Path, documents: Path, lake: Address
) -> None:
    one = documents / "stones.md"
    strict, lenient = (
        builds.write_recipe(
            tmp_path / place, steps=[*builds.STEPS[:-2], {"land/release": {"gates": {"min_pairs": least}}}]
        )
        for place, least in (("strict", 1000), ("lenient", 1))
    )
    built = await builds.run(strict, one, lake)
    assert isinstance(built.problem, HeldBack)
    assert "is held back, `latest` has not moved: pairs: " in str(built.problem)
    with guest(lake) as cursor, pytest.raises(WarehouseError, match="no published release yet"):
        find_release(cursor, "latest")

    good = await builds.run(lenient, one, lake)
    worse = await builds.run(strict, one, lake)
    assert built.landed is not None
    assert good.landed is not None
    assert worse.landed is not None
    names = [each.landed.release.release for each in (worse, good, built) if each.landed]
    with guest(lake) as cursor:
        rows = list_releases(cursor)
        assert find_release(cursor, "latest").release == good.landed.release.release
        assert find_release(cursor, names[-1]).status == "held"
        with pytest.raises(WarehouseError, match="did you mean `"):
            find_release(cursor, names[0] + "x")
        assert list_releases(cursor, "nobody") == []
    assert [row.release for row in rows] == names
    assert len(set(names)) == 3
    assert [row.status for row in rows] == ["held", "published", "held"]
    assert builds.ask(lake, "SELECT count(*) FROM release_rows") == [(sum(row.pairs for row in rows),)]
    assert builds.ask(lake, "SELECT DISTINCT release FROM latest_pairs") == [(names[1],)]
