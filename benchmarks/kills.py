"""Builds that are killed with -9 at random moments and run again: the same rows, none lost, none twice, little paid twice.

Every round begins with no warehouse, kills the build at one or more seeded moments, runs it to its end, and compares
all tables with those of the uninterrupted build. Moments are spread evenly over the time that the uninterrupted build
took; of a build that pays, over its calls.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.contents import Contents, ask, count_outcomes, read_contents
from benchmarks.documents import write_folder
from benchmarks.figures import Figure, Setting, at_most, exactly, told
from benchmarks.mocks import POLL_SECONDS, Counts, Mock, serve
from benchmarks.processes import Ended, Running, build, must

IN_FLIGHT = 64
LATENCY_MS = 50
SEVERAL_EVERY, SEVERAL = 4, 3
"""Every so many rounds, the build is killed so many times before it may finish."""
REHEARSAL = "  default: {model: rehearsal}\n"
SERVED = f'  served: {{model: mock, engine: openai, base_url: "BASE_URL", concurrency: {IN_FLIGHT}}}\n'
RECIPE = """\
recipe: kills
models:
MODELS
steps:
  - mine/chunk: {tokens: 300}
  - mine/qa: {per_passage: 2}
  - sample/grid: {models: [MODEL], draws: 2, show: passage}
  - sample/gold
  - judge/pairwise: {principle: grounded, model: MODEL}
  - select/best_worst
  - select/exact_duplicates
  - land/release: {splits: {train: 0.8, test: 0.2}}
"""


@dataclass
class Bench:
    """A folder with documents and a recipe, and what an uninterrupted build makes of them."""

    room: Path
    mock: Mock | None = None
    seconds: float = 0.0
    contents: Contents | None = None
    counts: Counts | None = None

    @property
    def lake(self) -> Path:
        """The warehouse of the round."""
        return self.room / "lake"

    def start(self) -> Running:
        """The build."""
        return Running(build("recipe.yaml", "documents", "lake"), self.room)

    def await_moment(self, moment: float, process: Running) -> bool:
        """Wait until this share of the build's time, or of its calls, is over; False when the build ends before."""
        if self.mock is None or self.counts is None:
            return not process.end_within(moment * self.seconds)
        while self.mock.counts().calls < moment * self.counts.calls:
            if process.end_within(POLL_SECONDS):
                return False
        return True

    def clear(self) -> None:
        """No warehouse, no calls."""
        shutil.rmtree(self.lake, ignore_errors=True)
        if self.mock:
            self.mock.reset()


@dataclass
class Round:
    """What became of one build that was killed: outcomes on disk at each kill, and how its end compares."""

    killed_at: list[int] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    paid_twice: int = 0
    asked_twice: int = 0


def measure(setting: Setting) -> Iterator[Figure]:
    """Kills of a build with the rehearsal model, then of one that pays for its calls."""
    kills = setting.sized(40, 4)
    bench = prepare(setting.room("kills"), setting.sized(300, 40), setting.seed)
    rounds = list(rounds_of(bench, kills, setting.seed))
    yield from _figures(bench, rounds)
    room = setting.room("kills-paid")
    with serve(room, setting.mock_url, latency_ms=LATENCY_MS) as mock:
        bench = prepare(room, setting.sized(300, 40), setting.seed, mock)
        rounds = list(rounds_of(bench, setting.sized(10, 2), setting.seed + 1, several=1))
        yield from _figures(bench, rounds)
        yield at_most("calls paid twice, most after one kill", max(each.paid_twice for each in rounds), IN_FLIGHT)
        yield told("calls asked twice, those cut off in flight too", max(each.asked_twice for each in rounds))


def prepare(room: Path, documents: int, seed: int = 0, mock: Mock | None = None, *, warm_ups: int = 1) -> Bench:
    """Documents, a recipe, and the uninterrupted build that all others are compared with, after others to warm up."""
    write_folder(room / "documents", documents, seed=seed)
    models = REHEARSAL + (SERVED.replace("BASE_URL", mock.base_url) if mock else "")
    recipe = RECIPE.replace("MODELS", models.rstrip()).replace("MODEL", "served" if mock else "default")
    (room / "recipe.yaml").write_text(recipe)
    bench = Bench(room, mock)
    for _ in range(1 + warm_ups):
        bench.clear()
        bench.seconds = must(bench.start().ended()).seconds
    bench.contents = read_contents(bench.lake)
    bench.counts = mock.counts() if mock else None
    return bench


def rounds_of(bench: Bench, kills: int, seed: int = 0, *, several: int = SEVERAL) -> Iterator[Round]:
    """Rounds until so many kills have struck; where the build was faster than its moment, none has."""
    source, number = random.Random(seed), 0
    while kills > 0:
        number += 1
        count = several if number % SEVERAL_EVERY == 0 else 1
        done = interrupt(bench, sorted(source.uniform(0, 1 / count) for _ in range(count)))
        kills -= len(done.killed_at)
        if done.differences:
            shutil.copytree(bench.lake, bench.room / f"differs-{number}")
        yield done


def interrupt(bench: Bench, moments: Sequence[float]) -> Round:
    """Start a build afresh, kill it at these moments (shares of it, one after another), run it to its end and compare."""
    bench.clear()
    round_ = Round()
    for moment in moments:
        process = bench.start()
        if not bench.await_moment(moment, process):
            must(process.ended())
            break
        process.kill()
        round_.killed_at.append(count_outcomes(bench.lake))
    round_.differences = compare(bench, bench.start().ended())
    if bench.mock and bench.counts:
        counts = bench.mock.counts()
        round_.paid_twice = counts.answered - bench.counts.answered
        round_.asked_twice = counts.calls - bench.counts.calls
    return round_


def compare(bench: Bench, ended: Ended) -> list[str]:
    """Everything in which the warehouse is not as that of the uninterrupted build; nothing if all is well."""
    if ended.code:
        return [f"exit code {ended.code}: {ended.complaint or ended.err[-300:]}"]
    assert bench.contents is not None
    contents = read_contents(bench.lake)
    differences = contents.differs_from(bench.contents)
    differences += [f"{view} has {count} rows" for view, count in contents.broken.items()]
    twice = ask(
        bench.lake, "SELECT count(*) FROM (FROM outcomes SELECT fingerprint, unit_id GROUP BY ALL HAVING count(*) > 1)"
    )[0][0]
    releases = ask(bench.lake, "SELECT count(*) FROM releases")[0][0]
    return differences + [f"{twice} outcomes twice"] * bool(twice) + [f"{releases} releases"] * (releases != 1)


def _figures(bench: Bench, rounds: Sequence[Round]) -> Iterator[Figure]:
    assert bench.contents is not None
    who = "build on the rehearsal model" if bench.mock is None else "build that pays"
    struck = sorted(outcomes for each in rounds for outcomes in each.killed_at)
    units = bench.contents.tables["outcomes"][0]
    yield told(f"{who}: kills in {len(rounds)} rounds", len(struck))
    yield told(
        "… outcomes on disk at the kills", f"{struck[0]:,} … {struck[len(struck) // 2]:,} … {struck[-1]:,} of {units:,}"
    )
    differing = [difference for each in rounds for difference in each.differences]
    yield exactly("… rounds that end otherwise than uninterrupted", sum(bool(each.differences) for each in rounds), 0)
    for difference in dict.fromkeys(differing):
        yield told("   ", difference)
