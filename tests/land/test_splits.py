"""A document's side: stable, spread as asked, and refused in words when the sizes make no sense."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.land.splits import SPLITS, assign_split, check_sizes

SIZES = {"train": 0.8, "validation": 0.05, "test": 0.15}
ids = st.text(max_size=30)


@st.composite
def sizes(draw: st.DrawFn) -> dict[str, float]:
    """Valid sizes with `train` and any others."""
    names = ["train", *draw(st.lists(st.sampled_from(SPLITS[1:]), unique=True))]
    weights = [draw(st.integers(1, 1000)) for _ in names]
    return {name: weight / sum(weights) for name, weight in zip(names, weights, strict=True)}


@given(sizes(), st.integers(), st.lists(ids, unique=True), st.lists(ids, unique=True))
def test_documents_added_never_move_one(sizes: dict[str, float], seed: int, old: list[str], new: list[str]) -> None:
    check_sizes(sizes)
    before = {document: assign_split(document, sizes, seed) for document in old}
    after = {document: assign_split(document, sizes, seed) for document in [*new, *reversed(old)]}
    assert before.items() <= after.items()
    assert set(after.values()) <= set(sizes)


@given(sizes(), st.integers(), ids)
def test_order_of_sizes_does_not_matter(sizes: dict[str, float], seed: int, document: str) -> None:
    turned = dict(reversed(sizes.items()))
    assert assign_split(document, sizes, seed) == assign_split(document, turned, seed)


@given(st.floats(0.01, 0.98), st.floats(0.001, 0.01), st.integers(), ids)
def test_larger_train_only_takes_from_the_others(train: float, more: float, seed: int, document: str) -> None:
    smaller = assign_split(document, {"train": train, "test": 1 - train}, seed)
    larger = assign_split(document, {"train": train + more, "test": 1 - train - more}, seed)
    assert (smaller, larger) != ("train", "test")


@pytest.mark.parametrize("seed", range(5))
def test_shares_are_within_three_sigma(seed: int) -> None:
    count = 20_000
    sides = [assign_split(f"doc_{number:020x}", SIZES, seed) for number in range(count)]
    for name, size in SIZES.items():
        assert abs(sides.count(name) - size * count) < 3 * math.sqrt(count * size * (1 - size)), name


def test_seed_deals_anew() -> None:
    documents = [f"doc_{number}" for number in range(5000)]
    test = [{document for document in documents if assign_split(document, SIZES, seed) == "test"} for seed in (0, 1)]
    overlap = len(test[0] & test[1]) / len(test[0])
    assert 0.08 < overlap < 0.22  # 0.15 if the two deals know nothing of each other


def test_sides_of_a_release_made_earlier_are_pinned() -> None:
    sides = [assign_split(f"doc_{number}", {"train": 0.5, "test": 0.5}, 0) for number in range(12)]
    assert "".join(side[1] for side in sides) == "eeereerrreer"


@pytest.mark.parametrize("size", [1.0, 1 - 1e-10])
def test_last_split_leaves_no_document_out(size: float) -> None:
    assert {assign_split(str(number), {"train": size}, 0) for number in range(100)} == {"train"}


@pytest.mark.parametrize(
    ("sizes", "sentence"),
    [
        ({}, "the split `train` is missing"),
        ({"test": 1.0}, "the split `train` is missing"),
        ({"trian": 1.0}, "`trian` is not a split; did you mean `train`?"),
        ({"train": 0.8, "test": 0.1}, "sum to 0.9; make them sum to 1"),
        ({"train": 1.0, "test": 0.0}, "the split `test` has the size 0.0"),
        ({"train": 1.1, "test": -0.1}, "the split `train` has the size 1.1"),
        ({"train": math.nan}, "the split `train` has the size nan"),
        ({"train": 0.9, "test": 0.1 + 2e-9}, "make them sum to 1"),
    ],
)
def test_sizes_that_make_no_sense_are_refused(sizes: dict[str, float], sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        check_sizes(sizes)


def test_rounding_of_sizes_is_forgiven() -> None:
    check_sizes({"train": 0.8, "validation": 0.1, "test": 0.1 + 5e-10})
