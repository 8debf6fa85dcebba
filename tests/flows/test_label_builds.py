"""Label steps in whole builds: other labels cost no call, fits are kept, and a warehouse stays sound."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import builds
import pytest

from warehouse.address import Address

MODELS: dict[str, Any] = {
    "default": {"model": "rehearsal"},
    "second": {"model": "rehearsal-second", "engine": "rehearsal", "options": {"noise": 0.3, "position_bias": 0.2}},
}
JUDGED: list[Any] = [
    "mine/chunk",
    "mine/qa",
    {"sample/grid": {"draws": 3, "show": "passage"}},
    {"judge/pairwise": {"principle": "grounded"}},
    {"judge/pairwise": {"principle": "grounded", "model": "second"}},
]


async def build(folder: Path, documents: Path, lake: Address, *steps: Any) -> builds.Built:
    """A build with these steps after the judges; it has to end well."""
    recipe = builds.write_recipe(folder, steps=[*JUDGED, *steps, "land/release"], models=MODELS)
    built = await builds.run(recipe, documents, lake)
    assert built.problem is None
    return built


def labels(lake: Address, build_id: str) -> list[tuple[Any, ...]]:
    """The pairs in scope of a build."""
    return builds.ask(
        lake,
        "SELECT chosen_id, rejected_id, score_gap, p_chosen, confidence, rule, fingerprint FROM pairs "
        "WHERE fingerprint IN (SELECT fingerprint FROM build_steps WHERE build_id = ?) ORDER BY ALL",
        [build_id],
    )


@pytest.mark.parametrize(
    "step",
    [
        {"select/from_votes": {"rule": "order_mean", "pairs": "all"}},
        {"select/from_votes": {"rule": "both_orders", "pairs": "chain"}},
        {"select/from_votes": {"rule": "majority", "judges": 2}},
        "select/tournament",
        {"select/bradley_terry": {"pairs": "all"}},
        "select/dawid_skene",
    ],
    ids=str,
)
async def test_labels_are_made_and_made_once(tmp_path: Path, documents: Path, lake: Address, step: Any) -> None:
    first = await build(tmp_path, documents, lake, step)
    found = labels(lake, first.build_id)
    assert found
    for chosen, rejected, gap, p, confidence, rule, _ in found:
        assert chosen != rejected
        assert gap > 0
        assert 0.5 < p <= 1
        assert 0 <= confidence <= 1
        assert rule.split("/")[0] in str(step)
    assert first.landed is not None
    assert set(builds.audits(lake).values()) == {0}

    again = await build(tmp_path, documents, lake, step)
    assert (again.calls, again.done) == (0, 0)
    assert labels(lake, again.build_id) == found


async def test_another_rule_asks_no_judge_again(tmp_path: Path, documents: Path, lake: Address) -> None:
    first = await build(tmp_path, documents, lake, {"select/from_votes": {"rule": "order_mean", "pairs": "all"}})
    other = await build(tmp_path, documents, lake, {"select/from_votes": {"rule": "both_orders", "pairs": "all"}})
    assert first.calls > 0
    assert other.calls == 0
    pairs = {
        name: {row[:2] for row in labels(lake, each.build_id)} for name, each in (("mean", first), ("both", other))
    }
    assert pairs["both"] <= pairs["mean"], "where two judges agree in both orders, the mean says the same"


async def test_a_fit_is_kept_and_made_anew_when_rows_come(tmp_path: Path, documents: Path, lake: Address) -> None:
    await build(tmp_path, documents, lake, "select/dawid_skene")
    ((kept,),) = builds.ask(lake, "SELECT fit FROM fits")
    judges = json.loads(kept)["judges"]
    assert {each.rsplit(" ", 1)[1] for each in judges} == {"ab", "ba"}
    assert len(judges) == 4
    (documents / "zz.md").write_text("# A weir\n\nA weir is a low wall that holds the river back for the mill.\n")
    await build(tmp_path, documents, lake, "select/dawid_skene")
    assert len(builds.ask(lake, "SELECT fit FROM fits")) == 2
    assert set(builds.audits(lake).values()) == {0}
