"""Run a piece of code and its tests in a cage of its own; this file is a script for a bare interpreter.

The job comes as JSON on the standard input, the verdict on each test goes as one line to the pipe whose number is the
first argument. The standard output belongs to the code.
"""

from __future__ import annotations

import importlib.util
import json
import os
import random
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache", "/usr/share/zoneinfo")
FILE_BYTES = 2**20
OPEN_FILES = 64
LONGEST_ERROR = 400
SPACE_NAME = "solution"


def load_beside(name: str) -> ModuleType:
    """A module of this folder, by its path: nothing of ours can be imported in here."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def lock_in(job: dict[str, Any]) -> None:
    """Confine this process to the standard library and its own folder."""
    confine, calls = load_beside("confine"), load_beside("syscalls")
    standard = [path for path in sys.path if os.path.isdir(path)]
    readable = [
        os.path.join(path, entry) for path in standard for entry in os.listdir(path) if not entry.endswith("-packages")
    ]
    confine.limit(cpu_seconds=job["seconds"], memory_mib=job["memory_mib"], file_bytes=FILE_BYTES, files=OPEN_FILES)
    confine.confine(
        calls.REFUSED, calls.CLONE, calls.CLONE3, calls.NEWEST_KNOWN,
        readable=[*readable, *LIBRARIES], listable=standard, own_folder=os.getcwd(),
    )  # fmt: skip


def run(code: str, tests: list[str], report: Any) -> None:
    """Run the code, then each test in the same names; `report` gets a verdict for each, and the code's own is number -1."""
    space: dict[str, Any] = {"__name__": SPACE_NAME}
    random.seed(0)
    for number, source in enumerate([code, *tests], -1):
        try:
            exec(compile(source, SPACE_NAME if number < 0 else f"test_{number + 1}", "exec"), space)
        except BaseException as problem:
            report({"number": number, "error": describe(problem)})
            if number < 0:
                return
        else:
            report({"number": number, "error": ""})


def describe(problem: BaseException) -> str:
    """What went wrong, and on which line of the code."""
    lines = [frame.lineno for frame in traceback.extract_tb(problem.__traceback__) if frame.filename == SPACE_NAME]
    place = f" (line {lines[-1]} of the code)" if lines else ""
    try:
        said = str(problem)
    except Exception:
        said = "an error that cannot be told"
    return f"{type(problem).__name__}: {said}"[:LONGEST_ERROR] + place


def main() -> None:
    """Do the one job."""
    job = json.loads(sys.stdin.buffer.read())
    pipe, key = int(sys.argv[1]), job["key"]

    def report(verdict: dict[str, Any]) -> None:
        os.write(pipe, f"{key} {json.dumps(verdict)}\n".encode())

    lock_in(job)
    report({"number": -2, "error": ""})
    run(job["code"], job["tests"], report)
    try:
        sys.stdout.flush()
    finally:
        os._exit(0)


if __name__ == "__main__":
    main()
