"""A folder appears whole or not at all, and only what nobody holds is cleared away."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.land.folders import stage, sync_tree
from schemas.errors import BuildError, RequestError

from .rows import hash_tree, make_release

LAZY = """
import sys
import pipeline.land.export, pipeline.land.release
heavy = {"pyarrow", "duckdb", "prefect", "warehouse", "flows"} & set(sys.modules)
assert not heavy, heavy
"""


def abandon(target: Path) -> Path:
    """A workspace of `target` as a killed writer leaves it."""
    with stage(target) as under_way:
        workspace = under_way.workspace
    workspace.mkdir()
    (workspace / "new").mkdir()
    (workspace / "new" / "half").write_text("half")
    return workspace


def replace(target: Path) -> None:
    """Put another folder in the place of `target`."""
    with stage(target) as under_way:
        (under_way.folder / "other").write_text("other")
        under_way.replace()


def test_everything_is_on_the_disk_before_it_gets_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    fsync, rename = os.fsync, os.rename

    def note_fsync(handle: int) -> None:
        calls.append(Path(os.readlink(f"/proc/self/fd/{handle}")).name)
        fsync(handle)

    def note_rename(old: Path, new: Path) -> None:
        calls.append(f"rename {Path(old).name} {Path(new).name}")
        rename(old, new)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(os, "rename", note_rename)
    make_release(tmp_path / "r")
    expected = ["manifest.json", "pairs.parquet", "recipe.yaml", "votes.parquet", "new", "rename new r", tmp_path.name]
    assert calls[: len(expected)] == expected


def test_workspace_that_is_in_use_is_left_alone(tmp_path: Path) -> None:
    with stage(tmp_path / "r") as under_way:
        make_release(tmp_path / "r")
        assert under_way.folder.is_dir()
        assert not under_way.publish()
    assert [path.name for path in tmp_path.iterdir()] == ["r"]


def test_abandoned_workspace_is_cleared_by_the_next_writer_of_the_same_target(tmp_path: Path) -> None:
    mine, theirs = abandon(tmp_path / "r"), abandon(tmp_path / "other")
    make_release(tmp_path / "r")
    assert not mine.exists()
    assert theirs.exists()


def test_without_locks_nothing_is_cleared_and_writing_still_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no locks here")

    workspace = abandon(tmp_path / "r")
    monkeypatch.setattr("fcntl.flock", refuse)
    make_release(tmp_path / "r")
    assert workspace.exists()
    assert {path.name for path in tmp_path.iterdir()} == {"r", workspace.name}


def test_failed_replacement_puts_the_old_folder_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_release(tmp_path / "r")
    before = hash_tree(tmp_path)
    rename = os.rename

    def fail_at_the_end(old: Path, new: Path) -> None:
        if Path(old).name == "new" and not Path(new).exists():
            raise OSError(28, "No space left on device")
        rename(old, new)

    monkeypatch.setattr(os, "rename", fail_at_the_end)
    with pytest.raises(BuildError, match="no space is left"):
        replace(tmp_path / "r")
    assert hash_tree(tmp_path) == before


def test_names_as_long_as_they_may_be_work(tmp_path: Path) -> None:
    target = tmp_path / ("ü" * 127)
    with stage(target) as under_way:
        sync_tree(under_way.folder)
        assert under_way.publish()
    assert target.is_dir()


def test_mount_point_is_refused() -> None:
    with pytest.raises(RequestError, match="'/proc' is a mount point"), stage(Path("/proc")):
        pass


def test_importing_the_stage_is_cheap() -> None:
    subprocess.run([sys.executable, "-c", LAZY], check=True, cwd=Path(__file__).parents[2])
