"""Relevance by embeddings: the two products on numbers worked out by hand, their invariants, and a whole build."""

from __future__ import annotations

import math
from pathlib import Path

import builds
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.judge.relevance import cosine, dot
from pipeline.models.mock_server import MockServer
from pipeline.registry import STRATEGIES
from prompts.library import shipped_template
from schemas.errors import RecipeError
from warehouse.address import resolve_address
from warehouse.guest import guest

NUMBERS = st.floats(-1e300, 1e300)
VECTORS = st.integers(1, 6).flatmap(lambda size: st.tuples(*[st.lists(NUMBERS, min_size=size, max_size=size)] * 2))
TEXT = "The runner stone turns above the bed stone. It weighs 900 kilograms. The miller lifts it once a month."


@pytest.mark.parametrize(
    ("one", "other", "product", "angle"),
    [
        ([3.0, 4.0], [4.0, 3.0], 24.0, 0.96),
        ([1.0, 0.0], [0.0, 5.0], 0.0, 0.0),
        ([1.0, 2.0], [-2.0, -4.0], -10.0, -1.0),
        ([1e16, 1.0, -1e16], [1.0, 1.0, 1.0], 1.0, 0.0),
        ([0.0, 0.0], [1.0, 1.0], 0.0, None),
        ([1e200], [1e200], None, 1.0),
        ([1e-200, 0.0], [1e-200, 0.0], 0.0, 1.0),
    ],
)
def test_products_by_hand(one: list[float], other: list[float], product: float | None, angle: float | None) -> None:
    assert dot(one, other) == product
    assert cosine(one, other) == (None if angle is None else pytest.approx(angle, abs=1e-9))


@given(VECTORS)
def test_a_cosine_is_symmetric_within_its_bounds_and_blind_to_length(vectors: tuple[list[float], list[float]]) -> None:
    one, other = vectors
    value = cosine(one, other)
    assert value == cosine(other, one)
    if value is None:
        assert not any(one) or not any(other)
        return
    assert -1.0 <= value <= 1.0
    assert cosine([each / 4 for each in one], other) == pytest.approx(value, abs=1e-9)
    assert cosine(one, one) == pytest.approx(1.0)


@given(VECTORS)
def test_a_dot_product_is_a_finite_number_or_none(vectors: tuple[list[float], list[float]]) -> None:
    value = dot(*vectors)
    assert value == dot(vectors[1], vectors[0])
    assert value is None or math.isfinite(value)


STEPS = [
    "mine/chunk",
    "mine/qa",
    {"sample/grid": {"draws": 3, "show": "passage"}},
    "sample/gold",
    {"judge/relevance": {"model": "embedder"}},
    {"judge/relevance": {"model": "embedder", "against": "reference", "by": "dot"}},
]


@pytest.mark.parametrize("engine", ["rehearsal", "openai"])
async def test_a_build_measures_relevance(tmp_path: Path, engine: str) -> None:
    source = tmp_path / "mill.md"
    source.write_text(TEXT, encoding="utf-8")
    address = resolve_address(str(tmp_path / "lake"))
    server = MockServer()
    async with server as base_url:
        embedder = {"model": "e", "engine": engine, "base_url": base_url, "price": {"input": 1.0}}
        models = {"default": {"model": "rehearsal"}, "embedder": embedder}
        recipe = builds.write_recipe(tmp_path, steps=STEPS, models=models)
        built = await builds.run(recipe, source, address)
        again = await builds.run(recipe, source, address)
    with guest(address) as connection:
        signals = connection.execute(
            "SELECT s.name, s.evaluator, s.value, r.role FROM signals s, responses r "
            "WHERE r.response_id = s.response_ids[1] ORDER BY ALL"
        ).fetchall()
        responses = connection.execute("SELECT count(*) FROM responses").fetchone()
        failed = connection.execute("SELECT step, detail FROM outcomes WHERE status = 'failed'").fetchall()
    assert failed == []
    assert responses is not None
    for name in ("relevance", "relevance:reference"):
        assert sum(found == name for found, *_ in signals) == responses[0] > 3
    assert {evaluator for _, evaluator, *_ in signals} == {"rehearsal:e" if engine == "rehearsal" else "e"}
    assert all(-1 <= value <= 1 for name, _, value, _ in signals if name == "relevance")
    if engine == "openai":  # its vectors have length 1, and the mined answer is the reference
        nearest = max(value for name, _, value, _ in signals if name == "relevance:reference")
        gold = [value for name, _, value, role in signals if (name, role) == ("relevance:reference", "gold")]
        assert gold
        assert {*gold, nearest} == {1.0}
        assert server.stats.snapshot()["calls"] == 2 * responses[0]
    assert sum(count for step, count in builds.calls_of(built).items() if step.startswith("judge")) == 2 * responses[0]
    assert builds.calls_of(again) == {}


async def test_a_prompt_of_ones_own_has_the_two_texts_as_turns(tmp_path: Path) -> None:
    """With one turn each response would be compared with itself, and with three nobody could say which two."""
    source = tmp_path / "mill.md"
    source.write_text(TEXT, encoding="utf-8")
    own = tmp_path / "own.md"
    recipe = builds.write_recipe(tmp_path, steps=[*STEPS[:4], {"judge/relevance": {"prompt": "./own.md"}}])
    address = resolve_address(str(tmp_path / "lake"))
    head = "---\ninputs: [text, response]\n---\n<!-- user -->\n"
    for body in ("{{ text }} {{ response }}", "{{ text }}\n<!-- user -->\n{{ response }}\n<!-- user -->\nx"):
        own.write_text(head + body, encoding="utf-8")
        with pytest.raises(RecipeError, match=r"`judge/relevance` needs 2 turns, and here are [13]"):
            await builds.run(recipe, source, address)
    own.write_text(f"{head}query: {{{{ text }}}}\n<!-- user -->\npassage: {{{{ response }}}}\n", encoding="utf-8")
    built = await builds.run(recipe, source, address)
    assert builds.calls_of(built)["judge/relevance"] > 0
    assert len(shipped_template("judge/relevance").parts) == STRATEGIES["judge/relevance"].turns
