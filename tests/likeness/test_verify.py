"""From texts to clusters: the whole way, against brute force."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ngrams import alike

from pipeline.likeness.candidates import Forest
from pipeline.likeness.clusters import components, leaders
from pipeline.likeness.minhash import MinHash
from pipeline.likeness.sketches import Sketches, sketch
from pipeline.likeness.verify import alike_by, verified

SPEC = MinHash(bands=63, rows=2)  # all that is alike shares a band: 1 - 1e-28 at .8
WORDS = ["mill", "river", "stone", "grain", "flour", "Wasser", "水車", "밀가루", "دقيق", "🌾"]


def family(rng: random.Random, size: int) -> list[str]:
    """A text and others that differ from it or from each other by a few words."""
    texts = [[rng.choice(WORDS) + str(rng.randrange(50)) for _ in range(rng.choice([3, 12, 30]))]]
    for _ in range(size - 1):
        words = list(rng.choice(texts))
        words[rng.randrange(len(words))] = rng.choice(WORDS) + str(rng.randrange(50))
        texts.append(words)
    return [" ".join(words) for words in texts]


def some_texts(seed: int) -> list[str]:
    """Families, short texts and empty ones, in any order."""
    rng = random.Random(seed)
    texts = ["", " ", "a", "A", "ab", "水", "水"]
    for _ in range(3):
        texts += family(rng, rng.randint(1, 8))
    rng.shuffle(texts)
    return texts


def pairs_of(texts: Sequence[str]) -> dict[tuple[int, int], float]:
    """All alike pairs by comparing each with each."""
    every = ((i, j, alike(texts[i], texts[j], SPEC)) for i, j in itertools.combinations(range(len(texts)), 2))
    return {(i, j): float(each) for i, j, each in every if float(each) >= 0.8}


def found(
    texts: Sequence[str], nights: Sequence[int], forest: Forest | None = None, **sizes: int
) -> dict[tuple[int, int], float]:
    """The pairs that the engine verifies, night by night."""
    made = sketch(texts, SPEC)
    got: dict[tuple[int, int], float] = {}
    for first, last in itertools.pairwise(nights):
        known, new = (Sketches(made.data[a:b], made.sizes[a:b]) for a, b in ((0, first), (first, last)))
        for pairs, exact in verified(known, new, SPEC, lambda rows: [texts[k] for k in rows], forest=forest, **sizes):
            for (i, j), each in zip(pairs.tolist(), exact.tolist(), strict=True):
                assert (i, j) not in got
                got[i, j] = each
    return got


@given(st.integers(0, 10**6), st.lists(st.integers(0, 30), max_size=3), st.sampled_from([1, 7, 1000]))
def test_alike_pairs_are_those_of_brute_force_in_any_split_into_nights(
    seed: int, cuts: list[int], at_once: int
) -> None:
    texts = some_texts(seed)
    nights = [0, *sorted(min(cut, len(texts)) for cut in cuts), len(texts)]
    assert found(texts, nights, pairs_at_once=at_once, rows_at_once=at_once) == pairs_of(texts)


@given(st.integers(0, 10**6), st.integers(0, 30), st.sampled_from([1, 7, 1000]))
def test_clusters_are_those_of_brute_force_from_scratch_and_by_nights(seed: int, cut: int, at_once: int) -> None:
    """With a forest fewer pairs are seen; the rest is asked."""
    texts = some_texts(seed)
    every = pairs_of(texts)
    rank = {row: (len(text), text) for row, text in enumerate(texts)}
    wanted = leaders(every, rank, lambda asked: [tuple(sorted(pair)) in every for pair in asked])
    made = sketch(texts, SPEC)
    ask = alike_by(
        lambda rows: Sketches(made.data[rows], made.sizes[rows]), lambda rows: [texts[k] for k in rows], SPEC
    )
    forest = Forest(len(texts))
    got = found(texts, [0, min(cut, len(texts)), len(texts)], forest, pairs_at_once=at_once)
    assert set(got) <= set(every)
    assert components(got) == components(every)
    assert leaders(got, rank, ask) == wanted
    assert all((min(pair), max(pair)) in every for pair in wanted.items())


@given(st.integers(0, 10**6))
def test_what_stays_is_not_alike(seed: int) -> None:
    """So to take away duplicates again takes nothing away."""
    texts = some_texts(seed)
    every = pairs_of(texts)
    joined = leaders(
        every, dict.fromkeys(range(len(texts)), 0), lambda asked: [tuple(sorted(p)) in every for p in asked]
    )
    kept = [text for row, text in enumerate(texts) if row not in joined]
    assert found(kept, [0, len(kept)]) == {}


def test_texts_are_read_seldom_and_not_too_many_at_once() -> None:
    texts = [" ".join([*["grain"] * 3, *(f"word{k}" for k in range(30)), f"x{seed}"]) for seed in range(60)]
    made, readings = sketch(texts, SPEC), list[int]()

    def read(rows: Sequence[int]) -> list[str]:
        assert list(rows) == sorted(set(rows))
        readings.append(len(rows))
        return [texts[k] for k in rows]

    none = Sketches(made.data[:0], made.sizes[:0])
    whole = [tuple(pair) for pairs, _ in verified(none, made, SPEC, read) for pair in pairs.tolist()]
    assert len(readings) == 1
    readings.clear()
    parts = [tuple(pair) for pairs, _ in verified(none, made, SPEC, read, rows_at_once=40) for pair in pairs.tolist()]
    assert sorted(parts) == sorted(whole)
    assert len(readings) > 1
    assert max(readings) <= 40


def test_questions_about_what_cannot_be_alike_read_nothing() -> None:
    texts = [
        "the mill by the river",
        "the mill by the river and",
        "something else",
        "",
        "a text that is far longer " * 9,
    ]
    made, read_rows = sketch(texts, SPEC), set[int]()

    def read(rows: Sequence[int]) -> list[str]:
        read_rows.update(rows)
        return [texts[k] for k in rows]

    ask = alike_by(lambda rows: Sketches(made.data[rows], made.sizes[rows]), read, SPEC)
    assert ask([(0, 1), (0, 2), (0, 3), (0, 4), (3, 3)]) == [True, False, False, False, False]
    assert read_rows <= {0, 1, 3}
    read_rows.clear()
    assert ask([(1, 0)]) == [True]
    assert not read_rows


@pytest.mark.parametrize("words", [40, 60])
def test_a_chain_of_small_changes_does_not_come_down_to_one_row(words: int) -> None:
    rng = random.Random(words)
    texts = [[f"word{rng.randrange(10**6)}" for _ in range(words)]]
    for k in range(words - 1):
        texts.append([*texts[-1][:k], f"other{rng.randrange(10**6)}", *texts[-1][k + 1 :]])
    chain = [" ".join(each) for each in texts]
    got = found(chain, [0, len(chain)])
    assert [len(rows) for rows in components(got)] == [words]
    made = sketch(chain, SPEC)
    ask = alike_by(
        lambda rows: Sketches(made.data[rows], made.sizes[rows]), lambda rows: [chain[k] for k in rows], SPEC
    )
    joined = leaders(got, dict.fromkeys(range(words), 0), ask)
    assert words - len(joined) >= 5
    assert min(float(alike(chain[row], chain[to], SPEC)) for row, to in joined.items()) >= 0.8
    assert numpy.diff(sorted(set(range(words)) - set(joined))).min() > 1
