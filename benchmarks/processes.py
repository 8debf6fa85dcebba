"""Processes under measurement: started clean, killed with all they started, and what they used."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeVar

ROOT = Path(__file__).parents[1]
OURS = ("PREFMILL_", "OPENAI_", "PREFECT_")
PATIENCE_SECONDS = 1800.0
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended: exit code (negative: a signal), wall and CPU seconds, peak memory, and what it printed."""

    code: int
    seconds: float
    cpu_seconds: float
    peak_mb: float
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The sentence that prefmill ended with, if it had one to say."""
        return next((line for line in self.err.splitlines() if line.startswith("prefmill: ")), "")


class Running:
    """A process in a session of its own; `ended` waits for it."""

    def __init__(self, command: Sequence[str], folder: Path, **environment: str) -> None:
        # Read and closed once the process has ended.
        self._out, self._err = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115
        self.started_at, self._started = time.time(), time.perf_counter()
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            stdout=self._out,
            stderr=self._err,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            env=clean_environment() | environment,
        )
        self._ended: Ended | None = None

    @property
    def pid(self) -> int:
        """The process, and the group of all it starts."""
        return self._process.pid

    def cpu_seconds(self) -> float:
        """The CPU time it has used so far, all threads together (Linux)."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")

    def end_within(self, seconds: float) -> bool:
        """Wait so long for its end; whether it came."""
        until = time.perf_counter() + seconds
        while self._reap(os.WNOHANG) is None:
            left = until - time.perf_counter()
            if left <= 0:
                return False
            time.sleep(min(left, 0.005))
        return True

    def send(self, sign: signal.Signals) -> None:
        """Send a signal to the process alone."""
        if self._ended is None:
            self._process.send_signal(sign)

    def kill(self) -> None:
        """kill -9, with everything it started."""
        if self._ended is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._reap()

    def ended(self, patience_seconds: float = PATIENCE_SECONDS) -> Ended:
        """Wait for its end; a process that outlives our patience is killed and `TimeoutError` is raised."""
        if not self.end_within(patience_seconds):
            self.kill()
            raise TimeoutError(
                f"no end within {patience_seconds:.0f} s; it said: {self._ended.err[-2000:] if self._ended else ''}"
            )
        assert self._ended is not None
        return self._ended

    def _reap(self, options: int = 0) -> Ended | None:
        """`os.wait4` instead of `Popen.wait`, because only it tells what this one process used."""
        if self._ended is None:
            pid, status, used = os.wait4(self._process.pid, options)
            if not pid:
                return None
            seconds = time.perf_counter() - self._started
            self._process.returncode = os.waitstatus_to_exitcode(status)
            self._ended = Ended(
                self._process.returncode,
                seconds,
                used.ru_utime + used.ru_stime,
                used.ru_maxrss / 1024,
                _read_whole(self._out),
                _read_whole(self._err),
            )
        return self._ended


def _read_whole(file: IO[bytes]) -> str:
    """What a process wrote to a file that it shared with us, which is gone with this."""
    with file:
        file.seek(0)
        return file.read().decode("utf-8", "replace")


def run(command: Sequence[str], folder: Path, **environment: str) -> Ended:
    """Run a command to its end."""
    return Running(command, folder, **environment).ended()


def prefmill(*words: str) -> list[str]:
    """The command line of this prefmill."""
    return [sys.executable, "-m", "flows.cli", *words]


def build(recipe: str, sources: str, lake: str, *more: str) -> list[str]:
    """The command that every benchmark is about."""
    return prefmill("build", recipe, sources, "--direct", "-w", lake, *more)


def must(ended: Ended) -> Ended:
    """The same, if it ended well."""
    if ended.code:
        raise RuntimeError(f"exit code {ended.code}: {ended.err[-2000:] or ended.out[-2000:]}")
    return ended


def apart(function: Callable[..., R], *given: Any) -> R:
    """Call it in a process of its own: what a process once took counts as the peak of all that it starts later."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *given).result()


def clean_environment() -> dict[str, str]:
    """Ours without settings of the user's, with this source tree first, and free to keep compiled bytecode."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(OURS) and name != "PYTHONDONTWRITEBYTECODE"
    }
    return kept | {"PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))}
