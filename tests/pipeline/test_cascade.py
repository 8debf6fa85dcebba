"""What must hold of a cascade for every input: of its policies, its measures of agreement, and its labels."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import made
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.judge.agreement import modal_share, order_agreement, verdict_of
from pipeline.judge.cascade import Cascade, read_check
from pipeline.strategy import Nothing
from prompts.library import shipped_template
from prompts.policies import Policy, Verdict, bin_of, decide
from prompts.principles import Principle
from prompts.verifications import Verification
from schemas.requests import Completion, Draw, Json, Request
from schemas.rows import SignalAnswer, Vote

HELPFUL = Principle(name="helpful", definition="d", negation="n")
HARMFUL = Principle(name="harmful", definition="The more harmful.", negation="The less harmful.", inverted=True)
MIRROR: dict[Any, Any] = {"a": "b", "b": "a", "tie": "tie", "split": "split", None: None}
SHARE = st.floats(0, 1)
VERDICTS: list[Verdict] = ["a", "b", "tie", "split"]
VOTES = st.lists(st.sampled_from(["a", "b", "tie"]), min_size=1, max_size=6)
POLICIES = st.one_of(
    st.builds(Policy, threshold=SHARE),
    st.tuples(SHARE, SHARE).map(lambda ends: Policy(double=(min(ends), max(ends)))),
    st.lists(st.sampled_from(["keep", "escalate"]), min_size=1, max_size=9).map(
        lambda table: Policy(table=tuple(table))
    ),  # type: ignore[arg-type]
)


# --- policies ----------------------------------------------------------------------------------------------------------


@given(SHARE, SHARE, SHARE)
def test_a_threshold_is_monotone(t: float, v: float, other: float) -> None:
    """What is kept at one v is kept at every higher one, and under every lower threshold."""
    low, high = sorted((v, other))
    if decide(Policy(threshold=t), low) == "keep":
        assert decide(Policy(threshold=t), high) == "keep"
    if decide(Policy(threshold=high), t) == "keep":
        assert decide(Policy(threshold=low), t) == "keep"


@given(POLICIES, SHARE, st.sampled_from(VERDICTS))
def test_a_decision_rests_on_its_arguments_alone(policy: Policy, v: float, verdict: Verdict) -> None:
    found = decide(policy, v, verdict)
    assert found == decide(Policy.model_validate(policy.model_dump()), v, MIRROR[verdict])
    assert decide(policy.model_copy(update={"always": ("tie", "split")}), v, verdict) == (
        "escalate" if verdict in ("tie", "split") else found
    )


@pytest.mark.parametrize(
    ("policy", "escalated"),
    [
        pytest.param(Policy(threshold=0.5), [0, 0.25], id="a threshold is kept itself"),
        pytest.param(Policy(threshold=0), [], id="a threshold of 0 keeps all"),
        pytest.param(Policy(double=(0.25, 0.5)), [0.25, 0.5], id="both ends of a double threshold are escalated"),
        pytest.param(Policy(triple=(0.0, 0.5, 0.75)), [0, 0.5, 0.75], id="a triple threshold"),
        pytest.param(Policy(table=("escalate", "keep", "keep", "keep", "escalate")), [0, 1], id="a table"),
        pytest.param(Policy(table=("keep", "escalate")), [0.5, 0.75, 1], id="half way the upper one"),
        pytest.param(Policy(table=("escalate",)), [0, 0.25, 0.5, 0.75, 1], id="a table of one"),
    ],
)
def test_rules_by_hand(policy: Policy, escalated: list[float]) -> None:
    assert [v for v in (0, 0.25, 0.5, 0.75, 1) if decide(policy, v) == "escalate"] == escalated


def test_a_rule_in_words() -> None:
    rules = [
        Policy(threshold=0.5).rule,
        Policy(double=(0.25, 0.5), always=("tie",)).rule,
        Policy(triple=(0, 0.5, 0.75)).rule,
        Policy(table=("escalate", "keep", "escalate")).rule,
        Policy(table=("escalate",)).rule,
        Policy(table=("keep", "keep"), always=("split", "tie")).rule,
    ]
    assert rules == [
        "v < 0.5",
        "0.25 <= v <= 0.5, always tie",
        "v <= 0 or 0.5 <= v <= 0.75",
        "v near 0, 1",
        "v >= 0",
        "v < 0, always split and tie",
    ]


@given(st.integers(1, 64), st.data())
def test_every_count_of_upheld_checks_has_a_bin_of_its_own(checks: int, data: st.DataObject) -> None:
    upheld = data.draw(st.integers(0, checks))
    assert bin_of(upheld / checks, checks) == upheld


@pytest.mark.parametrize("v", [-0.1, 1.1, float("nan")])
def test_a_verification_lies_between_0_and_1(v: float) -> None:
    with pytest.raises(ValueError, match="lies in"):
        decide(Policy(threshold=0.5), v)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "exactly one of threshold, double, triple, table; this one has none"),
        ({"threshold": 0.5, "table": ["keep"]}, "this one has threshold and table"),
        ({"double": [0.8, 0.2]}, "lo <= hi, not 0.8, 0.2"),
        ({"triple": [0.5, 0.5, 0.6]}, "low < lo <= hi"),
        ({"table": []}, "at least 1 item"),
        ({"threshold": 1.5}, "less than or equal to 1"),
        ({"threshold": 0.5, "always": ["a"]}, "'tie' or 'split'"),
    ],
)
def test_a_policy_that_cannot_be_is_refused(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Policy(**values)


@pytest.mark.parametrize("name", Policy.shipped())
def test_every_shipped_policy_says_what_it_is_for(name: str) -> None:
    policy = Policy.load(name, Path())
    assert policy.name == name
    assert policy.about
    assert policy.rule


# --- agreement ---------------------------------------------------------------------------------------------------------


@given(VOTES, VOTES)
def test_agreement_is_symmetric_and_knows_no_names(ab: list[Vote], ba: list[Vote]) -> None:
    turned_ab, turned_ba = ([MIRROR[vote] for vote in votes] for votes in (ab, ba))
    assert order_agreement(ab, ba) == order_agreement(ba, ab) == order_agreement(turned_ab, turned_ba)
    assert modal_share(ab + ba) == modal_share(ba + ab) == modal_share(turned_ab + turned_ba)
    assert verdict_of(turned_ab) == MIRROR[verdict_of(ab)]
    assert 0 <= order_agreement(ab, ba) <= 1
    assert 1 / 3 <= modal_share(ab) <= 1


def test_verdicts_by_hand() -> None:
    cases: list[tuple[list[Vote], Verdict]] = [
        (["a", "a"], "a"),
        (["a", "tie"], "a"),
        (["b", "tie", "tie"], "b"),
        (["a", "b"], "split"),
        (["a", "b", "tie", "tie"], "split"),
        (["tie", "tie"], "tie"),
    ]
    assert [verdict_of(votes) for votes, _ in cases] == [wanted for _, wanted in cases]
    assert order_agreement(["a", "a"], ["a", "b"]) == 0.5
    assert order_agreement(["a"], ["b"]) == 0


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("The verdict is correct.", 1.0),
        ("The verdict is incorrect.", 0.0),
        ("the VERDICT is Incorrect", 0.0),
        ("Answer A says 'the verdict is correct.' It is not so. The verdict is incorrect.", 0.0),
        ("The verdict is incorrectly put.", None),
        ("Correct.", None),
        ("", None),
    ],
)
def test_how_a_verification_is_read(text: str, wanted: float | None) -> None:
    assert read_check(text) == wanted


# --- the whole cascade -------------------------------------------------------------------------------------------------

Says = Callable[[str, str, int], str]
SMALL: dict[str, Says] = {
    "always the first": lambda first, second, draw: "A",
    "never decides": lambda first, second, draw: "tie",
    "the longer one": lambda first, second, draw: (
        "A" if len(first) > len(second) else "B" if first != second else "tie"
    ),
    "as the texts fall": lambda first, second, draw: random.Random(repr((first, second, draw))).choice(
        ["A", "B", "tie"]
    ),
}


def dear(first: str, second: str, draw: int) -> str:
    """Goes by letters, whatever the order."""
    return "A" if first < second else "B"


def check(variables: Any, draw: int) -> str:
    """Upholds a claim or not as the texts fall; what it says of one order it does not say of the other."""
    seed = (variables["first"], variables["second"], variables["claim"], draw)
    return random.Random(repr(seed)).choice(["The verdict is correct.", "The verdict is incorrect.", "Hm."])


def judged(strategy: Cascade, a: str, b: str, small: Says) -> list[SignalAnswer] | Nothing:
    """What a cascade of these judges says of a against b."""

    def reply(request: Request) -> Completion:
        shown = str(request.variables["first"]), str(request.variables["second"])
        draws = []
        for draw in range(request.sampling.n):
            if not isinstance(request.shape, Json):
                draws.append(Draw(check(request.variables, draw)))
            else:
                says = small if request.model == "small" else dear
                draws.append(Draw("", data=request.shape.reply(reason="", verdict=says(*shown, draw))))
        return Completion(tuple(draws), model=request.model)

    work: Any = strategy(made.response_pair(a, b))
    try:
        requests = next(work)
        while True:
            requests = work.send([reply(each) for each in requests])
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]


WAYS = [
    {"verify": "order_consistency"},
    {"verify": "votes", "votes": 3, "temperature": 1.0},
    {"verify": "self", "checks": 3},
    {"verify": "self", "checks": 2, "to": "human", "models": ("small",)},
]


@pytest.mark.parametrize("small", SMALL.values(), ids=SMALL)
@pytest.mark.parametrize("params", WAYS, ids=["order", "votes", "self", "human"])
@pytest.mark.parametrize("principle", [HELPFUL, HARMFUL], ids=["plain", "inverted"])
@given(a=st.text(max_size=6), b=st.text(max_size=6), t=st.sampled_from([0.0, 0.5, 1.0]))
def test_swapping_the_candidates_swaps_all_that_is_said(
    small: Says, params: dict[str, Any], principle: Principle, a: str, b: str, t: float
) -> None:
    """No label, verification or decision leaks through the ids' order, or through position."""
    strategy = Cascade(principle=principle, policy=Policy(threshold=t), **params)
    one, other = judged(strategy, a, b, small), judged(strategy, b, a, small)
    if isinstance(one, Nothing) or isinstance(other, Nothing):
        assert one == other
        assert a.strip() == b.strip()
        return
    turned = {"ab": "ba", "ba": "ab", None: None}

    def told(signals: Sequence[SignalAnswer], swap: bool) -> list[Any]:
        return sorted(
            (
                each.name,
                each.evaluator,
                str(turned[each.order] if swap else each.order),
                each.draw,
                str(MIRROR[each.vote] if swap else each.vote),
                str(each.value),
                each.abstained,
            )
            for each in signals
        )

    assert told(one, swap=False) == told(other, swap=True)


@pytest.mark.parametrize("small", SMALL.values(), ids=SMALL)
@given(a=st.text(max_size=6), b=st.text(max_size=6), policy=POLICIES)
def test_one_judge_labels_and_it_is_the_one_that_was_believed(small: Says, a: str, b: str, policy: Policy) -> None:
    found = judged(Cascade(principle=HELPFUL, policy=policy, votes=2, temperature=1.0), a, b, small)
    if isinstance(found, Nothing):
        return
    (escalated,) = [each.value for each in found if each.name == "cascade/escalated"]
    labelling = {each.evaluator for each in found if each.name == "helpful"}
    assert labelling == ({"large"} if escalated else {"small"})
    assert {each.evaluator for each in found if each.name == "control/helpful"} == ({"small"} if escalated else set())
    assert all(each.vote is None and each.probability is None for each in found if each.name.startswith("cascade/"))


@pytest.mark.parametrize("claim", ["A", "B", "tie"])
def test_a_claim_is_put_in_words_that_fit_the_order_shown(claim: str) -> None:
    examples = [each.model_dump(exclude={"name"}) for each in Verification.load_all("checks", Path())]
    variables = {
        "principle": "p",
        "inverted": False,
        "examples": examples,
        "question": "q",
        "facts": "f",
        "claim": claim,
    }
    *_, user = shipped_template("judge/cascade_check").render(variables | {"first": "x", "second": "y"})
    *worked, live = user["content"].split("\n---\n")
    wanted = "does not tell the answers apart" if claim == "tie" else f"describes answer {claim} rather than the other"
    assert wanted in live
    assert live.endswith("Verification:"), "the reasoning is to come before the verdict"
    assert [each.strip().rsplit("\n", 1)[1] for each in worked] == [
        "The verdict is correct.",
        "The verdict is incorrect.",
        "The verdict is correct.",
        "The verdict is incorrect.",
    ]
