"""What must hold of every pair builder, whatever was said of the answers and wherever they come from."""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import made
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pipeline.select.anchored import Anchored
from pipeline.select.binarise import RULES, Binarise
from pipeline.select.demonstrations import Demonstrations
from pipeline.select.from_scores import FromScores
from pipeline.select.ordered_list import OrderedList
from pipeline.select.pass_fail import PassFail, take_turns
from pipeline.select.per_aspect import PerAspect
from pipeline.select.reversal import Reversal
from pipeline.select.within_window import WithinWindow, quantile
from pipeline.strategy import Nothing
from prompts.principles import Principle
from schemas.rows import PairAnswer, Signal
from schemas.units import Candidates, ResponseGroup

IDS = ["r1", "r2", "r3", "r4", "r5"]
ROLES = dict(zip(IDS, ("gold", "current", "current", "anchor", "anchor"), strict=True))
MODELS = dict(zip(IDS, ("reference", "m", "m", "n", "n"), strict=True))
TEXTS = dict(zip(IDS, ("one", "two", "three", "four", "same"), strict=True))
PRINCIPLES = tuple(Principle(name=each, definition=f"Be {each}.", negation=f"Be not {each}.") for each in "xy")
Values = Mapping[tuple[str, str], float]

SCORED: dict[str, Any] = {
    "anchored": Anchored(chosen_from=("current",), rejected_from=("current", "anchor"), aspects=("x",)),
    "anchored list": Anchored(
        chosen_from=("gold", "anchor"), rejected_from=("current",), also_chosen_from=("current",), require="any"
    ),
    "per aspect": PerAspect(aspects=("x", "y")),
    "per aspect in dispute": PerAspect(aspects=("x", "y", "z"), unanimous="drop", require="any"),
    "per aspect, ends": PerAspect(aspects=("x", "y"), pairs="best_worst", require="any"),
    "pass or fail": PassFail(checks=("x",), passes_at=3, fails_at=2, most=None),
    "pass or fail, some": PassFail(
        checks=("x", "y"), passes_at=2, fails_at=1, by=("z",), chosen="highest", rejected="lowest", most=2
    ),
    "ties skipped": FromScores(aspects=("x",), ties="skip"),
    "ties drawn": FromScores(aspects=("x",), ties="random", seed=3),
    "passing": FromScores(aspects=("x",), passing=("z",), pair="all_pairs"),
    "zephyr": Binarise("zephyr", aspects=("x",)),
    "fusechat": Binarise("fusechat", aspects=("x",)),
}
UNJUDGED: dict[str, Any] = {
    "list": OrderedList(tiers=("gold", {"model": "m"}, "anchor"), per_tier=None, require="any"),
    "list drawn": OrderedList(tiers=("gold", "current", "anchor"), require="any", seed=5),
    "chain": OrderedList(tiers=("anchor", "current", "gold"), pairs="chain", require="any", per_tier=2),
    "demonstrations": Demonstrations(own=("current", "anchor")),
    "some demonstrations": Demonstrations(demonstrations=("gold", "anchor"), own=("current",), most=1),
}


@st.composite
def ratings(draw: st.DrawFn) -> list[Signal]:
    """Ratings 0 to 4 of some answers in three aspects, now and then by two judges, now and then abstained."""
    cells = [(each, name, judge) for each in IDS for name in "xyz" for judge in ("j1", "j2")]
    said = draw(st.lists(st.sampled_from(cells), min_size=6, max_size=30, unique=True))
    return [
        made.any_signal(
            number,
            response_ids=[each],
            name=name,
            evaluator=judge,
            value=float(draw(st.integers(0, 4))),
            abstained=draw(st.sampled_from([False] * 9 + [True])),
        )
        for number, (each, name, judge) in enumerate(sorted(said))
    ]


def unit(signals: list[Signal], texts: Mapping[str, str] = TEXTS) -> Candidates:
    """Five answers from three sources and what was said of them."""
    answers = {each: {"text": texts[each], "role": ROLES[each], "model": MODELS[each]} for each in IDS}
    return made.candidates(answers, signals)


def group(there: set[str], texts: Mapping[str, str] = TEXTS) -> ResponseGroup:
    """Some of the five answers."""
    whole = unit([], texts)
    return ResponseGroup("grp_1", whole.prompt, tuple(each for each in whole.responses if each.response_id in there))


def pairs_of(strategy: Callable[[Any], Any], of: Any) -> list[PairAnswer]:
    """The pairs of a unit."""
    found = strategy(of)
    return [] if isinstance(found, Nothing) else found


WHICH_TEXTS = st.lists(st.sampled_from(["one", "two", "same", " same ", ""]), min_size=5, max_size=5).map(
    lambda texts: dict(zip(IDS, texts, strict=True))
)


def is_a_label(pair: PairAnswer, texts: Mapping[str, str]) -> bool:
    """What is promised of every pair."""
    sides = [texts[each].strip() for each in (pair.chosen_id, pair.rejected_id, *(pair.also_chosen or []))]
    return (
        0.5 < pair.p_chosen <= 1
        and 0 <= pair.confidence <= 1
        and pair.score_gap > 0
        and all(sides)
        and len(set(sides)) == len(sides)
    )


@pytest.mark.parametrize("name", SCORED)
@given(signals=ratings(), texts=st.one_of(st.just(TEXTS), WHICH_TEXTS))
def test_pairs_by_score_prefer_something_else_to_something(
    name: str, signals: list[Signal], texts: dict[str, str]
) -> None:
    found = SCORED[name](unit(signals, texts))
    if isinstance(found, Nothing):
        assert found.reason
    else:
        assert found
        assert all(is_a_label(pair, texts) for pair in found)


@pytest.mark.parametrize("name", UNJUDGED)
@given(there=st.sets(st.sampled_from(IDS), min_size=1), texts=st.one_of(st.just(TEXTS), WHICH_TEXTS))
def test_pairs_by_provenance_prefer_something_else_to_something(
    name: str, there: set[str], texts: dict[str, str]
) -> None:
    found = UNJUDGED[name](group(there, texts))
    if isinstance(found, Nothing):
        assert found.reason
    else:
        assert found
        assert all(is_a_label(pair, texts) for pair in found)


@pytest.mark.parametrize("name", SCORED)
@given(signals=ratings(), random=st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(name: str, signals: list[Signal], random: Any) -> None:
    whole = unit(signals)
    told, answers = list(whole.signals), list(whole.responses)
    random.shuffle(told)
    random.shuffle(answers)
    assert SCORED[name](replace(whole, signals=tuple(told), responses=tuple(answers))) == SCORED[name](whole)


@pytest.mark.parametrize("name", UNJUDGED)
@given(there=st.sets(st.sampled_from(IDS), min_size=1), random=st.randoms(use_true_random=False))
def test_the_order_of_answers_does_not_matter(name: str, there: set[str], random: Any) -> None:
    whole = group(there)
    answers = list(whole.responses)
    random.shuffle(answers)
    assert UNJUDGED[name](replace(whole, responses=tuple(answers))) == UNJUDGED[name](whole)


@pytest.mark.parametrize("name", SCORED)
@given(signals=ratings())
def test_controls_and_abstentions_change_nothing(name: str, signals: list[Signal]) -> None:
    silent = [
        made.any_signal(900 + number, response_ids=[each], name=said, value=4.0, abstained=abstained)
        for number, each in enumerate(IDS)
        for said, abstained in (("control/x", False), ("x", True))
    ]
    assert SCORED[name](unit([*signals, *silent])) == SCORED[name](unit(signals))


@given(signals=ratings())
def test_the_opposite_of_every_rating_is_the_opposite_of_every_label(signals: list[Signal]) -> None:
    opposite = [each.model_copy(update={"value": 4 - float(each.value or 0)}) for each in signals]
    rules = [PerAspect(aspects=("x", "y"), unanimous=what, require="any") for what in ("keep", "drop")]  # type: ignore[arg-type]
    rules.append(PassFail(checks=("x",), passes_at=2.5, fails_at=1.5, most=None))  # type: ignore[arg-type]
    for rule in rules:
        one = {(each.chosen_id, each.rejected_id, each.rule) for each in pairs_of(rule, unit(signals))}
        other = {(each.rejected_id, each.chosen_id, each.rule) for each in pairs_of(rule, unit(opposite))}
        assert one == other


@given(signals=ratings())
def test_a_dispute_is_what_two_aspects_rank_otherwise(signals: list[Signal]) -> None:
    """Against the definition, word by word."""
    aspects = ("x", "y", "z")
    said = {(pair.aspect, pair.chosen_id, pair.rejected_id) for pair in pairs_of(PerAspect(aspects), unit(signals))}
    disputed = pairs_of(PerAspect(aspects, unanimous="drop"), unit(signals))
    wanted = {
        (aspect, a, b) for aspect, a, b in said if any(other != aspect and (other, b, a) in said for other in aspects)
    }
    assert {(pair.aspect, pair.chosen_id, pair.rejected_id) for pair in disputed} == wanted
    for pair in disputed:
        assert pair.aspect_scores is not None
        assert [each["name"] for each in pair.aspect_scores] == [each for each in aspects if each != pair.aspect]


CURRENT = st.lists(st.integers(0, 5), min_size=1, max_size=3)


@given(past=CURRENT, now=CURRENT, future=CURRENT)
def test_anchored_is_temporal_self_rewarding(past: list[int], now: list[int], future: list[int]) -> None:
    """Both phases of the paper, computed from the scores alone."""
    scores = {f"{role}{number}": each for role, of in zip("pnf", (past, now, future), strict=True)
              for number, each in enumerate(of)}  # fmt: skip
    roles = {"p": "anchor", "n": "current", "f": "future"}
    texts = {each: {"text": f"text of {each}", "role": roles[each[0]]} for each in scores}
    signals = [made.any_signal(number, response_ids=[each], value=float(score))
               for number, (each, score) in enumerate(scores.items())]  # fmt: skip
    strategy = Anchored(chosen_from=("current", "future"), rejected_from=("current", "anchor"))
    best = max(max(future), max(now))
    from_future = max(future) > max(now)
    worst = min(min(past), min(now))
    from_past = min(past) < min(now)
    found = strategy(made.candidates(texts, signals))
    if best <= worst:
        assert isinstance(found, Nothing)
        assert found.reason in ("tie", "identical_texts")
        return
    assert not isinstance(found, Nothing)
    (pair,) = found
    assert isinstance(pair, PairAnswer)
    assert (scores[pair.chosen_id], pair.chosen_id[0] == "f") == (best, from_future)
    assert (scores[pair.rejected_id], pair.rejected_id[0] == "p") == (worst, from_past)
    assert pair.score_gap == best - worst


@given(st.integers(1, 9), st.integers(1, 9))
def test_both_sides_take_turns(ones: int, others: int) -> None:
    turns = list(take_turns([f"a{each}" for each in range(ones)], [f"b{each}" for each in range(others)]))
    assert turns[0] == ("a0", "b0")
    assert len(set(turns)) == len(turns) == ones * others
    for done in range(1, len(turns) + 1):
        for side, count in ((0, ones), (1, others)):
            used = Counter(turn[side] for turn in turns[:done])
            assert max(used.values()) - (min(used.values()) if len(used) == count else 0) <= 1


@given(st.integers(0, 4), st.integers(1, 6))
def test_fewer_pairs_are_the_first_of_more(seed: int, most: int) -> None:
    signals = [made.any_signal(number, response_ids=[each], value=float(number % 2)) for number, each in enumerate(IDS)]
    few, every = (
        {
            (each.chosen_id, each.rejected_id)
            for each in pairs_of(PassFail(("helpful",), most=count, seed=seed), unit(signals))
        }
        for count in (most, None)
    )
    assert len(every) == 6
    assert len(few) == most
    assert few <= every


@given(there=st.sets(st.sampled_from(IDS), min_size=1))
def test_a_list_can_be_read_back(there: set[str]) -> None:
    tiers = ["gold", "current", "anchor"]
    strategy = OrderedList(tiers=tuple(tiers), per_tier=None, require="any")
    pairs = pairs_of(strategy, group(there))
    place = {each: max((pair.score_gap for pair in pairs if pair.chosen_id == each), default=0.0) for each in there}
    if pairs:
        lowest = max(tiers.index(ROLES[each]) for each in there)
        assert place == {each: lowest - tiers.index(ROLES[each]) for each in there}


# --- windows in quantiles --------------------------------------------------------------------------------------------


@given(st.lists(st.integers(-50, 50).map(float), min_size=2, max_size=40))
def test_a_quantile_is_that_of_the_standard_library(values: list[float]) -> None:
    cuts = statistics.quantiles(values, n=20, method="inclusive")
    assert [quantile(sorted(values), share / 20) for share in range(1, 20)] == pytest.approx(cuts)


GAPS = st.lists(st.integers(1, 20), min_size=1, max_size=12)


def units_with(gaps: list[int]) -> list[Candidates]:
    """A prompt with two answers for each of these gaps."""
    return [
        made.candidates(
            {f"a{number}": "one", f"b{number}": "other"},
            [
                made.any_signal(0, response_ids=[f"a{number}"], value=gap / 7),
                made.any_signal(1, response_ids=[f"b{number}"], value=0.0),
            ],
            prompt_id=f"prm_{number}",
        )
        for number, gap in enumerate(gaps)
    ]


def kept(strategy: WithinWindow, units: list[Candidates]) -> set[str]:
    """The chosen answers of all pairs."""
    fit = strategy.fit(units)
    return {pair.chosen_id for each in units for pair in pairs_of(lambda unit: strategy.answer(unit, fit), each)}


@given(gaps=GAPS, random=st.randoms(use_true_random=False))
def test_a_window_does_not_depend_on_the_order_of_units(gaps: list[int], random: Any) -> None:
    units = units_with(gaps)
    shuffled = list(units)
    random.shuffle(shuffled)
    strategy = WithinWindow(("helpful",), low=0.3, high=0.7)
    assert strategy.fit(units) == strategy.fit(shuffled)


@given(gaps=GAPS)
def test_a_wider_window_keeps_more(gaps: list[int]) -> None:
    units = units_with(gaps)
    widths = [(0.5, 0.6), (0.4, 0.6), (0.25, 0.8), (0.0, 0.8)]
    found = [kept(WithinWindow(("helpful",), low=low, high=high), units) for low, high in widths]
    for few, many in pairwise(found):
        assert few <= many


@given(gaps=GAPS, scale=st.sampled_from([0.001, 3.0, 1024.0]))
def test_a_window_in_quantiles_does_not_depend_on_the_scale_of_scores(gaps: list[int], scale: float) -> None:
    def scaled(unit: Candidates) -> Candidates:
        signals = [each.model_copy(update={"value": float(each.value or 0) * scale}) for each in unit.signals]
        return replace(unit, signals=tuple(signals))

    strategy, units = WithinWindow(("helpful",), low=0.2, high=0.9), units_with(gaps)
    assert kept(strategy, units) == kept(strategy, [scaled(each) for each in units])


# --- reversals -------------------------------------------------------------------------------------------------------

EIGHTHS = st.integers(0, 8).map(lambda number: number / 8)


@given(said=st.dictionaries(st.tuples(st.sampled_from(list(combinations(IDS[:3], 2))), st.sampled_from("xy")),
                            st.tuples(EIGHTHS, EIGHTHS)))  # fmt: skip
def test_only_what_flips_is_kept_and_both_of_it(said: dict[tuple[tuple[str, str], str], tuple[float, float]]) -> None:
    signals = [
        made.any_signal(number, response_ids=list(duel), name=name, order=order, probability=p)
        for number, ((duel, name), both) in enumerate(sorted(said.items()))
        for order, p in zip(("ab", "ba"), both, strict=True)
    ]
    found = pairs_of(Reversal(PRINCIPLES), made.candidates({each: TEXTS[each] for each in IDS[:3]}, signals))
    by_duel: dict[tuple[str, ...], list[PairAnswer]] = {}
    for pair in found:
        by_duel.setdefault(tuple(sorted((pair.chosen_id, pair.rejected_id))), []).append(pair)
    for duel in combinations(IDS[:3], 2):
        sides = [0 if said.get((duel, name)) is None else _side(said[duel, name]) for name in "xy"]
        assert (duel in by_duel) == (sides[0] * sides[1] < 0)
    for twins in by_duel.values():
        one, other = twins
        assert (one.chosen_id, one.rejected_id) == (other.rejected_id, other.chosen_id)
        assert one.condition
        assert other.condition
        assert one.condition["text"] != other.condition["text"]
        assert one.condition["chosen_first"] != other.condition["chosen_first"]
        assert {pair.rule for pair in twins} == {"reversal/x", "reversal/y"}


def _side(both: tuple[float, float]) -> int:
    """1 if both orders name the first, -1 if both name the second, 0 otherwise."""
    return min(each > 0.5 for each in both) - min(each < 0.5 for each in both)


# --- rules by name, and what is refused --------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_spells_out_what_it_sets_and_leaves_the_rest(rule: Any) -> None:
    given = RULES[rule]
    own = ("p", "q", "r", "s", "t")[: len(given.get("aspects", "p"))] if "weights" not in given else ()
    spelled_out = Binarise(rule, aspects=own).spelled_out()
    plain = FromScores()
    for field in fields(FromScores):
        value = own if field.name == "aspects" else given.get(field.name, getattr(plain, field.name))
        assert getattr(spelled_out, field.name) == value, field.name


def test_the_page_on_pairs_shows_the_parameters_of_every_rule() -> None:
    page = (Path(__file__).parents[2] / "docs" / "pairs.md").read_text("utf-8")
    shown = dict(re.findall(r"^\| `(\w+)` \| `(combine: .*?)` \|", page, re.MULTILINE))
    told = {rule: yaml.safe_load(f"{{{parameters}}}") for rule, parameters in shown.items()}
    assert told == {
        rule: {name: list(value) if isinstance(value, tuple) else value for name, value in given.items()}
        for rule, given in RULES.items()
    }


@given(signals=ratings(), seed=st.integers(0, 3))
def test_a_rule_labels_as_what_it_spells_out(signals: list[Signal], seed: int) -> None:
    strategy = Binarise("zephyr", aspects=("x",), seed=seed)
    one, other = (pairs_of(each, unit(signals)) for each in (strategy, strategy.spelled_out()))
    assert [pair.model_copy(update={"rule": "from_scores/single"}) for pair in one] == other


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Binarise("fusechat"), "needs `aspects`"),
        (lambda: Binarise("fusechat", aspects=("x",), min_gap=0.5), "sets `min_gap` to 0.01"),
        (lambda: Binarise("zephyr", aspects=("x", "y")), "takes 1 `aspects`, and here are 2"),
        (lambda: Binarise("helpsteer2_70b", aspects=("x",)), "leave out `aspects`"),
        (lambda: Binarise("self_rewarding", seed=1), "draws nothing"),
        (lambda: Binarise("modpo_ultrafeedback", ties="skip"), "takes none of several equals"),
        (lambda: FromScores(passing=("tests",)), "`passing` needs `aspects`"),
        (lambda: FromScores(pair="all_pairs", ties="random"), "leave out `ties`"),
        (lambda: WithinWindow(("x",), low=0.5, high=0.5), "the window is empty"),
        (lambda: WithinWindow(("x",), low=0, high=1), "leaves nothing out"),
        (lambda: PassFail(("x",), by=("y",)), "`by` goes with"),
        (lambda: PassFail(("x",), chosen="highest"), "`by` goes with"),
        (lambda: PassFail(("x",), min_gap=0.1), "`by` goes with"),
        (lambda: PassFail(("x",), passes_at=0.5, fails_at=0.5), "is not under `passes_at`"),
        (lambda: PassFail(("x",), by=("y",), min_gap=2, max_gap=1), "`max_gap` is under `min_gap`"),
        (lambda: PassFail(("x",), chosen="shortest", rejected="longest", seed=1), "`seed` draws nothing"),
        (lambda: PassFail(("x", "x")), "names 'x' twice"),
        (lambda: OrderedList(("gold", "gold")), "names 'gold' twice"),
        (lambda: OrderedList(("gold", "candidate"), per_tier=None, seed=1), "draws nothing"),
        (lambda: Demonstrations(own=("gold",)), "'gold' is among `demonstrations` and among `own`"),
        (lambda: Anchored(("a", "a"), ("b",)), "`chosen_from` names 'a' twice"),
        (lambda: Anchored(("a",), ("b",), also_chosen_from=("a",)), "among `chosen_from` and among"),
        (lambda: Anchored(("a",), ("b",), min_gap=2, max_gap=1), "`max_gap` is under `min_gap`"),
        (lambda: Anchored(("a",), ({"models": "x"},)), "says role, model, strategy, not 'models'; did you mean `model`"),
        (lambda: OrderedList(("gold", {})), "has an empty source"),
        (lambda: Demonstrations(own=("",)), "has an empty source"),
        (lambda: PerAspect(("x", "x")), "names 'x' twice"),
        (lambda: Reversal(PRINCIPLES[:1] * 2), "names 'x' twice"),
        (lambda: Reversal(PRINCIPLES, plain="x"), "which is among `principles`"),
        (lambda: Reversal(PRINCIPLES, unsure=0.7), "which is not given"),
    ],
)
def test_what_would_do_nothing_is_refused(make: Callable[[], Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()
