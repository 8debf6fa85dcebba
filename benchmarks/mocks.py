"""The model server of a benchmark: our mock in a process of its own, or another that already runs."""

from __future__ import annotations

import json
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.processes import Running

START_SECONDS = 60.0
POLL_SECONDS = 0.004
# Elsewhere the same knobs and counts may have other names; the first one that is there counts.
NAMES = {
    "calls": ("calls", "total"),
    "answered": ("ok_total",),
    "answered_again": ("answered_again", "ok_repeated"),
    "most_at_once": ("max_in_flight", "max_inflight"),
    "at_once": ("in_flight", "inflight"),
}


@dataclass(frozen=True, slots=True)
class Counts:
    """What the server counted: calls, those answered with status 200, those answered so before, and the most at once."""

    calls: int
    answered: int
    answered_again: int
    at_once: int
    most_at_once: int


@dataclass(frozen=True, slots=True)
class Mock:
    """A mock server; `base_url` ends in `/v1`."""

    base_url: str

    def counts(self) -> Counts:
        """What it counted since it was last reset."""
        said = self._ask("/stats")
        found = {name: next((said[each] for each in names if each in said), 0) for name, names in NAMES.items()}
        if "by_status" in said and "ok_total" not in said:
            found["answered"] = said["by_status"].get("200", 0)
        return Counts(**found)

    def reset(self) -> None:
        """Forget all counts."""
        self._ask("/reset", {})

    def configure(self, **knobs: float) -> None:
        """Turn knobs."""
        self._ask("/config", knobs)

    def wait_for_calls(self, count: int, within_seconds: float = 120.0) -> float:
        """The time (of the epoch) at which so many calls had come in; asks every few milliseconds."""
        until = time.time() + within_seconds
        while self.counts().calls < count:
            if time.time() > until:
                raise TimeoutError(
                    f"{self.base_url} had {self.counts().calls} calls within {within_seconds:g} s, not {count}"
                )
            time.sleep(POLL_SECONDS)
        return time.time()

    def _ask(self, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        url = self.base_url.removesuffix("/v1") + path
        request = urllib.request.Request(
            url, None if body is None else json.dumps(body).encode(), {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as reply:
            answer: dict[str, Any] = json.load(reply)
            return answer


@contextmanager
def serve(folder: Path, url: str | None = None, **knobs: float) -> Iterator[Mock]:
    """A mock server with these knobs while the block runs; the one at `url`, reset and configured, if there is one."""
    if url is not None:
        mock = Mock(url.rstrip("/"))
        mock.configure(**knobs)
        mock.reset()
        yield mock
        return
    process = start_server(folder, **knobs)
    try:
        yield Mock(f"http://127.0.0.1:{wait_for_port(process, folder)}/v1")
    finally:
        process.kill()


def start_server(folder: Path, port: int = 0, /, **knobs: float) -> Running:
    """Our mock server, in a process of its own."""
    (folder / "port").unlink(missing_ok=True)
    flags = [word for name, value in knobs.items() for word in (f"--{name.replace('_', '-')}", f"{value:g}")]
    command = [sys.executable, "-m", "pipeline.models.mock_server", "--port", str(port), *flags, "--port-file", "port"]
    return Running(command, folder)


def wait_for_port(process: Running, folder: Path) -> int:
    """The port that a server says it listens on."""
    until = time.monotonic() + START_SECONDS
    while not (folder / "port").exists():
        if process.end_within(0.02) or time.monotonic() > until:
            raise RuntimeError(f"the mock server did not start: {process.ended(1).err[-1000:]}")
    return int((folder / "port").read_text())
