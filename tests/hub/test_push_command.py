"""`prefmill push` as people run it, and the dataset as people load it, through the same address."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import releases

from hub.pushes import TESTS, commits, files_at, files_in
from pipeline.hub.fake import FakeHub
from pipeline.hub.heads import read_head
from pipeline.hub.repositories import Account
from pipeline.land.export import export_release
from warehouse.address import Address
from warehouse.connection import connect

TOKEN = "hf_canaryOfTheCommand"
LOAD = """
import json, sys
from pathlib import Path
import pyarrow.parquet as pq
from datasets import load_dataset
export, wanted = Path(sys.argv[1]), json.loads(sys.argv[2])
for config, splits in wanted.items():
    found = load_dataset("mill/pairs", config, revision="planted")
    assert sorted(found) == sorted(splits), (config, found)
    for split, path in splits.items():
        assert found[split].to_list() == pq.read_table(export / path).to_pylist(), (config, split)
assert load_dataset("mill/pairs", split="train").num_rows > 0
print("the same")
"""


def run(command: list[str], hub: FakeHub, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command as somebody who has a token for this hub."""
    known = {
        "PYTHONPATH": str(TESTS.parent), "HF_ENDPOINT": hub.endpoint, "HF_TOKEN": TOKEN, "HF_HOME": str(folder / "hf"),
        "HF_HUB_DISABLE_XET": "1", "HF_HUB_OFFLINE": "0", "HF_DATASETS_OFFLINE": "0",
    }  # fmt: skip
    return subprocess.run(
        [sys.executable, *command], env=os.environ | known, capture_output=True, text=True, timeout=240, check=False
    )


@pytest.mark.slow
def test_pushed_and_loaded_every_value_is_the_same(lake: Address, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [row | {"licence": "CC-BY-4.0"} for row in releases.innocent(60)]
    rows[0]["prompt"] = [{"role": "user", "content": "Was mahlt die Mühle? 粉 🌾\u2028`load_dataset`"}]
    releases.plant(lake, rows)
    with FakeHub({TOKEN: Account("ada", ("mill",))}) as hub:
        pushing = ["-m", "flows.cli", "push", "planted", "mill/pairs", "-w", str(lake.root), "--private"]
        done = run([*pushing, "--json"], hub, tmp_path)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["outcome"] == "pushed"
        export_release(lake.root / "releases" / "planted", tmp_path / "export")
        assert files_at(hub, "planted") == files_in(tmp_path / "export")
        again = run(pushing, hub, tmp_path)
        assert (again.returncode, commits(hub)) == (0, 1)
        assert "mill/pairs: already there, tag planted" in again.stdout
        there = {path.partition("/")[0] for path in files_at(hub, "planted") if path.endswith(".parquet")}
        assert there > {"conversational", "implicit", "standard", "messages", "ranked", "unpaired", "sft", "soft"}
        head = read_head((tmp_path / "export" / "README.md").read_text(encoding="utf-8"))
        assert head
        wanted = {
            config["config_name"]: {file["split"]: file["path"] for file in config["data_files"]}
            for config in head["configs"]
        }
        loaded = run(["-c", LOAD, str(tmp_path / "export"), json.dumps(wanted)], hub, tmp_path)
        assert loaded.stdout.endswith("the same\n"), loaded.stderr
        refused = run([*pushing[:4], "other/pairs", *pushing[5:]], hub, tmp_path)
        assert refused.returncode == 2
        assert refused.stderr.startswith("prefmill: this token may not write to 'other/pairs' on http://127.0.0.1:")
        assert refused.stderr.count("\n") == 1
        bare = releases.innocent(20, seed=1)
        releases.plant(lake, bare, "bare")
        connection = connect(lake)
        connection.execute("UPDATE releases SET status = 'held' WHERE release = 'bare'")
        connection.close()
        willing = ["--held", "--licence", "CC0 1.0", "--revision", "next", "--layout", "unpaired"]
        held = run(["-m", "flows.cli", "push", "bare", "mill/pairs", "-w", str(lake.root), *willing], hub, tmp_path)
        assert held.returncode == 0, held.stderr
        assert files_at(hub, "next") == files_at(hub, "bare")
        data = {path for path in files_at(hub, "bare") if path.endswith(".parquet")}
        assert data == {"unpaired/train.parquet", "unpaired/test.parquet"}
        assert b"\nlicense: cc0-1.0\n" in files_at(hub, "bare")["README.md"]
        assert files_at(hub, "main") == files_at(hub, "planted")
        said = "".join(each.stdout + each.stderr for each in (done, again, loaded, refused, held))
        assert TOKEN not in said
        assert not [path for path in lake.root.rglob("*") if path.name.startswith(("push-", ".prefmill-"))]
