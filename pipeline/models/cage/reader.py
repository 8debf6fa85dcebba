"""Read a model's words with tools that may not come to an end: a pattern, a schema, a computer algebra system.

This process has the libraries loaded and takes one job after another, a line of JSON each; for each job it starts a child
that confines itself before it looks at a word. So what was written to break the tool ends with the child.
"""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import sys
from collections.abc import Callable
from typing import Any

from pipeline.models.cage.confine import Uncaged, confine, limit
from pipeline.models.cage.syscalls import CLONE, CLONE3, NEWEST_KNOWN, REFUSED

Reply = dict[str, Any]
EXTRA = "pip install 'prefmill[verify]'"
LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache")
FILE_BYTES = 2**20
OPEN_FILES = 64
LONGEST_DETAIL = 400
LONGEST_FOUND = 2000


def match_pattern(job: Reply) -> Reply:
    """Where a pattern is found, and its groups."""
    pattern = re.compile(job["pattern"], job["flags"])
    found = pattern.fullmatch(job["text"]) if job["whole"] else pattern.search(job["text"])
    if found is None:
        return {"holds": False, "detail": "the pattern is not found"}
    group = found.group(job["group"])
    return {
        "holds": True,
        "detail": f"found at {found.start()} to {found.end()}",
        "found": (group or "")[:LONGEST_FOUND],
    }


def follow_schema(job: Reply) -> Reply:
    """Whether a JSON text follows a schema; the deepest of its first faults if not. Nothing is fetched for a reference."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match
    from jsonschema.validators import validator_for
    from referencing import Registry

    try:
        value = json.loads(job["text"], parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as problem:
        return {"holds": False, "detail": f"not JSON: {problem}"}
    validator = validator_for(job["schema"], default=Draft202012Validator)(job["schema"], registry=Registry())
    fault = best_match(validator.iter_errors(value))
    if fault is None:
        return {"holds": True, "detail": "follows the schema"}
    return {"holds": False, "detail": f"{fault.json_path}: {fault.message}"}


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def equal_maths(job: Reply) -> Reply:
    """Whether two mathematical texts say the same; None when the reference cannot be read."""
    from math_verify import parse, verify

    gold, answer = (parse(job[name], parsing_timeout=None) for name in ("reference", "text"))
    read = f"reference read as {_shown(gold)}, answer as {_shown(answer)}"
    if not gold:
        return {"holds": None, "detail": read}
    if not answer:
        return {"holds": False, "detail": read}
    holds = verify(
        gold, answer, float_rounding=job["decimals"], strict=job["strict"], timeout_seconds=None, raise_on_error=True
    )
    return {"holds": bool(holds), "detail": read, "found": _shown(answer)}


def _shown(parsed: list[Any]) -> str:
    return str(parsed[0])[:LONGEST_DETAIL] if parsed else "nothing"


PROGRAMS: dict[str, tuple[Callable[[Reply], Reply], tuple[str, ...]]] = {
    "cage/pattern": (match_pattern, ()),
    "cage/schema": (follow_schema, ("jsonschema",)),
    "cage/maths": (equal_maths, ("math_verify",)),
}
"""What this process can do, each with the libraries it takes."""


def do_apart(program: Callable[[Reply], Reply], job: Reply) -> Reply:
    """The reply of a program, run in a child; one that died says so in `ended`."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _be_the_child(program, job, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read(2**20)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code == 0 and said:
        reply: Reply = json.loads(said)
        return reply
    if code == -signal.SIGXCPU:
        return {"ended": "time", "detail": f"not done after {job['seconds']} s"}
    return {"ended": "died", "detail": f"ended by {signal.Signals(-code).name if code < 0 else f'exit code {code}'}"}


def _be_the_child(program: Callable[[Reply], Reply], job: Reply, writing: int) -> None:
    try:
        limit(cpu_seconds=job["seconds"], memory_mib=job["memory_mib"], file_bytes=FILE_BYTES, files=OPEN_FILES)
        places = [path for path in sys.path if path.endswith("-packages")]
        confine(
            REFUSED, CLONE, CLONE3, NEWEST_KNOWN,
            readable=[*places, os.path.dirname(os.__file__), *LIBRARIES], listable=(), own_folder=None,
        )  # fmt: skip
        try:
            reply = program(job)
        except Exception as problem:
            reply = {"ended": "died", "detail": f"{type(problem).__name__}: {problem}"}
        reply["detail"] = reply["detail"][:LONGEST_DETAIL]
    except Uncaged as problem:
        reply = {"ended": "uncaged", "detail": str(problem)}
    except BaseException as problem:
        reply = {"ended": "died", "detail": type(problem).__name__}
    os.write(writing, json.dumps(reply).encode("utf-8", "replace"))
    os._exit(0)


def main() -> None:
    """Take jobs until there are no more."""
    logging.disable()
    replies = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what a library prints is no reply
    for line in sys.stdin.buffer:
        job = json.loads(line)
        program, libraries = PROGRAMS[job["program"]]
        reply: Reply
        try:
            for name in libraries:
                __import__(name)
        except ImportError:
            reply = {"ended": "missing", "detail": f"`{libraries[0]}` is not installed; {EXTRA}"}
        else:
            reply = do_apart(program, job)
        replies.write(json.dumps(reply).encode() + b"\n")


if __name__ == "__main__":
    main()
