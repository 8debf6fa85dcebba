"""Prefect for real: a server on loopback, a scheduled deployment, and the release its run made."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import tenacity

pytestmark = pytest.mark.slow
PATIENCE_SECONDS = 240


@contextmanager
def running(command: list[str], folder: Path, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a session of its own, ended with everything it started."""
    log = (folder / "process.log").open("ab")
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
        log.close()


def wait_for(question: Callable[[], Any], what: str, folder: Path) -> Any:
    """The first answer that is not empty."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        if answer := question():
            return answer
        time.sleep(0.5)
    raise AssertionError(f"{what} did not happen; the log ends:\n{(folder / 'process.log').read_text()[-3000:]}")


def ask(command: list[str], folder: Path, environment: dict[str, str]) -> Any:
    """What a `--json` command prints, or None while it fails."""
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return json.loads(done.stdout) if done.returncode == 0 else None


def is_busy(problem: BaseException) -> bool:
    """Whether the server asks to be asked again, which it does while somebody else writes to its SQLite file."""
    return isinstance(problem, urllib.error.HTTPError) and problem.code == 503


@tenacity.retry(
    retry=tenacity.retry_if_exception(is_busy),
    wait=tenacity.wait_fixed(1),
    stop=tenacity.stop_after_delay(PATIENCE_SECONDS),
    reraise=True,
)
def post(url: str, body: dict[str, Any]) -> Any:
    """Ask the Prefect server, as patiently as Prefect's own client does."""
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as reply:
        return json.load(reply)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A Prefect home of its own, and no server or model from outside."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "OPENAI_", "PREFMILL_"))
    }
    return {
        **kept,
        "PREFECT_HOME": str(tmp_path / "prefect"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }


def test_a_scheduled_build_runs_on_its_own_server_and_makes_a_release(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    for number in range(3):
        words = (
            f"The mill number {number} is driven by water from the river. It grinds {number + 2} sacks of corn a day."
        )
        (notes / f"{number}.md").write_text(f"# Note {number}\n\n{words}\n")
    prefmill = [sys.executable, "-m", "flows.cli"]
    schedule = [
        *prefmill,
        "schedule",
        "quickstart",
        "notes",
        "--engine",
        "rehearsal",
        "--cron",
        "* * * * *",
        "-w",
        "lake",
    ]
    with running(schedule, tmp_path, environment):
        listing = [*prefmill, "releases", "--json", "-w", "lake"]
        (release, *_) = wait_for(lambda: ask(listing, tmp_path, environment), "the scheduled release", tmp_path)
    assert release["status"] == "published"
    assert release["pairs"] > 0
    assert 1 <= release["documents"] <= 3
    rows = ask([*prefmill, "releases", "--json", "-w", "lake"], tmp_path, environment)
    assert [row["release"] for row in rows] == [release["release"]]


def test_a_work_pool_runs_the_deployment_file(tmp_path: Path, environment: dict[str, str]) -> None:
    """`prefect.yaml`, a process worker, a run asked for by hand, tasks named as the recipe names its steps."""
    root = Path(__file__).parents[2]
    note = tmp_path / "note.md"
    note.write_text(
        "# Mills\n\nA water mill turns the power of a river into the power to grind corn. Its wheel must be well greased.\n"
    )
    port = _free_port()
    url = f"http://127.0.0.1:{port}/api"
    environment["PREFECT_API_URL"] = url
    prefect = [sys.executable, "-m", "prefect"]
    with running([*prefect, "server", "start", "--host", "127.0.0.1", "--port", str(port)], tmp_path, environment):
        wait_for(lambda: _is_up(url), "the server's start", tmp_path)
        run = {"env": environment, "cwd": root, "check": True, "capture_output": True}
        subprocess.run([*prefect, "work-pool", "create", "local", "--type", "process"], **run)
        subprocess.run([*prefect, "--no-prompt", "deploy", "--prefect-file", "flows/prefect.yaml", "--all"], **run)
        (deployment, *_) = post(f"{url}/deployments/filter", {})
        parameters = {
            "recipe": "quickstart",
            "sources": [str(note)],
            "warehouse": str(tmp_path / "lake"),
            "engine": "rehearsal",
        }
        started = post(
            f"{url}/deployments/{deployment['id']}/create_flow_run",
            {"parameters": parameters, "state": {"type": "SCHEDULED"}},
        )
        with running([*prefect, "worker", "start", "--pool", "local", "--type", "process"], tmp_path, environment):
            asked = {"flow_runs": {"id": {"any_": [started["id"]]}}}
            state = wait_for(
                lambda: next(
                    (
                        run["state"]
                        for run in post(f"{url}/flow_runs/filter", asked)
                        if run["state_type"] in ("COMPLETED", "FAILED", "CRASHED")
                    ),
                    None,
                ),
                "the end of the run",
                tmp_path,
            )
        assert state["type"] == "COMPLETED", state
        names = {task["name"] for task in post(f"{url}/task_runs/filter", asked)}
        assert {
            "mine/read",
            "mine/chunk · shard 1",
            "judge/pairwise · shard 1",
            "select/exact_duplicates",
            "land/release",
        } <= names
        keys = {artifact["key"] for artifact in post(f"{url}/artifacts/filter", {})}
        assert {"summary", "progress"} <= keys
    releases = ask(
        [sys.executable, "-m", "flows.cli", "releases", "--json", "-w", str(tmp_path / "lake")], tmp_path, environment
    )
    assert releases
    assert releases[0]["status"] == "published"


def _is_up(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=2):
            return True
    except OSError:
        return False


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
