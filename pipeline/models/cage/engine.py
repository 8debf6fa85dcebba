"""Answer the requests that are made to the cage: a fresh process for code, processes kept ready for everything else."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.models.cage.confine import what_is_lacking
from schemas.errors import EngineError, Transient
from schemas.requests import CAGE, Completion, Draw, Request

CODE = "cage/code"
INMATE = Path(__file__).with_name("inmate.py")
ENVIRONMENT = {"PYTHONHASHSEED": "0", "PYTHONUTF8": "1"}
"""All that code in the cage finds in its environment; sets have the same order every time."""
LONGEST_REPLY = 2**22
OUTPUT_SHOWN = 2000
START_SECONDS = 60.0
"""What a reader may take to load its libraries on a machine that is busy."""
Reply = dict[str, Any]


def patience(seconds: int) -> float:
    """The wall time after which a job of so many seconds of processor time is over: it sleeps, or the machine is busy."""
    return 3.0 * seconds + 5.0


class Cage:
    """Runs at most as many jobs at once as there are processors; a job that has no end has one all the same.

    The first job looks whether this machine can confine a process at all; `EngineError` says what it lacks. `Transient`
    says that the cage failed, not what was in it.
    """

    def __init__(self) -> None:
        self._room = asyncio.Semaphore(os.cpu_count() or 1)
        self._idle: list[asyncio.subprocess.Process] = []
        self._is_safe = False

    async def complete(self, request: Request) -> Completion:
        """The reply of the program that a request names, as JSON."""
        if not self._is_safe:
            if lacking := what_is_lacking():
                raise EngineError(f"checks cannot be run apart from this process: {lacking}")
            self._is_safe = True
        job = dict(request.variables)
        async with self._room:
            reply = await (_run_code(job) if request.prompt == CODE else self._read({**job, "program": request.prompt}))
        text = json.dumps(reply, ensure_ascii=False).encode("utf-8", "replace").decode()
        return Completion((Draw(text),), CAGE)

    async def close(self) -> None:
        """End the processes that were kept ready."""
        while self._idle:
            await _end(self._idle.pop())

    async def _read(self, job: Reply) -> Reply:
        """One job for a process that is kept ready; a process that did not reply is not used again."""
        reader = self._idle.pop() if self._idle else await _start_reader()
        try:
            assert reader.stdin is not None
            assert reader.stdout is not None
            reader.stdin.write(json.dumps(job).encode() + b"\n")
            async with asyncio.timeout(START_SECONDS + patience(job["seconds"])):
                line = await reader.stdout.readline()
            reply: Reply = json.loads(line) if line else {}
        except TimeoutError:
            await _end(reader)
            return {"ended": "time", "detail": f"no reply in {START_SECONDS + patience(job['seconds']):g} s"}
        except BaseException:
            await _end(reader)
            raise
        if not reply:
            await _end(reader)
            raise Transient("a process of the cage ended before it replied")
        self._idle.append(reader)
        if reply.get("ended") in ("missing", "uncaged"):
            raise EngineError(f"a check cannot be run: {reply['detail']}")
        return reply


async def _start_reader() -> asyncio.subprocess.Process:
    """A process that takes jobs, with the same modules in reach as this one and nothing of its environment."""
    places = os.pathsep.join(dict.fromkeys(path or os.getcwd() for path in sys.path))
    try:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-B", "-c", "from pipeline.models.cage.reader import main; main()",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            env={**ENVIRONMENT, "PYTHONPATH": places}, cwd="/", start_new_session=True, limit=LONGEST_REPLY,
        )  # fmt: skip
    except OSError as problem:
        raise Transient(f"no process for the cage: {problem}") from None


async def _end(process: asyncio.subprocess.Process) -> None:
    """End a process and wait until it is gone."""
    if process.returncode is None:
        process.kill()
    await process.wait()


async def _run_code(job: Reply) -> Reply:
    """Run code and tests in a folder that is gone afterwards."""
    try:
        folder = tempfile.mkdtemp(prefix="prefmill-cage-")
        try:
            return await _run_inside(folder, job)
        finally:
            # Not in Python: a tree can be nested deeper than its recursion goes.
            removal = await asyncio.create_subprocess_exec("rm", "-rf", "--", folder)
            await asyncio.shield(removal.wait())
    except OSError as problem:
        raise Transient(f"no process for the cage: {problem}") from None


async def _run_inside(folder: str, job: Reply) -> Reply:
    key = secrets.token_hex(16)  # enters no result: it tells the harness's lines from the code's
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as report:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-s", "-S", "-B", str(INMATE), str(report.fileno()),
            stdin=asyncio.subprocess.PIPE, stdout=output, stderr=output, cwd=folder,
            env=ENVIRONMENT, pass_fds=(report.fileno(),), start_new_session=True,
        )  # fmt: skip
        in_time = True
        try:
            async with asyncio.timeout(patience(job["seconds"])):
                await process.communicate(json.dumps({**job, "key": key}).encode())
        except TimeoutError:
            in_time = False
        finally:
            await _end(process)
        output.seek(0)
        report.seek(0)
        said = output.read(OUTPUT_SHOWN).decode("utf-8", "replace")
        verdicts = _verdicts(report.read(), key)
    if -2 not in verdicts:
        if not in_time:
            raise Transient("the cage was not closed in time; the machine is busy")
        last = said.strip().splitlines()[-1] if said.strip() else "it left no word"
        if "Uncaged: " in last:
            raise EngineError(f"checks cannot be run apart from this process: {last.partition('Uncaged: ')[2]}")
        raise Transient(f"the cage could not be closed: {last}")
    return _reply(job, verdicts, said, process.returncode or 0, in_time=in_time)


def _reply(job: Reply, verdicts: Mapping[int, str], said: str, code: int, *, in_time: bool) -> Reply:
    """What became of the code: the error of each test that was run ("" for none), and how it all ended."""
    errors = []
    for number in range(len(job["tests"])):
        if number not in verdicts:
            break
        errors.append(verdicts[number])
    if verdicts.get(-1):
        ended, detail = "broken", verdicts[-1]
    elif len(errors) == len(job["tests"]):
        ended, detail = "done", ""
    elif not in_time:
        ended, detail = "time", f"not done after {patience(job['seconds']):g} s"
    elif code == -signal.SIGXCPU:
        ended, detail = "time", f"not done after {job['seconds']} s of processor time"
    elif code < 0:
        ended, detail = "died", f"ended by {signal.Signals(-code).name}"
    else:
        ended, detail = "exited", f"ended itself with exit code {code}"
    return {"errors": errors, "ended": ended, "detail": detail, "output": said}


def _verdicts(report: bytes, key: str) -> dict[int, str]:
    """The errors by number of test, from the lines that carry the key."""
    verdicts: dict[int, str] = {}
    for line in report.decode("utf-8", "replace").splitlines():
        found, _, said = line.partition(" ")
        if found == key:
            verdict = json.loads(said)
            verdicts.setdefault(verdict["number"], verdict["error"])
    return verdicts
