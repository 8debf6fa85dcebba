"""Builds that are killed or asked to stop, and run again: the quick variant of `benchmarks/kills.py`."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.kills import IN_FLIGHT, LATENCY_MS, Bench, compare, interrupt, prepare, rounds_of
from benchmarks.mocks import serve

pytestmark = pytest.mark.slow
DOCUMENTS = 40


@pytest.fixture(scope="module")
def rehearsing(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A build on the rehearsal model, and what it makes when nobody disturbs it."""
    return prepare(tmp_path_factory.mktemp("rehearsing"), DOCUMENTS, warm_ups=0)


@pytest.fixture(scope="module")
def paying(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A build that pays a server for its calls."""
    room = tmp_path_factory.mktemp("paying")
    with serve(room, latency_ms=LATENCY_MS) as mock:
        yield prepare(room, DOCUMENTS, mock=mock, warm_ups=0)


def test_a_build_that_is_killed_and_run_again_ends_as_if_it_had_not_been(rehearsing: Bench) -> None:
    rounds = list(rounds_of(rehearsing, kills=4))
    assert [each.differences for each in rounds] == [[]] * len(rounds)


def test_a_build_that_is_killed_pays_no_more_than_what_was_in_flight_twice(paying: Bench) -> None:
    done = interrupt(paying, [0.6])
    assert len(done.killed_at) == 1
    assert done.differences == []
    assert done.paid_twice <= IN_FLIGHT


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_build_that_is_asked_to_stop_says_so_and_goes_on_later(paying: Bench, sign: signal.Signals) -> None:
    paying.clear()
    process = paying.start()
    assert paying.await_moment(0.4, process)
    process.send(sign)
    ended = process.ended(60)
    assert ended.code == 1, ended.err
    assert "Traceback" not in ended.err
    assert ended.err.splitlines()[-1] == ended.complaint
    assert "run the same build again" in ended.complaint
    assert compare(paying, paying.start().ended()) == []
    assert paying.mock is not None
    assert paying.counts is not None
    # What was under way is finished before a stop, so that nothing is paid twice.
    assert paying.mock.counts().answered == paying.counts.answered


def test_nobody_waits_for_a_dead_build(rehearsing: Bench, tmp_path: Path) -> None:
    """The lease and the scratch files of a killed build are in nobody's way."""
    rehearsing.clear()
    process = rehearsing.start()
    while not (rehearsing.lake / "scratch").exists():
        assert not process.end_within(0.01)
    process.kill()
    assert rehearsing.start().ended().code == 0
    assert list((rehearsing.lake / "scratch").iterdir()) == []
