"""Candidate pairs: just those that the rule names, each once, in any split of the rows into nights."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Iterable

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.likeness.candidates import Forest, candidates
from pipeline.likeness.clusters import components
from pipeline.likeness.minhash import MinHash
from pipeline.likeness.sketches import Sketches, sketch

SMALL = MinHash(threshold=0.6, bands=4, rows=2)
NONE = Sketches(numpy.empty((0, SMALL.width), numpy.uint8), numpy.empty(0, numpy.uint32))
SKETCHES = st.lists(
    st.tuples(
        st.lists(st.integers(0, 2), min_size=SMALL.width, max_size=SMALL.width), st.sampled_from([0, 5, 8, 9, 10, 100])
    ),
    max_size=24,
)


def made(rows: Iterable[tuple[list[int], int]]) -> Sketches:
    """Sketches of given bytes and sizes."""
    rows = list(rows)
    data = numpy.array([data for data, _ in rows], numpy.uint8).reshape(len(rows), SMALL.width)
    return Sketches(data, numpy.array([size for _, size in rows], numpy.uint32))


def part(sketches: Sketches, rows: slice) -> Sketches:
    """Some rows of sketches."""
    return Sketches(sketches.data[rows], sketches.sizes[rows])


def listed(known: Sketches, new: Sketches, spec: MinHash, chunk: int = 3) -> list[tuple[int, int]]:
    """All candidates, in small chunks."""
    pairs: list[tuple[int, int]] = []
    for some in candidates(known, new, spec, chunk=chunk):
        assert 0 < len(some) <= chunk
        pairs.extend((a, b) for a, b in some.tolist())
    return pairs


def is_pair(sketches: Sketches, i: int, j: int, spec: MinHash) -> bool:
    """The rule for one pair."""
    a, b = sketches.data[i].reshape(spec.bands, spec.rows), sketches.data[j].reshape(spec.bands, spec.rows)
    sizes = sorted((int(sketches.sizes[i]), int(sketches.sizes[j])))
    return bool(
        sizes[0] > 0
        and (a == b).all(axis=1).any()
        and (a == b).sum() >= spec.least_equal
        and sizes[0] >= (spec.threshold - 1e-9) * sizes[1]
    )


def named(sketches: Sketches, spec: MinHash) -> set[tuple[int, int]]:
    """All pairs that the rule names."""
    return {(i, j) for i, j in itertools.combinations(range(len(sketches)), 2) if is_pair(sketches, i, j, spec)}


@given(SKETCHES)
def test_candidates_are_the_pairs_that_the_rule_names_each_once(rows: list[tuple[list[int], int]]) -> None:
    sketches = made(rows)
    pairs = listed(NONE, sketches, SMALL)
    assert Counter(pairs) == Counter(named(sketches, SMALL))


@given(SKETCHES, st.lists(st.integers(0, 24), max_size=3))
def test_any_split_into_nights_finds_the_same_pairs(rows: list[tuple[list[int], int]], cuts: list[int]) -> None:
    sketches = made(rows)
    nights = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    found = [
        pair
        for first, last in itertools.pairwise(nights)
        for pair in listed(part(sketches, slice(0, first)), part(sketches, slice(first, last)), SMALL)
    ]
    assert Counter(found) == Counter(named(sketches, SMALL))


@given(SKETCHES, st.integers(0, 24), st.sampled_from([1, 2, 5]))
def test_with_a_forest_fewer_pairs_make_the_same_components(
    rows: list[tuple[list[int], int]], split: int, chunk: int
) -> None:
    """Every third pair turns out not to be alike."""
    sketches = made(rows)
    alike = {(i, j) for i, j in named(sketches, SMALL) if (i + j) % 3}
    known, new = part(sketches, slice(0, split)), part(sketches, slice(split, None))
    forest = Forest(len(rows))
    before = [pair for pair in alike if pair[1] < len(known)]
    forest.join(numpy.array(before, numpy.int64).reshape(-1, 2))
    asked: list[tuple[int, int]] = []
    for some in candidates(known, new, SMALL, forest, chunk):
        asked.extend((a, b) for a, b in some.tolist())
        forest.join(numpy.array([pair for pair in some.tolist() if tuple(pair) in alike], numpy.int64).reshape(-1, 2))
    assert len(asked) == len(set(asked))
    assert set(asked) <= named(sketches, SMALL)
    wanted = {row: rows[0] for rows in components(alike) for row in rows}
    assert forest.roots().tolist() == [wanted.get(row, row) for row in range(len(rows))]


def test_a_large_family_is_joined_by_few_pairs() -> None:
    rng = random.Random(3)
    slots = [f"{rng.randrange(10**8):08}" for _ in range(3000)]
    ask = (
        "Write a letter to the owner of the mill by the river and ask for {} sacks of the finest flour for the bakery."
    )
    spec = MinHash()
    family = sketch([*(ask.format(slot) for slot in slots), "An outlier."], spec)
    none = part(family, slice(0, 0))
    forest = Forest(len(family))
    asked = 0
    for some in candidates(none, family, spec, forest, chunk=4096):
        asked += len(some)
        forest.join(some)
    assert set(forest.roots().tolist()) == {0, 3000}
    assert 2999 <= asked < 20 * 3000


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=12))
def test_a_forest_knows_the_smallest_of_each_component(pairs: list[tuple[int, int]]) -> None:
    forest = Forest(10)
    forest.join(numpy.array(pairs, numpy.int64).reshape(-1, 2))
    wanted = {row: rows[0] for rows in components(pairs) for row in rows}
    assert forest.roots().tolist() == [wanted.get(row, row) for row in range(10)]


def test_a_band_that_differs_in_one_slot_is_no_band_in_common() -> None:
    one, other = [0, 0, 0, 0, 0, 0, 0, 0], [0, 1, 0, 1, 0, 1, 0, 1]
    loose = MinHash(threshold=0.01, bands=4, rows=2)
    assert listed(NONE, made([(one, 5), (other, 5)]), loose) == []
    assert listed(NONE, made([(one, 5), ([0, 1, 0, 1, 0, 1, 0, 0], 5)]), loose) == [(0, 1)]


@pytest.mark.parametrize(
    ("sizes", "found"), [((80, 100), True), ((79, 100), False), ((100, 100), True), ((0, 0), False)]
)
def test_sizes_alone_can_rule_a_pair_out(sizes: tuple[int, int], found: bool) -> None:
    spec = MinHash(threshold=0.8, bands=4, rows=2)
    rows = [([1] * 8, size) for size in sizes]
    assert bool(listed(NONE, made(rows), spec)) is found
    assert bool(listed(made(rows[:1]), made(rows[1:]), spec)) is found


@pytest.mark.parametrize("rows", range(1, 9))
def test_bands_of_any_width_are_looked_up(rows: int) -> None:
    spec = MinHash(threshold=0.1, bands=3, rows=rows)
    data = numpy.random.default_rng(rows).integers(0, 2, (60, spec.width), numpy.uint8)
    sketches = Sketches(data, numpy.full(60, 9, numpy.uint32))
    wanted = named(sketches, spec)
    assert len(wanted) > 5
    assert Counter(listed(part(sketches, slice(0, 0)), sketches, spec)) == Counter(wanted)
