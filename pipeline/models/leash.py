"""Tie the processes that vLLM starts to ours, and keep what they say.

Left alone, vLLM's processes outlive a parent that is killed and go on holding its GPU; they end at once on the Ctrl-C
with which we are asked to end in good order; and they write tracebacks across the terminal. A `Leash` travels with
vLLM's configuration (in `additional_config`) and takes hold where that is unpickled: in a process just spawned.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

POLL_SECONDS = 0.5
LOGGED = r"^(?:\(.*?\) ERROR .*?\] )?"
FAILURE = re.compile(LOGGED + r"(?:[\w.]*(?:Error|Exception): (?=\S)|(?=Worker proc))(.*)", re.MULTILINE)
HINDSIGHT = re.compile(r"root cause|background process")
"""Errors by which one process only reports that another one failed."""


class Leash(str):
    """Binds every spawned process it reaches to the life of that process's parent, and its output to `log`.

    It is a constant text with a secret: vLLM hashes its configuration, and a text that differed from run to run would
    have it compile every model anew.
    """

    log: Path
    __slots__ = ("log",)

    def __new__(cls, log: Path) -> Leash:
        """A leash whose processes write into `log`."""
        leash = super().__new__(cls, "prefmill")
        leash.log = log
        return leash

    @classmethod
    def to_new_log(cls) -> Leash:
        """A leash with an empty log of its own in the folder for temporary files."""
        descriptor, name = tempfile.mkstemp(prefix="prefmill-vllm-", suffix=".log")
        os.close(descriptor)
        return cls(Path(name))

    def __reduce__(self) -> Any:
        return _take_hold, (str(self.log), os.getpid())

    def __deepcopy__(self, memo: Any) -> Leash:
        return self  # a copy within our own process must not take hold of it

    def failure(self) -> str:
        """The first error that a leashed process wrote, as one line; empty when none did."""
        said = [match.group(1) for match in FAILURE.finditer(self.log.read_text("utf-8", "replace"))]
        return next((line for line in said if not HINDSIGHT.search(line)), said[0] if said else "").strip().rstrip(".:")


def _take_hold(log: str, parent: int) -> Leash:
    # True only while a process just spawned reads what it is to do; elsewhere a leash is read as any other value.
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        threading.Thread(target=_follow, args=(parent,), name="prefmill-leash", daemon=True).start()
        # A Ctrl-C goes to a terminal's whole group of processes: leave it. But stay in the session: Linux shares its
        # cores out by session, and vLLM's processes, which wait by yielding to each other, would starve each other.
        os.setpgrp()
        descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        for stream in (1, 2):
            os.dup2(descriptor, stream)
        os.close(descriptor)
    return Leash(Path(log))


def _follow(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(POLL_SECONDS)
    os._exit(1)  # nobody is left to shut down in order for
