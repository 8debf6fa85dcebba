"""Mixing of principles: every formula by numbers, every chance by its frequency, and what must hold for any verdicts."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import made
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.select.both_orders import shares_by_principle
from pipeline.select.drawing import Drawn, draw, geometric
from pipeline.select.overrides import in_script_of, script_of, without_disclaimer
from pipeline.select.salmon_mix import SalmonMix, decide, margins_of, variance
from pipeline.strategy import Nothing
from prompts.principles import Principle
from schemas.rows import PairAnswer, Signal
from schemas.units import Candidates

ROOT = Path(__file__).parents[2]
DRAWS = 100_000
REWARD = tuple(Principle.load_all("salmon_reward", Path()))
NAMES = tuple(each.name for each in REWARD)
PLAIN: dict[str, Any] = {"principles": REWARD, "normaliser": "none"}


def said(shares: dict[str, tuple[float, float]], couple: tuple[str, str] = ("r1", "r2")) -> list[Signal]:
    """The verdicts that give these shares: one call in each order for each principle."""
    return [
        made.any_signal(
            0,
            signal_id=f"sig_{couple}_{name}_{order}",
            response_ids=list(couple),
            name=name,
            order=order,
            probability=share,
        )
        for name, both in shares.items()
        for order, share in zip(("ab", "ba"), both, strict=True)
    ]


def unit(shares: dict[str, tuple[float, float]], number: int = 1) -> Candidates:
    """Two candidates with these verdicts; `number` tells units apart."""
    return made.candidates({"r1": "one", "r2": "another"}, said(shares), prompt_id=f"prm_{number}")


def pairs(mix: SalmonMix, *units: Candidates) -> list[PairAnswer]:
    """All pairs of these units."""
    fit = mix.fit(units)
    answers = [mix.answer(each, fit) for each in units]
    return [row for answer in answers if not isinstance(answer, Nothing) for row in answer]  # type: ignore[misc]


def near(share: float, wanted: float, draws: int = DRAWS) -> bool:
    """Whether a frequency is within four standard errors of its probability."""
    return abs(share - wanted) <= 4 * math.sqrt(wanted * (1 - wanted) / draws)


# --- margins, scales, decisions --------------------------------------------------------------------------------------


def test_a_margin_is_the_difference_of_log_probabilities() -> None:
    assert margins_of((0.9, 0.5), 1e-6) == pytest.approx((math.log(9), 0))
    assert margins_of((0.25, 0.2), 1e-6) == pytest.approx((-math.log(3), -math.log(4)))


def test_certainty_is_clipped_alike_on_both_sides() -> None:
    assert margins_of((1.0, 0.0), 0.01) == pytest.approx((math.log(99), -math.log(99)))
    (top, bottom) = margins_of((1.0, 0.0), 1e-6)
    assert top == -bottom


def test_the_variance_is_over_all_margins_of_both_orders() -> None:
    mix = SalmonMix(principles=REWARD[:1])
    name = NAMES[0]
    units = [unit({name: (0.9, 0.8)}), unit({name: (0.3, 0.4)}, 2)]
    margins = [math.log(9), math.log(4), math.log(3 / 7), math.log(2 / 3)]
    mean = sum(margins) / 4
    wanted = sum((margin - mean) ** 2 for margin in margins) / 4
    assert mix.fit(units) == {"scales": {name: pytest.approx(wanted, rel=1e-10)}}
    assert SalmonMix(principles=REWARD[:1], normaliser="std").fit(units)["scales"][name] == pytest.approx(
        math.sqrt(wanted), rel=1e-10
    )
    assert SalmonMix(principles=REWARD[:1], normaliser="none").fit(units) == {"scales": {name: 1.0}}


def test_what_does_not_vary_has_no_variance() -> None:
    assert variance([]) == 0
    assert variance([13.815509557, 13.815509557, 13.815509557]) == 0
    assert variance([1.0, 3.0]) == 1.0


@pytest.mark.parametrize(
    ("decision", "scores", "wanted"),
    [
        ("dominant", {"x": 1.0, "y": -2.0, "z": 1.5}, (["y"], -2.0)),
        ("dominant", {"x": 0.0, "y": 0.0}, (["x"], 0.0)),
        ("sum", {"x": 1.0, "y": -2.0, "z": 1.5}, (["x", "y", "z"], 0.5)),
        ("vote", {"x": 1.0, "y": -2.0, "z": 1.5, "w": 0.0}, (["x", "y", "z"], 1.0)),
        ("vote", {"x": 1.0, "y": -2.0}, (["x", "y"], 0.0)),
    ],
)
def test_scores_decide(decision: Any, scores: dict[str, float], wanted: Any) -> None:
    assert decide(scores, decision) == wanted


def test_a_principle_whose_orders_disagree_decides_nothing() -> None:
    """SALMON: the mean margin counts only where m12 and m21 have one sign, however far it is from 0."""
    one = SalmonMix(principles=REWARD[:1], normaliser="none", negate=0.0, noise=0.0, rules=())
    name = REWARD[0].name
    disagreeing = unit({name: (0.999, 0.4)})
    assert one.answer(disagreeing, one.fit([disagreeing])) == Nothing(
        "no_preference", "no draw of principles tells the candidates apart"
    )
    (pair, *_) = pairs(one, unit({name: (0.999, 0.6)}))
    assert pair.chosen_id == "r1"
    assert pair.score_gap == pytest.approx((math.log(999) + math.log(1.5)) / 2, abs=1e-6)


def test_orders_are_not_mixed_among_principles_and_shares_are_means() -> None:
    signals = said({"x": (0.9, 0.2), "y": (0.4, 0.6)})
    signals.append(made.any_signal(9, response_ids=["r1", "r2"], name="x", order="ab", probability=0.5, evaluator="j2"))
    assert shares_by_principle(signals, {"x", "y"}) == {("r1", "r2"): {"x": (0.7, 0.2), "y": (0.4, 0.6)}}
    assert shares_by_principle(signals, {"y"}) == {("r1", "r2"): {"y": (0.4, 0.6)}}


# --- chance ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mixes() -> list[Drawn]:
    """A hundred thousand draws with SALMON's parameters."""
    return [draw((0, "prm", "r1", "r2", number), NAMES, stop=0.2, most=8, negate=0.5) for number in range(DRAWS)]


def test_k_is_geometric_up_to_its_bound(mixes: list[Drawn]) -> None:
    """P(K) = 0.2 · 0.8^(K-1) / (1 - 0.8^8) for K from 1 to 8."""
    counts = Counter(len(mix.chosen) for mix in mixes)
    assert set(counts) == set(range(1, 9))
    for k, count in counts.items():
        assert near(count / DRAWS, 0.2 * 0.8 ** (k - 1) / (1 - 0.8**8)), k


def test_every_principle_is_drawn_as_often_in_every_place(mixes: list[Drawn]) -> None:
    first = Counter(mix.chosen[0] for mix in mixes)
    for name in NAMES:
        assert near(first[name] / DRAWS, 1 / 11), name
    assert all(len(set(mix.chosen)) == len(mix.chosen) for mix in mixes)


def test_half_of_the_principles_are_negated_each_for_itself(mixes: list[Drawn]) -> None:
    told = sum(len(mix.chosen) for mix in mixes)
    assert near(sum(len(mix.negated) for mix in mixes) / told, 0.5, told)
    of_two = Counter(len(mix.negated) for mix in mixes if len(mix.chosen) == 2)
    twos = sum(of_two.values())
    for negated, wanted in ((0, 0.25), (1, 0.5), (2, 0.25)):
        assert near(of_two[negated] / twos, wanted, twos), negated


def test_coins_and_sides_are_fair_and_know_nothing_of_each_other(mixes: list[Drawn]) -> None:
    assert near(sum(mix.a_first for mix in mixes) / DRAWS, 0.5)
    assert near(sum(mix.rule_coin < 0.5 for mix in mixes) / DRAWS, 0.5)
    assert near(sum(mix.noise_coin < 0.1 for mix in mixes) / DRAWS, 0.1)
    assert near(sum(mix.noise_coin < 0.25 and mix.rule_coin < 0.5 and mix.a_first for mix in mixes) / DRAWS, 0.0625)


def test_the_bounds_of_the_law() -> None:
    assert [geometric(0.0, 0.2, 8), geometric(1 - 2**-53, 0.2, 8)] == [1, 8]
    assert {geometric(mark / 100, 1.0, 8) for mark in range(100)} == {1}
    assert {geometric(mark / 100, 0.5, 1) for mark in range(100)} == {1}


def frequencies(**params: Any) -> tuple[float, float, float, int]:
    """Shares of flipped labels, of overridden ones and of chosen shown first, over many mixes of one pair."""
    mix = SalmonMix(**PLAIN, passes=1000, **params)
    shares = dict.fromkeys(NAMES, (0.9, 0.9))
    found: list[PairAnswer] = []
    for number in range(10):
        one = unit(shares, number)
        if params.get("rules"):
            texts = {"r1": "As an AI language model, no.", "r2": "yes"}
            one = made.candidates(texts, said(shares), prompt_id=f"prm_{number}")
        found += pairs(mix, one)
    conditions = [each.condition for each in found if each.condition]
    return (
        sum(each["flipped"] for each in conditions) / len(found),
        sum(each["override"] == "disclaimer" for each in conditions) / len(found),
        sum(each["chosen_first"] for each in conditions) / len(found),
        len(found),
    )


def test_noise_flips_one_label_in_ten_and_one_in_four_after_a_rule() -> None:
    flipped, overridden, first, count = frequencies(rules=())
    assert overridden == 0
    assert near(flipped, 0.10, count)
    assert near(first, 0.5, count)
    flipped, overridden, first, count = frequencies(rules=("disclaimer",), disclaimer_share=1.0)
    assert overridden == 1
    assert near(flipped, 0.25, count)
    assert near(first, 0.5, count)
    flipped, overridden, _, count = frequencies(rules=("disclaimer",))
    assert near(overridden, 0.5, count)
    assert near(flipped, 0.175, count)


def test_p_chosen_is_right_as_often_as_it_says() -> None:
    """A judge that is sure and right: what noise leaves of it is what `p_chosen` says, whether it struck or not."""
    mix = SalmonMix(principles=REWARD[:1], normaliser="none", passes=1000, negate=0.0, rules=())
    found = [row for number in range(10) for row in pairs(mix, unit({NAMES[0]: (1.0, 1.0)}, number))]
    assert {each.p_chosen for each in found} == {0.9}
    assert near(sum(each.chosen_id == "r1" for each in found) / len(found), 0.9, len(found))


# --- rules -----------------------------------------------------------------------------------------------------------


def test_who_hides_behind_being_a_model_is_found_in_any_letter_case() -> None:
    phrases = ("as an AI language model",)
    assert without_disclaimer("AS AN AI\nLANGUAGE MODEL, no", "yes", phrases) == "b"
    assert without_disclaimer("yes", "as an ai language model", phrases) == "a"
    assert without_disclaimer("yes", "no", phrases) is None
    assert without_disclaimer("yes", "as an ai language model", ()) is None


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("Mühle 12", "LATIN"),
        ("мельница", "CYRILLIC"),
        ("水車は粉をひく", "CJK"),
        ("12 + 3", None),
        ("", None),
        ("방앗간", "HANGUL"),
    ],
)
def test_the_script_of_a_text(text: str, script: str | None) -> None:
    assert script_of(text) == script


def test_the_answer_in_the_script_of_the_question() -> None:
    assert in_script_of("Что?", "мельница", "mill") == "a"
    assert in_script_of("What?", "мельница", "mill") == "b"
    assert in_script_of("What?", "42", "mill") is None
    assert in_script_of("水車？", "mill", "мельница") == "neither"
    assert in_script_of("6 · 7 = ?", "42", "мельница") is None


# --- what must hold for any verdicts ---------------------------------------------------------------------------------

SHARE = st.sampled_from([0.0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0])
TABLE = st.fixed_dictionaries({name: st.tuples(SHARE, SHARE) for name in NAMES[:5]})
MIX = st.builds(
    SalmonMix,
    principles=st.just(REWARD[:5]),
    seed=st.integers(0, 5),
    normaliser=st.sampled_from(["variance", "std", "none"]),
    decision=st.sampled_from(["dominant", "sum", "vote"]),
    noise=st.sampled_from([0.0, 0.2]),
    rules=st.just(()),
)


@given(MIX, st.lists(TABLE, min_size=1, max_size=3))
def test_flipped_margins_flip_every_label_and_nothing_else(mix: SalmonMix, tables: list[Any]) -> None:
    flipped = [{name: (1 - one, 1 - other) for name, (one, other) in table.items()} for table in tables]
    before = pairs(mix, *(unit(table, number) for number, table in enumerate(tables)))
    after = pairs(mix, *(unit(table, number) for number, table in enumerate(flipped)))
    assert [(each.chosen_id, each.rejected_id) for each in before] == [
        (each.rejected_id, each.chosen_id) for each in after
    ]
    assert [(each.score_gap, each.p_chosen, each.confidence, each.rationale) for each in before] == [
        (each.score_gap, each.p_chosen, each.confidence, each.rationale) for each in after
    ]


@given(st.integers(0, 50), st.sampled_from(["dominant", "sum", "vote"]), st.lists(TABLE, min_size=1, max_size=3))
def test_negated_principles_flip_every_label(seed: int, decision: Any, tables: list[Any]) -> None:
    plain, negated = (
        SalmonMix(principles=REWARD[:5], seed=seed, decision=decision, negate=negate, rules=()) for negate in (0.0, 1.0)
    )
    units = [unit(table, number) for number, table in enumerate(tables)]
    before, after = pairs(plain, *units), pairs(negated, *units)
    assert [(each.chosen_id, each.rejected_id) for each in before] == [
        (each.rejected_id, each.chosen_id) for each in after
    ]
    for one, other in zip(before, after, strict=True):
        assert one.rationale != other.rationale
        assert one.condition
        assert other.condition
        assert [each["score"] for each in one.condition["principles"]] == [
            -each["score"] for each in other.condition["principles"]
        ]


@given(MIX, TABLE, st.randoms(use_true_random=False))
def test_neither_signals_nor_units_nor_principles_have_an_order(mix: SalmonMix, table: Any, random: Any) -> None:
    units = [unit(table), unit({name: (other, one) for name, (one, other) in table.items()}, 2)]
    shuffled = []
    for each in units:
        signals = list(each.signals)
        random.shuffle(signals)
        shuffled.append(Candidates(each.unit_id, each.prompt, each.responses, tuple(signals)))
    backwards = SalmonMix(
        principles=mix.principles[::-1],
        seed=mix.seed,
        normaliser=mix.normaliser,
        decision=mix.decision,
        noise=mix.noise,
        rules=(),
    )
    assert mix.fit(units) == mix.fit(shuffled[::-1]) == backwards.fit(units)
    fit = mix.fit(units)
    for one, other in zip(units, shuffled, strict=True):
        assert mix.answer(one, fit) == mix.answer(one, fit) == mix.answer(other, fit) == backwards.answer(one, fit)


@given(MIX, TABLE)
def test_a_pair_keeps_to_the_ranges_of_its_columns(mix: SalmonMix, table: Any) -> None:
    for each in pairs(mix, unit(table), unit(dict.fromkeys(NAMES[:5], (0.25, 0.625)), 2)):
        assert each.chosen_id != each.rejected_id
        assert each.score_gap > 0
        assert math.isfinite(each.score_gap)
        assert 0.5 <= each.p_chosen <= 1
        assert 0 <= each.confidence <= 1
        assert each.condition
        assert each.rationale == each.condition["text"]
        assert len(each.condition["text"].split("\n")) == len(each.condition["principles"])


def test_what_is_told_is_the_definition_or_the_negation() -> None:
    mix = SalmonMix(**PLAIN, passes=200, rules=())
    by_name = {each.name: each for each in REWARD}
    for pair in pairs(mix, unit(dict.fromkeys(NAMES, (0.9, 0.9)))):
        assert pair.condition
        for line, told in zip(pair.condition["text"].split("\n"), pair.condition["principles"], strict=True):
            principle = by_name[told["name"]]
            assert line == f"- {principle.negation if told['negated'] else principle.definition}"
            assert (told["score"] < 0) == told["negated"]


def test_an_inverted_principle_is_told_the_other_way_round() -> None:
    """Its definition describes the worse answer, and its verdicts are stored as to which is the better."""
    worse = Principle(name="harm", definition="It does more harm.", negation="It does less harm.", inverted=True)
    mix = SalmonMix(principles=(worse,), normaliser="none", negate=0.0, noise=0.0, passes=1)
    (pair,) = pairs(mix, unit({"harm": (0.9, 0.9)}))
    assert (pair.chosen_id, pair.rationale) == ("r1", "- It does less harm.")


def test_another_seed_draws_other_mixes_and_the_same_seed_the_same() -> None:
    one = unit(dict.fromkeys(NAMES, (0.9, 0.9)))
    first, again, other = (pairs(SalmonMix(**PLAIN, seed=seed), one) for seed in (0, 0, 1))
    assert first == again
    assert [each.rationale for each in first] != [each.rationale for each in other]


def test_mixes_are_the_same_in_any_process() -> None:
    program = (
        "import sys; sys.path[:0] = ['tests', 'tests/pipeline']\n"
        "import json, random; random.seed(7)\n"
        "from test_salmon_mix import NAMES, PLAIN, SalmonMix, pairs, unit\n"
        "found = pairs(SalmonMix(**PLAIN), unit(dict.fromkeys(NAMES, (0.9, 0.75))))\n"
        "print(json.dumps([each.model_dump() for each in found]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONHASHSEED": "4242", "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    here = pairs(SalmonMix(**PLAIN), unit(dict.fromkeys(NAMES, (0.9, 0.75))))
    assert json.loads(done.stdout) == [each.model_dump() for each in here]
    assert len(here) == 4


def test_a_pair_without_a_condition_has_the_id_it_always_had() -> None:
    plain = PairAnswer(prompt_id="q", chosen_id="a", rejected_id="b", score_gap=1, p_chosen=1, confidence=1, rule="r")
    assert set(plain.model_dump()) == {
        "prompt_id", "chosen_id", "rejected_id", "score_gap", "p_chosen", "confidence", "rule", "rationale"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"noise": 0.3}, "more labels would be wrong than right"),
        ({"principles": REWARD[:1] * 2}, "names 'overall_helpful' twice"),
    ],
)
def test_parameters_that_contradict_each_other_are_refused(params: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        SalmonMix(**PLAIN | params)
