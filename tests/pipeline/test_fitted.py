"""Fitted steps: what all rows say together decides what is said of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import builds
import pytest
from pydantic import ConfigDict

from pipeline.registry import STRATEGIES
from pipeline.strategy import Answer, Nothing, Table
from schemas.rows import PairAnswer
from schemas.units import Candidates, UnitKind
from warehouse.address import Address


@dataclass(frozen=True, slots=True)
class LongerThanUsual:
    """Pairs the longest response with the shortest where they differ by more than the mean difference."""

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    unit: ClassVar[UnitKind] = "all_candidates"
    makes: ClassVar[Table] = "pairs"
    calls: ClassVar[int] = 0
    yields: ClassVar[int] = 1

    def fit(self, units: Iterable[Candidates]) -> Mapping[str, Any]:
        gaps = [_gap(unit) for unit in units]
        return {"units": len(gaps), "mean": round(sum(gaps) / max(1, len(gaps)), 6)}

    def answer(self, unit: Candidates, fit: Mapping[str, Any]) -> Answer:
        if _gap(unit) <= fit["mean"]:
            return Nothing("usual", f"{_gap(unit)} against {fit['mean']}")
        by_length = sorted(unit.responses, key=lambda response: (len(response.text), response.response_id))
        return [
            PairAnswer(
                prompt_id=unit.prompt.prompt_id,
                chosen_id=by_length[-1].response_id,
                rejected_id=by_length[0].response_id,
                score_gap=_gap(unit),
                p_chosen=1.0,
                confidence=1.0,
                rule="longer_than_usual",
            )
        ]


def _gap(unit: Candidates) -> int:
    lengths = [len(response.text) for response in unit.responses]
    return max(lengths) - min(lengths)


STEPS = [*builds.STEPS[:5], "select/longer_than_usual", "select/exact_duplicates", builds.STEPS[-1]]


@pytest.fixture(autouse=True)
def _is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STRATEGIES, "select/longer_than_usual", LongerThanUsual)


async def test_a_fit_is_kept_and_every_unit_is_answered_by_it(tmp_path: Path, documents: Path, catalog: Address) -> None:
    recipe = builds.write_recipe(tmp_path, steps=STEPS)
    built = await builds.run(recipe, documents, catalog)
    assert built.landed
    ((units, mean),) = builds.ask(catalog, "SELECT (fit->>'units')::INT, (fit->>'mean')::DOUBLE FROM fits")
    ends = dict(
        builds.ask(catalog, "SELECT status, count(*) FROM outcomes WHERE step = 'select/longer_than_usual' GROUP BY 1")
    )
    assert units == sum(ends.values()) > 3
    gaps = [gap for (gap,) in builds.ask(catalog, "SELECT score_gap FROM pairs")]
    assert len(gaps) == ends["ok"] > 0
    assert min(gaps) > mean
    assert not any(builds.audits(catalog).values())


async def test_the_same_rows_are_not_answered_twice_and_other_rows_are_another_fit(
    tmp_path: Path, documents: Path, lake: Address
) -> None:
    recipe = builds.write_recipe(tmp_path, steps=STEPS)
    first = await builds.run(recipe, documents, lake)
    assert first.landed
    again = await builds.run(recipe, documents, lake)
    assert again.done == 0
    assert again.landed
    assert not again.landed.is_new
    (documents / "more.md").write_text("# Sieves\n\nA sieve has a mesh of silk. The mesh keeps the bran from the flour.\n")
    more = await builds.run(recipe, documents, lake)
    assert more.landed
    assert more.landed.is_new
    assert len(builds.ask(lake, "SELECT 1 FROM fits")) == 2
    fits = builds.ask(lake, "SELECT f.fit_id, p.identity FROM fits f JOIN fingerprints p USING (fingerprint)")
    assert all("longer_than_usual" in identity for _, identity in fits)
    pairs = builds.ask(lake, "SELECT count(*), count(DISTINCT pair_id) FROM latest_pairs")
    assert pairs[0][0] == pairs[0][1] > 0
    assert not any(builds.audits(lake).values())


async def test_night_after_night_gives_what_one_build_gives(
    tmp_path: Path, documents: Path, make_catalog: Any
) -> None:
    """What is in scope is what the fit of today answered, not what an earlier one did."""
    recipe = builds.write_recipe(tmp_path, steps=STEPS)
    nightly, at_once = make_catalog("sqlite", tmp_path / "nightly"), make_catalog("sqlite", tmp_path / "at_once")
    await builds.run(recipe, documents, nightly)
    (documents / "more.md").write_text("# Sieves\n\nA sieve has a mesh of silk. The mesh keeps the bran from the flour.\n")
    await builds.run(recipe, documents, nightly)
    await builds.run(recipe, documents, at_once)
    query = "SELECT * EXCLUDE (release) FROM latest_pairs ORDER BY pair_id"
    found = [builds.ask(address, query) for address in (nightly, at_once)]
    assert found[0] == found[1] != []
