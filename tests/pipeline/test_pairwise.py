"""Asking about two answers: formulas by hand, and what holds whatever the judge says."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import made
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.judge.facts import facts_for
from pipeline.judge.pairwise import Pairwise
from pipeline.judge.stopping import is_settled, lead_probability
from pipeline.models.pool import ModelPool
from pipeline.models.rehearsal.compare import belief
from pipeline.models.rehearsal.options import Dice, Options
from prompts.examples import Example
from prompts.library import shipped_template
from prompts.principles import Principle
from schemas.errors import Unanswerable
from schemas.models import ModelSpec
from schemas.requests import Choice, Completion, Draw, Json, Request, TokenLogprob
from schemas.rows import SignalAnswer

TEMPLATE = shipped_template("judge/pairwise")
HELPFUL = Principle(name="helpful", definition="d", negation="n")
HARMFUL = Principle(name="harmful", definition="d", negation="n", inverted=True)
Judge = Callable[[Request, int], Draw]


def answers(strategy: Pairwise, judge: Judge, **unit: Any) -> tuple[list[SignalAnswer], int]:
    """The signals of one pair, and how many calls they took; the judge is told the number of the draw."""
    work: Any = strategy(made.response_pair(**unit))
    calls = 0
    try:
        requests = next(work)
        while True:
            calls += len(requests)
            requests = work.send(
                [
                    Completion(tuple(judge(each, number) for number in range(each.sampling.n)), model="j")
                    for each in requests
                ]
            )
    except StopIteration as stop:
        return stop.value, calls


def says(request: Request, label: str) -> Draw:
    """A verdict in the form that was asked for."""
    assert isinstance(request.shape, Json)
    fields = {"reason": "r", "verdict": label} if request.variables["explain"] else {"verdict": label}
    return Draw(label, data=request.shape.reply(**fields))


def likely(shares: dict[str, float]) -> Draw:
    """A reply of one token with these probabilities."""
    logprobs = {label: math.log(share) for label, share in shares.items() if share > 0}
    text = max(logprobs, key=lambda label: logprobs[label])
    return Draw(text, logprobs=(TokenLogprob(text, logprobs[text], logprobs),))


# --- the Beta rule -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("most", "next_most", "probability"),
    [(5, 0, 63 / 64), (4, 0, 31 / 32), (1, 0, 3 / 4), (0, 0, 1 / 2), (3, 3, 1 / 2), (2, 1, 11 / 16), (6, 1, 247 / 256)],
)
def test_the_lead_is_that_of_the_paper(most: int, next_most: int, probability: float) -> None:
    """Adaptive-Consistency: 1 - I½(v1 + 1, v2 + 1); five unanimous votes give 0.984."""
    assert lead_probability(most, next_most) == pytest.approx(probability)


def test_five_unanimous_votes_are_984() -> None:
    assert round(lead_probability(5, 0), 3) == 0.984


@given(st.integers(0, 60), st.integers(0, 60))
def test_the_lead_is_the_mass_of_a_beta_distribution(most: int, next_most: int) -> None:
    special = pytest.importorskip("scipy.special")
    assert lead_probability(most, next_most) == pytest.approx(1 - special.betainc(most + 1, next_most + 1, 0.5))


def test_only_the_two_leading_verdicts_count() -> None:
    assert is_settled(["a"] * 4, 0.95)
    assert not is_settled(["a"] * 4 + ["b"], 0.95)
    assert is_settled(["a"] * 8 + ["b", "tie"], 0.95)
    assert not is_settled(["a", "b"] * 20, 0.95)
    assert not is_settled([], 0.5)


@pytest.mark.parametrize(("stop_at", "calls"), [(0.9, 4), (0.95, 4), (0.98, 6), (0.999, 10), (0.99999, 16)])
def test_an_unanimous_judge_is_asked_until_it_is_sure_enough(stop_at: float, calls: int) -> None:
    strategy = Pairwise(HELPFUL, by="votes", votes=8, stop_at=stop_at, temperature=0.7)
    signals, asked = answers(
        strategy, lambda request, _: says(request, "A" if request.variables["first"] == "x" else "B"), a="x", b="y"
    )
    assert asked == calls == len(signals) <= strategy.calls == 16
    assert {signal.vote for signal in signals} == {"a"}
    assert [signal.draw for signal in signals] == [number for number in range(calls // 2) for _ in "ab"]


def test_votes_that_are_asked_one_at_a_time_are_different_questions() -> None:
    """Or a server that keeps replies by their question would give the same vote each time."""
    strategy = Pairwise(HELPFUL, by="votes", votes=3, stop_at=0.99, temperature=0.7)
    salts: list[int] = []

    def judge(request: Request, _: int) -> Draw:
        salts.append(request.salt)
        return says(request, "A")

    answers(strategy, judge)
    assert salts == [0, 0, 1, 1, 2, 2]


# --- what holds whatever is said ---------------------------------------------------------------------------------------

SHARES = st.lists(st.floats(0.01, 1), min_size=3, max_size=3)
MIRROR = {"a": "b", "b": "a", "tie": "tie"}


@given(weights=SHARES, ties=st.sampled_from(["allowed", "refused"]))
def test_the_mean_over_both_orders_is_the_soft_label_of_rlaif(weights: list[float], ties: Any) -> None:
    """arXiv 2309.00267, section 2.1: both distributions, mapped back to the candidates, averaged."""
    strategy = Pairwise(HELPFUL, by="likelihood", labels=("1", "2"), ties=ties)
    one, two, tie = weights

    def judge(request: Request, _: int) -> Draw:
        assert isinstance(request.shape, Choice)
        shares = {"1": one, "2": two, "tie": tie}
        shares = {label: shares[label] for label in request.shape.options}
        return likely({label: share / sum(shares.values()) for label, share in shares.items()})

    signals, calls = answers(strategy, judge)
    assert calls == 2 <= strategy.calls
    total = one + two + (tie if ties == "allowed" else 0)
    first = (one + (tie / 2 if ties == "allowed" else 0)) / total
    assert [signal.probability for signal in signals] == pytest.approx([first, 1 - first])
    assert sum(float(signal.probability or 0) for signal in signals) / 2 == pytest.approx(0.5), (
        "position alone says nothing"
    )


@given(weights=SHARES)
def test_an_inverted_principle_gives_the_mirrored_label_and_the_same_words(weights: list[float]) -> None:
    def judge(request: Request, _: int) -> Draw:
        assert isinstance(request.shape, Choice)
        shares = dict(zip(request.shape.options, weights, strict=True))
        return likely({label: share / sum(weights) for label, share in shares.items()})

    straight, turned = (answers(Pairwise(principle, by="likelihood"), judge)[0] for principle in (HELPFUL, HARMFUL))
    for one, other in zip(straight, turned, strict=True):
        assert MIRROR[str(one.vote)] == other.vote
        assert one.probability == pytest.approx(1 - float(other.probability or 0))
        assert one.raw == other.raw


@pytest.mark.parametrize("principle", [HELPFUL, HARMFUL])
@pytest.mark.parametrize("labels", [("A", "B"), ("B", "A"), ("1", "2"), ("left answer", "right answer")])
def test_the_labels_names_do_not_matter(principle: Principle, labels: tuple[str, str]) -> None:
    """What is taken is the place that a label stands for, also where somebody calls the first answer B."""
    strategy = Pairwise(principle, labels=labels)
    signals, _ = answers(strategy, lambda request, _: says(request, str(request.variables["first_label"])))
    first = "a" if principle is HELPFUL else "b"
    assert [signal.vote for signal in signals] == [first, MIRROR[first]]


def test_a_server_without_log_probabilities_fails_the_unit() -> None:
    with pytest.raises(Unanswerable, match="by: votes") as caught:
        answers(Pairwise(HELPFUL, by="likelihood"), lambda request, _: Draw("A"))
    assert caught.value.reason == "no_likelihood"


def test_a_reply_that_ends_before_its_labels_part_is_no_likelihood() -> None:
    """`1` without the token that ends it may be `1` or `10`: not a guess, not a half."""
    strategy = Pairwise(HELPFUL, by="likelihood", labels=("1", "10"), ties="refused")
    with pytest.raises(Unanswerable) as caught:
        answers(strategy, lambda request, _: likely({"1": 1.0}))
    assert caught.value.reason == "no_likelihood"


def test_the_plan_is_told_of_every_round() -> None:
    plain: dict[str, Any] = {"principle": HELPFUL}
    assert Pairwise(**plain).calls == 2
    assert Pairwise(**plain, reasoning="apart").calls == 4
    assert Pairwise(**plain, by="likelihood").calls == 2
    assert Pairwise(**plain, by="likelihood", labels=("the one", "the other")).calls == 4
    assert Pairwise(**plain, by="likelihood", labels=("tall", "short")).calls == 4, "`tall` begins as `tie` does"
    votes = {**plain, "by": "votes", "votes": 5, "temperature": 1.0}
    assert (Pairwise(**votes).calls, Pairwise(**votes).yields) == (2, 10)
    assert (Pairwise(**votes, stop_at=0.95).calls, Pairwise(**votes, stop_at=0.95).yields) == (10, 10)
    assert Pairwise(**votes, stop_at=0.95, reasoning="apart").calls == 12


# --- facts and examples ------------------------------------------------------------------------------------------------


@given(
    texts=st.lists(st.text("abc", min_size=1, max_size=4), max_size=5), prompt_id=st.text("xyz", min_size=1, max_size=6)
)
def test_facts_are_all_there_in_an_order_of_the_prompt(texts: list[str], prompt_id: str) -> None:
    prompt = made.prompt(prompt_id=prompt_id, context=[{"role": "passage", "text": text} for text in texts])
    shown = facts_for(prompt, "passage")
    assert sorted(filter(None, shown.split("\n\n"))) == sorted(texts)
    assert shown == facts_for(prompt, "passage")


def test_no_text_is_always_the_first() -> None:
    contexts = [{"role": "passage", "text": text} for text in "abc"]
    firsts = {facts_for(made.prompt(prompt_id=f"prm_{number}", context=contexts), "passage")[0] for number in range(40)}
    assert firsts == set("abc")


def test_both_orders_are_shown_the_same_but_for_the_answers() -> None:
    """One order of facts for both candidates: what differs between two judgements of a pair is the pair's order alone."""
    example = Example(name="e", question="q", first="f", second="s", better="first")
    contexts = [{"role": "passage", "text": text} for text in ("one", "two", "three")]
    strategy = Pairwise(HELPFUL, facts="passage", examples=(example,))
    requests = next(strategy(made.response_pair("x", "y", context=contexts)))  # type: ignore[arg-type]
    one, other = (dict(each.variables) for each in requests)
    assert (one.pop("first"), one.pop("second")) == (other.pop("second"), other.pop("first"))
    assert one == other


def test_a_shipped_set_of_examples_shows_each_place_as_often(tmp_path: Any) -> None:
    for name in Example.shipped():
        found = Example.load_all(name, tmp_path)
        places = [each.better for each in found]
        assert places.count("first") == places.count("second")
        assert all(each.reason and each.first != each.second for each in found)


# --- the rehearsed judge -----------------------------------------------------------------------------------------------

TRUTH = {"the", "stone", "turns", "above", "bed"}
GOOD, POOR, LONG = "The stone turns above the bed.", "The wheel.", "The wheel and so on and so forth and on and on."


def believed(first: str, second: str, **options: Any) -> list[float]:
    """What a judge with these options believes in a thousand looks."""
    made_options = Options(**{"noise": 0, "position_bias": 0, **options})
    return [belief(first, second, TRUTH, Dice("test", number), made_options) for number in range(1000)]


def test_a_judge_without_errors_believes_what_the_facts_support() -> None:
    for first, second in itertools.permutations((GOOD, POOR, LONG), 2):
        (one,), (other,) = set(believed(first, second)), set(believed(second, first))
        assert one == pytest.approx(1 - other)
    assert believed(GOOD, POOR)[0] > 0.9 > 0.1 > believed(POOR, GOOD)[0]
    assert set(believed(GOOD, GOOD)) == {0.5}


def test_a_soft_judge_is_less_sure_and_a_hard_one_certain() -> None:
    soft, usual, hard = (believed(GOOD, POOR, softness=softness)[0] for softness in (1.0, 0.1, 0.0))
    assert 0.5 < soft < usual < hard == 1.0


@pytest.mark.parametrize(
    ("options", "first", "second", "wrong"),
    [
        ({"noise": 0.2}, GOOD, POOR, 0.2),
        ({"position_bias": 0.3}, POOR, GOOD, 0.3),
        ({"position_bias": 0.3}, GOOD, POOR, 0.0),
        ({"length_bias": 0.4}, LONG, GOOD, 0.4),
        ({"length_bias": 0.4}, GOOD, POOR, 0.0),
    ],
)
def test_a_judge_errs_as_often_as_it_is_told_to(
    options: dict[str, float], first: str, second: str, wrong: float
) -> None:
    right = [one > 0.5 for one in believed(first, second, **options)]
    expected = support_says_first(first, second)
    assert sum(each != expected for each in right) / len(right) == pytest.approx(wrong, abs=0.04)


def support_says_first(first: str, second: str) -> bool:
    """What the judge without errors says."""
    return believed(first, second)[0] > 0.5


def test_greedy_dice_take_the_likeliest_and_others_by_share() -> None:
    shares = {"A": 0.3, "B": 0.7}
    assert {Dice("x", number, is_greedy=True).pick(shares) for number in range(100)} == {"B"}
    drawn = [Dice("x", number).pick(shares) for number in range(2000)]
    assert drawn.count("A") / len(drawn) == pytest.approx(0.3, abs=0.03)


WAYS: dict[str, dict[str, Any]] = {
    "verdict": {},
    "verdict alone": {"reasoning": "none", "labels": ("1", "2")},
    "verdict after reasons": {"reasoning": "apart", "ties": "refused"},
    "likelihood": {"by": "likelihood"},
    "likelihood after reasons": {"by": "likelihood", "reasoning": "apart", "labels": ("right one", "left one")},
    "votes": {"by": "votes", "votes": 5, "temperature": 0.7},
    "votes until settled": {"by": "votes", "votes": 5, "stop_at": 0.95, "temperature": 0.7, "reasoning": "first"},
}


@pytest.mark.parametrize("principle", [HELPFUL, HARMFUL], ids=["better", "worse"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("a", "b", "vote"), [(GOOD, POOR, "a"), (POOR, GOOD, "b"), (GOOD, GOOD.upper(), "tie")])
async def test_a_judge_without_errors_tells_the_truth_however_it_is_asked(
    principle: Principle, way: str, a: str, b: str, vote: str
) -> None:
    example = Example(name="e", question="q", first="f", second="s", better="first", reason="r")
    strategy = Pairwise(principle, examples=(example,), **WAYS[way])
    if vote == "tie" and strategy.ties == "refused":
        return
    errors = {"noise": 0, "position_bias": 0, "softness": 0}
    pool = ModelPool({"default": ModelSpec(model="rehearsal", engine="rehearsal", options=errors)})
    work: Any = strategy(made.response_pair(a, b, evidence=GOOD))
    try:
        requests = next(work)
        while True:
            requests = work.send([await pool.ask(each, {TEMPLATE.name: TEMPLATE}) for each in requests])
    except StopIteration as stop:
        signals: list[SignalAnswer] = stop.value
    finally:
        await pool.close()
    assert {signal.order for signal in signals} == {"ab", "ba"}
    likeliest = [signal for signal in signals if signal.vote == vote]
    if vote == "tie" and strategy.by == "votes":  # four draws of five say so
        assert len(likeliest) > len(signals) / 2
    else:
        assert likeliest == signals
        probability = {"a": 1.0, "b": 0.0, "tie": 0.5}[vote]
        assert [signal.probability for signal in signals] == pytest.approx([probability] * len(signals))
    is_reasoned = strategy.reasoning in ("first", "apart") or way == "verdict"
    assert {bool(signal.rationale) for signal in signals} == {is_reasoned}
