"""What a prompt was conditioned on is exported where its reader may know, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import builds
import pytest

from pipeline.land.export import export_release
from warehouse.address import Address
from warehouse.connection import connect

SECRET = "be curt on purpose"


@pytest.mark.parametrize("visible", [True, False])
async def test_a_hidden_condition_is_in_no_file_of_an_export(
    tmp_path: Path, documents: Path, lake: Address, visible: bool
) -> None:
    await builds.run(builds.write_recipe(tmp_path, name="first"), documents, lake)
    with connect(lake) as connection:
        condition = f"{{'kind': 'persona', 'id': 'per_1', 'text': '{SECRET}', 'visible': {visible}}}"
        connection.execute(f"UPDATE prompts SET condition = {condition}")
    built = await builds.run(builds.write_recipe(tmp_path, name="second"), documents, lake)
    assert built.landed is not None
    assert built.landed.is_new
    export_release(lake.root / built.landed.release.folder, tmp_path / "out", jsonl=True)
    holding = {path.parent.name for path in (tmp_path / "out").rglob("*.jsonl") if SECRET in path.read_text("utf-8")}
    assert holding == ({"conditioned", "provenance"} if visible else set())
    assert all(SECRET not in path.read_text("utf-8") for path in (tmp_path / "out").glob("*.*"))
