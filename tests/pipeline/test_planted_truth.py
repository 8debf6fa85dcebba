"""Judges with planted faults, pairs with a planted truth: what each way of asking recovers of it (benchmarks/quality)."""

from __future__ import annotations

import functools

import pytest

from benchmarks.quality.ways import Outcome, run, ways_for
from benchmarks.quality.world import planted_pairs

PAIRS = 120


@functools.cache
def outcomes(judge: str) -> dict[str, Outcome]:
    """Every way of asking this judge about the same pairs."""
    pairs = list(planted_pairs(PAIRS))
    return {way.name: run(way, pairs) for way in ways_for(judge)}


def test_the_planted_truth_leans_to_no_side_and_no_length() -> None:
    pairs = list(planted_pairs(400))
    assert 0.4 < sum(each.a_is_better for each in pairs) / len(pairs) < 0.6
    longer = [(len(each.unit.a.text) > len(each.unit.b.text)) == each.a_is_better for each in pairs]
    assert 0.35 < sum(longer) / len(longer) < 0.75
    assert list(planted_pairs(5)) == list(planted_pairs(400))[:5]
    assert list(planted_pairs(5, seed=1)) != list(planted_pairs(5))


@pytest.mark.parametrize("judge", ["first", "noisy"])
def test_asking_more_recovers_more(judge: str) -> None:
    found = outcomes(judge)
    assert found["both orders agree"].accuracy > found["one order"].accuracy
    assert found["8 votes in each order"].recovered > found["both orders agree"].recovered
    assert found["jury of 3, soft labels"].recovered > found["one order"].recovered
    assert found["the dear judge, both orders"].accuracy > 0.97


def test_position_bias_alone_does_not_survive_both_orders() -> None:
    assert outcomes("first")["both orders agree"].accuracy > 0.95 > outcomes("first")["one order"].accuracy


@pytest.mark.parametrize("judge", ["first", "noisy"])
def test_adaptive_votes_stop_early_and_lose_little(judge: str) -> None:
    found = outcomes(judge)
    adaptive, fixed = found["adaptive votes, at most 8"], found["8 votes in each order"]
    assert adaptive.calls < 0.85 * 16 * PAIRS, "16 calls is what 8 votes in each order take one by one"
    assert adaptive.recovered > fixed.recovered - 0.06


@pytest.mark.parametrize("judge", ["first", "noisy"])
def test_a_cascade_costs_less_than_the_dear_judge_and_beats_the_cheap_one(judge: str) -> None:
    found = outcomes(judge)
    cascade, dear = found["cascade to a dear judge"], found["the dear judge, both orders"]
    assert cascade.cost < 0.75 * dear.cost
    assert cascade.recovered > found["both orders agree"].recovered + 0.1
