"""Documents that need a parser, parsed in another process: what hangs or crashes there cannot take the build down.

In one process it could: kreuzberg's own time limit does not reach into pdfium, pdfium is not safe to call from two
threads, and a panic there leaves its locks poisoned.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from pathlib import Path
from typing import Any

from schemas.errors import AttemptError, Transient, Unanswerable

DEADLINE_SECONDS = 300.0
ALARM = 1  # the exit code of a worker whose deadline has passed
OUTSIDE = {-signal.SIGINT, -signal.SIGTERM, -9}  # sent by the user, the system, its memory guard
PACKAGE_ROOT = Path(__file__).parents[2]
HEADER_BYTES = 8


class Parser:
    """Parses for as many threads as ask, each with a worker process of its own, kept for the next document.

    A worker is started when it is first needed, and ends with this object or when its parent dies.
    """

    def __init__(self, deadline_seconds: float = DEADLINE_SECONDS) -> None:
        self.deadline_seconds = deadline_seconds
        self._lock = threading.Lock()
        self._idle: list[subprocess.Popen[bytes]] = []
        weakref.finalize(self, _end_all, self._idle)

    def parse(self, media_type: str, data: bytes) -> str:
        """The Markdown of a document; raises `Unanswerable` when there is none to be had."""
        with self._lock:
            worker = self._idle.pop() if self._idle else None
        worker = worker or _start_worker()
        began = time.monotonic()
        try:
            answer = _ask(worker, {"media_type": media_type, "deadline": self.deadline_seconds}, data)
        except BaseException:
            worker.kill()
            _end(worker)
            raise
        if answer is None:
            raise self._explain_death(_end(worker), time.monotonic() - began)
        if answer.get("worn"):
            _end(worker)
        else:
            with self._lock:
                self._idle.append(worker)
        if "missing" in answer:
            raise Transient(f"documents cannot be parsed here: {answer['missing']}")
        if "reason" in answer:
            raise Unanswerable(answer["reason"], answer["detail"])
        return str(answer["text"])

    def _explain_death(self, code: int, seconds: float) -> AttemptError:
        """What the exit code of a worker says of the document; a death from outside says nothing of it."""
        if code == ALARM and seconds >= self.deadline_seconds:
            return Unanswerable("unreadable", f"it keeps the parser busy for over {self.deadline_seconds:g} seconds")
        if code in OUTSIDE or code >= 0:
            return Transient(f"the process that parses documents ended early (exit code {code})")
        return Unanswerable("unreadable", f"it crashes the parser ({signal.Signals(-code).name})")


def _start_worker() -> subprocess.Popen[bytes]:
    """A worker in a session of its own, so that Ctrl-C reaches the build alone."""
    path = [os.path.abspath(entry) for entry in sys.path]
    if str(PACKAGE_ROOT) not in path:
        path.insert(0, str(PACKAGE_ROOT))
    place = tempfile.gettempdir()
    settings = {"PYTHONPATH": os.pathsep.join(path), "KREUZBERG_CACHE_DIR": os.path.join(place, "prefmill-parser")}
    try:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "pipeline.sources.worker"], cwd=place, env=os.environ | settings,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
        )
    except OSError as problem:
        raise Transient(f"the process that parses documents could not be started: {problem}") from None


def _ask(worker: subprocess.Popen[bytes], request: dict[str, Any], data: bytes) -> dict[str, Any] | None:
    """What the worker answers, or None if it died of the question."""
    assert worker.stdin is not None
    assert worker.stdout is not None
    head = json.dumps(request | {"size": len(data)}).encode()
    try:
        worker.stdin.write(len(head).to_bytes(HEADER_BYTES, "big") + head)
        worker.stdin.write(data)
        worker.stdin.flush()
    except OSError:
        return None
    size = int.from_bytes(worker.stdout.read(HEADER_BYTES), "big")
    answer = worker.stdout.read(size)
    return json.loads(answer) if size and len(answer) == size else None


def _end(worker: subprocess.Popen[bytes]) -> int:
    """End a worker that is idle or dead; one that waits for a request ends when its input does."""
    for pipe in (worker.stdin, worker.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    return worker.wait()


def _end_all(workers: list[subprocess.Popen[bytes]]) -> None:
    while workers:
        _end(workers.pop())
