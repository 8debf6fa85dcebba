"""Selective judging: the promise holds over a thousand judges, and the tails are exact."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.audit.selective import (
    Judged,
    binomial_tail,
    confidence_of,
    least_kept,
    select_threshold,
    upper_bound,
)
from schemas.errors import RequestError

JUDGES, GOLD, ALPHA, DELTA = 1000, 200, 0.1, 0.1
ALLOWED = DELTA + 2 * math.sqrt(DELTA * (1 - DELTA) / JUDGES)
GOLD_PAIRS = st.lists(
    st.builds(Judged, confidence=st.sampled_from([0.0, 0.2, 0.5, 0.55, 0.9, 1.0]), correct=st.booleans()), max_size=60
)

# --- the promise -------------------------------------------------------------------------------------------------------

# A judge is wrong by `sure` where its confidence is 1, by `unsure` where it is 0, and in proportion between; confidence is
# spread evenly. So it is wrong on kept pairs by the mean over [threshold, 1].
Judge = tuple[float, float]
KINDS: dict[str, Callable[[random.Random], Judge]] = {
    "the unsure are wrong more often": lambda dice: (dice.uniform(0, 0.12), dice.uniform(0.1, 0.6)),
    "confidence says nothing, and all are just too often wrong": lambda dice: (ALPHA + 1e-6, ALPHA + 1e-6),
    "half of the thresholds are just not safe": lambda dice: (ALPHA - 0.02, ALPHA + 0.06),
    "the sure are wrong more often": lambda dice: (dice.uniform(0.1, 0.4), dice.uniform(0, 0.1)),
}


def gold(judge: Judge, dice: random.Random) -> list[Judged]:
    """Gold pairs that a judge has judged."""
    sure, unsure = judge
    confidences = [dice.random() for _ in range(GOLD)]
    return [Judged(each, dice.random() >= unsure + (sure - unsure) * each) for each in confidences]


def risk(judge: Judge, threshold: float) -> float:
    """P(wrong | kept), exactly."""
    sure, unsure = judge
    return unsure + (sure - unsure) * (1 + threshold) / 2


def thresholds(kind: str) -> list[tuple[Judge, list[Judged], float | None]]:
    """A thousand judges of a kind, the pairs they judged, and the threshold that these gave."""
    dice = random.Random(kind)
    judges = [KINDS[kind](dice) for _ in range(JUDGES)]
    pairs = [gold(judge, dice) for judge in judges]
    return [(j, p, select_threshold(p, alpha=ALPHA, delta=DELTA).threshold) for j, p in zip(judges, pairs, strict=True)]


@pytest.mark.parametrize("kind", KINDS)
def test_the_promise_holds_over_a_thousand_judges(kind: str) -> None:
    broken = sum(threshold is not None and risk(judge, threshold) > ALPHA for judge, _, threshold in thresholds(kind))
    assert broken / JUDGES <= ALLOWED


def test_the_promise_is_one_that_a_plain_rule_breaks() -> None:
    """Taking the lowest threshold whose gold pairs look good enough is wrong far more often than promised."""
    broken = 0
    for judge, pairs, _ in thresholds("half of the thresholds are just not safe"):
        looks_good = [
            threshold
            for threshold in (step / 20 for step in range(21))
            if (kept := [each for each in pairs if each.confidence >= threshold])
            and sum(not each.correct for each in kept) <= ALPHA * len(kept)
        ]
        broken += bool(looks_good) and risk(judge, min(looks_good)) > ALPHA
    assert broken / JUDGES > 3 * ALLOWED


def test_a_good_judge_is_usually_believed_on_most_pairs() -> None:
    """A rule that always abstains would keep the promise too. This judge is wrong on 1 of 100 sure and 12 of 100 unsure."""
    dice = random.Random("good")
    found = [select_threshold(gold((0.01, 0.12), dice), alpha=ALPHA, delta=DELTA) for _ in range(300)]
    assert sum(each.threshold is not None for each in found) / len(found) > 0.75
    assert sum(each.coverage for each in found) / len(found) > 0.6


# --- cases by hand -----------------------------------------------------------------------------------------------------


def test_how_many_flawless_pairs_it_takes() -> None:
    """0.9^22 = 0.098 and 0.95^59 = 0.0485: the first powers below 0.1 and 0.05."""
    assert least_kept(0.1, 0.1) == 22
    assert least_kept(0.05, 0.05) == 59
    assert least_kept(0.5, 0.5) == 1
    assert [least_kept(0.1, 0.1, mistakes) for mistakes in (1, 2)] == [38, 52]
    flawless = [Judged(1.0, True)] * 22
    assert select_threshold(flawless).threshold == 1.0
    assert select_threshold(flawless[1:]).threshold is None


def test_one_mistake_takes_thirty_eight_pairs() -> None:
    """P(Bin(38, 0.1) <= 1) = 0.9^38 + 38 · 0.1 · 0.9^37 = 0.0953; with 37 it is 0.1037."""
    assert binomial_tail(1, 38, 0.1) == pytest.approx(0.9**38 + 38 * 0.1 * 0.9**37)
    for count, is_safe in ((37, False), (38, True)):
        pairs = [Judged(0.8, True)] * (count - 1) + [Judged(0.8, False)]
        assert (select_threshold(pairs).threshold is not None) == is_safe


def test_the_first_threshold_that_fails_ends_the_search() -> None:
    """The sure ones are wrong; that all others are right does not help them, for the order is fixed."""
    sure = [Judged(1.0, number % 2 == 0) for number in range(60)]
    assert select_threshold([*sure, *[Judged(0.5, True)] * 1000]).threshold is None


def test_the_strictest_of_thresholds_that_keep_the_same_is_told() -> None:
    found = select_threshold([Judged(0.72, True)] * 50 + [Judged(0.1, False)] * 50)
    assert (found.threshold, found.kept, found.wrong, found.coverage) == (0.7, 50, 0, 0.5)
    assert found.bound == pytest.approx(1 - 0.1 ** (1 / 50))


def test_a_handful_of_mistaken_sure_ones_does_not_end_the_search_of_many_pairs() -> None:
    """With 200 gold pairs the first threshold tested keeps 52; with 90, a third of which is 30, it keeps 22."""
    pairs = [Judged(1.0, number > 0) for number in range(30)] + [Judged(0.5, True)] * 170
    found = select_threshold(pairs)
    assert (found.threshold, found.kept, found.wrong, found.least) == (0.5, 200, 1, 52)
    found = select_threshold(pairs[:90])
    assert (found.threshold, found.least) == (None, 22)


@pytest.mark.parametrize("pairs", [[], [Judged(1.0, False)] * 100, [Judged(0.5, True)] * 3])
def test_none_is_safe_without_gold_or_with_a_judge_that_is_always_wrong(pairs: list[Judged]) -> None:
    found = select_threshold(pairs)
    assert (found.threshold, found.kept, found.wrong, found.bound, found.coverage) == (None, 0, 0, None, 0.0)
    assert found.gold == len(pairs)


@pytest.mark.parametrize("values", [{"alpha": 0}, {"alpha": 1}, {"delta": 0}, {"delta": 1.5}, {"steps": 0}])
def test_a_promise_that_means_nothing_is_refused(values: dict[str, float]) -> None:
    with pytest.raises(RequestError):
        select_threshold([], **values)  # type: ignore[arg-type]


def test_confidence_is_the_distance_from_a_coin() -> None:
    assert [confidence_of(p) for p in (0.0, 0.25, 0.5, 0.75, 1.0)] == [1.0, 0.5, 0.0, 0.5, 1.0]


# --- for every input ---------------------------------------------------------------------------------------------------


@given(GOLD_PAIRS, st.randoms(use_true_random=False))
def test_the_order_of_gold_pairs_does_not_matter(pairs: list[Judged], shuffle: random.Random) -> None:
    shuffled = list(pairs)
    shuffle.shuffle(shuffled)
    assert select_threshold(shuffled, alpha=0.3, delta=0.3) == select_threshold(pairs, alpha=0.3, delta=0.3)


@given(GOLD_PAIRS, st.data())
def test_a_judge_that_is_right_once_more_is_believed_no_less(pairs: list[Judged], data: st.DataObject) -> None:
    wrong = [place for place, each in enumerate(pairs) if not each.correct]
    if not wrong:
        return
    place = data.draw(st.sampled_from(wrong))
    better = [*pairs[:place], Judged(pairs[place].confidence, True), *pairs[place + 1 :]]
    before, after = (select_threshold(each, alpha=0.3, delta=0.3) for each in (pairs, better))
    assert after.kept >= before.kept


@given(GOLD_PAIRS)
def test_what_is_found_is_what_it_says(pairs: list[Judged]) -> None:
    found = select_threshold(pairs, alpha=0.3, delta=0.3)
    if found.threshold is None:
        return
    kept = [each for each in pairs if each.confidence >= found.threshold]
    assert (found.kept, found.wrong) == (len(kept), sum(not each.correct for each in kept))
    assert found.bound is not None
    assert found.wrong / found.kept <= found.bound <= found.alpha + 1e-12


@given(st.integers(1, 400), st.data(), st.floats(0.001, 0.999))
def test_the_tail_and_the_bound_are_those_of_scipy(count: int, data: st.DataObject, share: float) -> None:
    stats = pytest.importorskip("scipy.stats")
    hits = data.draw(st.integers(0, count))
    assert binomial_tail(hits, count, share) == pytest.approx(stats.binom.cdf(hits, count, share), rel=1e-9, abs=1e-15)
    wanted = 1.0 if hits == count else stats.beta.ppf(0.9, hits + 1, count - hits)
    assert upper_bound(hits, count, 0.1) == pytest.approx(wanted, rel=1e-6)
