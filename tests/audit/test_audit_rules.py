"""Every published rule on numbers that can be worked out by hand."""

from __future__ import annotations

import math
from typing import Any

import krippendorff
import pytest
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import cohen_kappa_score

from pipeline.audit import accuracy, agreement, best_of, calibration, length, position
from pipeline.audit.verdicts import Form, Judged, Score, Verdict, judged_pairs, verdicts_of_scores
from pipeline.preferences.groups import STYLES
from schemas.rows import Vote


def asked(pair_id: str, ab: Vote | None, ba: Vote | None, gold: Vote | None = "a", **more: Any) -> list[Verdict]:
    """The two verdicts on one pair, by the candidate they name."""
    return [
        Verdict("judge", pair_id, "ab", choice=ab, gold=gold, **more),
        Verdict("judge", pair_id, "ba", choice=ba, gold=gold, **more),
    ]


def pairs(*votes: tuple[Vote | None, Vote | None], **more: Any) -> list[Verdict]:
    """Pairs with gold a, judged like this in the two orders."""
    return [each for number, (ab, ba) in enumerate(votes) for each in asked(f"p{number:03}", ab, ba, **more)]


def judged(p: float | None, gold: Vote | None = "a", **more: Any) -> Judged:
    """What a judge says of one pair."""
    (pair,) = judged_pairs([Verdict("judge", more.pop("pair_id", "p"), probability=p, choice=None, gold=gold, **more)])
    return pair


# --- accuracy ----------------------------------------------------------------------------------------------------------


def test_wilson_interval() -> None:
    # 8 of 10, as in every table of it
    low, high = accuracy.wilson(8, 10)
    assert (round(low, 4), round(high, 4)) == (0.4902, 0.9433)
    assert accuracy.wilson(0, 10)[0] == 0
    assert accuracy.wilson(10, 10)[1] == pytest.approx(1)
    assert accuracy.wilson(0, 0) == (0, 1)


def test_probabilities_are_averaged_within_an_order_first() -> None:
    calls = [
        Verdict("judge", "p", "ab", repeat=0, probability=1.0),
        Verdict("judge", "p", "ab", repeat=1, probability=1.0),
        Verdict("judge", "p", "ba", repeat=0, probability=0.2),
    ]
    assert judged_pairs(calls)[0].p == pytest.approx(0.6)


def test_accuracy_counts_a_tie_as_not_right_and_leaves_out_what_was_not_read() -> None:
    calls = pairs(("a", "a"), ("a", "tie"), ("a", "b"), ("b", "b"), (None, None))
    found = accuracy.accuracy(judged_pairs(calls))
    assert found is not None
    assert (found.value, found.n) == (0.5, 4)
    covered = accuracy.coverage(judged_pairs(calls))
    assert covered is not None
    assert (covered.value, covered.n) == (pytest.approx(3 / 5), 5)


def test_categories_count_alike_in_the_macro_mean() -> None:
    calls = pairs(("a", "a"), ("a", "a"), ("a", "a"), category="x") + asked("q", "b", "b", category="y")
    shares = accuracy.by_category(judged_pairs(calls))
    assert {name: share.value for name, share in shares.items()} == {"x": 1.0, "y": 0.0}
    assert accuracy.macro(shares) == 0.5


def test_judgebench_sums_over_the_orders() -> None:
    votes: list[tuple[Vote | None, Vote | None]] = [
        ("a", "a"), ("a", "tie"), ("tie", "a"), ("a", None),  # right
        ("a", "b"), ("tie", "tie"), (None, None),  # cancel out
        ("b", "b"), ("b", "tie"), (None, "b"),  # wrong
    ]  # fmt: skip
    found = accuracy.judgebench(pairs(*votes))
    assert found is not None
    assert (found.accuracy.value, found.accuracy.n) == (0.4, 10)
    assert found.tie == 0.3
    assert found.inconsistent == 0.6


def test_llmbar_averages_over_the_orders() -> None:
    found = accuracy.llmbar(pairs(("a", "a"), ("a", "b"), ("b", "a"), ("b", "b"), ("a", None)))
    assert found is not None
    assert found.accuracy.value == pytest.approx((1 + 0.5 + 0.5 + 0 + 0.5) / 5)
    assert (found.both, found.agreement) == (0.2, 0.4)


def test_rewardbench_weighs_math_like_code() -> None:
    calls = [
        *(each for number in range(2) for each in asked(f"m{number}", "a", "a", category="math-prm")),
        *(each for number in range(2) for each in asked(f"c{number}", "b", "b", category="hep-go")),
        *asked("h", "a", "b", category="mt-bench-hard"),
    ]
    found = accuracy.rewardbench_sections(calls)
    weight = 984 / 447
    assert found["Reasoning"] == pytest.approx(weight / (weight + 1))
    assert found["Chat Hard"] == 0.5  # a tie is worth one half
    assert set(found) == {"Reasoning", "Chat Hard", "overall"}
    assert found["overall"] == pytest.approx((found["Reasoning"] + 0.5) / 2)


# --- the best of several -----------------------------------------------------------------------------------------------


def group(scores: list[float | None], right: int = 1, **more: Any) -> best_of.Group:
    """The first `right` answers are right."""
    named = {f"r{number:02}": score for number, score in enumerate(scores)}
    return best_of.Group("g", named, frozenset(list(named)[:right]), **more)


def test_rewardbench2_shares_a_joint_top_and_counts_errors_as_chance() -> None:
    found = best_of.best_of(
        [group([4, 3, 2, 1]), group([4, 4, 2, 1]), group([4, 4, 4, 4]), group([1, 2, 0, 0]), group([9, None, 1, 1])]
    )
    assert found is not None
    assert found.score == pytest.approx((1 + 1 / 2 + 1 / 4 + 0 + 0.25) / 5)
    assert (found.n, found.errors) == (5, 0.2)


def test_rewardbench2_ties_with_its_exact_weights() -> None:
    groups = [
        group([5, 2, 1], item="ref:1"),  # gap 3
        group([4, 6, 1], right=2, item="tied:1"),  # gap 3, spread 2
        group([1, 2, 0], item="ref:2"),  # gap -1
        group([1, 4, 0.5], right=2, item="tied:2"),  # gap 0.5, spread 3
    ]
    far = (math.tanh(3 / 2 - 1) + math.tanh(-1 / 3 - 1)) / 2
    assert best_of.ties(groups) == pytest.approx(0.30 * 1 + 0.30 * 0.5 + 0.20 * 0.5 + 0.20 * 0.5 + 0.01 * far)
    perfect = [group([9, 0], item="ref:1"), group([9, 9, 0], right=2, item="tied:1")]
    assert best_of.ties(perfect) == pytest.approx(1.01)  # no spread at all: the hyperbolic tangent is at its limit


def test_ties_without_a_partner_say_nothing() -> None:
    assert best_of.ties([group([5, 2, 1], item="ref:1"), group([4, 6, 1], right=2, item="tied:2")]) is None


def test_rm_bench_hard_is_above_the_diagonal() -> None:
    def styled(right: list[float], wrong: list[float], category: str) -> best_of.Group:
        styles = {f"r{number:02}": style for number, style in enumerate(STYLES * 2)}
        return group([*right, *wrong], right=3, category=category, styles=styles)

    # A judge that only looks at the style: the fancier one wins, equal style is no win.
    found = best_of.rm_bench([styled([1, 2, 3], [1, 2, 3], "chat")], STYLES)
    assert found is not None
    assert (found.easy, found.normal, found.hard) == (1.0, 0.0, 0.0)
    assert found.overall == pytest.approx(1 / 3)
    # The two parts of safety make one domain.
    good, bad = ([9, 9, 9], [1, 1, 1])
    found = best_of.rm_bench(
        [styled(good, bad, "safety-refuse"), styled(bad, good, "safety-response"), styled(good, bad, "math")], STYLES
    )
    assert found is not None
    assert found.overall == pytest.approx((0.5 + 1) / 2)


def test_scores_of_a_pairwise_judge_are_win_rates() -> None:
    calls = [
        Verdict("judge", f"{a} {b}", order, choice="a", answers=(a, b), group="g")
        for a, b in (("x", "y"), ("x", "z"), ("y", "z"))
        for order in ("ab", "ba")
    ]
    assert best_of.win_rates(judged_pairs(calls)) == {"g": {"x": 1.0, "y": 0.5, "z": 0.0}}


def test_ratings_become_verdicts() -> None:
    scores = [
        Score("judge", "g", "x", 3),
        Score("judge", "g", "x", 5, 1),
        Score("judge", "g", "y", 4),
        Score("judge", "g", "z", 1),
    ]
    made = verdicts_of_scores(scores, {("x", "z"): Verdict("", "known", gold="b", category="c")})
    assert [(each.pair_id, each.choice, each.gold, each.category) for each in made] == [
        ("x y", "tie", None, ""), ("known", "a", "b", "c"), ("y z", "a", None, ""),
    ]  # fmt: skip


# --- position ----------------------------------------------------------------------------------------------------------


def test_position_classes_and_fairness() -> None:
    votes: list[tuple[Vote | None, Vote | None]] = [
        *[("a", "a")] * 3, *[("b", "b")] * 2, ("tie", "tie"),  # consistent
        ("a", "b"), ("a", "tie"), ("tie", "b"),  # primacy: AA, AC, CA
        ("b", "a"),  # recency: BB
        (None, "a"),
    ]  # fmt: skip
    found = position.position(pairs(*votes))
    assert (found.consistent, found.primacy, found.recency, found.missing) == (6, 3, 1, 1)
    assert found.consistency is not None
    assert found.same_position is not None
    assert (found.consistency.value, found.consistency.n) == (0.6, 10)
    # p = 3, q = 1: raw = 1·1/4 - 3·3/4 = -2, of n = 10
    assert found.fairness == pytest.approx(-0.2)
    assert found.same_position.value == 0.2
    assert (found.first, found.second) == (1, 1)


def test_always_first_and_always_right_are_the_two_ends() -> None:
    first = position.position(pairs(*[("a", "b")] * 5))
    assert first.consistency is not None
    assert (first.consistency.value, first.fairness) == (0.0, -1.0)
    second = position.position(pairs(*[("b", "a")] * 5))
    assert second.fairness == 1.0
    fair = position.position(pairs(*[("a", "a")] * 5))
    assert fair.consistency is not None
    assert (fair.consistency.value, fair.fairness) == (1.0, 0.0)
    assert position.position([]).consistency is None


def test_repetition_stability_is_the_mean_share_of_the_commonest_verdict() -> None:
    def repeats(pair_id: str, *choices: Vote | None) -> list[Verdict]:
        return [Verdict("judge", pair_id, "ab", number, choice) for number, choice in enumerate(choices)]

    calls = [
        *repeats("p", "a", "a", "b"),
        *repeats("q", "tie", "tie", "tie"),
        *repeats("r", "a", None),
        *repeats("s", "a"),
    ]
    found = position.stability(calls)
    assert found is not None
    assert found == (pytest.approx((2 / 3 + 1) / 2), 2)
    assert position.stability(repeats("s", "a")) is None


def test_what_cannot_be_read_is_neither_a_tie_nor_an_abstention() -> None:
    calls = [
        Verdict("judge", "p", choice="a"), Verdict("judge", "q", choice="tie"), Verdict("judge", "r", abstained=True),
        Verdict("judge", "s"),
    ]  # fmt: skip
    found = position.replies(calls)
    assert found.readable is not None
    assert found.abstained is not None
    assert found.ties is not None
    assert (found.readable.value, found.abstained.value, found.ties.value) == (0.75, 0.25, 0.5)


# --- length ------------------------------------------------------------------------------------------------------------


def sized(p: float, a: int, b: int, gold: Vote | None = "a", **more: Any) -> Judged:
    """A judged pair with answers of these lengths."""
    return judged(p, gold, forms=(Form(a), Form(b)), **more)


def test_length_shares() -> None:
    found = [
        sized(1, 10, 5),
        sized(0, 10, 5),
        sized(1, 5, 10, "b"),
        sized(1, 100, 95),
        sized(0.5, 3, 9),
        sized(1, 7, 7),
    ]
    longer, floor = length.longer_chosen(found), length.longer_is_gold(found)
    assert longer is not None
    assert floor is not None
    assert (longer.value, longer.n) == (0.5, 4)  # undecided and equally long pairs do not count
    assert floor.value == pytest.approx((1 + 1 + 1 + 1 + 0 + 0.5) / 6)
    matched = length.accuracy_at_equal_length(found)
    assert matched is not None
    assert (matched.value, matched.n) == (1.0, 2)


def test_length_auc() -> None:
    assert length.length_auc([sized(1, 9, 1), sized(0, 1, 5)]) == 1.0
    assert length.length_auc([sized(0, 9, 1)]) == 0.0
    assert length.length_auc([sized(1, 9, 1), sized(0, 9, 1)]) == 0.5
    # leads 4, 2, -1 against -4, -2, 1: 3 + 3 + 2 of 9 (a lead and its own mirror image count too)
    assert length.length_auc([sized(1, 5, 1), sized(1, 3, 1), sized(1, 1, 2)]) == pytest.approx(8 / 9)


def test_length_controlled_win_rate_takes_the_length_out() -> None:
    # The judge takes the longer answer, and the model writes the longer one in 3 of 4 battles.
    battles = [
        length.Battle(float(number % 4 != 0), 200 if number % 4 else 100, 100 if number % 4 else 200, str(number))
        for number in range(80)
    ]
    found = length.length_controlled(battles)
    assert found is not None
    assert found.raw == 0.75
    assert found.weight > 1
    assert abs(found.controlled - 0.5) < 0.08
    assert found.is_suspicious


def test_length_controlled_win_rate_leaves_a_judge_alone_that_does_not_look_at_length() -> None:
    battles = [
        length.Battle(float(number % 4 != 0), 100 + 10 * (number // 4 % 5), 120, str(number)) for number in range(100)
    ]
    found = length.length_controlled(battles)
    assert found is not None
    assert abs(found.controlled - found.raw) < 0.03
    assert not found.is_suspicious


def test_length_controlled_win_rate_needs_some_battles() -> None:
    assert length.length_controlled([length.Battle(1, 1, 2, str(number)) for number in range(19)]) is None
    always = length.length_controlled([length.Battle(1, 5, 2, str(number)) for number in range(30)])
    assert always is not None
    assert always.controlled > 0.5


def test_style_effects_find_what_the_judge_looks_at() -> None:
    found = length.style_effects(
        judged(
            float(number % 2),
            None,
            pair_id=f"p{number:03}",
            forms=(Form(100, bold=5 * (number % 2)), Form(100 + number % 3, bold=5 * (1 - number % 2))),
        )
        for number in range(60)
    )
    assert found is not None
    assert set(found) == {"length", "bold"}  # nobody used headers or lists
    assert found["bold"].low > 1
    assert found["length"].low < 0 < found["length"].high


# --- agreement ---------------------------------------------------------------------------------------------------------


def test_kappa_is_that_of_scikit_learn_and_of_the_formula() -> None:
    one: dict[str, Vote] = {"1": "a", "2": "a", "3": "b", "4": "tie", "5": "b", "6": "a"}
    other: dict[str, Vote] = {"1": "a", "2": "b", "3": "b", "4": "tie", "5": "tie", "7": "a"}
    found = agreement.agreement(one, other)
    assert found is not None
    assert (found.raw, found.n) == (0.6, 5)
    chance = (2 * 1 + 2 * 2 + 1 * 2) / 25
    assert found.kappa == pytest.approx((0.6 - chance) / (1 - chance))
    assert found.kappa == pytest.approx(cohen_kappa_score(list("aabtb"), list("abbtt")))
    assert found.base_rate == 0.4
    weighted = agreement.agreement(one, other, weights="quadratic")
    assert weighted is not None
    assert weighted.kappa == pytest.approx(cohen_kappa_score([2, 2, 0, 1, 0], [2, 0, 0, 1, 1], weights="quadratic"))


def test_kappa_of_two_who_always_say_one_thing_is_unknown() -> None:
    found = agreement.agreement({"1": "a", "2": "a"}, {"1": "a", "2": "a"})
    assert found is not None
    assert (found.raw, found.kappa, found.base_rate) == (1.0, None, 1.0)


def test_alpha_is_that_of_the_krippendorff_library() -> None:
    ratings: dict[str, dict[str, float | str]] = {
        "x": {"1": 1.0, "2": 2.0, "3": 3.0, "4": 3.0}, "y": {"1": 1.0, "2": 2.0, "4": 1.0}, "z": {"2": 3.0, "3": 3.0, "5": 2.0},
    }  # fmt: skip
    nan = float("nan")
    table = [[1, 2, 3, 3, nan], [1, 2, nan, 1, nan], [nan, 3, 3, nan, 2]]
    for distance in ("nominal", "interval"):
        wanted = krippendorff.alpha(reliability_data=table, level_of_measurement=distance)
        assert agreement.alpha(ratings, distance=distance) == pytest.approx(wanted)  # type: ignore[arg-type]
    assert agreement.alpha({"x": {"1": "a"}, "y": {"2": "b"}}) is None


def test_self_preference_is_measured_against_others_and_else_against_gold() -> None:
    own = [
        judged(1.0, "b", pair_id="p", models=("me", "you")),
        judged(0.0, "a", pair_id="q", models=("you", "me")),
        judged(1.0, "a", pair_id="r", models=("me", "me")),
        judged(1.0, "a", pair_id="s", models=("you", "they")),
    ]
    found = agreement.self_preference("me", own, {})
    assert found is not None
    assert (found.own, found.others, found.excess, found.n, found.against) == (1.0, 0.0, 1.0, 2, "gold labels")
    others = {"a": [judged(0.5, pair_id="p")], "b": [judged(1.0, pair_id="p")], "me": own}
    found = agreement.self_preference("me", own, others)
    assert found is not None
    assert (found.own, found.others, found.n, found.against) == (1.0, 0.75, 1, "other judges")
    assert agreement.self_preference("nobody", own, {}) is None


# --- calibration -------------------------------------------------------------------------------------------------------


def test_expected_calibration_error() -> None:
    # Four at 0.9, three of them right; two at 0.4 (0.6 for b), one right.
    sure = [(0.9, 1.0), (0.9, 1.0), (0.9, 1.0), (0.9, 0.0), (0.4, 0.0), (0.4, 1.0)]
    bins = calibration.reliability(sure)
    assert [(round(each.low, 2), each.n, each.accuracy) for each in bins] == [(0.6, 2, 0.5), (0.9, 4, 0.75)]
    assert calibration.expected_error(bins) == pytest.approx((4 * 0.15 + 2 * 0.1) / 6)
    assert calibration.expected_error([]) is None


def test_a_coin_is_calibrated() -> None:
    assert calibration.expected_error(calibration.reliability([(0.5, 1.0), (0.5, 0.0), (0.5, 1.0)])) == 0


def test_calibration_is_isotonic_symmetric_and_survives_its_file(tmp_path: Any) -> None:
    sure = [(p / 20, float((p * 7 + repeat * 3) % 20 < p)) for p in range(21) for repeat in range(4)]
    fitted = calibration.fit_calibration("judge", sure)
    assert fitted is not None
    both = [pair for p, so in sure for pair in ((p, so), (1 - p, 1 - so))]
    model = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit([p for p, _ in both], [so for _, so in both])
    for p in (0.0, 0.03, 0.21, 0.5, 0.77, 1.0):
        assert fitted.apply(p) == pytest.approx(float(model.predict([p])[0]), abs=1e-5)
        assert fitted.apply(p) + fitted.apply(1 - p) == pytest.approx(1, abs=1e-5)
    calibration.save_calibration(fitted, tmp_path / "c.json")
    assert calibration.load_calibration(tmp_path / "c.json") == fitted


def test_calibration_mends_an_overconfident_judge() -> None:
    # It says 0.99 and is right 7 times of 10.
    sure = [(0.99 if number % 2 else 0.01, float((number % 2 == 1) == (number % 20 < 14))) for number in range(200)]
    before = calibration.expected_error(calibration.reliability(sure))
    after = calibration.error_after(sure)
    assert before == pytest.approx(0.29)
    assert after is not None
    assert after < 0.08
    assert calibration.error_after(sure[:5]) is None
