"""Clusters: who stands for whom."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from pipeline.likeness.clusters import components, leaders
from pipeline.likeness.minhash import MinHash
from pipeline.likeness.overlap import jaccard

SIZE = 12
ROWS = st.integers(0, SIZE - 1)
EDGES = st.lists(st.tuples(ROWS, ROWS), max_size=30)


def naive_components(edges: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Spread over the edges until nothing changes."""
    label = {row: row for edge in edges for row in edge}
    for _ in label:
        for a, b in edges:
            label[a] = label[b] = min(label[a], label[b])
    return sorted(sorted(row for row in label if label[row] == least) for least in set(label.values()))


def naive_leaders(edges: set[frozenset[int]], rank: dict[int, float]) -> dict[int, int]:
    """Row by row in the order of rank, within the whole graph: rows of other components are alike to none."""
    kept: list[int] = []
    joined: dict[int, int] = {}
    for row in sorted(rank, key=lambda row: (rank[row], row)):
        to = next((each for each in kept if frozenset((each, row)) in edges), None)
        if to is None:
            kept.append(row)
        else:
            joined[row] = to
    return joined


@given(EDGES)
def test_components_are_those_of_a_plain_union_find(edges: list[tuple[int, int]]) -> None:
    assert components(edges) == naive_components(edges)


@given(EDGES, st.lists(st.integers(0, 3), min_size=SIZE, max_size=SIZE), st.randoms(use_true_random=False))
def test_each_row_joins_the_best_leader_it_is_alike_to(
    edges: list[tuple[int, int]], ranks: list[int], rng: random.Random
) -> None:
    """The pairs may be given in any order, any way round, and but for what spans the components."""
    graph = {frozenset(edge) for edge in edges if edge[0] != edge[1]}
    rank = dict(enumerate(map(float, ranks)))
    asked: list[tuple[int, int]] = []

    def alike(pairs: list[tuple[int, int]]) -> list[bool]:
        asked.extend(pairs)
        return [frozenset(pair) in graph for pair in pairs]

    wanted = naive_leaders(graph, rank)
    shuffled = [pair if rng.random() < 0.5 else pair[::-1] for pair in rng.sample(edges, len(edges))]
    assert leaders(shuffled, rank, alike) == wanted
    assert not {frozenset(pair) for pair in asked} & graph
    spanning: list[tuple[int, int]] = []
    for pair in shuffled:
        if len(components([*spanning, pair])) < len(components(spanning)) or not _hang_together(spanning, pair):
            spanning.append(pair)
    asked.clear()
    assert leaders(spanning, rank, alike) == wanted
    assert len(set(asked)) == len(asked)


def _hang_together(edges: list[tuple[int, int]], pair: tuple[int, int]) -> bool:
    return any(set(pair) <= set(rows) for rows in components(edges))


def test_what_is_left_is_alike_to_nothing_that_stays_for_it_twice() -> None:
    """Taken again, the rows that stay stay."""
    graph = {frozenset(pair) for pair in ((0, 1), (1, 2), (2, 3), (3, 4))}
    rank = dict.fromkeys(range(5), 0.0)
    joined = leaders(
        [tuple(sorted(pair)) for pair in graph], rank, lambda pairs: [frozenset(p) in graph for p in pairs]
    )
    assert joined == {1: 0, 3: 2}
    kept = set(rank) - set(joined)
    again = [tuple(sorted(pair)) for pair in graph if pair <= kept]
    assert leaders(again, rank, lambda pairs: [False] * len(pairs)) == {}


def test_ids_may_be_texts_and_rank_decides() -> None:
    pairs = [("b", "a"), ("b", "c")]
    assert leaders(pairs, {"a": 2, "b": 1, "c": 0}, lambda asked: [False] * len(asked)) == {"b": "c"}
    assert leaders(pairs, {"a": 0, "b": 1, "c": 2}, lambda asked: [True] * len(asked)) == {"b": "a", "c": "a"}


def test_fillings_of_a_template_do_not_chain() -> None:
    """Each differs from the next by one word of ten; from the first to the last nothing is left."""
    first = ["alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliett"]
    last = ["kilo", "lima", "mike", "november", "oscar", "papa", "quebec", "romeo", "sierra", "tango"]
    texts = [" ".join([*last[:k], *first[k:]]) for k in range(11)]
    spec = MinHash(threshold=0.6)

    def alike(pairs: list[tuple[int, int]]) -> list[bool]:
        exact = jaccard([texts[a] for a, _ in pairs], [texts[b] for _, b in pairs], spec)
        return [bool(each >= spec.threshold) for each in exact]

    every = list(itertools.combinations(range(11), 2))
    near = [pair for pair, is_near in zip(every, alike(every), strict=True) if is_near]
    assert [len(rows) for rows in components(near)] == [11]
    joined = leaders(near, {row: row for row in range(11)}, alike)
    assert 0 < len(joined) < 10
    assert all(alike([(leader, row)]) == [True] for row, leader in joined.items())
    kept = [row for row in range(11) if row not in joined]
    assert not any(alike(list(itertools.combinations(kept, 2))))
