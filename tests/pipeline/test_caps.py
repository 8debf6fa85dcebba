"""Caps, samples, ranks, peers and circles over all rows: what holds for any rows, and what is refused."""

from __future__ import annotations

import json
import random
from collections import Counter
from fractions import Fraction
from itertools import combinations, pairwise, permutations
from math import exp, log
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from sifting import Table, details, dropped, found, notes

from pipeline.select.cap import Cap
from pipeline.select.curriculum import Curriculum
from pipeline.select.cyclic import Cyclic, any_circles, three_circles
from pipeline.select.graph import components, edges_of, three_cycles
from pipeline.select.peer import Peer
from pipeline.select.sample_rows import SampleRows
from schemas.errors import RequestError

EIGHTHS = st.none() | st.integers(0, 8).map(lambda eighths: eighths / 8)
ROWS = st.lists(st.tuples(st.sampled_from(["a", "b", "c", "d", None]), EIGHTHS), max_size=30)
DICE = st.randoms(use_true_random=False)


def made_of(kind: type[Any], **params: Any) -> Any:
    """A strategy with the parameters of a recipe."""
    return TypeAdapter(kind).validate_json(json.dumps(params), strict=True)


def table(rows: list[tuple[Any, Any]]) -> Table:
    """Rows with a source and a confidence."""
    return Table(
        {"id": f"p{n:02}", "source": source, "confidence": value, "landed": n // 4}
        for n, (source, value) in enumerate(rows)
    )


def left(rows: Table, lost: dict[str, str]) -> Counter[str]:
    """How many rows of each source are left."""
    return Counter(str(row["source"]) for row in rows.without(lost).rows)


SHUFFLED = [
    (Cap, {"per": "source", "max_share": 0.4, "max_rows": 5}),
    (Cap, {"per": "source", "max_rows": 2, "keep": "best"}),
    (Cap, {"per": "source", "max_rows": 3, "keep": "oldest"}),
    (SampleRows, {"rows": 7}),
    (SampleRows, {"share": 0.3, "per": "source", "how": "equal", "seed": 3}),
    (Curriculum, {"by": "confidence", "easiest": "high", "per": "source"}),
    (Peer, {"judges": ["confidence", "landed"], "noise": 0.3}),
]


@pytest.mark.parametrize(("kind", "params"), SHUFFLED)
@given(ROWS, DICE)
def test_the_order_of_rows_counts_for_nothing(kind: Any, params: Any, rows: list[Any], dice: random.Random) -> None:
    whole = table([("a", 0.5), ("b", 0.5), ("c", 0.5), *rows])
    shuffled = Table(sorted(whole.rows, key=lambda _: dice.random()))
    sieve = made_of(kind, **params)
    assert sorted(sieve.sift(whole), key=repr) == sorted(sieve.sift(shuffled), key=repr)


# --- caps --------------------------------------------------------------------------------------------------------------


@given(ROWS, st.sampled_from([0.25, 0.3, 0.5, 0.9]), st.sampled_from(["random", "best", "oldest"]))
def test_no_group_is_over_its_share_and_what_is_capped_stays(rows: list[Any], share: float, keep: str) -> None:
    whole = table([("a", 0.5), ("b", 0.5), ("c", 0.5), ("d", 0.5), *rows])
    sieve = made_of(Cap, per="source", max_share=share, keep=keep)
    lost = dropped(sieve, whole)
    counts = left(whole, lost)
    assert max(counts.values()) <= Fraction(str(share)) * counts.total()
    assert set(counts) == {str(row["source"]) for row in whole.rows}, "every group is still there"
    assert dropped(sieve, whole.without(lost)) == {}
    told = found(sieve, whole)["groups"]
    assert {group: each["kept"] for group, each in told.items()} == {
        "(none)" if group == "None" else group: count for group, count in counts.items()
    }


@given(ROWS, st.integers(1, 6), st.integers(1, 6))
def test_a_larger_cap_keeps_what_a_smaller_one_does(rows: list[Any], one: int, other: int) -> None:
    few, many = sorted((one, other))
    whole = table(rows)
    for keep in ("random", "best", "oldest"):
        of = {count: dropped(made_of(Cap, per="source", max_rows=count, keep=keep), whole) for count in (few, many)}
        assert set(of[many]) <= set(of[few])


@given(ROWS, st.integers(1, 6))
def test_the_best_of_a_group_stay_and_those_without_a_number_go_first(rows: list[Any], count: int) -> None:
    whole = table(rows)
    lost = dropped(made_of(Cap, per="source", max_rows=count, keep="best"), whole)
    for source in {row["source"] for row in whole.rows}:
        mine = [row for row in whole.rows if row["source"] == source]
        ranked = sorted(mine, key=lambda row: (-1.0 if row["confidence"] is None else row["confidence"]), reverse=True)
        kept = [row["confidence"] for row in mine if row["id"] not in lost]
        assert sorted(kept, key=str) == sorted((row["confidence"] for row in ranked[:count]), key=str)


def test_a_cap_that_nothing_can_meet_says_how_many_groups_it_takes() -> None:
    whole = table([("wiki", 0.5)] * 9 + [("book", 0.5)])
    with pytest.raises(RequestError, match=r"unless there are 5 or more by `source`, and there are 2 \(wiki, book\)"):
        list(made_of(Cap, per="source", max_share=0.2).sift(whole))


def test_what_is_told_of_a_row_does_not_change_with_the_others() -> None:
    rows = [("a", 0.5)] * 8 + [("b", 0.5)] * 4
    sieve = made_of(Cap, per="source", max_share=0.5)
    assert details(sieve, table(rows)).items() <= details(sieve, table([*rows, ("a", 0.5)])).items()


# --- samples -----------------------------------------------------------------------------------------------------------


@given(ROWS, st.integers(1, 20), st.integers(1, 20), st.integers(0, 3))
def test_a_larger_sample_contains_a_smaller_one(rows: list[Any], one: int, other: int, seed: int) -> None:
    few, many = sorted((one, other))
    whole = table(rows)
    lost = {count: dropped(made_of(SampleRows, rows=count, seed=seed), whole) for count in (few, many)}
    assert set(lost[many]) <= set(lost[few])
    assert len(rows) - len(lost[few]) == min(few, len(rows))
    assert dropped(made_of(SampleRows, rows=few, seed=seed), whole.without(lost[few])) == {}


@given(ROWS, st.integers(1, 12))
def test_newcomers_alone_can_push_out_who_was_in(rows: list[Any], count: int) -> None:
    """The rows of yesterday that stay today are those of yesterday's sample, less one at most for each newcomer in it."""
    today = table([*rows, ("a", 0.5), ("b", 0.5)])
    old = table(rows)
    sieve = made_of(SampleRows, rows=count)
    before = {row["id"] for row in old.without(dropped(sieve, old)).rows}
    after = {row["id"] for row in today.without(dropped(sieve, today)).rows}
    newcomers = after - {row["id"] for row in old.rows}
    assert after - newcomers <= before
    assert len(before - after) <= len(newcomers)


@given(ROWS, st.integers(1, 20))
def test_strata_are_represented(rows: list[Any], count: int) -> None:
    whole = table(rows)
    sizes = left(whole, {})
    part = left(whole, dropped(made_of(SampleRows, rows=count, per="source"), whole))
    assert part.total() == min(count, sizes.total())
    assert all(abs(part[group] - Fraction(min(count, sizes.total()) * size, sizes.total())) < 1 for group, size in sizes.items())
    same = left(whole, dropped(made_of(SampleRows, rows=count, per="source", how="equal"), whole))
    assert all(same[group] >= min(size, count // max(1, len(sizes))) for group, size in sizes.items())


# --- ranks -------------------------------------------------------------------------------------------------------------


@given(ROWS, st.sampled_from(["low", "high"]))
def test_ranks_count_from_one_without_a_gap(rows: list[Any], easiest: str) -> None:
    whole = table(rows)
    ranks = notes(made_of(Curriculum, by="confidence", easiest=easiest), whole, "curriculum_rank")
    with_value = {row["id"]: row["confidence"] for row in whole.rows if row["confidence"] is not None}
    assert sorted(ranks.values()) == [float(rank) for rank in range(1, len(with_value) + 1)]
    ordered = sorted(ranks, key=lambda row_id: ranks[row_id])
    values = [with_value[row_id] for row_id in ordered]
    assert values == sorted(values, reverse=easiest == "high")
    assert all(one < other for one, other in pairwise(ordered) if with_value[one] == with_value[other])


# --- peers -------------------------------------------------------------------------------------------------------------

MARGINS = st.lists(st.tuples(*[st.none() | st.integers(-8, 8).map(lambda eighths: eighths / 8)] * 2), max_size=25)


@given(MARGINS, st.integers(1, 99).map(lambda hundredths: hundredths / 100))
def test_each_picks_the_smallest_losses(margins: list[Any], noise: float) -> None:
    rows = Table({"id": f"p{n:02}", "gap:a": one, "gap:b": other} for n, (one, other) in enumerate(margins))
    whole = {row["id"]: (row["gap:a"], row["gap:b"]) for row in rows.rows if None not in (row["gap:a"], row["gap:b"])}
    count = int((1 - Fraction(str(noise))) * len(whole))
    picks = []
    for side in (0, 1):
        losses = {row_id: -log(1 / (1 + exp(-pair[side]))) for row_id, pair in whole.items()}
        worst = sorted(losses.values())[count - 1] if count else -1.0
        picks.append({row_id for row_id, loss in losses.items() if loss <= worst})
    for keep, wanted in (("both", picks[0] & picks[1]), ("either", picks[0] | picks[1])):
        sieve = made_of(Peer, judges=["gap:a", "gap:b"], noise=noise, keep=keep)
        lost = dropped(sieve, rows)
        assert set(whole) - set(lost) == wanted
        assert {row_id for row_id, reason in lost.items() if reason != "no_value"} <= set(whole)
        assert lost.keys() | set(whole) == {row["id"] for row in rows.rows}
        margins_noted = notes(sieve, rows, "peer_margin")
        assert set(margins_noted) == wanted
        assert all(margins_noted[row_id] in whole[row_id] for row_id in wanted)


# --- circles -----------------------------------------------------------------------------------------------------------

EDGES = st.sets(st.sampled_from(list(permutations(range(6), 2))), max_size=16)


@given(EDGES)
def test_edges_on_circles_are_those_that_a_search_finds(edges: set[tuple[int, int]]) -> None:
    named = edges_of((str(a), str(b)) for a, b in edges)
    together = {frozenset(pair) for each in components(named) for pair in combinations(each, 2)}
    assert any_circles(edges) == {(a, b) for a, b in edges if frozenset((str(a), str(b))) in together}
    threes = {
        edge
        for a, b, c in permutations(range(6), 3)
        if {(a, b), (b, c), (c, a)} <= edges
        for edge in ((a, b), (b, c), (c, a))
    }
    assert three_circles(edges) == threes
    assert bool(threes) == (three_cycles(named) > 0)


@given(EDGES, st.sampled_from(["three", "any"]))
def test_what_is_left_goes_round_in_no_circle(edges: set[tuple[int, int]], circles: str) -> None:
    rows = Table(
        {"id": f"p{n:02}", "prompt_id": "q", "chosen_id": f"r{a}", "rejected_id": f"r{b}"}
        for n, (a, b) in enumerate(sorted(edges))
    )
    sieve = made_of(Cyclic, circles=circles)
    lost = dropped(sieve, rows)
    assert dropped(sieve, rows.without(lost)) == {}
    assert set(dropped(made_of(Cyclic, circles="three"), rows)) <= set(dropped(made_of(Cyclic, circles="any"), rows))


# --- what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "params", "complaint"),
    [
        (Cap, {"per": "source"}, "it caps nothing"),
        (Cap, {"per": "source", "max_share": 1.0}, "less than 1"),
        (Cap, {"per": "source", "max_rows": 0}, "greater than or equal to 1"),
        (Cap, {"per": "source", "max_rows": 1, "by": "score_gap"}, "`by` goes with keep: best"),
        (Cap, {"per": "source", "max_rows": 1, "keep": "best", "by": "rule"}, "`by` is 'rule', which is no number"),
        (Cap, {"per": "source", "max_rows": 1, "keep": "best", "of": "prompts"}, "keep: best of prompts needs `by`"),
        (Cap, {"per": "source", "max_rows": 1, "keep": "best", "seed": 1}, "`seed` does nothing with `keep: best`"),
        (Cap, {"per": "sources", "max_rows": 1}, "did you mean `source`"),
        (Cap, {"per": "tag:", "max_rows": 1}, "such as `tag:topic/`"),
        (Cap, {"per": "tag:x", "max_rows": 1, "of": "documents"}, "documents have no column 'tags'"),
        (SampleRows, {}, "give either `rows` or `share`"),
        (SampleRows, {"rows": 1, "share": 0.5}, "give either `rows` or `share`"),
        (SampleRows, {"rows": 1, "how": "equal"}, "does nothing without `per`"),
        (Curriculum, {"by": "rule", "easiest": "low"}, "`by` is 'rule', which is no number"),
        (Peer, {"judges": ["gap:a", "gap:a"], "noise": 0.1}, "names 'gap:a' twice"),
        (Peer, {"judges": ["gap:a", "rule"], "noise": 0.1}, "`judges` is 'rule', which is no number"),
        (Peer, {"judges": ["gap:a", "gap:b"], "noise": 0.0}, "greater than 0"),
    ],
)
def test_refusals(kind: Any, params: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        made_of(kind, **params)
