"""Semantic duplicates: against brute force, in any order of rows, from scratch and night after night."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

import made
import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.select.semantic_duplicates import SemanticDuplicates
from pipeline.strategy import Drop, Found, Note
from pipeline.vectors.alike import find_leaders
from pipeline.vectors.planes import Planes, bands_for

Row = dict[str, Any]


def planted(seed: int, groups: int, most: int, spread: float, dimensions: int = 24) -> list[Row]:
    """Groups of rows around as many centres, each row so far off, with a score and the night it came."""
    drawn = numpy.random.RandomState(seed)
    rows: list[Row] = []
    for group in range(groups):
        centre = drawn.standard_normal(dimensions)
        for member in range(1 + drawn.randint(most)):
            vector = centre + spread * drawn.standard_normal(dimensions) * drawn.rand()
            vector /= numpy.linalg.norm(vector)
            values = {"signal:useful": float(drawn.randint(4)), "landed": int(drawn.randint(1, 4))}
            rows.append({"id": f"r{group}_{member}", "vector": [round(float(each), 6) for each in vector], **values})
    return rows


def brute(rows: Sequence[Row], order: Sequence[str], threshold: float) -> dict[str, str]:
    """Each row put down to the first leader in order that it is alike to, by comparing all with all."""
    vectors = {row["id"]: numpy.array(row["vector"]) / numpy.linalg.norm(row["vector"]) for row in rows}
    leader: dict[str, str] = {}
    for one in order:
        alike = [each for each in leader if leader[each] == each and vectors[each] @ vectors[one] >= threshold - 2e-6]
        leader[one] = alike[0] if alike else one
    return leader


def said(strategy: SemanticDuplicates, rows: Sequence[Row]) -> dict[str, str]:
    """Each row that is dropped with what it was put down to."""
    answers = list(strategy.sift(made.Columns(rows)))
    return {each.row_id: each.detail.split()[-1] for each in answers if isinstance(each, Drop)}


SEEDS = st.integers(0, 10**6)


@given(SEEDS, st.sampled_from([0.75, 0.9, 0.97]), st.floats(0.05, 1.0))
def test_what_brute_force_drops_is_dropped(seed: int, threshold: float, spread: float) -> None:
    """With so many bands that a pair at the threshold is missed once in 10^9 times."""
    rows = planted(seed, groups=8, most=6, spread=spread)
    order = sorted(range(len(rows)), key=lambda place: rows[place]["id"][::-1])
    vectors = numpy.array([row["vector"] for row in rows], dtype=numpy.float32)
    ways = Planes(8, bands_for(threshold, 8, recall=1 - 1e-9))
    leader, cosine = find_leaders(vectors, order, threshold, ways)
    wanted = brute(rows, [rows[place]["id"] for place in order], threshold)
    assert {row["id"]: rows[led_by]["id"] for row, led_by in zip(rows, leader, strict=True)} == wanted
    for place, led_by in enumerate(leader):
        assert cosine[place] == pytest.approx(float(vectors[place] @ vectors[led_by]) if place != led_by else 1.0, abs=1e-5)


@given(SEEDS, st.sampled_from(["oldest", "best", "random"]), st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(seed: int, keep: Any, chance: random.Random) -> None:
    rows = planted(seed, groups=5, most=5, spread=0.5)
    strategy = SemanticDuplicates(keep=keep, by="signal:useful" if keep == "best" else None)
    shuffled = list(rows)
    chance.shuffle(shuffled)
    answers = [sorted(map(str, strategy.sift(made.Columns(each)))) for each in (rows, shuffled)]
    assert answers[0] == answers[1]


@given(SEEDS, st.sampled_from(["oldest", "best", "random"]))
def test_what_is_kept_has_no_duplicate_and_what_is_dropped_one_that_is_kept(seed: int, keep: Any) -> None:
    rows = planted(seed, groups=6, most=6, spread=0.4)
    strategy = SemanticDuplicates(keep=keep, by="signal:useful" if keep == "best" else None)
    dropped = said(strategy, rows)
    kept = [row for row in rows if row["id"] not in dropped]
    assert set(dropped.values()) <= {row["id"] for row in kept}
    assert said(strategy, kept) == {}
    for row, leader in dropped.items():
        one, other = (next(each["vector"] for each in rows if each["id"] == name) for name in (row, leader))
        assert numpy.dot(one, other) >= 0.9 - 1e-5


def nights(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """What is there after each night."""
    for night in (1, 2, 3):
        yield [row for row in rows if row["landed"] <= night]


@given(SEEDS)
def test_what_was_kept_stays_when_newer_rows_come(seed: int) -> None:
    """With `keep: oldest` a row is put down to older ones alone: no night takes back what an earlier one said."""
    rows = planted(seed, groups=5, most=6, spread=0.5)
    before: dict[str, str] = {}
    known: set[str] = set()
    for there in nights(rows):
        now = said(SemanticDuplicates(), there)
        assert {row: leader for row, leader in now.items() if row in known} == before
        before, known = now, {row["id"] for row in there}


@given(SEEDS)
def test_night_after_night_ends_where_one_build_does(seed: int) -> None:
    """What is alike is a function of the rows that are there, so nothing hangs on when they came."""
    rows = planted(seed, groups=5, most=6, spread=0.5)
    strategy = SemanticDuplicates(keep="best", by="signal:useful")
    *_, after = [said(strategy, there) for there in nights(rows)]
    assert after == said(strategy, [row | {"landed": 1} for row in rows])


@given(SEEDS, st.sampled_from([(0.7, 0.9), (0.9, 0.97)]))
def test_a_cluster_is_what_a_drop_would_leave_one_of(seed: int, thresholds: tuple[float, float]) -> None:
    rows = planted(seed, groups=4, most=5, spread=0.5)
    for threshold in thresholds:
        dropped = said(SemanticDuplicates(threshold=threshold, bits=8), rows)
        answers = list(SemanticDuplicates(threshold=threshold, bits=8, do="cluster").sift(made.Columns(rows)))
        clusters = {each.row_id: each.text for each in answers if isinstance(each, Note)}
        assert clusters == dropped | {leader: leader for leader in dropped.values()}
        assert not any(isinstance(each, Drop) for each in answers)


def test_a_large_heap_of_the_same_is_no_work() -> None:
    """Rows are compared with those that lead alone: 20,000 copies in the same buckets make 20,000 comparisons."""
    vectors = numpy.zeros((20_000, 8), dtype=numpy.float32)
    vectors[:, 0] = 1.0
    leader, _ = find_leaders(vectors, range(20_000), 0.9, Planes(16, bands_for(0.9, 16)))
    assert set(leader.tolist()) == {0}


@pytest.mark.parametrize(
    ("params", "complaint"),
    [
        ({"threshold": 0.0}, "`threshold` is 0.0; a cosine to reach is above 0"),
        ({"threshold": 1.5}, "`threshold` is 1.5"),
        ({"bits": 0}, "`bits` is 0; give 1 to 20"),
        ({"bands": 513}, "`bands` is 513; give 1 to 512"),
        ({"bands": 0}, "`bands` is 0"),
        ({"threshold": 0.5}, "a threshold of 0.5 with 16 bits needs 4[0-9]{3} bands, more than 512; give fewer"),
        ({"seed": 1}, "`seed` goes with keep: random"),
        ({"keep": "best"}, "keep: best of prompts needs `by`"),
        ({"by": "length"}, "`by` goes with keep: best"),
        ({"vectors": ""}, "prompts have no column 'vector:'"),
    ],
)
def test_what_would_do_nothing_is_refused(params: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        SemanticDuplicates(**params)


def test_what_was_found_says_how_much_may_be_missed() -> None:
    rows = planted(1, groups=4, most=4, spread=0.3)
    (found,) = [each for each in SemanticDuplicates(bands=10).sift(made.Columns(rows)) if isinstance(each, Found)]
    assert found.values["bands"] == 10
    assert 0.5 < found.values["recall_at_threshold"] < 0.6
