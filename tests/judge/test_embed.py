"""Vectors in the warehouse: their length, that none is made twice, and which model they are of."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import builds
import pytest
from hypothesis import given
from hypothesis import strategies as st
from word_vectors import make_model2vec, words_of

from pipeline.judge.embed import Embed, direction
from pipeline.models.mock_server import MockServer
from schemas.errors import RecipeError
from warehouse.address import resolve_address

TEXT = """# The mill

The runner stone turns above the bed stone. It weighs 900 kilograms, and the miller lifts it once a month.

## The wheel

The overshot wheel has 40 buckets and turns 12 times a minute. It is made of oak from the Harz mountains.

## The flour

Flour leaves the stones at 35 degrees and is cooled in the sack. A sack holds 50 kilograms of rye flour.
"""
STEPS: list[Any] = [
    {"mine/chunk": {"tokens": 40}},
    {"mine/qa": {"model": "writer"}},
    {"sample/grid": {"draws": 2, "show": "passage", "models": ["writer"]}},
    {"judge/embed": {"model": "embedder"}},
    {"judge/embed": {"model": "embedder", "of": "responses"}},
]


@given(st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=8))
def test_a_direction_has_length_1_and_six_decimals(vector: list[float]) -> None:
    found = direction(vector)
    if not any(vector):
        assert found is None
        return
    assert found is not None
    assert math.hypot(*found) == pytest.approx(1.0, abs=1e-5)
    assert all(value == round(value, 6) for value in found)
    assert not any(str(value) == "-0.0" for value in found)
    longer = direction([value / 4 for value in vector])
    assert longer == pytest.approx(found, abs=2e-6)


def test_a_cut_that_leaves_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="`characters` is 0; give how many"):
        Embed(characters=0)
    path = builds.write_recipe(tmp_path, steps=["mine/chunk", "mine/qa", {"judge/embed": {"of": "pairs"}}])
    with pytest.raises(RecipeError, match="`of` is 'pairs'"):
        builds.job(path, tmp_path, resolve_address(str(tmp_path / "lake")))


@pytest.mark.parametrize("engine", ["rehearsal", "openai", "model2vec"])
async def test_a_build_embeds_each_text_once(tmp_path: Path, engine: str) -> None:
    source = tmp_path / "mill.md"
    source.write_text(TEXT, encoding="utf-8")
    address = resolve_address(str(tmp_path / "lake"))
    async with MockServer() as base_url:
        embedder: dict[str, Any] = {"model": "e", "engine": engine, "base_url": base_url}
        if engine == "model2vec":
            embedder = {"model": str(make_model2vec(tmp_path / "mill", words_of(TEXT))), "engine": engine}
        models = {"writer": {"model": "rehearsal"}, "embedder": embedder}
        recipe = builds.write_recipe(tmp_path, steps=STEPS, models=models)
        built = await builds.run(recipe, source, address)
        again = await builds.run(recipe, source, address)
    vectors = builds.ask(address, "SELECT subject_id, model, vector, vector_id, document_id FROM vectors ORDER BY ALL")
    texts = builds.ask(address, "SELECT prompt_id FROM prompts UNION ALL SELECT response_id FROM responses ORDER BY 1")
    nothing = builds.ask(address, "SELECT subject_id, status, reason FROM outcomes WHERE step = 'judge/embed' AND rows = 0")
    assert {(status, reason) for _, status, reason in nothing} <= {("none", "no_direction")}
    assert sorted([row[0] for row in vectors] + [row[0] for row in nothing]) == sorted(row[0] for row in texts)
    assert len(vectors) > 3
    assert all(math.hypot(*vector) == pytest.approx(1.0, abs=1e-5) for _, _, vector, _, _ in vectors)
    assert all(vector_id.startswith("vec_") and document_id for *_, vector_id, document_id in vectors)
    names = {"rehearsal": "rehearsal:e", "openai": "e"}
    (model,) = {row[1] for row in vectors}
    assert model.startswith(names.get(engine, "mill@"))
    assert sum(count for step, count in builds.calls_of(built).items() if "embed" in step) == len(texts)
    assert builds.calls_of(again) == {}
    assert not any(builds.audits(address).values())


async def test_another_model_in_the_same_folder_embeds_anew(tmp_path: Path) -> None:
    source = tmp_path / "mill.md"
    source.write_text(TEXT, encoding="utf-8")
    address = resolve_address(str(tmp_path / "lake"))
    folder = make_model2vec(tmp_path / "mill", words_of(TEXT))
    models = {"writer": {"model": "rehearsal"}, "embedder": {"model": str(folder), "engine": "model2vec"}}
    recipe = builds.write_recipe(tmp_path, steps=STEPS[:4], models=models)
    first = await builds.run(recipe, source, address)
    make_model2vec(folder, words_of(TEXT + " more"))
    second = await builds.run(recipe, source, address)
    assert builds.calls_of(second) == {"judge/embed": builds.calls_of(first)["judge/embed"]}
    assert len(builds.ask(address, "SELECT DISTINCT model FROM vectors")) == 2
