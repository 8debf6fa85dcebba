"""Broken judges and broken label paths: each is planted into a copy of the code, and a test must notice.

`mutants.yaml` lists them: what is broken, in which file, which line becomes which, and the tests that are to fail. Several
are faults of released pipelines (see the notes there). A mutant whose line is no longer in the code is an error, so the
list cannot go stale. The digests of cases are left out: they notice every change, and say nothing about right and wrong.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
COPIED = ("schemas", "prompts", "warehouse", "pipeline", "flows", "tests", "pyproject.toml")
MUTANTS: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "mutants.yaml").read_text("utf-8"))
LEAST = 20
PATIENCE_SECONDS = 240
TESTS_FAILED = 1
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the code and its tests, to be broken."""
    folder = tmp_path_factory.mktemp("copy")
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def run_tests(folder: Path, tests: str, only: str) -> subprocess.CompletedProcess[str]:
    """Run some tests of the copy, on the code of the copy, until the first that fails."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("PYTEST_XDIST_WORKER", None)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", tests, "-k", only],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def test_there_are_enough_and_each_is_another() -> None:
    assert len(MUTANTS) >= LEAST
    assert len({mutant["breaks"] for mutant in MUTANTS}) == len(MUTANTS)
    assert all(mutant["find"] != mutant["replace"] for mutant in MUTANTS)


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant["breaks"] for mutant in MUTANTS])
def test_a_mutant_is_killed(copy: Path, mutant: dict[str, Any]) -> None:
    path = copy / mutant["file"]
    whole = path.read_text(encoding="utf-8")
    assert whole.count(mutant["find"]) == 1, f"{mutant['file']} does not have this line once; bring the mutant up to date"
    path.write_text(whole.replace(mutant["find"], mutant["replace"]), encoding="utf-8")
    try:
        done = run_tests(copy, mutant["tests"], mutant.get("only", ""))
    finally:
        path.write_text(whole, encoding="utf-8")
    assert done.returncode == TESTS_FAILED, f"nobody noticed\n{done.stdout[-3000:]}{done.stderr[-2000:]}"
    assert " failed" in done.stdout


@pytest.mark.parametrize(("tests", "only"), sorted({(each["tests"], each.get("only", "")) for each in MUTANTS}))
def test_what_is_not_broken_passes_the_same_tests(copy: Path, tests: str, only: str) -> None:
    """Otherwise a test that always fails would kill every mutant."""
    done = run_tests(copy, tests, only)
    assert done.returncode == 0, done.stdout[-3000:]
    assert " passed" in done.stdout
