"""What must hold of every label, whatever was said: of those who turn votes and ratings into pairs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from typing import Any, get_args

import made
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipeline.select.best_worst import BestWorst
from pipeline.select.closest_three import ClosestThree
from pipeline.select.consensus import Consensus
from pipeline.select.from_scores import FromScores
from pipeline.select.from_votes import FromVotes
from pipeline.select.pairing import Pairing, worded
from pipeline.select.scores import Draw, aspects_of, ratings_of
from pipeline.select.strength import closest_three, strengths_of
from pipeline.select.tournament import Tournament
from pipeline.select.votes import Rule
from pipeline.strategy import Nothing
from schemas.rows import PairAnswer, Signal
from schemas.units import Candidates

IDS = ["r1", "r2", "r3", "r4"]
EIGHTHS = st.integers(0, 8).map(lambda number: number / 8)


SILENT = st.sampled_from([False] * 7 + [True])


@st.composite
def comparisons(draw: st.DrawFn) -> list[Signal]:
    """What one judge says of two candidates in both orders, now and then in one; `value` is its signed strength."""
    a, b = draw(st.sampled_from([("r1", "r2")] * 6 + list(combinations(IDS, 2))))
    common: dict[str, Any] = {
        "response_ids": [a, b],
        "name": draw(st.sampled_from(["x", "x", "y", "control/z"])),
        "evaluator": draw(st.sampled_from(["j1", "j2", "m1"])),
        "draw": draw(st.integers(0, 2)),
    }
    orders = draw(st.sampled_from([["ab", "ba"], ["ab", "ba"], ["ab", "ba"], ["ab"], [None]]))
    return [
        made.any_signal(
            0,
            order=order,
            probability=draw(EIGHTHS),
            value=float(draw(st.integers(-3, 3))),
            abstained=draw(SILENT),
            **common,
        )
        for order in orders
    ]


@st.composite
def ratings(draw: st.DrawFn) -> list[Signal]:
    """What one judge says of every candidate in one aspect, now and then nothing; ranks are those of a listwise judge."""
    common: dict[str, Any] = {
        "name": draw(st.sampled_from(["x", "x", "y", "p/rank", "p/score", "control/z"])),
        "evaluator": draw(st.sampled_from(["j1", "j2", "j3"])),
        "draw": draw(st.integers(0, 1)),
    }
    return [
        made.any_signal(0, response_ids=[each], value=float(draw(st.integers(0, 5))), abstained=draw(SILENT), **common)
        for each in IDS
    ]


def many(of: st.SearchStrategy[list[Signal]], least: int, most: int) -> st.SearchStrategy[list[Signal]]:
    """Several of these, as one list."""
    return st.lists(of, min_size=least, max_size=most).map(lambda lists: [each for some in lists for each in some])


VOTES = many(comparisons(), 3, 14)
RATINGS = many(ratings(), 2, 8)
SIGNALS = st.one_of(VOTES, RATINGS)

RULES: dict[str, Callable[[Candidates], Any]] = {
    **{
        f"votes {rule} {pairs}": FromVotes(rule=rule, pairs=pairs)
        for rule in get_args(Rule)
        for pairs in get_args(Pairing)
    },
    "any order": FromVotes(orders="any", pairs="all", weights={"x": 2.0}),
    "thresholds": FromVotes(pairs="all", min_p=0.7, min_confidence=0.5),
    "strengths": ClosestThree(),
    "ordinal scores": ClosestThree(of="score", names=("x",)),
    "consensus": Consensus(agree=2, judges=2),
    "consensus chain": Consensus(agree=1, judges=1, pairs="chain"),
    "tournament": Tournament(),
    "tournament kept": Tournament(cycles="keep"),
    "tournament of scores": Tournament(of="scores", names=("x", "y")),
    "tournament split": Tournament(of="scores", cycles="split", names=("x", "y")),
    **{f"scores {pair}": FromScores(aspects=("x", "y"), require="any", pair=pair) for pair in get_args(Draw)},
    "product": FromScores(combine="product", aspects=("x", "y")),
    "weighted": FromScores(combine="weighted_sum", weights={"x": 1.0, "y": -0.5}, pair="all_pairs"),
    "repeats": FromScores(aspects=("x",), p_from="repeats", pair="all_pairs"),
    "best_worst": BestWorst(),
}
OF_VOTES = [name for name in RULES if name.startswith(("votes", "any", "thr", "strength"))] + [
    "tournament",
    "tournament kept",
]
# Of equals the smaller id is taken: which pair comes first then depends on what candidates are called.
OF_EVERY_PAIR = [
    "votes order_mean all", "votes both_orders all", "votes majority all", "any order", "thresholds", "strengths",
    "ordinal scores", "consensus", "tournament", "tournament kept", "tournament of scores", "tournament split",
    "weighted", "repeats",
]  # fmt: skip


def unit(signals: list[Signal], names: dict[str, str] | None = None) -> Candidates:
    """Four candidates, two of them with the same text, and these signals; `names` gives them other ids."""
    new = names or {each: each for each in IDS}
    responses = {
        new[each]: {"text": "same" if each in ("r3", "r4") else f"text of {each}", "model": model}
        for each, model in zip(IDS, ("m1", "m1", "m2", "m2"), strict=True)
    }
    told = []
    for number, each in enumerate(signals):
        ids = [new[response] for response in each.response_ids]
        turned: dict[str, Any] = {"response_ids": ids}
        if ids != sorted(ids):  # a pair is stored in the order of its ids
            turned = mirrored(each) | {"response_ids": ids[::-1]}
        told.append(each.model_copy(update={**turned, "signal_id": f"sig_{number:03}"}))
    return made.candidates(dict(sorted(responses.items())), told)


def mirrored(signal: Signal) -> dict[str, Any]:
    """The fields of a verdict on (a, b) as those of one on (b, a)."""
    p, value, order = signal.probability, signal.value, signal.order
    return {
        "probability": None if p is None else 1 - p,
        "value": None if value is None else -value,
        "order": order and order[::-1],
    }


def flipped(signals: list[Signal]) -> list[Signal]:
    """Everybody says the opposite of each pair."""
    return [
        each.model_copy(update={name: value for name, value in mirrored(each).items() if name != "order"})
        if len(each.response_ids) == 2
        else each
        for each in signals
    ]


def labels(rule: Callable[[Candidates], Any], of: Candidates) -> list[PairAnswer]:
    """The pairs of some candidates."""
    found = rule(of)
    return [] if isinstance(found, Nothing) else found


def shown(pairs: list[PairAnswer]) -> set[tuple[Any, ...]]:
    """What labels say, with numbers to nine digits."""
    numbers = {id(each): (each.score_gap, each.p_chosen, each.confidence) for each in pairs}
    return {
        (each.chosen_id, each.rejected_id, each.rule, *(round(number, 9) for number in numbers[id(each)]))
        for each in pairs
    }


@pytest.mark.parametrize("name", RULES)
@given(signals=SIGNALS)
def test_a_label_says_how_sure_it_is_and_prefers_something_else_to_something(name: str, signals: list[Signal]) -> None:
    whole = unit(signals)
    texts = {each: response.text for each, response in worded(whole.responses).items()}
    found = RULES[name](whole)
    if isinstance(found, Nothing):
        assert found.reason
        return
    assert found
    for pair in found:
        assert 0.5 < pair.p_chosen <= 1
        assert 0 <= pair.confidence <= 1
        assert pair.score_gap > 0
        assert pair.rule.startswith(RULES[name].__class__.__module__.rpartition(".")[2])
        assert texts[pair.chosen_id] != texts[pair.rejected_id]


@pytest.mark.parametrize("name", RULES)
@given(signals=SIGNALS, random=st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(name: str, signals: list[Signal], random: Any) -> None:
    whole = unit(signals)
    told, answers = list(whole.signals), list(whole.responses)
    random.shuffle(told)
    random.shuffle(answers)
    assert RULES[name](replace(whole, signals=tuple(told), responses=tuple(answers))) == RULES[name](whole)


@pytest.mark.parametrize("name", RULES)
@given(signals=SIGNALS)
def test_controls_of_the_judge_change_nothing(name: str, signals: list[Signal]) -> None:
    whole = unit(signals)
    without = tuple(each for each in whole.signals if not each.name.startswith("control/"))
    assert RULES[name](replace(whole, signals=without)) == RULES[name](whole)


@pytest.mark.parametrize("name", OF_VOTES)
@given(signals=VOTES)
def test_the_opposite_of_every_vote_is_the_opposite_of_every_label(name: str, signals: list[Signal]) -> None:
    one, other = labels(RULES[name], unit(signals)), labels(RULES[name], unit(flipped(signals)))
    if "best_worst" in name or "chain" in name:  # of equals the smaller id is taken, so another pair may come out
        pairs = {(each.chosen_id, each.rejected_id) for each in one}
        assert not pairs & {(each.chosen_id, each.rejected_id) for each in other}
        return
    turned = {(b, a, *rest) for a, b, *rest in shown(other)}
    assert shown(one) == turned


@pytest.mark.parametrize("name", OF_EVERY_PAIR)
@given(signals=SIGNALS, names=st.permutations(["a", "b", "c", "d"]))
def test_what_candidates_are_called_does_not_matter(name: str, signals: list[Signal], names: list[str]) -> None:
    new = dict(zip(IDS, names, strict=True))
    one, other = labels(RULES[name], unit(signals)), labels(RULES[name], unit(signals, new))
    assert {(new[a], new[b], *rest) for a, b, *rest in shown(one)} == shown(other)


@given(signals=VOTES, low=EIGHTHS, high=EIGHTHS)
def test_a_higher_threshold_keeps_some_of_the_same_labels(signals: list[Signal], low: float, high: float) -> None:
    assume(low <= high)
    for field in ("min_p", "min_confidence"):
        values = [max(each, 0.5) if field == "min_p" else each for each in (low, high)]
        few, many = (labels(FromVotes(pairs="all", **{field: each}), unit(signals)) for each in values[::-1])  # type: ignore[arg-type]
        assert shown(few) <= shown(many)
    few, many = (
        labels(FromVotes(rule="majority", pairs="all", margin=8 * each), unit(signals)) for each in (high, low)
    )
    assert shown(few) <= shown(many)


@given(signals=RATINGS, low=st.integers(0, 4), high=st.integers(0, 4))
def test_a_larger_gap_keeps_some_of_the_same_labels(signals: list[Signal], low: int, high: int) -> None:
    assume(low <= high)
    few, many = (
        labels(FromScores(aspects=("x",), pair="all_pairs", min_gap=each), unit(signals)) for each in (high, low)
    )
    assert shown(few) <= shown(many)
    few, many = (
        labels(FromScores(aspects=("x",), pair="all_pairs", max_gap=each + 0.5), unit(signals)) for each in (low, high)
    )
    assert shown(few) <= shown(many)


@given(signals=RATINGS, more=ratings())
def test_not_applicable_never_changes_a_mean(signals: list[Signal], more: list[Signal]) -> None:
    silent = [each.model_copy(update=none) for each in more for none in ({"abstained": True}, {"value": None})]
    assert aspects_of(ratings_of([*signals, *silent])) == aspects_of(ratings_of(signals))


@given(signals=VOTES, random=st.randoms(use_true_random=False))
def test_strengths_are_read_whoever_is_called_first(signals: list[Signal], random: Any) -> None:
    turned = [
        each.model_copy(update={**mirrored(each), "response_ids": each.response_ids[::-1]})
        if random.random() < 0.5
        else each
        for each in signals
    ]
    assert strengths_of(turned) == strengths_of(signals)


@given(st.lists(st.integers(-3, 3), min_size=3, max_size=5))
def test_turning_every_sign_turns_the_closest_three(values: list[int]) -> None:
    one, other = closest_three(values), closest_three([-each for each in values])
    assert one == (None if other is None else tuple(sorted(-each for each in other)))


@given(signals=VOTES)
def test_a_vote_of_who_wrote_one_of_the_two_has_no_say(signals: list[Signal]) -> None:
    """m1 wrote r1 and r2: of those two it may judge."""
    strategy = FromVotes(pairs="all", orders="any")
    own = [each for each in signals if each.evaluator == "m1" and set(each.response_ids) != {"r1", "r2"}]
    rest = [each for each in signals if each not in own]
    assert shown(labels(strategy, unit(signals))) == shown(labels(strategy, unit(rest)))
