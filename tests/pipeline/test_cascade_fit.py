"""Fitting a cascade's policy: every formula by hand, and what comes of it on rows with a planted truth."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.audit.cascade import (
    CascadeRow,
    candidates_of,
    categories,
    fit,
    greedy_tables,
    incremental_benefit,
    lift_over_regions,
    simple_tables,
    smoothed,
    tenth,
    worth_of,
)
from prompts.policies import Policy, decide
from schemas.errors import RequestError

# v, cheap, dear: the cheap judge is wrong once, and was not sure then.
FOUR = [CascadeRow(1, 1, 1), CascadeRow(1, 1, 1), CascadeRow(0, 0, 1), CascadeRow(0, 1, 1)]
SCORES = st.sampled_from([0.0, 0.3, 0.5, 1.0])
ROWS = st.lists(
    st.builds(CascadeRow, v=st.sampled_from([place / 8 for place in range(9)]), small=SCORES, large=SCORES),
    min_size=1,
    max_size=30,
)


# --- what a policy is worth --------------------------------------------------------------------------------------------


def test_worth_by_hand() -> None:
    """Two of four escalated: C = 1 + 1 + 50/2, so IBC = 0.25/26 against 0.25/49 for the dear judge always."""
    found = worth_of(Policy(threshold=0.5), FOUR)
    assert (found.escalated, found.performance, found.performance_small, found.performance_large) == (0.5, 1, 0.75, 1)
    assert (found.cost, found.cost_small, found.cost_large) == (27, 1, 50)
    assert found.ibc == pytest.approx(0.25 / 26)
    assert found.ibc_base == pytest.approx(0.25 / 49)
    assert found.lift == pytest.approx(100 * (49 / 26 - 1))


def test_keeping_everything_gains_nothing_and_pays_for_the_checks() -> None:
    found = worth_of(Policy(threshold=0), FOUR)
    assert (found.escalated, found.cost, found.ibc) == (0, 2, 0)
    assert found.lift == pytest.approx(-100)


def test_escalating_everything_pays_for_both_judges() -> None:
    found = worth_of(Policy(table=("escalate",)), FOUR)
    assert (found.performance, found.cost) == (1, 52)
    assert found.lift == pytest.approx(100 * (49 / 51 - 1))


def test_rows_may_cost_what_they_did() -> None:
    rows = [CascadeRow(1, 1, 1, cost_small=2, cost_verify=3, cost_large=10), CascadeRow(0, 0, 1, "b", 4, 5, 30)]
    found = worth_of(Policy(threshold=0.5), rows)
    assert (found.cost_small, found.cost_large, found.cost) == (3, 20, 3 + (3 + 5 + 30) / 2)


@pytest.mark.parametrize(("large", "cost_large"), [(0.0, 50.0), (1.0, 1.0), (1.0, 0.5)])
def test_a_lift_over_nothing_is_none(large: float, cost_large: float) -> None:
    """A dear judge that is no better, or no dearer, leaves nothing to compare with."""
    assert worth_of(Policy(threshold=1), [CascadeRow(0.5, 1.0, large, cost_large=cost_large)]).lift is None
    assert incremental_benefit(1, 0, 1, 1) is None


def test_verdicts_that_are_always_escalated_are() -> None:
    rows = [CascadeRow(1, 0, 1, "tie"), CascadeRow(1, 1, 1, "a")]
    assert worth_of(Policy(threshold=0.5, always=("tie",)), rows).escalated == 0.5


# --- families ----------------------------------------------------------------------------------------------------------


def test_the_grids() -> None:
    assert [policy.threshold for policy in candidates_of(FOUR, "threshold")] == [place / 8 for place in range(9)]
    assert len(list(candidates_of(FOUR, "double"))) == 45
    assert len(list(candidates_of(FOUR, "triple"))) == sum((8 - low) * (9 - low) // 2 for low in range(8))
    assert len(list(candidates_of(FOUR, "threshold", bins=4))) == 5


def test_the_union_has_the_candidates_of_four_families() -> None:
    union = list(candidates_of(FOUR, "union"))
    for family in ("pomdp", "greedy", "double", "threshold"):
        assert all(policy in union for policy in candidates_of(FOUR, family))  # type: ignore[arg-type]


def test_categories_are_tested_in_their_order() -> None:
    """Ten rows: the 10th percentile of either judge is 0.9 of the way from its least to its second least value."""
    rows = [
        CascadeRow(0, 0.5, 1.0),  # needy
        CascadeRow(0, 1.0, 1.0),  # good: equal and not 0
        CascadeRow(0, 0.0, 0.0),  # equal, but 0, and both are at the bottom
        CascadeRow(0, 1.0, 0.5),  # the cheap judge is better
        *[CascadeRow(0, 1.0, 1.0)] * 6,
    ]
    assert categories(rows)[:4] == ["needy", "good", "hopeless", "undefined"]
    assert tenth([0.0, 0.5, *[1.0] * 8]) == pytest.approx(0.45)


def test_equal_noughts_above_the_bottom_are_undefined() -> None:
    """With scores below 0, two noughts are not at the bottom."""
    rows = [CascadeRow(0, 0.0, 0.0), *[CascadeRow(0, -1.0, -1.0)] * 9]
    assert categories(rows)[0] == "undefined"


def test_tables_of_the_simple_pomdp_by_hand() -> None:
    """A value escalates where r · needy > 100 · needy + 100 · good + 99 · hopeless, for some r below 5000.

    v = 0: 3 needy, 1 good: from r = 134. v = 1/2: 1 needy, 1 hopeless: from r = 200. v = 1: 1 needy, 49 good: at 5001, never.
    """
    needy, good, hopeless = (
        (lambda v: CascadeRow(v, 0, 1)),
        (lambda v: CascadeRow(v, 1, 1)),
        (lambda v: CascadeRow(v, 0, 0)),
    )
    rows = [*[needy(0)] * 3, good(0), needy(0.5), hopeless(0.5), needy(1), *[good(1)] * 49, *[hopeless(0.5)] * 0]
    rows += [hopeless(0.1)] * 6  # v = 0.1 is nearest to 0: 3 needy, 1 good, 6 hopeless escalate from r = 332
    assert simple_tables(rows, bins=2) == [
        ("keep", "keep", "keep"),
        ("keep", "escalate", "keep"),
        ("escalate", "escalate", "keep"),
    ]


def test_the_reward_at_which_a_value_escalates() -> None:
    """One needy row beside one good one: escalated when r > 200, so a table for r = 200 keeps and one for 201 does not."""
    from pipeline.audit import cascade

    count: Counter[cascade.Category] = Counter({"needy": 1, "good": 1, "undefined": 5})
    assert cascade._worth_more(count, 200) == "keep"
    assert cascade._worth_more(count, 201) == "escalate"


def test_greedy_tables_are_nested_and_add_the_largest_gain_first() -> None:
    rows = [CascadeRow(0, 0, 1), CascadeRow(0.5, 0, 1), CascadeRow(0.5, 1, 1), CascadeRow(1, 1, 0)]
    tables = greedy_tables(rows, bins=2)
    assert [table.count("escalate") for table in tables] == [0, 1, 2, 3]
    assert tables[1] == ("escalate", "keep", "keep")
    assert tables[2] == ("escalate", "escalate", "keep")


def test_smoothing_by_hand() -> None:
    """Two values, so far mirrored that either gets nearly the same weight; what is added up is kept."""
    one, other = smoothed([1.0, 0.0], sigma=0.5)
    # Within two steps the weights are e^0, e^-2, e^-8, and the mirrored row is 0 1 | 1 0 | 0 1.
    near, far = 0.1353352832, 0.0003354626
    total = 1 + 2 * near + 2 * far
    assert one == pytest.approx((1 + near) / total)
    assert other == pytest.approx((near + 2 * far) / total)
    assert one + other == pytest.approx(1)


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=20), st.sampled_from([0.5, 1.0, 2.0]))
def test_smoothing_is_that_of_scipy(values: list[float], sigma: float) -> None:
    ndimage = pytest.importorskip("scipy.ndimage")
    assert smoothed(values, sigma) == pytest.approx(list(ndimage.gaussian_filter1d(values, sigma)), abs=1e-9)


# --- the choice --------------------------------------------------------------------------------------------------------


@given(ROWS)
def test_the_best_is_no_worse_than_any_candidate(rows: list[CascadeRow]) -> None:
    if worth_of(Policy(threshold=0), rows).ibc_base <= 0:  # type: ignore[operator]
        with pytest.raises(RequestError, match="no better than the cheap one"):
            fit(rows)
        return
    found = fit(rows)
    lifts = [worth_of(policy, rows).lift for policy in candidates_of(rows, "union")]
    assert found.worth.lift == max(lift for lift in lifts if lift is not None)
    assert found.worth == worth_of(found.policy, rows)
    assert found.candidates == len(lifts)


@given(ROWS, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(rows: list[CascadeRow], shuffle: random.Random) -> None:
    shuffled = list(rows)
    shuffle.shuffle(shuffled)
    try:
        found = fit(rows, "pomdp").policy
    except RequestError:
        return
    assert fit(shuffled, "pomdp").policy == found


def test_costs_may_be_bounded() -> None:
    assert fit(FOUR).worth.cost == 27
    assert fit([*FOUR, CascadeRow(0.5, 0, 1)], cost_between=(40, 60)).worth.cost > 40
    with pytest.raises(RequestError, match=r"no candidate costs 3 to 4 a row; they cost 2 to 52"):
        fit(FOUR, cost_between=(3, 4))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], "no rows"),
        ([CascadeRow(1, 1, 0)], r"dear judge \(0.000\) is no better than the cheap one \(1.000\)"),
        ([CascadeRow(1, 0, 1, cost_large=1)], "costs 1, the cheap one 1; ask the dear one always"),
    ],
)
def test_what_cannot_be_fitted_is_one_sentence(rows: list[CascadeRow], words: str) -> None:
    with pytest.raises(RequestError, match=words):
        fit(rows, "threshold")


def planted(count: int, seed: int) -> list[CascadeRow]:
    """A cheap judge right on 65 %, whose eight checks uphold right verdicts by 0.8 and wrong ones by 0.35; a dear one on 90 %."""
    dice = random.Random(seed)
    rows = []
    for _ in range(count):
        small, large = dice.random() < 0.65, dice.random() < 0.9
        v = sum(dice.random() < (0.8 if small else 0.35) for _ in range(8)) / 8
        rows.append(CascadeRow(v, float(small), float(large)))
    return rows


@pytest.mark.parametrize("family", ["threshold", "double", "triple", "pomdp", "greedy", "union"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_fitted_policy_beats_random_escalation_on_other_rows(family: str, seed: int) -> None:
    train, test = planted(400, seed), planted(2000, seed + 100)
    found = worth_of(fit(train, family).policy, test)  # type: ignore[arg-type]
    assert found.lift is not None
    assert found.lift > 20
    # Escalating as many rows at random, at the same cost, gains as large a share of what the dear judge would.
    by_chance = found.performance_small + found.escalated * (found.performance_large - found.performance_small)
    assert found.performance > by_chance + 0.01


def test_checks_that_know_nothing_are_worth_nothing() -> None:
    """Where v says nothing of the verdict, no policy gains: what was fitted was chance."""
    dice = random.Random(7)
    rows = [CascadeRow(dice.randrange(9) / 8, row.small, row.large) for row in planted(4400, 5)]
    found = worth_of(fit(rows[:400]).policy, rows[400:])
    assert found.lift is not None
    assert found.lift < 5


def test_lift_over_regions_of_cost() -> None:
    """Table 1: the mean over five regions is positive where checks know something, and below what one region gives."""
    train, test = planted(400, 1), planted(2000, 2)
    found = lift_over_regions(train, test)
    best = worth_of(fit(train).policy, test).lift
    assert found is not None
    assert best is not None
    assert 0 < found < best


def test_a_fitted_policy_decides_as_it_was_worth() -> None:
    rows = planted(300, 4)
    found = fit(rows)
    share = sum(decide(found.policy, row.v) == "escalate" for row in rows) / len(rows)
    assert share == found.worth.escalated
