"""Whole builds that compare by vectors: what leaves and why, night after night, and what a mistake is answered with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import builds
import pytest
from word_vectors import make_model2vec, words_of

from schemas.columns import Sifted
from schemas.errors import RecipeError, RequestError
from warehouse.address import Address
from warehouse.frames import Frame

MILL = """# The mill

The runner stone turns above the bed stone. It weighs 900 kilograms, and the miller lifts it once a month.

## The wheel

The overshot wheel has 40 buckets and turns 12 times a minute. It is made of oak from the Harz mountains.

## The flour

Flour leaves the stones at 35 degrees and is cooled in the sack. A sack holds 50 kilograms of rye flour.
"""
# Other words around what is said: the questions that are made of it name the same things.
SAID_AGAIN = MILL.replace("# The mill", "# About mills").replace("once a month", "every month")
BREAD = """# Bread

Sourdough rises for 14 hours in a warm room. The baker folds it three times before it goes into the oven.
"""
WORDS = words_of(f"{MILL} {BREAD} how what which who are connected has")
UP_TO_PROMPTS: list[Any] = [{"mine/chunk": {"tokens": 40}}, {"mine/qa": {"model": "writer"}}]
REST: list[Any] = [
    {"sample/grid": {"draws": 2, "show": "passage", "models": ["writer"]}},
    {"sample/gold": {}},
    {"judge/embed": {"model": "small", "of": "responses"}},
    {"select/semantic_duplicates": {"of": "responses", "threshold": 0.9, "do": "cluster"}},
    {"judge/pairwise": {"principle": "grounded", "model": "writer"}},
    "select/best_worst",
    {"select/density": {"of": "pairs", "neighbours": 1}},
    {"select/coverage": {}},
    {"land/release": {"splits": {"train": 0.5, "test": 0.5}}},
]


def models_for(folder: Path, **more: Any) -> dict[str, Any]:
    small = {"model": str(make_model2vec(folder / "small", WORDS)), "engine": "model2vec"}
    return {"writer": {"model": "rehearsal"}, "small": small, **more}


def write(folder: Path, **texts: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / f"{name}.md").write_text(text, encoding="utf-8")
    return folder


async def test_what_says_the_same_is_answered_once(tmp_path: Path, lake: Address) -> None:
    """Prompts that repeat others leave before anybody answers them; the funnel accounts for every row."""
    sieve = {"select/semantic_duplicates": {"of": "prompts", "threshold": 0.85}}
    steps = [*UP_TO_PROMPTS, {"judge/embed": {"model": "small"}}, sieve, *REST]
    recipe = builds.write_recipe(tmp_path, steps=steps, models=models_for(tmp_path))
    source = write(tmp_path / "documents", mill=MILL)
    first = await builds.run(recipe, source, lake)
    assert first.problem is None, first.problem
    kept = {row[0] for row in builds.ask(lake, "SELECT DISTINCT prompt_id FROM pairs")}
    write(source, again=SAID_AGAIN, bread=BREAD)
    second = await builds.run(recipe, source, lake)
    assert second.problem is None, second.problem
    gone = builds.ask(
        lake,
        "SELECT o.subject_id, o.detail, d.uri FROM outcomes o JOIN documents d USING (document_id) "
        "WHERE reason = 'semantic_duplicate' AND starts_with(subject_id, 'prm_')",
    )
    assert gone
    # The older prompts are kept: nothing that was answered the first night is taken back.
    assert not kept & {subject for subject, *_ in gone}
    answered = {row[0] for row in builds.ask(lake, "SELECT DISTINCT prompt_id FROM responses")}
    assert not answered & {subject for subject, *_ in gone}
    assert {detail.split()[-1] for _, detail, _ in gone} <= answered
    assert all(uri.endswith("again.md") for _, _, uri in gone)
    notes = dict(builds.ask(lake, "SELECT name, count(*) FROM notes GROUP BY 1"))
    assert {"cluster/semantic", "density", "coverage"} <= set(notes)
    coverage = builds.ask(lake, "SELECT fit->>'mean_cosine', fit->>'prompts' FROM fits WHERE step = 'select/coverage'")
    assert all(0 < float(mean) <= 1 and int(prompts) > 1 for mean, prompts in coverage)
    query = "SELECT step, sum(units) FROM funnel WHERE build_id = ? GROUP BY 1"
    units = dict(builds.ask(lake, query, [second.build_id]))
    assert units["select/semantic_duplicates"] == units["judge/embed"]
    assert not any(builds.audits(lake).values())
    third = await builds.run(recipe, source, lake)
    assert builds.calls_of(third) == {}
    assert sum(report.done for report in third.reports if report.step.startswith("select")) == 0


async def test_diverse_prompts_are_answered_alone(tmp_path: Path, lake: Address) -> None:
    steps = [*UP_TO_PROMPTS, {"judge/embed": {"model": "small"}}, {"select/diverse": {"count": 2}}, *REST[:2]]
    recipe = builds.write_recipe(tmp_path, steps=steps, models=models_for(tmp_path))
    built = await builds.run(recipe, write(tmp_path / "documents", mill=MILL, bread=BREAD), lake)
    assert built.problem is None
    assert builds.ask(lake, "SELECT count(DISTINCT prompt_id) FROM responses") == [(2,)]
    ranks = builds.ask(lake, "SELECT value FROM notes WHERE name = 'diverse_rank' ORDER BY 1")
    assert ranks == [(0.0,), (1.0,)]
    reasons = dict(builds.ask(lake, "SELECT reason, count(*) FROM outcomes WHERE step = 'select/diverse' GROUP BY 1"))
    prompts = builds.ask(lake, "SELECT count(*) FROM prompts")[0][0]
    assert reasons[""] == 2
    assert sum(reasons.values()) == prompts > 2


async def test_which_model_counts_has_to_be_said_where_several_made_vectors(tmp_path: Path, lake: Address) -> None:
    models = models_for(tmp_path, other={"model": "org/counts", "engine": "rehearsal"})
    embeds = [*UP_TO_PROMPTS, {"judge/embed": {"models": ["small", "other"]}}]
    source = write(tmp_path / "documents", mill=MILL)
    for named, complaint in (
        (None, "'rehearsal:org/counts' and 'small@[0-9a-f]{8}' made vectors; name one of"),
        ("large", "no model 'large' made vectors; name one of 'rehearsal:org/counts', 'small@"),
    ):
        params = {} if named is None else {"vectors": named}
        recipe = builds.write_recipe(tmp_path, steps=[*embeds, {"select/density": params}], models=models)
        with pytest.raises(RequestError, match=complaint):
            await builds.run(recipe, source, lake)
    found = {}
    for named in ("small", "counts", "org/counts", "rehearsal:org/counts"):
        recipe = builds.write_recipe(tmp_path, steps=[*embeds, {"select/density": {"vectors": named}}], models=models)
        built = await builds.run(recipe, source, lake)
        assert built.problem is None
        query = (
            "SELECT n.subject_id, n.value FROM notes n JOIN build_steps s USING (fingerprint) WHERE s.build_id = ? ORDER BY 1"
        )
        found[named] = builds.ask(lake, query, [built.build_id])
    assert found["counts"] == found["org/counts"] == found["rehearsal:org/counts"] != found["small"]
    assert found["small"]


def test_a_step_that_compares_vectors_needs_some(tmp_path: Path, lake: Address) -> None:
    for step in ("semantic_duplicates", "density", "coverage"):
        recipe = builds.write_recipe(tmp_path, steps=["mine/chunk", "mine/qa", f"select/{step}"])
        with pytest.raises(RecipeError, match=f"`select/{step}` works on vectors.*put one of judge/embed before it"):
            builds.job(recipe, tmp_path, lake)


async def test_the_vectors_of_a_pair_are_those_of_its_prompt(tmp_path: Path, lake: Address, monkeypatch: Any) -> None:
    """What a sieve reads in a build, beside what is in the tables."""
    read: dict[str, list[tuple[Any, ...]]] = {}

    def sift(self: Any, rows: Frame) -> Any:
        tables: tuple[Sifted, ...] = ("prompts", "responses", "pairs")
        for table in tables:
            columns = ("id", "vector", *(["pairs"] if table == "prompts" else []))
            read[table] = [row for batch in replace(rows, table=table).read(*columns) for row in batch]
        return iter(())

    monkeypatch.setattr("pipeline.select.coverage.Coverage.sift", sift)
    steps = [*UP_TO_PROMPTS, {"judge/embed": {"model": "small"}}, *REST[:2], *REST[4:6], "select/coverage"]
    recipe = builds.write_recipe(tmp_path, steps=steps, models=models_for(tmp_path))
    built = await builds.run(recipe, write(tmp_path / "documents", mill=MILL), lake)
    assert built.problem is None
    vectors = dict(builds.ask(lake, "SELECT subject_id, vector FROM vectors"))
    pairs = dict(builds.ask(lake, "SELECT pair_id, prompt_id FROM pairs"))
    assert dict(read["pairs"]) == {pair: vectors.get(prompt) for pair, prompt in pairs.items()}
    assert {row_id: vector for row_id, vector, _ in read["prompts"]} == {
        row[0]: vectors.get(row[0]) for row in builds.ask(lake, "SELECT prompt_id FROM prompts")
    }
    assert {row_id: count for row_id, _, count in read["prompts"] if count} == {
        prompt: list(pairs.values()).count(prompt) for prompt in pairs.values()
    }
    assert all(vector is None for _, vector in read["responses"])
    assert len(read["responses"]) > 3
