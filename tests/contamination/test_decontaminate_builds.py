"""Decontamination in whole builds: what leaves, what is flagged or masked, how it is told, and what counts as the same step."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import builds
import made
import pyarrow.parquet as pq
import pytest

from flows.auditing import audit_job
from flows.build import build
from pipeline.binding import bind
from schemas.columns import SIFTED
from schemas.errors import RecipeError, RequestError, Transient
from schemas.recipe import read_recipe
from warehouse.address import Address

QUESTION = "Is it true that the runner stone turns above it at 120 revolutions per minute and weighs about one tonne?"
WORDS = "the runner stone turns above it at 120 revolutions per minute and weighs …"
ITEMS = ["What is a mill?", QUESTION, "A bed stone is fixed in the floor", "What is a bed stone in mill stones?"]
PLANTED = r"fixed in the floor|above it at 120 revolutions|a bed stone \(in mill stones"
STEP, MASK = "select/decontaminate", "select/mask_contaminated"
AT = {"documents": 0, "passages": 1, "prompts": 2, "responses": 4, "pairs": 6}


@pytest.fixture
def evaluation(tmp_path: Path) -> Path:
    """An evaluation set beside the recipes of a test: items that `stones.md` holds, and what is asked about it."""
    path = tmp_path / "bench.jsonl"
    path.write_text("".join(json.dumps({"question": item}) + "\n" for item in ITEMS))
    return path


def recipe_with(folder: Path, key: str, place: int, **params: Any) -> Path:
    """The usual steps with one more."""
    steps = [*builds.STEPS[:place], {key: params}, *builds.STEPS[place:]]
    return builds.write_recipe(folder, steps=steps)


async def test_a_document_with_a_planted_item_leaves_and_is_told(
    tmp_path: Path, documents: Path, lake: Address, evaluation: Path
) -> None:
    recipe = recipe_with(tmp_path, STEP, 0, of="documents", against=["bench.jsonl"])
    built = await builds.run(recipe, documents, lake)
    told = [(row.status, row.reason, row.units) for row in built.funnel if row.step == STEP]
    assert sorted(told) == [("none", "contaminated", 1), ("ok", "", 2)]
    assert builds.ask(lake, "SELECT DISTINCT uri LIKE '%stones.md' FROM latest_pairs") == [(False,)]
    (row,) = builds.ask(
        lake,
        "SELECT tab, uri LIKE '%stones.md', became, evaluation_set, item, share, runs, other_items, words "
        "FROM contamination JOIN documents USING (document_id) WHERE document_id = row_id",
    )
    words = "a bed stone is fixed in the floor"
    assert row == ("documents", True, "dropped", "bench.jsonl", "bench.jsonl#row=2", 1.0, 1, 1, words)
    (found,) = builds.ask(lake, f"SELECT fit FROM fits WHERE step = '{STEP}'")
    assert json.loads(found[0])["contaminated"] == {"bench.jsonl": 1}
    assert not any(builds.audits(lake).values())
    again = await builds.run(recipe, documents, lake)
    assert (again.done, again.calls) == (0, 0)


@pytest.mark.parametrize("table", SIFTED)
async def test_a_row_of_any_table_is_flagged_when_it_holds_an_item(
    tmp_path: Path, documents: Path, lake: Address, evaluation: Path, table: str
) -> None:
    recipe = recipe_with(tmp_path, STEP, AT[table], of=table, against=["bench.jsonl"], n=6, do="flag")
    built = await builds.run(recipe, documents, lake)
    units = builds.ask(lake, f"SELECT count(*) FROM {table}")[0][0]
    assert [(row.status, row.units) for row in built.funnel if row.step == STEP] == [("ok", units)], "nothing leaves"
    flagged = [row for (row,) in builds.ask(lake, "SELECT row_id FROM contamination WHERE became = 'flagged'")]
    noun = table.removesuffix("s")
    texts = {
        "prompts": "t.messages[-1].content",
        "pairs": "(SELECT string_agg(r.text) FROM responses r WHERE r.response_id IN (t.chosen_id, t.rejected_id)) || "
        "(SELECT q.messages[-1].content FROM prompts q WHERE q.prompt_id = t.prompt_id)",
    }.get(table, "t.text")
    holding = builds.ask(lake, f"SELECT {noun}_id FROM {table} t WHERE regexp_matches(lower({texts}), '{PLANTED}')")
    assert flagged
    assert sorted(flagged) == sorted(row for (row,) in holding)
    assert built.landed
    rows = pq.read_table(lake.root / built.landed.release.folder / "pairs.parquet", columns=["flags"]).to_pylist()
    flags = {flag for row in rows for flag in row["flags"]}
    assert flags == (set() if table == "passages" else {"contaminated"}), "a release has no flags of passages"


@pytest.mark.parametrize("table", ["passages", "responses"])
async def test_a_masked_row_takes_the_place_of_the_one_that_held_an_item(
    tmp_path: Path, documents: Path, lake: Address, evaluation: Path, table: str
) -> None:
    recipe = recipe_with(tmp_path, MASK, AT[table], of=table, against=["bench.jsonl"], n=6)
    built = await builds.run(recipe, documents, lake)
    assert built.landed
    texts = builds.ask(lake, "SELECT prompt || chosen || rejected FROM latest_pairs")
    assert not any("fixed in the floor" in text for (text,) in texts)
    assert any("[…] and never turns" in text for (text,) in texts)
    masked = builds.ask(lake, "SELECT DISTINCT tab, became, item FROM contamination WHERE became = 'masked'")
    assert masked == [(table, "masked", "bench.jsonl#row=2")]
    ends = [row for row in built.funnel if row.step == MASK]
    assert sum(row.units for row in ends) == builds.ask(lake, f"SELECT count(*) FROM outcomes WHERE step = '{MASK}'")[0][0]
    assert not any(builds.audits(lake).values())
    again = await builds.run(recipe, documents, lake)
    assert again.done == 0


async def test_what_an_audit_was_given_is_not_released(tmp_path: Path, documents: Path, lake: Address) -> None:
    labelled = tmp_path / "labels.jsonl"
    row = {"id": "q1", "prompt": QUESTION, "response_a": "Yes, it does.", "response_b": "No.", "label": "a"}
    labelled.write_text(json.dumps(row) + "\n")
    recipe = recipe_with(tmp_path, STEP, 0, of="documents")
    job = audit_job(read_recipe(recipe), str(labelled), lake, engine=None, layout=None, limit=None)
    await build(job, lambda report: None)
    built = await builds.run(recipe, documents, lake)
    assert {row.status: row.units for row in built.funnel if row.step == STEP} == {"ok": 2, "none": 1}
    assert builds.ask(lake, "SELECT item, words FROM contamination") == [("labelled:plain_pair#q1", WORDS)]
    without = recipe_with(tmp_path, STEP, 0, of="documents", labelled=False, against=["labels.jsonl"], n=100)
    built = await builds.run(without, documents, lake)
    assert {row.status for row in built.funnel if row.step == STEP} == {"ok"}


async def test_new_labels_are_looked_for_in_rows_that_were_decided_before(
    tmp_path: Path, documents: Path, lake: Address
) -> None:
    recipe = recipe_with(tmp_path, STEP, 0, of="documents")
    first = await builds.run(recipe, documents, lake)
    assert {row.status: row.units for row in first.funnel if row.step == STEP} == {"ok": 3}
    labelled = tmp_path / "labels.jsonl"
    row = {"id": "q1", "prompt": QUESTION, "response_a": "Yes, it does.", "response_b": "No.", "label": "a"}
    labelled.write_text(json.dumps(row) + "\n")
    job = audit_job(read_recipe(recipe), str(labelled), lake, engine=None, layout=None, limit=None)
    await build(job, lambda report: None)
    second = await builds.run(recipe, documents, lake)
    assert {row.status: row.units for row in second.funnel if row.step == STEP} == {"ok": 2, "none": 1}


# --- what is the same step, and what is no step at all -------------------------------------------------------------------


def fingerprint(recipe: Path, key: str = STEP) -> str:
    """The fingerprint of the one step of a recipe that is ours."""
    (step,) = [step for step in bind(read_recipe(recipe)).steps if step.key == key]
    return step.fingerprint


@pytest.mark.parametrize("key", [STEP, MASK])
def test_a_step_is_told_by_what_its_sets_say_not_by_where_they_lie(tmp_path: Path, evaluation: Path, key: str) -> None:
    of = {"of": "passages"}
    before = fingerprint(recipe_with(tmp_path, key, 1, against=["bench.jsonl"], **of), key)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/other.jsonl").write_text(evaluation.read_text())
    assert fingerprint(recipe_with(tmp_path, key, 1, against=["elsewhere/other.jsonl"], **of), key) == before
    assert fingerprint(recipe_with(tmp_path, key, 1, against=[str(evaluation)], **of), key) == before
    evaluation.write_text(evaluation.read_text().replace("tonne", "ton"))
    assert fingerprint(recipe_with(tmp_path, key, 1, against=["bench.jsonl"], **of), key) != before


WRONG: dict[str, tuple[str, dict[str, Any], str]] = {
    "a set that is not there": (STEP, {"against": ["banch.jsonl"]}, "'banch.jsonl' does not exist; it is looked for beside"),
    "a place that is no text": (STEP, {"against": [3]}, "`against"),
    "a set without words": (STEP, {"against": ["empty.jsonl"]}, "'empty.jsonl' holds no words"),
    "a set of short texts": (STEP, {"against": ["short.jsonl"]}, "no text of evaluation set 'short.jsonl' has 8 words"),
    "no run": (STEP, {"against": ["bench.jsonl"], "n": 0}, "`n` is 0"),
    "min_words above n": (STEP, {"against": ["bench.jsonl"], "n": 5, "min_words": 6}, "`min_words` is 6, more than `n`"),
    "a share above 1": (STEP, {"against": ["bench.jsonl"], "min_share": 1.5}, "`min_share` is 1.5"),
    "nothing to compare with": (STEP, {"labelled": False}, "it compares with nothing"),
    "nothing to mask": (MASK, {"against": []}, "it compares with nothing"),
    "no sets": (MASK, {}, "needs the parameter `against`"),
    "a set named twice": (STEP, {"against": ["bench.jsonl", "bench.jsonl"]}, "names 'bench.jsonl' twice"),
    "a mask of words": (MASK, {"against": ["bench.jsonl"], "mask": "[removed]"}, "`mask` is '[removed]'"),
    "documents are not masked": (MASK, {"against": ["bench.jsonl"], "of": "documents"}, "`of` is 'documents'"),
    "an unknown key of a set": (STEP, {"against": [{"place": "bench.jsonl", "cols": []}]}, "no key 'cols'"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_mistake_is_told_by_check_in_one_sentence(wrong: str, tmp_path: Path, evaluation: Path) -> None:
    key, params, sentence = WRONG[wrong]
    (tmp_path / "empty.jsonl").write_text('{"question": "…"}\n')
    (tmp_path / "short.jsonl").write_text('{"question": "What is a mill?"}\n')
    recipe = recipe_with(tmp_path, key, 2, **{"of": "prompts", **params})
    with pytest.raises(RecipeError) as raised:
        bind(read_recipe(recipe))
    assert sentence in str(raised.value)
    assert raised.value.line is not None
    assert raised.value.exit_code == 2


def test_a_set_given_by_itself_is_a_list_of_one(tmp_path: Path, evaluation: Path) -> None:
    alone = fingerprint(recipe_with(tmp_path, STEP, 2, of="prompts", against="bench.jsonl"))
    assert alone == fingerprint(recipe_with(tmp_path, STEP, 2, of="prompts", against=["bench.jsonl"]))


@pytest.mark.parametrize("key", [STEP, MASK])
def test_a_set_that_changes_after_the_recipe_was_read_is_not_searched_for(
    key: str, tmp_path: Path, evaluation: Path
) -> None:
    (step,) = [each for each in bind(read_recipe(recipe_with(tmp_path, key, 2, against="bench.jsonl", of="prompts"))).steps
               if each.key == key]
    evaluation.write_text(json.dumps({"question": "Another question altogether, of nine words or so?"}) + "\n")
    if key == STEP:
        with pytest.raises(RequestError, match=r"'bench.jsonl' has changed since this build began"):
            list(step.strategy.sift(made.Columns([{"id": "q1", "text": "a"}])))
    else:  # the units wait for the next build
        with pytest.raises(Transient, match=r"'bench.jsonl' has changed since this build began"):
            step.strategy(made.prompt_unit())


@pytest.mark.parametrize("module", ["numba", "numpy"])
def test_without_the_extra_the_recipe_says_what_to_install(
    module: str, tmp_path: Path, evaluation: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = recipe_with(tmp_path, STEP, 2, against="bench.jsonl", of="prompts")
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(RequestError, match=rf"looking for evaluation items needs {module}: pip install 'prefmill\[dedup\]'"):
        bind(read_recipe(recipe))
