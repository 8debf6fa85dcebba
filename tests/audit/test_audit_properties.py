"""What holds for any verdicts: names, row order, and what the two extreme judges come to."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pipeline.audit import accuracy, calibration, length, position
from pipeline.audit.evidence import Evidence
from pipeline.audit.figures import Figure
from pipeline.audit.table import audit
from pipeline.audit.verdicts import Form, Judged, Verdict, judged_pairs
from schemas.rows import Order, Vote

SWAP: dict[Vote, Vote] = {"a": "b", "b": "a", "tie": "tie"}
OTHER: dict[Order, Order] = {"ab": "ba", "ba": "ab"}
VOTES: list[Vote] = ["a", "b", "tie"]


@st.composite
def tables(draw: st.DrawFn) -> list[Verdict]:
    """Verdicts of one judge on some pairs, each asked in both orders once or twice."""
    calls: list[Verdict] = []
    for number in range(draw(st.integers(1, 12))):
        gold = draw(st.sampled_from([*VOTES, None]))
        forms = (Form(draw(st.integers(1, 300)), bold=draw(st.integers(0, 3))), Form(draw(st.integers(1, 300))))
        models = draw(st.sampled_from([("judge", "m"), ("m", "judge"), ("m", "n")]))
        for repeat in range(draw(st.integers(1, 2))):
            for order in ("ab", "ba"):
                choice = draw(st.sampled_from([*VOTES, None]))
                probability = None
                if choice is None and draw(st.booleans()):
                    probability = draw(st.integers(0, 20)) / 20
                calls.append(
                    Verdict(
                        "judge",
                        f"p{number:02}",
                        order,
                        repeat,
                        choice,
                        probability,
                        abstained=choice is None and probability is None and draw(st.booleans()),
                        gold=gold,
                        models=models,
                        forms=forms,
                        group=f"g{number // 2}",
                        category=f"c{number % 3}",
                    )
                )
    return calls


def swapped(call: Verdict) -> Verdict:
    """The same call with the candidates' names swapped."""
    return replace(
        call,
        order=None if call.order is None else OTHER[call.order],
        choice=None if call.choice is None else SWAP[call.choice],
        probability=None if call.probability is None else 1 - call.probability,
        gold=None if call.gold is None else SWAP[call.gold],
        models=call.models[::-1],
        forms=None if call.forms is None else call.forms[::-1],
        answers=call.answers[::-1],
    )


def figures(calls: list[Verdict]) -> dict[str, Figure]:
    """All figures of the one judge."""
    (judge,) = audit(Evidence(calls)).judges
    return {figure.name: figure for figure in judge.figures}


def assert_same(one: dict[str, Figure], other: dict[str, Figure]) -> None:
    """Two sets of figures agree, up to the last bits."""
    assert one.keys() == other.keys()
    for name, figure in one.items():
        assert math.isclose(figure.value, other[name].value, rel_tol=1e-6, abs_tol=1e-6), name
        assert figure.n == other[name].n, name


@given(tables())
def test_swapping_the_names_of_the_candidates_changes_nothing(calls: list[Verdict]) -> None:
    assert_same(figures(calls), figures([swapped(call) for call in calls]))


def test_swapping_names_changes_no_regression_either() -> None:
    calls = [
        Verdict(
            "judge",
            f"p{number:02}",
            order,
            choice=VOTES[(number * 5 + place) % 7 % 3],
            gold=VOTES[number % 3],
            models=("m", "n"),
            forms=(Form(50 + number * 7 % 90, bold=number % 4), Form(60 + number * 3 % 50, lists=number % 2)),
            group=f"g{number}",
        )
        for number in range(40)
        for place, order in enumerate(("ab", "ba"))
    ]
    found = figures(calls)
    assert {"style length", "style bold", "style lists", "win_rate_lc m", "win_rate_lc n"} <= set(found)
    assert_same(found, figures([swapped(call) for call in calls]))


@given(tables(), st.randoms(use_true_random=False))
def test_the_order_of_rows_means_nothing(calls: list[Verdict], dice: Any) -> None:
    shuffled = list(calls)
    dice.shuffle(shuffled)
    assert_same(figures(calls), figures(shuffled))


@given(tables())
def test_a_judge_that_does_not_see_the_order_is_consistent(calls: list[Verdict]) -> None:
    said: dict[tuple[str, int], Vote] = {}
    for call in calls:
        said.setdefault((call.pair_id, call.repeat), call.choice or "tie")
    found = position.position(replace(call, choice=said[call.pair_id, call.repeat], probability=None) for call in calls)
    assert found.consistency is not None
    assert found.consistency.value == 1
    assert found.fairness == 0


@given(tables())
def test_a_judge_that_always_takes_the_first_is_never_consistent(calls: list[Verdict]) -> None:
    first = [replace(call, choice="a" if call.order == "ab" else "b", probability=None) for call in calls]
    found = position.position(first)
    assert found.consistency is not None
    assert (found.consistency.value, found.fairness) == (0, -1)
    assert all(pair.choice == "tie" for pair in judged_pairs(first))
    right = accuracy.accuracy(judged_pairs([replace(call, gold="a") for call in first]))
    assert right is not None
    assert right.value == 0


@given(tables())
def test_shares_are_shares_and_fairness_is_bounded(calls: list[Verdict]) -> None:
    for figure in figures(calls).values():
        if figure.low is not None and figure.high is not None:
            assert figure.low - 1e-9 <= figure.value <= figure.high + 1e-9
    fairness = position.position(calls).fairness
    assert fairness is None or -1 <= fairness <= 1


@given(tables())
def test_the_length_of_answers_is_worth_one_half_where_the_judge_is_reversed(calls: list[Verdict]) -> None:
    pairs = judged_pairs(calls)
    auc = length.length_auc(pairs)
    reversed_pairs = [
        Judged(
            pair.pair_id,
            None if pair.p is None else 1 - pair.p,
            None if pair.choice is None else SWAP[pair.choice],
            pair.one,
        )
        for pair in pairs
    ]
    other = length.length_auc(reversed_pairs)
    assert (auc is None) == (other is None)
    if auc is not None and other is not None:
        assert math.isclose(auc + other, 1)


@given(
    st.lists(
        st.tuples(st.integers(0, 100).map(lambda percent: percent / 100), st.sampled_from([0.0, 1.0])),
        min_size=10,
        max_size=60,
    )
)
def test_a_calibration_never_falls_and_is_symmetric(sure: list[tuple[float, float]]) -> None:
    fitted = calibration.fit_calibration("judge", sure)
    assert fitted is not None
    values = [fitted.apply(percent / 100) for percent in range(101)]
    assert values == sorted(values)
    assert all(abs(values[percent] + values[100 - percent] - 1) < 1e-5 for percent in range(101))
