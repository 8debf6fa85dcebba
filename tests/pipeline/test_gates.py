"""Gates on one pair at a time: gold judges, undecided judges, principles in conflict; and how hard a pair is."""

from __future__ import annotations

import dataclasses
import json
from math import exp, log
from typing import Any

import made
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from pipeline.judge.difficulty import Difficulty, required_loss
from pipeline.select.by_principle import ByPrinciple
from pipeline.select.conflicts import Conflicts
from pipeline.select.gold_gate import GoldGate
from pipeline.select.principle_weight import PrincipleWeight
from pipeline.select.undecided import Undecided
from pipeline.strategy import Kept, Nothing
from schemas.rows import PairAnswer, Signal
from schemas.units import PairText

QUARTERS = st.integers(0, 4).map(lambda quarters: quarters / 4)
NAMES = ("brief", "kind", "true")
SAID = st.dictionaries(st.tuples(st.sampled_from(NAMES), st.sampled_from(["j1", "j2"])), st.tuples(QUARTERS, QUARTERS))


def made_of(kind: type[Any], **params: Any) -> Any:
    """A strategy with the parameters of a recipe."""
    return TypeAdapter(kind).validate_json(json.dumps(params), strict=True)


def judged(said: dict[tuple[str, str], tuple[float, float]], *, is_turned: bool = False) -> PairText:
    """A pair of which each judge said something under a principle in both orders, P that of rsp_1."""
    signals: list[Signal] = [
        made.any_signal(
            0,
            signal_id=f"sig_{name}_{judge}_{order}",
            response_ids=["rsp_1", "rsp_2"],
            name=name,
            evaluator=judge,
            order=order,
            probability=share,
        )
        for (name, judge), both in said.items()
        for order, share in zip(("ab", "ba"), both, strict=True)
    ]
    chosen, rejected = ("rsp_2", "rsp_1") if is_turned else ("rsp_1", "rsp_2")
    return dataclasses.replace(
        made.pair_text("par_1", chosen_id=chosen, rejected_id=rejected), signals=tuple(signals)
    )


@given(SAID, st.sampled_from(["both_orders", "order_mean"]))
def test_a_judge_that_agrees_with_one_label_contradicts_the_other(said: Any, orders: str) -> None:
    gate = made_of(GoldGate, gold={"evaluator": "j1"}, orders=orders, otherwise="flip")
    one, other = gate(judged(said)), gate(judged(said, is_turned=True))
    if isinstance(one, Nothing):
        assert isinstance(other, Nothing), "nothing is said of the one as of the other"
        assert one.reason == other.reason in ("gold_missing", "gold_undecided")
        return
    assert isinstance(one, Kept) != isinstance(other, Kept)
    (flipped,) = one if isinstance(one, list) else other
    assert isinstance(flipped, PairAnswer)
    assert 0.5 < flipped.p_chosen <= 1
    assert flipped.score_gap == pytest.approx(2 * flipped.p_chosen - 1)
    assert 0 < flipped.confidence <= 1


@given(SAID)
def test_what_was_turned_round_passes_the_gate(said: Any) -> None:
    gate = made_of(GoldGate, gold={"name": "kind"}, otherwise="flip")
    unit = judged(said)
    answer = gate(unit)
    if isinstance(answer, list):
        turned = dataclasses.replace(
            unit, pair=made.pair("par_2", **answer[0].model_dump()), chosen=unit.rejected, rejected=unit.chosen
        )
        assert isinstance(gate(turned), Kept)
        assert made_of(GoldGate, gold={"name": "kind"})(unit) == Nothing(
            "gold_disagrees", "kind finds the rejected answer better"
        )


@given(SAID)
def test_more_judges_that_must_agree_keep_fewer_and_more_of_whom_one_must_keep_more(said: Any) -> None:
    unit = judged(said)
    alone = made_of(GoldGate, gold={"name": "kind"})(unit)
    one = made_of(GoldGate, gold={"name": "kind"}, also=[{"name": "true"}])(unit)
    two = made_of(GoldGate, gold={"name": "kind"}, also=[{"name": "true"}, {"name": "brief"}])(unit)
    kept = [isinstance(each, Kept) for each in (one, two, alone)]
    assert kept == sorted(kept)


@given(SAID, st.integers(0, 9), st.integers(0, 9))
def test_a_larger_share_of_inconsistent_judges_keeps_more(said: Any, one: int, other: int) -> None:
    low, high = sorted((one / 10, other / 10))
    kept = [isinstance(made_of(Undecided, max_inconsistent=share)(judged(said)), Kept) for share in (low, high)]
    assert kept == sorted(kept)
    turned = made_of(Undecided, max_inconsistent=low)(judged(said, is_turned=True))
    assert isinstance(turned, Kept) == kept[0], "which label it has is nothing to it"


@given(SAID)
def test_the_weight_of_a_label_and_of_its_opposite_make_one(said: Any) -> None:
    weigh = made_of(PrincipleWeight, principles=list(NAMES), weights={"kind": 2.5})
    one, other = weigh(judged(said)).notes, weigh(judged(said, is_turned=True)).notes
    assert len(one) == len(other)
    if one:
        assert one[0].value + other[0].value == pytest.approx(1)
        assert one[0].name == "weight"


@given(SAID)
def test_a_conflict_is_a_weight_that_is_neither_none_nor_all(said: Any) -> None:
    unit = judged(said)
    notes = made_of(PrincipleWeight, principles=list(NAMES))(unit).notes
    is_split = bool(notes) and 0 < notes[0].value < 1
    assert isinstance(made_of(Conflicts, principles=list(NAMES))(unit), Nothing) == is_split
    if isinstance(made_of(ByPrinciple, principles=list(NAMES))(unit), Kept):
        assert notes[0].value == 1


# --- difficulty --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("c", "beta", "loss"),
    [(0.0, 0.1, log(2)), (10.0, 0.1, log(1 + exp(-1))), (-10.0, 0.1, log(1 + exp(1))), (2.0, 1.0, 0.1269280110429726)],
)
def test_the_loss_that_is_required(c: float, beta: float, loss: float) -> None:
    assert required_loss(c, beta) == pytest.approx(loss, rel=1e-12)


@given(st.floats(-1e4, 1e4), st.floats(0.01, 1), st.floats(-1e3, 1e3))
def test_a_pair_is_ranked_right_if_and_only_if_the_loss_is_no_more(c: float, beta: float, ratio: float) -> None:
    """The theorem of arXiv 2405.19534: `ratio` is log pi(chosen) - log pi(rejected) of the policy in training."""
    dpo_loss = required_loss(ratio + c, beta)  # -log sigmoid(beta * (ratio - log-ratio of the reference, which is -c))
    if abs(ratio) > 1e-6:
        assert (dpo_loss <= required_loss(c, beta)) == (ratio > 0) or dpo_loss == pytest.approx(required_loss(c, beta))


@given(st.floats(-1e6, 1e6), st.floats(0.01, 10))
def test_the_harder_a_pair_the_smaller_its_loss_must_be(c: float, beta: float) -> None:
    assert 0 <= required_loss(c + 1, beta) <= required_loss(c, beta)


# --- what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "params", "complaint"),
    [
        (GoldGate, {"gold": {}}, "a judge needs a `name`, an `evaluator` or both"),
        (GoldGate, {"gold": {"name": "x"}, "also": [{}]}, "a judge needs a `name`"),
        (GoldGate, {"gold": {"name": "x"}, "also": [{"name": "x"}]}, "which agrees with itself"),
        (GoldGate, {"gold": {"judge": "x"}}, "Extra inputs|extra"),
        (Undecided, {"max_inconsistent": None, "max_abstained": None}, "it drops nothing"),
        (Undecided, {"max_inconsistent": 1.0}, "less than 1"),
        (PrincipleWeight, {"principles": []}, "at least 1 item"),
        (PrincipleWeight, {"principles": ["x", "x"]}, "names 'x' twice"),
        (PrincipleWeight, {"principles": ["x"], "weights": {"y": 1}}, "which is not among `principles`"),
        (Conflicts, {"principles": ["x"]}, "at least 2 items"),
        (Conflicts, {"principles": ["x", "x"]}, "names 'x' twice"),
        (Difficulty, {"per_token": True, "beta": 0.1}, "`beta` does nothing with `per_token`"),
        (Difficulty, {"beta": 0.0}, "greater than 0"),
    ],
)
def test_refusals(kind: Any, params: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        made_of(kind, **params)
