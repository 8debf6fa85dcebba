"""Judge calls through the whole of prefmill beside the same calls from a bare client.

A first build with a rehearsal writer makes prompts and two answers to each. A second one, in a copy of that warehouse,
adds the judge, which asks a mock server about every pair in both orders and commits every verdict. The floor sends the
very bodies that prefmill sent. Both run in turn, so that they share what else the machine has to do.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.contents import ask
from benchmarks.documents import write_folder, write_long_facts
from benchmarks.figures import Figure, Setting, at_least, at_most, exactly, told
from benchmarks.mocks import Mock, serve
from benchmarks.processes import Running, build, must, run
from pipeline.models.mock_server import MockServer

LATENCY_MS = 50
IN_FLIGHT = 256
STARTS = 5
JUDGE_STEP = "judge/pairwise"
WRITER = "  writer: {model: rehearsal, options: {misquote: 0}}\n"
JUDGE = '  judge: {model: mock, engine: openai, base_url: "BASE_URL", MACHINERY}\n'
STEPS = """\
steps:
  - mine/chunk: {tokens: 2000}
  - mine/qa: {model: writer}
  - sample/grid: {models: [writer], draws: 1, temperatures: [0.9]}
  - sample/gold
"""
JUDGING = f"  - {JUDGE_STEP}: {{model: judge, principle: helpful, facts: nothing}}\n"
FIRST = """\
recipe: first-request
models:
  default: {model: mock, engine: openai, base_url: "BASE_URL"}
steps: [mine/chunk, mine/qa]
"""


@dataclass(frozen=True, slots=True)
class Run:
    """One run: calls per second from the first request to the last result, and what the whole process took."""

    calls_per_second: float
    cpu_seconds: float
    seconds: float


def measure(setting: Setting) -> Iterator[Figure]:
    """Calls per second, CPU, and how soon the first request comes."""
    room, pairs = setting.room("judge_calls"), setting.sized(1000, 100)
    prepare(room, pairs)
    yield exactly("judge calls of one build", asyncio.run(collect_bodies(room)), 2 * pairs)
    with serve(room, setting.mock_url, latency_ms=LATENCY_MS) as mock:
        ours, floors = [], []
        for _ in range(setting.sized(3, 1)):
            ours.append(run_ours(room, mock, pairs))
            floors.append(run_floor(room, mock))
        rates, rate, ratio = _compare([run.calls_per_second for run in ours], [run.calls_per_second for run in floors])
        yield at_least("judge calls, every row committed", rates, 0.4, "rows/s", floor=rate, ratio=ratio)
        used, cpu, ratio = _compare([run.cpu_seconds for run in ours], [run.cpu_seconds for run in floors])
        yield at_most("… CPU of the whole process", used, 4, "s", floor=cpu, ratio=ratio)
        yield told("… wall time of the whole process", statistics.median(run.seconds for run in ours), "s")
        starts = list(first_requests(room, mock, setting.sized(STARTS, 2)))
        yield at_most(
            "first request after the start, --direct", statistics.median(seconds for seconds, _ in starts), 1.5, "s"
        )
        yield told("… CPU until then, which others do not lengthen", statistics.median(cpu for _, cpu in starts), "s")


def prepare(room: Path, pairs: int) -> None:
    """A warehouse with so many pairs of answers in `prepared`, which only `lake` may be attached as."""
    write_long_facts(room / "rows.jsonl", pairs)
    (room / "prepare.yaml").write_text(f"recipe: judge-calls\nmodels:\n{WRITER}{STEPS}")
    must(run(build("prepare.yaml", "rows.jsonl", "lake"), room))
    (room / "lake").rename(room / "prepared")


def renew(room: Path, base_url: str, machinery: str = f"concurrency: {IN_FLIGHT}") -> None:
    """The prepared warehouse as it was, and a recipe whose judge is at that address."""
    shutil.rmtree(room / "lake", ignore_errors=True)
    shutil.copytree(room / "prepared", room / "lake")
    recipe = f"recipe: judge-calls\nmodels:\n{WRITER}{JUDGE}{STEPS}{JUDGING}"
    (room / "judge.yaml").write_text(recipe.replace("BASE_URL", base_url).replace("MACHINERY", machinery))


def judge_build() -> list[str]:
    """The build that judges, in its room."""
    return build("judge.yaml", "rows.jsonl", "lake")


async def collect_bodies(room: Path) -> int:
    """Have a build send its judge calls to us, keep them for the floor, and count them."""
    bodies: list[dict[str, Any]] = []
    async with MockServer(bodies.append) as base_url:
        renew(room, base_url)
        must(await asyncio.to_thread(run, judge_build(), room))
    (room / "bodies.jsonl").write_text("".join(json.dumps(body) + "\n" for body in bodies))
    return len(bodies)


def run_ours(room: Path, mock: Mock, pairs: int) -> Run:
    """The judge's build. Its clock starts when the server has a call and stops when the last verdict is on disk."""
    mock.reset()
    renew(room, mock.base_url)
    process = Running([sys.executable, "-m", "benchmarks.clocked", "times.json", *judge_build()[3:]], room)
    first = mock.wait_for_calls(1)
    ended = must(process.ended())
    last = json.loads((room / "times.json").read_text())[JUDGE_STEP]
    kept = ask(room / "lake", "SELECT count(*), count(vote), count(DISTINCT signal_id) FROM signals")[0]
    if kept != (2 * pairs,) * 3:
        raise RuntimeError(f"{kept} signals, votes and ids are on disk, not {2 * pairs} of each")
    return Run(2 * pairs / (last - first), ended.cpu_seconds, ended.seconds)


def run_floor(room: Path, mock: Mock) -> Run:
    """The bare client with the same calls."""
    mock.reset()
    command = [
        sys.executable,
        "-m",
        "benchmarks.floors",
        "bodies.jsonl",
        mock.base_url,
        str(IN_FLIGHT),
        "answers.jsonl",
    ]
    ended = must(run(command, room))
    calls, seconds = map(float, ended.out.split())
    return Run(calls / seconds, ended.cpu_seconds, ended.seconds)


def first_requests(room: Path, mock: Mock, starts: int) -> Iterator[tuple[float, float]]:
    """Wall and CPU seconds from the start of a small build in a fresh warehouse to its first request.

    A start before the ones that count compiles what is not compiled yet.
    """
    documents = write_folder(room / "few", 3)
    (room / "first.yaml").write_text(FIRST.replace("BASE_URL", mock.base_url))
    for number in range(starts + 1):
        mock.reset()
        process = Running(build("first.yaml", documents.name, f"first-{number}"), room)
        seconds, cpu_seconds = mock.wait_for_calls(1) - process.started_at, process.cpu_seconds()
        must(process.ended())
        if number:
            yield seconds, cpu_seconds


def _compare(ours: Sequence[float], floors: Sequence[float]) -> tuple[float, float, float]:
    """The medians of both sides, and that of their ratios round by round."""
    ratio = statistics.median(our / floor for our, floor in zip(ours, floors, strict=True))
    return statistics.median(ours), statistics.median(floors), ratio
