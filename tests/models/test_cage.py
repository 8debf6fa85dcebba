"""The cage holds: whatever code does in it, there is a verdict within the limit, and nothing is left behind."""

from __future__ import annotations

import glob
import json
import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from pipeline.binding import bind
from pipeline.models.cage import Cage
from pipeline.models.cage.confine import ARCHITECTURES, what_is_lacking
from pipeline.models.cage.reader import do_apart
from pipeline.models.cage.syscalls import CLONE, CLONE3, NEWEST_KNOWN, REFUSED
from pipeline.models.pool import ModelPool
from schemas.errors import EngineError, RecipeError
from schemas.models import ModelSpec
from schemas.recipe import Recipe, RecipeFile, StepSpec
from schemas.requests import CAGE, Request

pytestmark = pytest.mark.skipif(what_is_lacking() != "", reason="this machine cannot confine a process")


@pytest_asyncio.fixture
async def cage() -> AsyncIterator[Cage]:
    cage = Cage()
    before = set(glob.glob(f"{tempfile.gettempdir()}/prefmill-cage-*"))
    yield cage
    await cage.close()
    assert set(glob.glob(f"{tempfile.gettempdir()}/prefmill-cage-*")) <= before


async def run(cage: Cage, code: str, *tests: str, seconds: int = 1, memory_mib: int = 128) -> dict[str, Any]:
    """What became of code and its tests."""
    job = {"code": code, "tests": list(tests or ("assert True",)), "seconds": seconds, "memory_mib": memory_mib}
    reply: dict[str, Any] = json.loads((await cage.complete(Request("cage/code", job, CAGE))).text)
    return reply


async def read(cage: Cage, program: str, **job: Any) -> dict[str, Any]:
    """What a tool made of a text."""
    limits = {"seconds": 2, "memory_mib": 1024}
    reply: dict[str, Any] = json.loads((await cage.complete(Request(f"cage/{program}", limits | job, CAGE))).text)
    return reply


async def test_each_test_has_its_own_verdict(cage: Cage) -> None:
    reply = await run(cage, "def f(x):\n    return x + 1", "assert f(1) == 2", "assert f(2) == 4", "assert f(3) == 4")
    assert reply == {"errors": ["", "AssertionError: ", ""], "ended": "done", "detail": "", "output": ""}


async def test_ordinary_code_is_not_hindered(cage: Cage) -> None:
    code = """
import asyncio, collections, dataclasses, datetime, decimal, hashlib, heapq, itertools, json, math, re, threading, typing
from pathlib import Path
thread = threading.Thread(target=print, args=("from a thread",))
thread.start()
thread.join()
Path("own.txt").write_text("mine")
asyncio.run(asyncio.sleep(0))
if __name__ == "__main__":
    raise SystemExit("it is a module that is tested")
"""
    reply = await run(cage, code, "assert Path('own.txt').read_text() == 'mine'")
    assert reply == {"errors": [""], "ended": "done", "detail": "", "output": "from a thread\n"}


@pytest.mark.parametrize(
    ("code", "ended", "detail"),
    [
        ("while True: pass", "time", "not done after 1 s of processor time"),
        ("import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass", "died", "SIGKILL"),
        ("import os\nwhile True: os.fork()", "broken", "PermissionError"),
        ("import subprocess\nsubprocess.run(['true'])", "broken", "PermissionError"),
        ("import os\nos.execv('/bin/true', ['true'])", "broken", "PermissionError"),
        ("import multiprocessing\nmultiprocessing.Process(target=print).start()", "broken", "PermissionError"),
        ("x = [0] * 10**10", "broken", "MemoryError"),
        ("x = []\nwhile True: x.append(bytearray(10**7))", "broken", "MemoryError"),
        ("import socket\nsocket.create_connection(('127.0.0.1', 22))", "broken", "PermissionError"),
        ("import socket\nsocket.socket(socket.AF_UNIX)", "broken", "PermissionError"),
        ("import urllib.request\nurllib.request.urlopen('http://127.0.0.1')", "broken", "Operation not permitted"),
        ("open('/etc/passwd').read()", "broken", "Permission denied: '/etc/passwd'"),
        ("open('/proc/self/environ').read()", "broken", "Permission denied"),
        ("import os\nos.listdir('/')", "broken", "Permission denied"),
        ("import os\nos.symlink('/etc/passwd', 'x')\nopen('x').read()", "broken", "Permission denied"),
        ("open('../evil', 'w')", "broken", "Permission denied"),
        ("import os\nos.chmod('..', 0o777)", "broken", "not permitted"),
        ("import os\nos.kill(os.getppid(), 9)", "broken", "not permitted"),
        ("import fcntl, os\nfcntl.fcntl(0, fcntl.F_SETOWN, os.getppid())", "broken", "not permitted"),
        ("import fcntl, struct\nfcntl.ioctl(1, 0x8901, struct.pack('i', 1))", "broken", "not permitted"),
        ("import os\nos.setxattr('.', 'user.x', b'')", "broken", "not permitted"),
        ("import resource as r\nr.setrlimit(r.RLIMIT_CPU, (1, 1))", "broken", "not allowed"),
        ("open('big', 'wb').write(bytes(2**21))", "broken", "File too large"),
        ("while True: print('x' * 1000)", "broken", "File too large"),
        ("import schemas", "broken", "ModuleNotFoundError"),
        ("import pydantic", "broken", "ModuleNotFoundError"),
        ("import sys\nsys.exit(0)", "broken", "SystemExit: 0"),
        ("import os\nos._exit(0)", "exited", "exit code 0"),
        ("import os\nos._exit(3)", "exited", "exit code 3"),
        ("import ctypes\nctypes.string_at(0)", "died", "SIGSEGV"),
        ("def f(:", "broken", "SyntaxError"),
        ("x = '\x00'", "broken", "null bytes"),
        ("x = '\ud800'", "broken", "surrogates not allowed"),
        ("def f(): f()\nf()", "broken", "RecursionError"),
        ("raise type('E', (Exception,), {'__str__': lambda self: 1 / 0})()", "broken", "cannot be told"),
    ],
)
async def test_what_code_must_not_do_it_does_not(cage: Cage, code: str, ended: str, detail: str) -> None:
    reply = await run(cage, code)
    assert reply["ended"] == ended
    assert detail in reply["detail"]
    assert reply["errors"] == []
    assert len(reply["output"]) <= 2000


async def test_code_that_sleeps_is_ended(cage: Cage) -> None:
    assert (await run(cage, "import time\ntime.sleep(1000)"))["ended"] == "time"


async def test_a_deep_tree_of_folders_is_removed(cage: Cage) -> None:
    reply = await run(cage, "import os\nfor _ in range(3000):\n    os.mkdir('d')\n    os.chdir('d')", seconds=5)
    assert reply["ended"] == "done"


async def test_bytes_that_are_no_text_are_shown_as_such(cage: Cage) -> None:
    reply = await run(cage, "import sys\nsys.stdout.buffer.write(b'\\xff\\xfe ok')")
    assert reply["output"] == "�� ok"


async def test_words_of_the_harness_are_not_taken_from_the_code(cage: Cage) -> None:
    """A line without the key is none of ours, through whichever pipe it comes."""
    forged = """
import os
for pipe in range(3, 20):
    try:
        os.write(pipe, b'x {"number": 0, "error": ""}\\n')
    except OSError:
        pass
os._exit(0)
"""
    assert (await run(cage, forged))["errors"] == []


async def test_nothing_of_our_environment_is_to_be_seen(cage: Cage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted")
    reply = await run(cage, "import os\nprint(dict(os.environ))")
    assert "sk-planted" not in reply["output"]


async def test_sets_and_dice_fall_alike_every_time(cage: Cage) -> None:
    code = "import random\nprint(list({'a', 'b', 'c', 'd', 'e'}), random.random())"
    assert (await run(cage, code)) == (await run(cage, code))


async def test_a_file_outside_stays_as_it_is(cage: Cage, tmp_path: Path) -> None:
    file = tmp_path / "precious"
    file.write_text("precious")
    for attempt in (
        "open(p, 'w')",
        "os.remove(p)",
        "os.rename(p, 'x')",
        "os.truncate(p, 0)",
        "os.link(p, 'x')",
        "os.utime(p)",
    ):
        assert (await run(cage, f"import os\np = {str(file)!r}\n{attempt}"))["ended"] == "broken"
    assert file.read_text() == "precious"


# --- tools that read ----------------------------------------------------------------------------------------------------


async def test_a_pattern_finds_and_one_without_end_is_ended(cage: Cage) -> None:
    job = {"flags": 0, "whole": False, "group": 1}
    found = await read(cage, "pattern", pattern="a(b)", text="xxab", **job)
    assert found == {"holds": True, "detail": "found at 2 to 4", "found": "b"}
    endless = await read(cage, "pattern", pattern="((a+)+)$", text="a" * 40 + "b", **job)
    assert endless == {"ended": "time", "detail": "not done after 2 s"}
    assert (await read(cage, "pattern", pattern="(c)", text="xxab", **job))["holds"] is False


async def test_a_schema_is_held_against_json(cage: Cage) -> None:
    pytest.importorskip("jsonschema")
    schema = {"type": "object", "required": ["a"]}
    assert (await read(cage, "schema", schema=schema, text='{"a": 1}'))["holds"] is True
    fault = await read(cage, "schema", schema=schema, text='{"b": 1}')
    assert fault == {"holds": False, "detail": "$: 'a' is a required property"}
    assert (await read(cage, "schema", schema=schema, text='{"a": NaN}'))["holds"] is False
    assert (await read(cage, "schema", schema=schema, text="[" * 100_000))["holds"] is False
    assert (await read(cage, "schema", schema={"$ref": "http://127.0.0.1/x"}, text="{}"))["ended"] == "died"


@pytest.mark.parametrize(
    ("reference", "answer", "holds"),
    [
        ("$1/2$", r"It is $\frac{2}{4}$.", True),
        ("$0.5$", r"So \boxed{\frac{1}{2}}", True),
        ("$x^2 - 1$", "$(x-1)(x+1)$", True),
        (r"$\sqrt{8}$", r"$2\sqrt{2}$", True),
        ("$3$", "$4$", False),
        ("$x + 1$", "$x - 1$", False),
        (r"$\{1, 2\}$", r"$\{2, 1\}$", True),
        ("$7$", "I do not know.", False),
    ],
)
async def test_equal_mathematics_is_equal(cage: Cage, reference: str, answer: str, holds: bool) -> None:
    pytest.importorskip("math_verify")
    reply = await read(cage, "maths", reference=reference, text=answer, decimals=6, strict=True, seconds=10)
    assert reply["holds"] is holds


async def test_algebra_without_end_is_ended(cage: Cage) -> None:
    pytest.importorskip("math_verify")
    reply = await read(cage, "maths", reference="$1$", text="$9^{9^{9^{9}}}$", decimals=6, strict=True)
    assert reply.get("holds") is not True


@pytest.mark.parametrize(
    "attempt",
    [
        "open('/etc/passwd').read()",
        "open('evil', 'w')",
        "__import__('socket').socket()",
        "__import__('os').fork()",
        "__import__('os').kill(__import__('os').getppid(), 9)",
    ],
)
def test_a_tool_that_a_text_has_taken_over_can_do_nothing(attempt: str) -> None:
    """Algebra systems evaluate what they parse; were a text to get there, this is where it would be."""
    reply = do_apart(lambda job: {"holds": True, "detail": str(eval(attempt))}, {"seconds": 2, "memory_mib": 512})
    assert reply["ended"] == "died"
    assert "PermissionError" in reply["detail"]


# --- the way there ------------------------------------------------------------------------------------------------------


async def test_the_pool_answers_for_the_cage_and_counts_no_call() -> None:
    pool = ModelPool({})
    try:
        job = {"code": "x = 1", "tests": ["assert x == 1"], "seconds": 1, "memory_mib": 128}
        completion = await pool.ask(Request("cage/code", job, CAGE), {})
    finally:
        await pool.close()
    assert json.loads(completion.text)["ended"] == "done"
    assert completion.model == CAGE
    assert completion.usage.calls == 0


async def test_a_machine_that_cannot_confine_runs_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("pipeline.models.cage.engine.what_is_lacking", lambda: "it needs Linux")
    with pytest.raises(EngineError, match="it needs Linux"):
        await run(Cage(), f"open({str(tmp_path / 'x')!r}, 'w')")


def test_no_model_is_called_as_the_cage_is() -> None:
    recipe = Recipe(recipe="r", models={CAGE: ModelSpec()}, steps=(StepSpec(strategy="mine/chunk"),))
    with pytest.raises(RecipeError, match="another alias"):
        bind(RecipeFile(recipe, "", Path("r.yaml"), {}))


def test_the_numbers_of_system_calls_are_those_of_this_machine() -> None:
    """Against the kernel's own header, where it is installed."""
    column = ARCHITECTURES[os.uname().machine][0]
    headers = {0: "/usr/include/*/asm/unistd_64.h", 1: "/usr/include/asm-generic/unistd.h"}
    known: dict[str, int] = {}
    for path in glob.glob(headers[column]):
        for line in Path(path).read_text().splitlines():
            name, _, number = line.removeprefix("#define __NR").lstrip("3264").lstrip("_").partition(" ")
            if line.startswith("#define __NR") and number.strip().isdigit():
                known[name] = int(number)
    if not known:
        pytest.skip("the kernel's headers are not installed")
    table = {name: both[column] for group in REFUSED.values() for name, both in group.items()}
    assert {name: known.get(name) for name in table} == table
    assert (known["clone"], known["clone3"]) == (CLONE[column], CLONE3[column])
    assert known["landlock_restrict_self"] == NEWEST_KNOWN
