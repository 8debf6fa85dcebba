"""`select/filter`: every rule by hand, what holds for any numbers, and what is refused."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from sifting import Table, column, details, dropped, found

from pipeline.select.filter import Filter
from schemas.errors import RequestError
from schemas.fingerprints import canonical_json

VALUES = st.lists(st.none() | st.integers(0, 8).map(lambda eighths: eighths / 8), max_size=30)
RULES: dict[str, dict[str, Any]] = {
    "min": {"min": 0.5},
    "max": {"max": 0.5},
    "both": {"min": 0.25, "max": 0.75},
    "equals": {"equals": 0.5},
    "one_of": {"one_of": [0.25, 0.5]},
    "band": {"band": {"around": 0.5, "width": 0.25}},
    "quantile": {"quantile": {"from": 0.2, "to": 0.9}},
    "sd": {"sd": {"below": 1.0, "above": 0.5}},
    "top": {"top": 4},
    "bottom": {"bottom": 4},
    "recall": {"recall": {"target": 0.8, "gold": "signal:good"}},
}
BY_VALUE = ("min", "max", "both", "equals", "one_of", "band")


def filter_of(**params: Any) -> Filter:
    """A filter with the parameters of a recipe."""
    return TypeAdapter(Filter).validate_json(json.dumps({"by": "score_gap", **params}), strict=True)


def table(values: list[float | None], groups: int = 1) -> Table:
    """Rows with a number, a gold mark on the better half, and a source."""
    return Table(
        {"id": f"p{n:02}", "score_gap": value, "signal:good": float(n % 2), "source": f"s{n % groups}"}
        for n, value in enumerate(values)
    )


# --- by hand -----------------------------------------------------------------------------------------------------------

LADDER = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]


@pytest.mark.parametrize(
    ("params", "kept"),
    [
        ({"min": 0.5}, [0.5, 0.6, 0.7, 0.8, 0.9, 1.0]),
        ({"max": 0.3}, [0.1, 0.2, 0.3]),
        ({"min": 0.3, "max": 0.4}, [0.3, 0.4]),
        ({"equals": 0.3}, [0.3]),
        ({"one_of": [0.3, 1]}, [0.3, 1.0]),
        ({"band": {"around": 0.5, "width": 0.2}}, [0.3, 0.4, 0.5, 0.6, 0.7]),
        ({"quantile": {"from": 0.2}}, LADDER[2:]),
        ({"quantile": {"to": 0.25}}, [0.1, 0.2, 0.3]),
        ({"quantile": {"from": 0.45, "to": 0.55}}, []),
        ({"sd": {"below": 1.0}}, LADDER[2:]),
        ({"sd": {"below": 1.0, "above": 1.0}}, LADDER[2:8]),
        ({"sd": {"below": 2.0, "above": 2.0}}, LADDER),
        ({"top": 3}, [0.8, 0.9, 1.0]),
        ({"bottom": 1}, [0.1]),
        ({"top": 99}, LADDER),
    ],
)
def test_what_is_kept(params: dict[str, Any], kept: list[float]) -> None:
    rows = column("score_gap", LADDER)
    lost = dropped(filter_of(**params), rows)
    assert [row["score_gap"] for row in rows.rows if row["id"] not in lost] == kept


@pytest.mark.parametrize(
    ("params", "value", "reason", "told"),
    [
        ({"min": 0.5}, 0.25, "below_threshold", "score_gap 0.25 is outside min 0.5"),
        ({"max": 0.5, "min": 0.1}, 0.75, "above_threshold", "score_gap 0.75 is outside min 0.1 and max 0.5"),
        ({"equals": 0.5}, 0.25, "other_value", "score_gap is 0.25"),
        ({"band": {"around": 0.5, "width": 0.1}}, 1.0, "outside_band", "score_gap 1 is outside band around 0.5 and width 0.1"),
        ({"min": 0.5}, None, "no_value", "score_gap is missing"),
        ({"min": 0.5}, float("nan"), "no_value", "score_gap is missing"),
        ({"top": 3}, None, "no_value", "score_gap is missing"),
    ],
)  # fmt: skip
def test_why_it_goes(params: dict[str, Any], value: float, reason: str, told: str) -> None:
    rows = column("score_gap", [value])
    assert dropped(filter_of(**params), rows) == {"p00": reason}
    assert details(filter_of(**params), rows) == {"p00": told}
    if value is None:
        assert dropped(filter_of(**params, missing="keep"), rows) == {}


def test_a_detail_says_the_same_on_another_night() -> None:
    """Thresholds move when rows come; what is told of a row that is out as before does not."""
    for params in ({"quantile": {"from": 0.5}}, {"sd": {"below": 0.5}}, {"top": 2}):
        tonight = details(filter_of(**params), column("score_gap", LADDER))
        tomorrow = details(filter_of(**params), column("score_gap", [*LADDER, 1.1, 1.2]))
        assert tonight["p00"] == tomorrow["p00"]
        assert tonight.items() <= tomorrow.items()


def test_words_and_lists_of_words() -> None:
    rows = column("chosen_model", ["a", "b", None, "c"])
    assert dropped(filter_of(by="chosen_model", one_of=["a", "b"]), rows) == {"p02": "no_value", "p03": "other_value"}
    tags = column("tags", [["x", "y"], [], ["z"]])
    assert dropped(filter_of(by="tags", of="prompts", equals="y"), tags) == {"p01": "other_value", "p02": "other_value"}


def test_of_equals_at_the_end_the_smallest_ids_stay() -> None:
    rows = column("score_gap", {"c": 1.0, "a": 1.0, "d": 2.0, "b": 1.0})
    assert dropped(filter_of(top=3), rows) == {"c": "not_in_top"}
    assert dropped(filter_of(bottom=1), rows) == {"b": "not_in_bottom", "c": "not_in_bottom", "d": "not_in_bottom"}


def test_each_group_has_its_threshold() -> None:
    rows = table([1.0, 10.0, 2.0, 20.0, 3.0, 30.0], groups=2)
    best = filter_of(top=1, per="source")
    assert dropped(best, rows) == dict.fromkeys(["p00", "p01", "p02", "p03"], "not_in_top")
    assert found(best, rows) == {"per": "source", "groups": {"s0": {"low": 3.0}, "s1": {"low": 30.0}}}
    upper = filter_of(quantile={"from": 0.5}, per="source")
    assert found(upper, rows) == {"per": "source", "groups": {"s0": {"low": 2.0}, "s1": {"low": 20.0}}}
    tags = [["topic/x"], ["other"], ["topic/x"], []]
    tagged = Table({"id": f"p{n}", "score_gap": float(n), "tags": each} for n, each in enumerate(tags))
    assert dropped(filter_of(top=1, per="tag:topic/"), tagged) == {"p0": "not_in_top", "p1": "not_in_top"}


def test_of_very_many_groups_only_their_number_is_told() -> None:
    rows = Table({"id": f"p{n}", "score_gap": 1.0, "prompt_id": f"q{n}"} for n in range(1001))
    assert found(filter_of(top=1, per="prompt_id"), rows) == {"per": "prompt_id", "groups": 1001}


# --- threshold at a recall ---------------------------------------------------------------------------------------------


def test_the_threshold_keeps_its_share_of_the_gold_rows() -> None:
    rows = Table(
        {"id": f"p{n}", "signal:critic": critic, "signal:human": human}
        for n, (critic, human) in enumerate([(0.9, 1.0), (0.8, 0.0), (0.7, 1.0), (0.6, None), (0.5, 1.0), (0.1, 1.0)])
    )
    three = filter_of(by="signal:critic", recall={"target": 0.75, "gold": "signal:human"})
    assert found(three, rows) == {"low": 0.5}
    assert dropped(three, rows) == {"p5": "below_threshold"}


def test_a_group_without_gold_takes_the_threshold_of_all() -> None:
    rows = Table(
        {"id": f"p{n}", "score_gap": gap, "signal:good": good, "source": source}
        for n, (gap, good, source) in enumerate([(0.9, 1.0, "a"), (0.3, 0.0, "a"), (0.8, 0.0, "b"), (0.95, 0.0, "b")])
    )
    sieve = filter_of(recall={"target": 1.0, "gold": "signal:good"}, per="source")
    assert dropped(sieve, rows) == {"p1": "below_threshold", "p2": "below_threshold"}
    assert found(sieve, rows) == {"per": "source", "groups": {"a": {"low": 0.9}}}


def test_without_gold_there_is_no_threshold() -> None:
    rows = Table([{"id": "p0", "score_gap": 1.0, "signal:good": 0.5}])
    with pytest.raises(RequestError, match=r"no row has 'signal:good' above 0\.5"):
        list(filter_of(recall={"target": 0.9, "gold": "signal:good"}).sift(rows))


# --- for any numbers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", RULES)
@given(VALUES, st.randoms(use_true_random=False), st.sampled_from([None, "source"]))
def test_the_order_of_rows_counts_for_nothing(rule: str, values: list[Any], dice: random.Random, per: str | None) -> None:
    rows = table([0.5, 0.5, *values], groups=2)
    params = RULES[rule] | ({"per": per} if per and rule not in BY_VALUE else {})
    shuffled = Table(sorted(rows.rows, key=lambda _: dice.random()))
    assert [canonical_json(vars_of(each)) for each in sorted_answer(filter_of(**params), rows)] == [
        canonical_json(vars_of(each)) for each in sorted_answer(filter_of(**params), shuffled)
    ]


def sorted_answer(sieve: Filter, rows: Table) -> list[Any]:
    """All that a sieve says, in one order."""
    return sorted(sieve.sift(rows), key=repr)


def vars_of(said: Any) -> dict[str, Any]:
    """What it says as plain values; infinities would not be JSON."""
    return {name: getattr(said, name) for name in said.__dataclass_fields__}


@pytest.mark.parametrize("rule", [*BY_VALUE, "top", "bottom"])
@given(VALUES)
def test_what_is_filtered_is_filtered(rule: str, values: list[Any]) -> None:
    rows = table([0.5, 0.5, *values])
    once = rows.without(dropped(filter_of(**RULES[rule]), rows))
    assert dropped(filter_of(**RULES[rule]), once) == {}


def test_quantiles_and_deviations_cut_again() -> None:
    for params in ({"quantile": {"from": 0.2}}, {"sd": {"below": 1.0}}):
        rows = column("score_gap", LADDER)
        once = rows.without(dropped(filter_of(**params), rows))
        assert dropped(filter_of(**params), once), "they are relative to what is there"


@given(VALUES, st.integers(1, 9), st.integers(1, 9))
def test_a_larger_top_contains_a_smaller_one(values: list[Any], one: int, other: int) -> None:
    few, many = sorted((one, other))
    rows = table(values)
    for side in ("top", "bottom"):
        assert set(dropped(filter_of(**{side: many}), rows)) <= set(dropped(filter_of(**{side: few}), rows))
    with_value = [value for value in values if value is not None]
    assert len(rows.rows) - len(dropped(filter_of(top=many), rows)) == min(many, len(with_value))


@given(VALUES, st.integers(1, 99), st.integers(1, 99))
def test_a_laxer_filter_keeps_more(values: list[Any], one: int, other: int) -> None:
    low, high = sorted((one / 100, other / 100))
    rows = table([0.5, 0.5, *values])
    for lax, strict in (
        ({"min": low}, {"min": high}),
        ({"max": high}, {"max": low}),
        ({"quantile": {"from": low}}, {"quantile": {"from": high}}),
        ({"quantile": {"to": high}}, {"quantile": {"to": low}}),
        ({"sd": {"below": high}}, {"sd": {"below": low}}),
        ({"band": {"around": 0.5, "width": high}}, {"band": {"around": 0.5, "width": low}}),
        ({"recall": {"target": high, "gold": "signal:good"}}, {"recall": {"target": low, "gold": "signal:good"}}),
    ):
        assert set(dropped(filter_of(**lax), rows)) <= set(dropped(filter_of(**strict), rows)), lax


@pytest.mark.parametrize("rule", RULES)
@given(VALUES)
def test_missing_is_missing(rule: str, values: list[Any]) -> None:
    """A row without a value moves no threshold, and `missing` alone decides about it."""
    rows = table([0.5, 0.5, *values])
    without = {row["id"] for row in rows.rows if row["score_gap"] is None}
    lost = dropped(filter_of(**RULES[rule]), rows)
    assert {row_id for row_id, reason in lost.items() if reason == "no_value"} == without
    if rule != "recall":  # whose target counts gold rows that are lost
        others = {row_id: reason for row_id, reason in lost.items() if reason != "no_value"}
        assert dropped(filter_of(**RULES[rule]), rows.without(without)) == others
        assert dropped(filter_of(**RULES[rule], missing="keep"), rows) == others


# --- what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "complaint"),
    [
        ({}, "has none; the rules are"),
        ({"min": 1, "top": 3}, "has min or max and top"),
        ({"min": 2, "max": 1}, "nothing lies between"),
        ({"min": 1, "per": "source"}, "`per` does nothing with `min or max`"),
        ({"equals": 1, "per": "source"}, "`per` does nothing with `equals`"),
        ({"top": 1, "per": "tags"}, "such as `tag:topic/`"),
        ({"by": "chosen_model", "min": 1}, "`by` is 'chosen_model', which is no number"),
        ({"by": "chosen_model", "equals": 1}, "a column of texts, and 1.0 is none; put it in quotes"),
        ({"by": "signal:good", "one_of": [1, "x"]}, "a column of numbers, and 'x' is none"),
        ({"by": "scoregap", "min": 1}, "pairs have no column 'scoregap'; did you mean `score_gap`"),
        ({"by": "gap:x", "of": "prompts", "min": 1}, "prompts have no `gap:` columns"),
        ({"top": 1, "per": "sauce"}, "pairs have no column 'sauce'"),
        ({"quantile": {}}, "`quantile` is empty"),
        ({"quantile": {"from": 0.9, "to": 0.1}}, "ends below where it begins"),
        ({"quantile": {"from": 0.0}}, "greater than 0"),
        ({"quantile": {"low": 0.1}}, "extra"),
        ({"sd": {}}, "give `below` or `above`"),
        ({"band": {"around": 0.5}}, "Field required"),
        ({"recall": {"target": 0.9, "gold": "score_gap"}}, "`gold` is the column filtered by"),
        ({"recall": {"target": 0.9, "gold": "rule"}}, "`gold` is 'rule', which is no number"),
        ({"top": 0}, "greater than or equal to 1"),
    ],
)  # fmt: skip
def test_refusals(params: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        filter_of(**params)
