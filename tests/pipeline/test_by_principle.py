"""Filtering by principle: what must hold for any verdicts, and what is refused."""

from __future__ import annotations

import dataclasses
from typing import Any

import made
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.select.by_principle import ByPrinciple
from pipeline.strategy import Kept, Nothing
from schemas.rows import Signal
from schemas.units import PairText

NAMES = ("brief", "kind", "true")
SAID = st.dictionaries(st.sampled_from(NAMES), st.tuples(*[st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])] * 2))


def judged(said: dict[str, tuple[float, float]], *, chosen: str = "rsp_1", number: int = 1) -> PairText:
    """A pair with one verdict in each order under some principles, P that of rsp_1."""
    signals: list[Signal] = [
        made.any_signal(
            0,
            signal_id=f"sig_{name}_{order}",
            response_ids=["rsp_1", "rsp_2"],
            name=name,
            order=order,
            probability=share,
        )
        for name, both in said.items()
        for order, share in zip(("ab", "ba"), both, strict=True)
    ]
    rejected = "rsp_2" if chosen == "rsp_1" else "rsp_1"
    unit = made.pair_text(f"par_{number}", chosen_id=chosen, rejected_id=rejected)
    return dataclasses.replace(unit, signals=tuple(signals))


def keeps(pair: PairText, **params: Any) -> bool:
    """Whether this filter keeps the pair; a pair that is dropped has a reason, and no other has."""
    answer = ByPrinciple(**params)(pair)
    if isinstance(answer, Nothing):
        assert answer.reason
        assert answer.detail
    return isinstance(answer, Kept)


@given(SAID)
def test_all_is_at_least_all_and_any_is_at_least_one(said: dict[str, tuple[float, float]]) -> None:
    pair = judged(said)
    at_least = [keeps(pair, principles=NAMES, keep=count) for count in (1, 2, 3)]
    assert at_least == sorted(at_least, reverse=True), "who has more, has fewer"
    assert keeps(pair, principles=NAMES, keep="any") == at_least[0]
    assert keeps(pair, principles=NAMES, keep="all") == at_least[2]


@given(SAID)
def test_what_agrees_with_one_label_contradicts_the_other(said: dict[str, tuple[float, float]]) -> None:
    for name in NAMES:
        agrees = keeps(judged(said), principles=(name,))
        assert agrees == (not keeps(judged(said, chosen="rsp_2"), drop=(name,)))


@given(SAID)
def test_flipped_verdicts_on_the_other_label_change_nothing(said: dict[str, tuple[float, float]]) -> None:
    flipped = {name: (1 - one, 1 - other) for name, (one, other) in said.items()}
    for params in ({"principles": NAMES, "keep": 2}, {"drop": NAMES}, {"weights": {"brief": 2.0, "true": 1.0}}):
        assert keeps(judged(said), **params) == keeps(judged(flipped, chosen="rsp_2"), **params)


@given(SAID, st.floats(0.1, 10))
def test_only_the_proportion_of_weights_counts(said: dict[str, tuple[float, float]], factor: float) -> None:
    weights = {"brief": 3.0, "kind": 2.0, "true": 1.0}
    scaled = {name: weight * factor for name, weight in weights.items()}
    pair = judged(said)
    for least in (-0.9, -0.1, 0.1, 0.4, 0.9):  # sixths are what three such weights come to
        assert keeps(pair, weights=weights, min_score=least) == keeps(pair, weights=scaled, min_score=least)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({}, "filters by nothing"),
        ({"principles": ("brief", "brief")}, "names 'brief' twice"),
        ({"drop": ("kind", "kind")}, "names 'kind' twice"),
        ({"principles": ("brief",), "keep": 2}, "would keep nothing"),
        ({"principles": ("brief",), "keep": 0}, "`keep` is 0; it is `all`, `any` or a number from 1"),
        ({"principles": ("brief",), "keep": "some"}, "`keep` is 'some'"),
    ],
)
def test_a_filter_that_cannot_be_meant_is_refused(params: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ByPrinciple(**params)
