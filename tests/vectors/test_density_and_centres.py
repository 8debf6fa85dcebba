"""Density, diversity and coverage against what comparing everything with everything says."""

from __future__ import annotations

import itertools
import random
from typing import Any

import made
import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.select.coverage import Coverage
from pipeline.select.density import Density
from pipeline.select.diverse import Diverse
from pipeline.strategy import Drop, Found, Note
from pipeline.vectors import neighbours
from pipeline.vectors.centres import farthest_first
from pipeline.vectors.gathering import gathered
from pipeline.vectors.neighbours import mean_of_nearest, nearest_cosine
from schemas.errors import RequestError

SEEDS = st.integers(0, 10**6)


def vectors_of(seed: int, count: int, dimensions: int = 6) -> Any:
    """Random vectors of length 1, some of them the same."""
    drawn = numpy.random.RandomState(seed)
    found = drawn.standard_normal((count, dimensions))
    found[drawn.rand(count) < 0.2] = found[0] if count else 0
    return (found / numpy.linalg.norm(found, axis=1, keepdims=True)).astype(numpy.float32)


def rows_of(vectors: Any, **columns: Any) -> list[dict[str, Any]]:
    return [{"id": f"r{place:03}", "vector": vector.tolist(), **columns} for place, vector in enumerate(vectors)]


# --- neighbours ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", [3, 2048])
@given(seed=SEEDS, count=st.integers(0, 30), nearest=st.integers(1, 12))
def test_the_nearest_are_those_that_brute_force_finds(block: int, seed: int, count: int, nearest: int) -> None:
    usual = neighbours.BLOCK
    neighbours.BLOCK = block
    try:
        vectors = vectors_of(seed, count)
        found = mean_of_nearest(vectors, nearest)
    finally:
        neighbours.BLOCK = usual
    exact = vectors.astype(numpy.float64) @ vectors.astype(numpy.float64).T
    for place in range(count):
        others = sorted(numpy.delete(exact[place], place))[::-1][:nearest]
        if others:
            assert found[place] == pytest.approx(sum(others) / len(others), abs=1e-9)
        else:
            assert numpy.isnan(found[place])


@given(seed=SEEDS, count=st.integers(1, 30), to=st.integers(1, 9))
def test_the_nearest_of_some_are_those_that_brute_force_finds(seed: int, count: int, to: int) -> None:
    vectors, others = vectors_of(seed, count), vectors_of(seed + 1, to)
    assert nearest_cosine(vectors, others, "a test") == pytest.approx((vectors @ others.T).max(axis=1), abs=1e-6)


@given(seed=SEEDS, drop=st.sampled_from(["sparse", "dense"]), quantile=st.floats(0.05, 0.95))
def test_a_share_at_one_end_leaves_and_a_larger_share_takes_it_along(seed: int, drop: Any, quantile: float) -> None:
    rows = rows_of(vectors_of(seed, 20))
    larger = min(0.99, quantile + 0.1)
    gone = []
    for share in (quantile, larger):
        said = list(Density(drop=drop, quantile=share).sift(made.Columns(rows)))
        gone.append({each.row_id for each in said if isinstance(each, Drop)})
        noted = {each.row_id for each in said if isinstance(each, Note)}
        assert noted | gone[-1] == {row["id"] for row in rows}
        assert not noted & gone[-1]
        assert len(gone[-1]) <= share * 20 + 1e-9
    assert gone[0] <= gone[1]


@pytest.mark.parametrize(
    ("params", "complaint"),
    [
        ({"sd": 1.0}, "`sd` limits nothing with drop: nothing"),
        ({"drop": "sparse"}, "drop: sparse needs one of `sd` and `quantile`"),
        ({"drop": "dense", "sd": 1.0, "quantile": 0.1}, "drop: dense needs one of"),
        ({"drop": "dense", "quantile": 1.0}, "`quantile` is 1.0; give a share between 0 and 1"),
        ({"drop": "dense", "sd": float("inf")}, "`sd` is inf"),
        ({"neighbours": 0}, "`neighbours` is 0; give 1 to 1000"),
    ],
)
def test_limits_that_limit_nothing_are_refused(params: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Density(**params)


# --- centres ---------------------------------------------------------------------------------------------------------


@given(seed=SEEDS, count=st.integers(1, 9), kept=st.integers(1, 4))
def test_nobody_is_left_more_than_twice_as_far_as_under_the_best_choice(seed: int, count: int, kept: int) -> None:
    vectors = vectors_of(seed, count)
    taken, whose, cosine = farthest_first(vectors, kept, range(count))
    angles = numpy.arccos(numpy.clip(vectors.astype(numpy.float64) @ vectors.T, -1, 1))
    size = min(kept, count)
    assert len(set(taken)) == len(taken) == size
    best = min(angles[:, list(some)].min(axis=1).max() for some in itertools.combinations(range(count), size))
    assert angles[:, taken].min(axis=1).max() <= 2 * best + 0.01
    for place in range(count):
        assert whose[place] in taken
        assert cosine[place] == pytest.approx(numpy.cos(angles[place, taken]).max(), abs=1e-5)


@given(seed=SEEDS, count=st.integers(2, 15))
def test_more_rows_take_those_of_fewer_along(seed: int, count: int) -> None:
    vectors = vectors_of(seed, count)
    taken, _, _ = farthest_first(vectors, count, range(count))
    assert sorted(taken) == list(range(count))
    for fewer in range(count):
        assert farthest_first(vectors, fewer, range(count))[0] == taken[:fewer]


@given(seed=SEEDS, chance=st.randoms(use_true_random=False))
def test_who_is_kept_does_not_hang_on_the_order_of_rows(seed: int, chance: random.Random) -> None:
    rows = rows_of(vectors_of(seed, 12))
    shuffled = list(rows)
    chance.shuffle(shuffled)
    for strategy in (Diverse(count=4), Diverse(share=0.3, seed=2), Density(neighbours=3), Coverage()):
        with_pairs = [[row | {"pairs": int(row["id"][-1]) % 2} for row in each] for each in (rows, shuffled)]
        one, other = (sorted(map(str, strategy.sift(made.Columns(each)))) for each in with_pairs)
        assert one == other


def test_another_seed_begins_elsewhere() -> None:
    rows = rows_of(vectors_of(1, 12))
    first = {
        seed: next(each.row_id for each in Diverse(count=1, seed=seed).sift(made.Columns(rows)) if isinstance(each, Note))
        for seed in range(8)
    }
    assert len(set(first.values())) > 2


@pytest.mark.parametrize(
    ("params", "complaint"),
    [
        ({}, "give one of `count` and `share`"),
        ({"count": 3, "share": 0.5}, "give one of `count` and `share`"),
        ({"count": 0}, "`count` is 0; give how many"),
        ({"share": 1.0}, "`share` is 1.0; give a share between 0 and 1"),
    ],
)
def test_a_number_that_says_nothing_is_refused(params: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Diverse(**params)


# --- coverage --------------------------------------------------------------------------------------------------------


@given(seed=SEEDS, kept=st.integers(1, 10))
def test_coverage_grows_with_what_has_pairs(seed: int, kept: int) -> None:
    rows = rows_of(vectors_of(seed, 12))
    figures = []
    for count in (kept, kept + 2):
        some = [row | {"pairs": int(place < count)} for place, row in enumerate(rows)]
        (found,) = [each.values for each in Coverage(within=0.5).sift(made.Columns(some)) if isinstance(each, Found)]
        figures.append(found)
    for name in ("covered", "mean_cosine", "farthest"):
        assert figures[0][name] <= figures[1][name]
    assert figures[1]["with_pairs"] == kept + 2


def test_a_cosine_that_none_can_reach_is_refused() -> None:
    for within in (-1.0, 1.01):
        with pytest.raises(ValueError, match="`within` is"):
            Coverage(within=within)


# --- what is read ----------------------------------------------------------------------------------------------------


def test_vectors_of_two_models_are_not_compared() -> None:
    rows = [{"id": "a", "vector": [1.0, 0.0]}, {"id": "b", "vector": [1.0]}, {"id": "c", "vector": [1.0, 0.0, 0.0]}]
    with (
        pytest.raises(RequestError, match="vectors of 1 and 2 dimensions, which cannot be compared: name the model"),
        gathered(made.Columns(rows), "prompts", None, needed_for="a test"),
    ):
        pass


def test_rows_without_any_vector_are_told() -> None:
    rows = [{"id": "a", "vector": None}, {"id": "b", "vector": None}]
    with pytest.raises(RequestError, match=r"none of 2 responses has one: put `judge/embed: \{of: responses\}` before it"):
        list(Density(of="responses").sift(made.Columns(rows)))


def test_what_is_gathered_is_sorted_and_of_length_1() -> None:
    rows = [
        {"id": "p2", "prompt_id": "q1", "vector": [3.0, 4.0], "confidence": 0.5},
        {"id": "p3", "prompt_id": "q0", "vector": [0.0, -2.0], "confidence": 0.7},
        {"id": "p1", "prompt_id": "q1", "vector": [3.0, 4.0], "confidence": 0.6},
        {"id": "p0", "prompt_id": "q2", "vector": None, "confidence": 0.9},
    ]
    with gathered(made.Columns(rows), "pairs", None, "confidence", needed_for="a test") as found:
        assert found.ids == ["q0", "q1"]
        assert numpy.allclose(found.vectors, [[0.0, -1.0], [0.6, 0.8]])
        assert found.rows == [(0, "p3", 0.7), (1, "p1", 0.6), (1, "p2", 0.5)]
        assert found.without == ["p0"]
