"""Judge calls to a server that refuses, fails and cuts: every row comes out valid, its own, and nothing is lost.

The server refuses 5 % of attempts with a `Retry-After`, fails 2 % with a 500 and ends 1 % of its JSON half-way, which it
calls finished (a reply that the token limit cut is not asked for again: it would be cut again). Its judge sees the truth
and says what it saw, so that a verdict which landed on another pair, or in the other order, shows.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.contents import ask, read_contents
from benchmarks.figures import Figure, Setting, exactly, told
from benchmarks.judge_calls import judge_build, prepare, renew
from benchmarks.mocks import Mock, serve
from benchmarks.processes import must, run
from pipeline.models.mock_knobs import Knobs, draw
from pipeline.models.mock_server import MockServer

LATENCY_MS = 50.0
P_429, P_500, P_CUT = 0.05, 0.02, 0.01
RETRY_AFTER_SECONDS = 0.2
SHOWN = re.compile(r"Answer A:(?P<first>.*)Answer B:(?P<second>.*)", re.DOTALL)
TRUTH = re.compile(r"Entry (\d+) is described")
VERDICTS = """
SELECT count(*), count(DISTINCT s.signal_id), count(*) FILTER (
    WHERE s.response_ids[CASE s.vote WHEN 'a' THEN 1 WHEN 'b' THEN 2 END] = g.response_id
    AND s.rationale = 'It tells of ' || regexp_extract(g.text, '^Entry [0-9]+') || '.'
), count(*) FILTER (WHERE s.vote IS NOT NULL AND json_valid(s.raw))
FROM signals s JOIN responses g ON g.prompt_id = s.prompt_id AND g.role = 'gold'
"""
OUTCOMES = """
SELECT count(*) FILTER (WHERE status = 'ok'), count(*) FILTER (WHERE status <> 'ok')
FROM outcomes WHERE step LIKE 'judge/%'
"""


def measure(setting: Setting) -> Iterator[Figure]:
    """Rows, and what the faults cost in calls and time."""
    room, pairs = setting.room("faults"), setting.sized(1000, 100)
    prepare(room, pairs)
    with serve(room, setting.mock_url, latency_ms=LATENCY_MS) as mock:
        calm = _build(room, mock)
    with serve_faults(room, setting.mock_url) as mock:
        rough = _build(room, mock)
        calls = mock.counts().calls
    yield told(f"calls that {2 * pairs:,} verdicts took", calls, floor=2 * pairs)
    yield from verdict_figures(room / "lake", pairs, is_ours=setting.mock_url is None)
    yield told("… wall time, beside that without faults", rough, "s", floor=calm)


def verdict_figures(lake: Path, pairs: int, *, is_ours: bool = True) -> Iterator[Figure]:
    """Whether every pair has two verdicts that are its own, and one good outcome."""
    rows, ids, right, valid = ask(lake, VERDICTS)[0]
    good, others = ask(lake, OUTCOMES)[0]
    yield exactly("… valid verdicts", valid, 2 * pairs)
    if is_ours:
        yield exactly("… verdicts on the pair and in the order they were asked for", right, 2 * pairs)
    yield exactly("… pairs with a good outcome", good, pairs)
    yield exactly("… pairs that failed, verdicts stored twice", others + rows - ids, 0)
    yield exactly("… rows in audit views", sum(read_contents(lake).broken.values()), 0)


@contextmanager
def serve_faults(room: Path, url: str | None = None) -> Iterator[Mock]:
    """A server with faults; the one at `url` makes its own answers and keeps its own names for its knobs."""
    if url is None:
        knobs = Knobs(latency_ms=LATENCY_MS, p_429=P_429, p_500=P_500, retry_after=RETRY_AFTER_SECONDS)
        with serve_here(Witness(knobs), knobs) as mock:
            yield mock
    else:
        with serve(
            room, url, latency_ms=LATENCY_MS, p_429=P_429, p_500=P_500, p_badjson=P_CUT, retry_after=RETRY_AFTER_SECONDS
        ) as mock:
            yield mock
            mock.configure(p_429=0, p_500=0, p_badjson=0)


class Witness:
    """A judge that finds the answer with the truth in it and says which; now and then it stops in mid-word."""

    def __init__(self, knobs: Knobs, p_cut: float = P_CUT) -> None:
        self._knobs, self._p_cut = knobs, p_cut
        self._asked: Counter[bytes] = Counter()

    def __call__(self, body: dict[str, Any]) -> str:
        """The text for one body, cut for some of its attempts."""
        shown = SHOWN.search(body["messages"][-1]["content"])
        assert shown is not None
        first, second = TRUTH.search(shown["first"]), TRUTH.search(shown["second"])
        entry = first or second
        assert entry is not None
        text = json.dumps({"reason": f"It tells of Entry {entry[1]}.", "verdict": "A" if first else "B"})
        digest = json.dumps(body, sort_keys=True).encode()
        attempt = self._asked[digest]
        self._asked[digest] += 1
        return text[: len(text) * 2 // 3] if draw(self._knobs, digest, attempt, "cut") < self._p_cut else text


@contextmanager
def serve_here(answer: Any, knobs: Knobs, *, api_key: str | None = None) -> Iterator[Mock]:
    """A mock server with answers of our own, on a thread of this process."""
    loop, server = asyncio.new_event_loop(), MockServer(answer, knobs=knobs, api_key=api_key)
    stopping = asyncio.Event()
    started = threading.Event()
    urls: list[str] = []

    async def run_server() -> None:
        async with server as base_url:
            urls.append(base_url)
            started.set()
            await stopping.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(run_server(),), daemon=True)
    thread.start()
    started.wait()
    try:
        yield Mock(urls[0])
    finally:
        loop.call_soon_threadsafe(stopping.set)
        thread.join()
        loop.close()


def _build(room: Path, mock: Mock) -> float:
    """The seconds of one build against this server."""
    mock.reset()
    renew(room, mock.base_url)
    return must(run(judge_build(), room)).seconds
