"""What a change costs: exactly the calls it requires, and the same release comes of the same things."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import builds
import yaml
from mills import MakeCatalog, written

from prompts.library import SHIPPED
from warehouse.address import Address

ROOT = Path(__file__).parents[2]
DOCUMENTS = 12
# Documented to differ between warehouses: the snapshot a release pins, and the seal that covers it.
OF_THE_WAREHOUSE = {"snapshot_id", "seal"}


def text_of(name: str) -> str:
    """A document of one passage about one thing."""
    return (
        f"# The mill of {name}\n\nThe mill of {name} is a machine that turns grain into flour for the whole valley. "
        f"It has {len(name) + 3} pairs of stones made of granite. Rain makes the river at {name} run faster in spring.\n"
    )


def write_recipe(folder: Path, *, judge_says: str = "", writer: str = "small") -> Path:
    """The whole way with a judge's prompt of its own and a model that only samples."""
    own = (SHIPPED / "judge" / "pairwise.md").read_text(encoding="utf-8")
    prompt = f"judge-{len(judge_says)}.md"
    (folder / prompt).write_text(own + judge_says, encoding="utf-8")
    steps: list[Any] = [
        "mine/chunk",
        "mine/qa",
        {"sample/grid": {"models": ["writer"], "draws": 2, "show": "passage"}},
        "sample/gold",
        {"judge/pairwise": {"principle": "grounded", "prompt": prompt}},
        *builds.STEPS[5:],
    ]
    models = {
        "default": {"model": "rehearsal", "options": {"misquote": 0}},
        "writer": {"model": writer, "engine": "rehearsal"},
    }
    path = folder / "mill.yaml"
    path.write_text(yaml.safe_dump({"recipe": "mill", "models": models, "steps": steps}, sort_keys=False))
    return path


def required(address: Address, build: str, texts: list[str]) -> dict[str, int]:
    """The calls that these documents require in this build's steps, counted from the rows that they asked about.

    One for each passage, one for each prompt, and two for each pair of responses that say different things.
    """
    documents = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
    ours = "JOIN documents d USING (document_id) WHERE list_contains($documents, d.sha256)"
    step = "SELECT fingerprint FROM build_steps WHERE build_id = $build AND step LIKE 'sample/%'"
    pairs = f"""WITH r AS (SELECT t.* FROM responses t {ours} AND t.fingerprint IN ({step}))
        SELECT count(*) FROM r x JOIN r y ON x.prompt_id = y.prompt_id AND x.response_id < y.response_id AND x.text <> y.text"""
    values = {"documents": documents}
    ((passages,),) = builds.ask(address, f"SELECT count(*) FROM passages t {ours}", values)
    ((prompts,),) = builds.ask(address, f"SELECT count(*) FROM prompts t {ours}", values)
    ((different,),) = builds.ask(address, pairs, values | {"build": build})
    return {"mine/qa": passages, "sample/grid": prompts, "judge/pairwise": 2 * different}


async def test_a_change_costs_exactly_the_calls_it_requires(tmp_path: Path, lake: Address) -> None:
    folder = tmp_path / "documents"
    folder.mkdir()
    texts = {f"d{number:02}.md": text_of(f"Dorf-{number}") for number in range(DOCUMENTS)}

    async def build(**words: str) -> builds.Built:
        for path in folder.iterdir():
            path.unlink()
        for name, text in texts.items():
            (folder / name).write_text(text)
        built = await builds.run(write_recipe(tmp_path, **words), folder, lake)
        assert built.problem is None
        return built

    def needs(built: builds.Built, *names: str) -> dict[str, int]:
        return required(lake, built.build_id, [texts[name] for name in names])

    first = await build()
    assert builds.calls_of(first) == needs(first, *texts)
    assert min(builds.calls_of(first).values()) >= DOCUMENTS

    again = await build()
    assert (again.calls, again.done) == (0, 0)
    assert first.landed is not None
    assert again.landed is not None
    assert (again.landed.release, again.landed.is_new) == (first.landed.release, False)

    # --- the seven lines ---
    texts["zz.md"] = text_of("Zuletzt")
    added = await build()
    assert builds.calls_of(added) == needs(added, "zz.md")

    texts["00.md"] = text_of("Anfang")
    inserted = await build()
    assert builds.calls_of(inserted) == needs(inserted, "00.md")

    texts["d05.md"] += "\n## Addition\n\nThe mill race is a channel that leads water from the weir to the wheel.\n"
    edited = await build()
    assert builds.calls_of(edited) == needs(edited, "d05.md")

    ((paired,),) = builds.ask(lake, "SELECT max(uri) FROM latest_pairs WHERE uri LIKE '%d1_.md'")
    lost = Path(paired).name
    lost_text = texts.pop(lost)
    deleted = await build()
    assert builds.calls_of(deleted) == {}

    texts["renamed.md"] = texts.pop("d03.md")
    renamed = await build()
    assert builds.calls_of(renamed) == {}

    judged = await build(judge_says="\nThink of the miller.\n")
    assert builds.calls_of(judged) == {"judge/pairwise": needs(judged, *texts)["judge/pairwise"]}

    sampled = await build(judge_says="\nThink of the miller.\n", writer="large")
    wanted = needs(sampled, *texts)
    assert builds.calls_of(sampled) == {step: wanted[step] for step in ("sample/grid", "judge/pairwise")}
    assert wanted["judge/pairwise"] > 0
    # -----------------------

    texts[lost] = lost_text
    before = await build()
    assert before.calls == 0, "what was deleted is put back, judge and model as before: nothing is asked again"
    assert set(builds.audits(lake).values()) == {0}
    releases = [
        each.landed.release for each in (first, added, inserted, edited, deleted, judged, sampled) if each.landed
    ]
    assert len({release.release_id for release in releases}) == 7
    assert edited.landed is not None
    assert renamed.landed is not None
    assert deleted.landed is not None
    assert renamed.landed.release == deleted.landed.release, "a name changes no pair"
    assert deleted.landed.release.documents == edited.landed.release.documents - 1


async def test_the_same_inputs_give_the_same_ids_and_bytes_in_any_warehouse_and_process(
    tmp_path: Path, documents: Path, make_catalog: MakeCatalog
) -> None:
    """Another catalog, another process, another hash seed, the files named one by one and backwards."""
    recipe = builds.write_recipe(tmp_path)
    here, there = make_catalog("sqlite", tmp_path / "here"), make_catalog("postgres", tmp_path / "there")
    built = await builds.run(recipe, documents, here)
    files = sorted(map(str, documents.iterdir()), reverse=True)
    done = subprocess.run(
        [sys.executable, "-m", "flows.cli", "build", str(recipe), *files, "-w", written(there), "--direct", "--json"],
        env=os.environ | {"PYTHONHASHSEED": "4242", "PYTHONPATH": str(ROOT), "TZ": "Asia/Tokyo"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["calls"], said["units_done"]) == (built.calls, built.done)
    assert builds.ids(there) == builds.ids(here)
    assert built.landed is not None
    assert said["release"]["release_id"] == built.landed.release.release_id

    one, other = (here.releases / built.landed.release.release, there.releases / said["release"]["release"])
    same = ["pairs.parquet", "recipe.yaml", "votes.parquet"]
    for folder in (one, other):
        assert sorted(path.name for path in folder.iterdir()) == ["manifest.json", *same]
    for name in same:
        assert (one / name).read_bytes() == (other / name).read_bytes(), name
    manifests = [json.loads((folder / "manifest.json").read_text()) for folder in (one, other)]
    assert OF_THE_WAREHOUSE.issubset(manifests[0])
    differ = {key for key in manifests[0] if manifests[0][key] != manifests[1][key]}
    assert differ - OF_THE_WAREHOUSE == set()
