"""Ranges of numbers, shares of rows and the best of each group: exact figures, and what holds of any."""

from __future__ import annotations

import random
from array import array
from fractions import Fraction
from math import floor, inf, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.select.best import Cut, cuts_of, losers_of, numbers_of
from pipeline.select.draw_lots import lot
from pipeline.select.exact import at_least, at_most, nearest_to
from pipeline.select.shares import capped, equal, proportional
from pipeline.select.spans import Span, around_mean, at_recall, between_quantiles, mean_and_sd, near, quantile

NUMBERS = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40)
COARSE = st.lists(st.integers(-3, 3).map(float), min_size=1, max_size=40)
SHARES = st.integers(0, 100).map(lambda hundredths: hundredths / 100)
SIZES = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 30), max_size=8)


# --- shares are as they are written ------------------------------------------------------------------------------------


def test_a_share_is_what_is_written() -> None:
    assert 0.55 * 100 > 55, "which is why nothing is multiplied as it is"
    assert at_least(0.55, 100) == 55
    assert at_most(0.29, 100) == 29
    assert [nearest_to(0.25, count) for count in (1, 2, 3, 4, 6)] == [0, 1, 1, 1, 2]


# --- spans -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("share", "wanted"), [(0.0, 1.0), (0.25, 2.0), (0.5, 3.0), (0.75, 4.0), (1.0, 5.0), (0.1, 1.4), (0.9, 4.6)]
)
def test_quantiles_lie_between_two_numbers(share: float, wanted: float) -> None:
    assert quantile([1.0, 2.0, 3.0, 4.0, 5.0], share) == pytest.approx(wanted)


@given(NUMBERS, SHARES)
def test_quantiles_are_those_of_duckdb(values: list[float], share: float) -> None:
    import duckdb

    listed = ", ".join(f"{value!r}::DOUBLE" for value in values)
    (theirs,) = duckdb.execute(f"SELECT list_aggregate([{listed}], 'quantile_cont', {share})").fetchone() or (None,)
    assert quantile(sorted(values), share) == pytest.approx(theirs, abs=1e-6)


def test_a_fifth_below_and_the_best_quarter_above() -> None:
    tenths = [float(number) for number in range(10)]
    assert [value for value in tenths if value in between_quantiles(tenths, 0.2, None)] == tenths[2:]
    assert [value for value in range(1, 5) if value in between_quantiles([1, 2, 3, 4], 0.75, None)] == [4]


@given(COARSE, SHARES, SHARES)
def test_a_wider_span_of_quantiles_holds_a_narrower_one(values: list[float], one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert between_quantiles(values, low, None).low <= between_quantiles(values, high, None).low
    middle = between_quantiles(values, low, high)
    assert middle.low <= middle.high


def test_the_mean_and_the_deviation_are_of_the_whole() -> None:
    assert mean_and_sd([2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]) == (5.0, 2.0)
    assert around_mean([2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0], 1.0, 2.0) == Span(3.0, 9.0)
    assert around_mean([1.0, 3.0], None, 0.5) == Span(-inf, 2.5)


@given(st.floats(-1e9, 1e9), st.integers(1, 9))
def test_equal_numbers_are_all_at_their_mean(value: float, count: int) -> None:
    assert mean_and_sd([value] * count) == (value, 0.0)
    assert value in around_mean([value] * count, 0.0, 0.0)


@given(NUMBERS, st.randoms(use_true_random=False))
def test_no_order_of_rows_changes_a_bit(values: list[float], dice: random.Random) -> None:
    shuffled = values[:]
    dice.shuffle(shuffled)
    assert mean_and_sd(shuffled) == mean_and_sd(values)
    assert between_quantiles(shuffled, 0.3, 0.7) == between_quantiles(values, 0.3, 0.7)


def test_a_factor_is_used() -> None:
    """The released code of Middo (arXiv 2508.21589) takes a factor and computes with 1."""
    values = [1.0, 2.0, 3.0, 4.0, 5.0]
    spans = [around_mean(values, factor, None).low for factor in (0.5, 1.0, 2.0)]
    assert spans == pytest.approx([3 - 0.5 * sqrt(2), 3 - sqrt(2), 3 - 2 * sqrt(2)])


def test_a_band_ends_where_it_is_written_to_end() -> None:
    assert near(0.5, 0.2) == Span(0.3, 0.7)
    assert abs(0.4 - 0.3) > 0.1, "which is why nothing is subtracted as it is"
    assert 0.4 in near(0.3, 0.1)
    assert 0.2 in near(0.3, 0.1)


@pytest.mark.parametrize(("target", "low"), [(0.5, 0.6), (0.75, 0.4), (0.8, 0.1), (1.0, 0.1), (0.25, 0.9), (0.01, 0.9)])
def test_the_threshold_keeps_the_target_share_of_gold(target: float, low: float) -> None:
    assert at_recall([0.9, 0.1, 0.6, 0.4], target) == Span(low)


def test_gold_rows_without_a_number_count() -> None:
    gold = [0.9, 0.6, 0.4, 0.1]
    assert at_recall(gold, 0.5, lost=2) == Span(0.4), "three of six"
    assert at_recall(gold, 0.5, kept=2) == Span(0.9), "three of six, two of which stay anyhow"
    assert at_recall(gold, 0.5, kept=4) == Span(inf), "which is nobody's threshold: those four are half"
    assert at_recall(gold, 0.9, lost=9) == Span(0.1), "all there are"
    assert at_recall([], 0.9, lost=1) == Span()


@given(COARSE, st.integers(1, 100).map(lambda hundredths: hundredths / 100))
def test_the_target_is_reached_and_the_next_threshold_would_miss_it(gold: list[float], target: float) -> None:
    low = at_recall(gold, target).low
    reached = sum(value >= low for value in gold)
    assert reached >= Fraction(str(target)) * len(gold)
    assert sum(value > low for value in gold) < Fraction(str(target)) * len(gold)


# --- shares of groups --------------------------------------------------------------------------------------------------


def is_feasible(sizes: dict[str, int], total: int, share: float, most: int | None) -> bool:
    """Whether so many rows can stay with no group above its share of them."""
    limit = floor(Fraction(str(share)) * total)
    return sum(min(size, limit, most or size) for size in sizes.values()) >= total


@given(SIZES, st.integers(1, 100).map(lambda hundredths: hundredths / 100), st.none() | st.integers(1, 20))
def test_a_cap_keeps_as_many_as_any_number_that_fits(sizes: dict[str, int], share: float, most: int | None) -> None:
    best = max((n for n in range(sum(sizes.values()) + 1) if is_feasible(sizes, n, share, most)), default=0)
    kept = capped(sizes, share, most)
    if kept is None:
        assert best == 0
        assert Fraction(str(share)) * len(sizes) < 1, "only too few groups make a cap impossible"
        return
    assert sum(kept.values()) == best
    assert all(kept[group] <= size for group, size in sizes.items())
    assert all(kept[group] <= Fraction(str(share)) * best for group in kept)
    assert most is None or max(kept.values(), default=0) <= most
    again = capped({group: count for group, count in kept.items() if count}, share, most)
    assert again == {group: count for group, count in kept.items() if count}, "what is capped is capped"


def test_caps_by_hand() -> None:
    assert capped({"a": 90, "b": 5, "c": 5}, 0.5, None) == {"a": 10, "b": 5, "c": 5}
    assert capped({"a": 100, "b": 100, "c": 20}, 0.4, None) == {"a": 40, "b": 40, "c": 20}
    assert capped({"a": 9, "b": 4}, None, 5) == {"a": 5, "b": 4}
    assert capped({"a": 9, "b": 4}, 0.4, None) is None
    assert capped({}, 0.2, None) == {}


def test_a_cap_that_comes_down_in_small_steps_is_found_at_once() -> None:
    sizes = {"a": 10**9, "b": 10**9, "c": 10**9, "d": 1}
    assert capped(sizes, 0.333333, None) == {"a": 333333, "b": 333333, "c": 333333, "d": 1}


@given(SIZES, st.integers(0, 120))
def test_strata_give_what_is_asked_for(sizes: dict[str, int], total: int) -> None:
    everything = sum(sizes.values())
    for allot in (proportional, equal):
        wanted = allot(sizes, total)
        assert sum(wanted.values()) == min(total, everything)
        assert all(0 <= wanted[group] <= size for group, size in sizes.items())
    for group, count in proportional(sizes, total).items():
        assert abs(count - Fraction(min(total, everything) * sizes[group], everything)) < 1
    shared = equal(sizes, total)
    partial = [count for group, count in shared.items() if count < sizes[group]]
    assert max(shared.values(), default=0) - min(partial, default=max(shared.values(), default=0)) <= 1


def test_strata_by_hand() -> None:
    assert proportional({"a": 5, "b": 3, "c": 2}, 4) == {"a": 2, "b": 1, "c": 1}
    assert proportional({"a": 1, "b": 1, "c": 1}, 1) == {"a": 1, "b": 0, "c": 0}
    assert equal({"a": 100, "b": 2, "c": 100}, 13) == {"b": 2, "a": 6, "c": 5}


# --- the best of each group --------------------------------------------------------------------------------------------


@given(
    st.lists(st.tuples(st.sampled_from("xyz"), st.integers(0, 4).map(float)), max_size=40),
    st.integers(0, 12),
    st.randoms(use_true_random=False),
)
def test_the_best_are_the_first_of_a_sorted_list(
    rows: list[tuple[str, float]], count: int, dice: random.Random
) -> None:
    entries = [(f"row_{number:02}", group, value) for number, (group, value) in enumerate(rows)]
    dice.shuffle(entries)
    values = numbers_of((group, value) for _, group, value in entries)
    lost = {row_id for row_id, _, _ in losers_of(lambda: entries, *cuts_of(values, dict.fromkeys(values, count)))}
    wanted = set()
    for name in values:
        ranked = sorted((-value, row_id) for row_id, group, value in entries if group == name)
        wanted |= {row_id for _, row_id in ranked[count:]}
    assert lost == wanted


def test_a_cut_says_where_it_is() -> None:
    values = {"a": array("d", [1, 2, 2, 3]), "b": array("d", [1.0]), "c": array("d", [1.0])}
    cuts, tied = cuts_of(values, {"a": 2, "b": 1, "c": 0})
    assert cuts == {"a": Cut(2.0, 1), "b": Cut(-inf, 1), "c": Cut(inf, 0)}
    assert tied == {"a"}


def test_lots_are_even_and_depend_on_the_seed() -> None:
    lots = [lot(0, f"par_{number}") for number in range(2000)]
    assert all(0 <= each < 1 for each in lots)
    assert sum(each < 0.25 for each in lots) == pytest.approx(500, abs=60)
    assert len(set(lots)) == 2000
    assert lots != [lot(1, f"par_{number}") for number in range(2000)]
    assert lot(0, "par_1") == 0.2366712491493338, "in any process, on any machine"
