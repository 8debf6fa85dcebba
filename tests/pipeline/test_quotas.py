"""Quotas of kinds of pairs: what must hold whatever pairs there are, in any order."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import made
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.select.quotas import Quotas
from pipeline.strategy import Drop, Found

KINDS = ["ignorant", "overinclusive", "other"]
PAIRS = st.lists(
    st.fixed_dictionaries(
        {
            "prompt_id": st.integers(0, 5).map(lambda number: f"q{number}"),
            "rejected_role": st.sampled_from([*KINDS, None]),
            "rule": st.sampled_from(["one", "two"]),
            "score_gap": st.integers(1, 9).map(float),
        }
    ),
    max_size=30,
).map(lambda rows: [{"id": f"p{number:02}", **row} for number, row in enumerate(rows)])
STRATEGIES = {
    "divided": Quotas(),
    "within": Quotas(within="rule", most=2),
    "bounded": Quotas(once=False, most=2),
    "best": Quotas(cells={"ignorant": 1, "overinclusive": 2}, keep="best", by="score_gap"),
}


def dropped(strategy: Quotas, rows: list[dict[str, Any]]) -> dict[str, Drop]:
    """The pairs that leave, by id."""
    return {said.row_id: said for said in strategy.sift(made.Columns(rows)) if isinstance(said, Drop)}


@pytest.mark.parametrize("name", STRATEGIES)
@given(rows=PAIRS, random=st.randoms(use_true_random=False))
def test_the_order_of_pairs_does_not_matter(name: str, rows: list[dict[str, Any]], random: Any) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert dropped(STRATEGIES[name], rows) == dropped(STRATEGIES[name], shuffled)


@given(rows=PAIRS)
def test_each_prompt_is_of_one_kind_and_no_prompt_goes_without(rows: list[dict[str, Any]]) -> None:
    gone = dropped(Quotas(), rows)
    kinds = defaultdict(set)
    for row in rows:
        if row["id"] not in gone:
            kinds[row["prompt_id"]].add(row["rejected_role"])
    for row in rows:
        if row["rejected_role"] is not None:
            assert len(kinds[row["prompt_id"]] - {None}) == 1
        else:
            assert row["id"] not in gone, "a pair of no kind stays"
    assert {said.reason for said in gone.values()} <= {"other_cell"}


@given(rows=PAIRS)
def test_a_bound_is_kept_and_used_up(rows: list[dict[str, Any]]) -> None:
    gone = dropped(STRATEGIES["bounded"], rows)
    had = Counter(row["rejected_role"] for row in rows)
    left = Counter(row["rejected_role"] for row in rows if row["id"] not in gone)
    for kind in KINDS:
        assert left[kind] == min(had[kind], 2)
    assert left[None] == had[None]


@given(rows=PAIRS)
def test_the_best_of_a_kind_stay(rows: list[dict[str, Any]]) -> None:
    strategy = Quotas(once=False, cells={"ignorant": 1, "overinclusive": 2}, keep="best", by="score_gap")
    gone = dropped(strategy, rows)
    for kind in ("ignorant", "overinclusive"):
        of_kind = [row for row in rows if row["rejected_role"] == kind]
        worst_left = min((row["score_gap"] for row in of_kind if row["id"] not in gone), default=0)
        assert all(row["score_gap"] <= worst_left for row in of_kind if row["id"] in gone)
    assert not any(row["rejected_role"] == "other" for row in rows if row["id"] in gone)


@given(rows=PAIRS, more=PAIRS)
def test_other_prompts_never_move_a_prompt(rows: list[dict[str, Any]], more: list[dict[str, Any]]) -> None:
    others = [{**row, "id": f"n{row['id']}", "prompt_id": f"n{row['prompt_id']}"} for row in more]
    before = dropped(Quotas(), rows)
    after = dropped(Quotas(), [*rows, *others])
    assert {name: said for name, said in after.items() if not name.startswith("n")} == before


@given(rows=PAIRS)
def test_what_is_found_reconciles(rows: list[dict[str, Any]]) -> None:
    strategy = STRATEGIES["within"]
    said = list(strategy.sift(made.Columns(rows)))
    (found,) = (each for each in said if isinstance(each, Found))
    cells = found.values["cells"].values()
    assert sum(cell["pairs"] for cell in cells) == sum(row["rejected_role"] is not None for row in rows)
    drops = [each.reason for each in said if isinstance(each, Drop)]
    assert sum(cell["pairs"] - cell["divided"] for cell in cells) == drops.count("other_cell")
    assert sum(cell["divided"] - cell["kept"] for cell in cells) == drops.count("over_quota")


def test_prompts_are_divided_about_evenly() -> None:
    """Of 2000 prompts that could be either, half go each way; five deviations are 112."""
    rows = [
        {"id": f"{kind}{number}", "prompt_id": f"q{number}", "rejected_role": kind}
        for number in range(2000)
        for kind in KINDS[:2]
    ]
    for seed in (0, 1):
        gone = dropped(Quotas(seed=seed), rows)
        left = Counter(row["rejected_role"] for row in rows if row["id"] not in gone)
        assert left.total() == 2000
        assert abs(left["ignorant"] - 1000) < 112
    assert dropped(Quotas(seed=0), rows) != dropped(Quotas(seed=1), rows)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"cell": "rejected_rôle"}, "no column 'rejected_rôle'; did you mean `rejected_role`"),
        ({"cell": "score_gap"}, "is a number; quotas are of kinds"),
        ({"cell": "gap:helpful"}, "is a number"),
        ({"within": "rejected_role"}, "each cell would stand alone"),
        ({"most": 1, "cells": {"a": 1}}, "leave out `most`"),
        ({"once": False}, "it would drop nothing"),
        ({"once": False, "cells": {"a": None}}, "it would drop nothing"),
        ({"keep": "oldest"}, "say which are kept under a bound"),
        ({"by": "score_gap", "most": 1}, "`by` goes with keep: best"),
    ],
)
def test_what_would_do_nothing_is_refused(params: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Quotas(**params)
