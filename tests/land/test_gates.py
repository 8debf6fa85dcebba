"""Gates: what passes, what is held back, and what a person is told to do."""

from __future__ import annotations

import math

import pytest
from pydantic import ValidationError

from pipeline.audit.release.catalogue import BY_GATE
from pipeline.land.gates import REMEDIES, GateResult, Gates, check

GOOD = {"pairs": 10.0, "documents": 3.0, "position_consistency": 0.9, "failed_share": 0.1, "pending_share": 0.0}


def run(gates: Gates, **changes: float) -> dict[str, GateResult]:
    return {result.name: result for result in check(gates, GOOD | changes)}


def test_good_figures_pass_every_default_gate() -> None:
    results = check(Gates(), GOOD)
    assert list(Gates.model_fields) == list(REMEDIES)
    assert [result.name for result in results] == [name for name in Gates.model_fields if name not in BY_GATE]
    assert all(result.passed for result in results)


@pytest.mark.parametrize(
    ("name", "bound", "figure", "value"),
    [
        ("min_pairs", 11, "pairs", 10),
        ("min_documents", 4, "documents", 3),
        ("min_position_consistency", 0.8, "position_consistency", 0.79),
        ("max_failed_share", 0.2, "failed_share", 0.21),
        ("max_pending_share", 0.0, "pending_share", 0.001),
    ],
)
def test_each_gate_holds_back_and_says_what_to_do(name: str, bound: float, figure: str, value: float) -> None:
    gates = Gates.model_validate({name: bound})
    failed = run(gates, **{figure: value})[name]
    assert not failed.passed
    assert (failed.wanted, failed.value) == (bound, value)
    assert REMEDIES[name] in failed.sentence
    assert f"change `{name}`" in failed.sentence
    assert run(gates, **{figure: bound})[name].passed, "the bound itself is good enough"


@pytest.mark.parametrize("figures", [{}, {"position_consistency": math.nan}])
def test_unmeasured_figure_fails_a_gate_that_wants_it_and_no_other(figures: dict[str, float]) -> None:
    wide, narrow = (
        next(r for r in check(Gates(min_position_consistency=bound), figures) if r.name == "min_position_consistency")
        for bound in (0.0, 0.5)
    )
    assert wide.passed
    assert not narrow.passed
    assert narrow.value is None
    assert "not measured" in narrow.sentence


def test_value_just_short_of_its_bound_does_not_look_equal() -> None:
    result = run(Gates(min_position_consistency=0.8), position_consistency=0.7999999)["min_position_consistency"]
    assert "0.7999999, at least 0.8 wanted" in result.sentence


@pytest.mark.parametrize("gates", [{"min_pairs": -1}, {"max_failed_share": 1.5}, {"min_pair": 1}])
def test_gates_that_make_no_sense_are_refused(gates: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Gates.model_validate(gates)


def test_results_survive_json() -> None:
    for result in check(Gates(), {}):
        assert GateResult.model_validate_json(result.model_dump_json()) == result
