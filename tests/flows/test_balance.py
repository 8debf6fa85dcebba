"""The funnel reconciles to the row: whatever steps sift, what went in is what came out and what left with a reason."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import builds
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import ConfigDict

from pipeline.registry import STRATEGIES
from pipeline.strategy import Answer, Drop, Kept, Note, Nothing, Rows, Said, Table
from schemas.columns import SIFTED, Sifted
from schemas.errors import PrefmillError, Transient, Unanswerable
from schemas.units import UnitKind
from warehouse.address import Address, resolve_address
from warehouse.connection import connect

NOUNS: dict[str, Any] = {table: table.removesuffix("s") for table in SIFTED}
PLACES = {"documents": 0, "passages": 1, "prompts": 2, "responses": 4, "pairs": 6}
"""Where in `builds.STEPS` a step can first find rows of a table."""
LAST = 7


def fate(row_id: str, seed: int) -> float:
    """A number in [0, 1) for a row, the same in every build."""
    return random.Random(f"{row_id} {seed}").random()


@dataclass(frozen=True, slots=True)
class Dice:
    """Drops rows one by one, for two reasons; some fail, and of some the server is busy."""

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    prompts: ClassVar[tuple[str, ...]] = ()
    sifts: ClassVar[bool] = True
    calls: ClassVar[int] = 0
    yields: ClassVar[int] = 1

    of: Sifted = "pairs"
    seed: int = 0
    busy: float = 0.0

    @property
    def unit(self) -> UnitKind:
        return NOUNS[self.of]

    @property
    def makes(self) -> Table:
        return self.of

    def __call__(self, unit: Any) -> Answer:
        drawn = fate(unit.unit_id, self.seed)
        if drawn < 0.1:
            return Nothing("low")
        if drawn < 0.2:
            return Nothing("lower")
        if drawn < 0.25:
            raise Unanswerable("lost")
        if drawn >= 1 - self.busy:
            raise Transient("busy")
        return Kept((Note(unit.unit_id, "flag/high"),) if drawn > 0.8 else ())


@dataclass(frozen=True, slots=True)
class DiceOfAll:
    """Drops rows over all of them, for two reasons."""

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1

    of: Sifted = "pairs"
    seed: int = 0

    def sift(self, rows: Rows) -> Iterator[Said]:
        for batch in rows.read("id"):
            for (row_id,) in batch:
                drawn = fate(row_id, self.seed)
                if drawn < 0.2:
                    yield Drop(row_id, "low" if drawn < 0.1 else "lower")
                elif drawn > 0.8:
                    yield Note(row_id, "flag/high")


@pytest.fixture(scope="module", autouse=True)
def _are_known() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(STRATEGIES, "select/dice", Dice)
        patch.setitem(STRATEGIES, "select/dice_of_all", DiceOfAll)
        yield


@pytest.fixture(scope="module")
def mill(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Address]:
    """A folder for recipes, documents enough that every reason strikes, and a warehouse."""
    folder = tmp_path_factory.mktemp("balance")
    documents = folder / "documents"
    documents.mkdir()
    for number in range(10):
        (documents / f"{number:02}.md").write_text(
            f"# Mill {number}\n\nThe mill number {number} has {number + 3} stones. Its wheel is {number + 2} metres wide.\n\n"
            f"## Wheel {number}\n\nThe wheel of mill {number} was built by {number + 5} men. It turns {number + 9} times.\n"
        )
    return folder, documents, resolve_address(str(folder / "lake"))


def balance(address: Address, build_id: str) -> list[dict[str, Any]]:
    """The lines of one build."""
    names = [row[0] for row in builds.ask(address, "DESCRIBE funnel_balance")]
    query = "FROM funnel_balance WHERE build_id = ? ORDER BY position, tab"
    found = [dict(zip(names, row, strict=True)) for row in builds.ask(address, query, [build_id])]
    builds.leave()
    return found


SIFTERS = st.tuples(st.sampled_from(["select/dice", "select/dice_of_all"]), st.sampled_from(SIFTED), st.integers(0, 9))


@pytest.mark.slow
@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(SIFTERS, st.integers(0, LAST)), min_size=1, max_size=5), st.sampled_from([0.0, 0.05]))
@example([((f"select/dice{of_all}", "pairs", seed), 6) for seed, of_all in enumerate(["", "_of_all", "", ""])], 0.0)
@example([(("select/dice", table, 3), PLACES[table]) for table in SIFTED], 0.0)
@example([(("select/dice_of_all", "responses", 1), 6), (("select/dice", "prompts", 2), 7)], 0.05)
def test_in_is_out_and_every_reason(
    mill: tuple[Path, Path, Address], sifters: list[tuple[tuple[str, Sifted, int], int]], busy: float
) -> None:
    folder, documents, lake = mill
    steps = list(builds.STEPS)
    placed = [(max(place, PLACES[of]), key, of, seed) for (key, of, seed), place in sifters]
    for place, key, of, seed in sorted(placed, reverse=True):
        steps.insert(place, {key: {"of": of, "seed": seed, **({"busy": busy} if key == "select/dice" else {})}})
    built = asyncio.run(builds.run(builds.write_recipe(folder, steps=steps), documents, lake))
    lines = balance(lake, built.build_id)
    assert {line["difference"] for line in lines[1:]} <= {0}
    # Reckoned once more from what the build itself said.
    ended: dict[int, dict[str, int]] = {}
    for row in built.funnel:
        ended.setdefault(row.position, {}).setdefault(row.status, 0)
        ended[row.position][row.status] += row.units
    rows = dict.fromkeys(("documents", "passages", "prompts", "responses", "signals", "pairs", "labels"), 0)
    for line in lines:
        assert line["rows_in"] == rows[line["tab"]], "in is what the step before has left"
        rows[line["tab"]] = line["rows_out"]
        if line["work"] == "sifts":
            said = ended.get(line["position"], {})
            assert sum(said.values()) == line["rows_in"] == line["kept"] + line["dropped"] + line["pending"]
            assert line["kept"] == said.get("ok", 0)
            assert line["rows_out"] == line["rows_in"] - line["dropped"] - line["set_aside"]
            assert busy > 0 or line["rows_out"] == line["kept"]
    if built.landed is not None and built.landed.is_new:
        assert built.landed.release.pairs == rows["pairs"]
    assert set(builds.audits(lake).values()) == {0}
    builds.leave()


async def test_a_stopped_build_is_not_held_to_it(tmp_path: Path, documents: Path, lake: Address) -> None:
    built = await builds.run(builds.write_recipe(tmp_path), documents, lake)
    with connect(lake) as connection:
        connection.execute(f"UPDATE lake.build_rows SET rows_done = 9 WHERE build_id = '{built.build_id}' AND position = 3")
    assert builds.audits(lake)["audit_rows_unaccounted_for"] > 0
    builds.leave()
    with pytest.raises(PrefmillError, match=r"breaks its own rules: .*audit_rows_unaccounted_for"):
        await builds.run(builds.write_recipe(tmp_path), documents, lake)
    with connect(lake) as connection:
        connection.execute(f"UPDATE lake.builds SET status = 'stopped' WHERE build_id = '{built.build_id}'")
    assert builds.audits(lake)["audit_rows_unaccounted_for"] == 0
