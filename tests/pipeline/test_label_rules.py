"""The formulas that turn verdicts into labels, each against numbers reckoned by hand, and what their parameters refuse."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path
from typing import Any

import made
import pytest

from pipeline.binding import bind
from pipeline.calibration import Calibration
from pipeline.select.from_scores import FromScores
from pipeline.select.from_votes import FromVotes
from pipeline.select.graph import components, edges_of, three_cycles
from pipeline.select.ranking import consensus, mean_places, rankings_of
from pipeline.select.scores import WEIGHTS, combine, draw_pairs, logistic
from pipeline.select.strength import closest_three, round_half_out
from pipeline.select.style import features_of, relative_difference, style_difference
from pipeline.select.votes import Verdict, calls_of, decide
from pipeline.strategy import Nothing
from schemas.errors import RecipeError, RequestError
from schemas.recipe import read_recipe
from schemas.rows import Signal


def said(*verdicts: tuple[str, str, int, str | None, float]) -> list[Signal]:
    """Signals on r1 and r2: name, evaluator, draw, order and the probability of r1."""
    return [
        made.any_signal(
            number, response_ids=["r1", "r2"], name=name, evaluator=judge, draw=draw, order=order, probability=p
        )
        for number, (name, judge, draw, order, p) in enumerate(verdicts)
    ]


def verdict(signals: list[Signal], *args: Any, **more: Any) -> Verdict:
    """What the calls say; there has to be something."""
    found = decide(calls_of(signals), *args, **more)
    assert isinstance(found, Verdict), found
    return found


# --- votes -----------------------------------------------------------------------------------------------------------


def test_the_soft_label_is_the_mean_over_both_orders() -> None:
    """RLAIF, section 2.1: [.9, .1] in one order and [.6, .4] in the other are [.75, .25]."""
    found = verdict(said(("n", "j", 0, "ab", 0.9), ("n", "j", 0, "ba", 0.6)), "order_mean")
    assert found == Verdict(0.75, 1.0, 0.0)


def test_the_mean_goes_over_draws_then_judges_then_principles() -> None:
    signals = said(
        ("helpful", "j1", 0, None, 1.0),
        ("helpful", "j1", 1, None, 0.0),  # j1 on helpful: 0.5
        ("helpful", "j2", 0, None, 1.0),  # helpful: 0.75
        ("honest", "j1", 0, None, 0.25),  # honest: 0.25, three times as heavy
    )
    assert verdict(signals, "order_mean").p == pytest.approx(0.5)
    assert verdict(signals, "order_mean", {"honest": 3.0}).p == pytest.approx((0.75 + 3 * 0.25) / 4)


def test_votes_are_read_where_there_is_no_probability_and_turned_where_ids_are() -> None:
    turned = made.any_signal(1, response_ids=["r2", "r1"], order="ab", vote="a")
    (call,) = calls_of([turned])
    assert (call.duel, call.order, call.p) == (("r1", "r2"), "ba", 0.0)


def test_a_majority_weighs_principles_and_keeps_ties_apart() -> None:
    signals = said(("x", "j", 0, None, 1.0), ("y", "j", 0, None, 0.0), ("z", "j", 0, None, 0.5))
    found = verdict(signals, "majority", {"x": 2.0})
    assert (found.for_first, found.for_second) == (0.5, 0.25)
    assert found.p == pytest.approx((2 + 0.5) / 4)
    assert decide(calls_of(signals), "majority", {"x": 2.0}, margin=1.5) == Nothing(
        "margin_too_small", "2 votes against 1"
    )


def test_controls_abstentions_and_empty_verdicts_are_no_calls() -> None:
    signals = [
        made.any_signal(1, response_ids=["r1", "r2"], name="control/blind", vote="a"),
        made.any_signal(2, response_ids=["r1", "r2"], vote="a", abstained=True),
        made.any_signal(3, response_ids=["r1", "r2"]),
        made.any_signal(4, response_ids=["r1"], value=3.0),
    ]
    assert calls_of(signals) == []


# --- scores ----------------------------------------------------------------------------------------------------------

FIVE = {"helpfulness": 4.0, "correctness": 3.0, "coherence": 4.0, "complexity": 2.0, "verbosity": 1.0}


def test_the_weighted_sums_of_helpsteer() -> None:
    big = combine(FIVE, "weighted_sum", tuple(FIVE), WEIGHTS["helpsteer2_340b"])
    small = combine(FIVE, "weighted_sum", tuple(FIVE), WEIGHTS["helpsteer2_70b"])
    assert big == pytest.approx(0.30 * 4 + 0.74 * 3 + 0.46 * 4 + 0.47 * 2 - 0.33 * 1)  # 5.87
    assert small == pytest.approx(0.65 * 4 + 0.80 * 3 + 0.45 * 4 + 0.55 * 2 - 0.40 * 1)  # 7.5


def test_the_product_of_r3() -> None:
    assert combine({"relevance": 0.8, "length": 1.5, "diversity": 0.5}, "product", ()) == pytest.approx(0.6)
    assert combine({"relevance": -0.8, "length": -1.5}, "product", ()) is None


def test_a_missing_aspect_is_left_aside_or_leaves_no_score() -> None:
    assert combine({"a": 4.0}, "mean", ()) == 4.0
    assert combine({"a": 4.0}, "mean", ("a", "b")) is None
    assert combine({}, "mean", ()) is None


@pytest.mark.parametrize(("gap", "scale", "p"), [(0, 1, 0.5), (math.log(3), 1, 0.75), (2 * math.log(3), 2, 0.75)])
def test_a_gap_is_a_probability_by_the_logistic(gap: float, scale: float, p: float) -> None:
    assert logistic(gap, scale) == pytest.approx(p)
    assert logistic(-gap, scale) == pytest.approx(1 - p)


def test_a_gap_of_any_size_has_a_probability() -> None:
    assert logistic(1e6, 0.001) == 1.0
    assert logistic(-1e6, 0.001) == 0.0


def test_the_rejected_one_is_drawn_evenly_among_the_lower_ones() -> None:
    scores = {"r1": 5.0, "r2": 5.0, "r3": 2.0, "r4": 1.0, "r5": 1.0}
    responses = {each: made.response(each) for each in scores}
    drawn = [draw_pairs(scores, "best_random_lower", responses, seed)[0] for seed in range(600)]
    tally = {worse: sum(pair == ("r1", worse) for pair in drawn) for worse in ("r3", "r4", "r5")}
    assert sum(tally.values()) == 600
    assert all(150 < count < 250 for count in tally.values()), tally
    others = {pair[1] for seed in range(60) for pair in draw_pairs(scores, "best_random_other", responses, seed)}
    assert others == {"r2", "r3", "r4", "r5"}


# --- closest three ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "nearest"),
    [
        ([1, 1, 1], (1, 1, 1)),
        ([3, -3, 2, 2, 0], (2, 2, 3)),
        ([0, 4, 1, 4, 4], (4, 4, 4)),
        ([-2, -1, 0, 1, 2], (-1, 0, 1)),  # three triples of spread 2: the one in the middle
        ([1, 2, 3, 4, 5], (2, 3, 4)),
        ([1, 1, 2, 2], (1, 1, 2)),  # alike but for their distance from 0
        ([1, 2], None),
        ([-2, 0, 0, 2], None),  # alike, and on opposite sides
    ],
)
def test_the_closest_three(values: list[float], nearest: tuple[float, ...] | None) -> None:
    assert closest_three(values) == nearest
    for shuffled in itertools.islice(itertools.permutations(values), 24):
        assert closest_three(shuffled) == nearest


def test_halves_are_rounded_away_from_zero() -> None:
    assert [round_half_out(each) for each in (-2.5, -0.5, -0.4, 0.4, 0.5, 1.49, 2.5)] == [-3, -1, 0, 0, 1, 1, 3]


# --- rankings --------------------------------------------------------------------------------------------------------


def ranked(*ranks: dict[str, float], kind: str = "rank") -> list[Signal]:
    """One judge for each set of ranks."""
    return [
        made.any_signal(0, response_ids=[response], name=f"p/{kind}", evaluator=f"j{judge}", value=rank)
        for judge, each in enumerate(ranks)
        for response, rank in each.items()
    ]


def test_two_of_three_judges() -> None:
    rankings = rankings_of(ranked({"r1": 1, "r2": 2}, {"r1": 1, "r2": 2}, {"r1": 2, "r2": 1}))
    assert consensus(rankings, ("r1", "r2"), agree=2, judges=3) == Verdict(pytest.approx(2 / 3), 2 / 3, 1 / 3)
    assert consensus(rankings, ("r1", "r2"), agree=3, judges=3) == Nothing(
        "no_consensus", "2 of 3 judges agree, 3 are needed"
    )


def test_mean_places_count_who_is_under_one() -> None:
    rankings = rankings_of(ranked({"r1": 1, "r2": 2, "r3": 2}, {"r1": 3, "r2": 1, "r3": 2}))
    # r1: (1 + 0)/2, r2: ((0 + .5)/2 + 1)/2, r3: ((0 + .5)/2 + .5)/2
    assert mean_places(rankings) == pytest.approx({"r1": 0.5, "r2": 0.625, "r3": 0.375})


# --- tournaments -----------------------------------------------------------------------------------------------------


def all_tournaments(size: int) -> list[list[tuple[str, str]]]:
    """Every way in which so many candidates can beat each other, without ties."""
    names = [f"r{number}" for number in range(size)]
    duels = list(itertools.combinations(names, 2))
    return [
        [duel if first else duel[::-1] for duel, first in zip(duels, choice, strict=True)]
        for choice in itertools.product((True, False), repeat=len(duels))
    ]


@pytest.mark.parametrize("size", [3, 4, 5])
def test_the_formula_of_cycles_counts_them(size: int) -> None:
    for wins in all_tournaments(size):
        edges = edges_of(wins)
        direct = sum(
            {(a, b), (b, c), (c, a)} <= set(wins)
            for a, b, c in itertools.permutations(sorted(edges), 3)
            if a < b and a < c
        )
        assert three_cycles(edges) == direct
        assert (direct == 0) == all(len(each) == 1 for each in components(edges))


def test_cycles_are_counted_where_duels_are_missing_too() -> None:
    edges = edges_of([("a", "b"), ("b", "c"), ("c", "a"), ("c", "d")])
    assert three_cycles(edges) == 1
    assert components(edges) == [frozenset("abc"), frozenset("d")]
    assert three_cycles(edges_of([("a", "b"), ("b", "c"), ("c", "d"), ("d", "a")])) == 0  # a cycle of four


# --- style and calibration -------------------------------------------------------------------------------------------


def test_style_in_numbers() -> None:
    found = features_of("# Title\n\n- one **bold** word\n- two\n")  # 8 words, marks among them
    assert found == {"length": 8.0, "headers": 1 / 8, "lists": 2 / 8, "bold": 1 / 8}
    assert relative_difference(3, 1) == 0.5
    assert relative_difference(0, 0) == 0
    assert style_difference("a b c", "a", ("length", "bold")) == [0.5, 0.0]


def test_a_calibration_is_the_line_through_its_points() -> None:
    one_side = Calibration(name="c", x=(0.5, 0.75, 1.0), y=(0.5, 0.6, 0.9))
    assert [one_side.apply(p) for p in (0.5, 0.625, 0.875, 1.0)] == pytest.approx([0.5, 0.55, 0.75, 0.9])
    assert [one_side.apply(p) for p in (0.375, 0.0)] == pytest.approx([0.45, 0.1])
    both_sides = Calibration(name="c", x=(0.0, 1.0), y=(0.2, 1.0))
    assert both_sides.apply(1.0) == pytest.approx((1.0 + 1 - 0.2) / 2)
    assert both_sides.apply(0.3) == pytest.approx(1 - both_sides.apply(0.7))
    assert Calibration(name="c", x=(0.6,), y=(0.7,)).apply(0.99) == 0.7


@pytest.mark.parametrize(
    ("x", "y", "said_of_it"),
    [
        ((0.5, 1.0), (0.5,), "equally long"),
        ((0.5, 0.5), (0.5, 0.6), "rises strictly"),
        ((0.5, 0.6), (0.6, 0.5), "does not fall"),
        ((0.5, 1.6), (0.6, 0.7), "less than or equal to 1"),
        ((), (), "at least 1"),
    ],
)
def test_what_is_no_calibration(x: Any, y: Any, said_of_it: str) -> None:
    with pytest.raises(ValueError, match=said_of_it):
        Calibration(name="c", x=x, y=y)


STEPS = "- mine/chunk\n  - mine/qa\n  - sample/gold\n  - judge/pairwise: {principle: helpful}"


def bound(folder: Path, step: str) -> Any:
    """A strategy as a recipe in this folder binds it."""
    path = folder / "r.yaml"
    path.write_text(f"recipe: r\nsteps:\n  {STEPS}\n  - {step}\n", "utf-8")
    return bind(read_recipe(path)).steps[-1]


def test_a_recipe_names_the_file_of_a_calibration_and_its_numbers_are_identity(tmp_path: Path) -> None:
    file = tmp_path / "judge.json"
    file.write_text(json.dumps({"name": "judge", "x": [0.5, 1.0], "y": [0.5, 0.8]}), "utf-8")
    step = "select/from_votes: {calibration: ./judge.json}"
    first = bound(tmp_path, step)
    assert first.strategy.calibration.apply(1.0) == 0.8
    file.write_text(json.dumps({"name": "judge", "x": [0.5, 1.0], "y": [0.5, 0.9]}), "utf-8")
    assert bound(tmp_path, step).fingerprint != first.fingerprint


@pytest.mark.parametrize(
    ("step", "said_of_it"),
    [
        ("select/from_votes: {margin: 2}", "goes with rule: majority"),
        ("select/from_votes: {names: [a], weights: {b: 2.0}}", "weighs 'b'"),
        ("select/from_votes: {calibration: ./none.json}", "is not a file"),
        ("select/from_votes: {weights: {b: 0.0}}", "greater than 0"),
        ("select/from_scores: {combine: weighted_sum}", "`weights` goes with"),
        ("select/from_scores: {weights: helpsteer2_70b}", "`weights` goes with"),
        ("select/from_scores: {combine: weighted_sum, weights: {a: 1.0}, aspects: [a]}", "leave out `aspects`"),
        ("select/from_scores: {combine: single}", "takes one aspect"),
        ("select/from_scores: {combine: product, require: any}", "needs every aspect"),
        ("select/from_scores: {min_gap: 2, max_gap: 1.0}", "under `min_gap`"),
        ("select/consensus: {agree: 3, judges: 2}", "asks for 3 of 2"),
        ("select/residualise: {aspects: []}", "at least 1 item"),
        ("select/bradley_terry: {covariates: [tone]}", "length"),
    ],
)
def test_parameters_that_cannot_be_meant_are_a_mistake_in_the_recipe(
    tmp_path: Path, step: str, said_of_it: str
) -> None:
    with pytest.raises((RecipeError, RequestError)) as caught:
        bound(tmp_path, step)
    assert said_of_it in str(caught.value)


def test_plans_know_how_many_pairs_there_are_at_most() -> None:
    assert (FromVotes().yields, FromVotes(pairs="all").yields) == (1, 0)
    assert (FromScores().yields, FromScores(pair="all_pairs").yields) == (1, 0)
