"""Servers that refuse, fail, die, hang or lock us out: the quick variant of `benchmarks/faults.py`, and more."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from benchmarks.contents import ask
from benchmarks.faults import serve_faults, serve_here, verdict_figures
from benchmarks.judge_calls import judge_build, prepare, renew
from benchmarks.mocks import Mock, serve, start_server, wait_for_port
from benchmarks.processes import Ended, Running, run
from pipeline.models.mock_knobs import Knobs

pytestmark = pytest.mark.slow
PAIRS = 100
KEY = "sk-not-to-be-told-0123456789"
IMPATIENT = "attempts: 2, engine_options: {backoff_seconds: 0.05, patience_seconds: 0.5}"


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a warehouse in which 100 pairs of answers wait for a judge."""
    folder = tmp_path_factory.mktemp("judging")
    prepare(folder, PAIRS)
    return folder


@pytest.fixture
def port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def assert_one_sentence(ended: Ended, code: int) -> None:
    """It ended with this code and its last line is the only complaint."""
    assert ended.code == code, ended.err
    assert "Traceback" not in ended.err
    assert ended.complaint
    assert ended.err.splitlines()[-1] == ended.complaint


def assert_all_is_there(lake: Path, *, is_ours: bool = False) -> None:
    """Every pair has its two verdicts and one good outcome."""
    assert [each for each in verdict_figures(lake, PAIRS, is_ours=is_ours) if not each.is_met] == []


def count_votes(room: Path) -> int:
    """The verdicts on disk."""
    return int(ask(room / "lake", "SELECT count(vote) FROM signals")[0][0])


def test_refusals_failures_and_cut_json_lose_nothing(room: Path) -> None:
    with serve_faults(room) as mock:
        renew(room, mock.base_url)
        ended = run(judge_build(), room)
        assert ended.code == 0, ended.err
        assert mock.counts().calls > 2 * PAIRS
    assert_all_is_there(room / "lake", is_ours=True)


def test_a_server_that_is_down_from_the_start_is_named_and_waited_for(room: Path, port: int) -> None:
    base_url = f"http://127.0.0.1:{port}/v1"
    renew(room, base_url, IMPATIENT)
    ended = run(judge_build(), room)
    assert_one_sentence(ended, 2)
    assert base_url in ended.complaint
    assert ask(room / "lake", "SELECT count(*) FROM responses") == [(2 * PAIRS,)]
    server = start_server(room, port, latency_ms=0)
    try:
        wait_for_port(server, room)
        assert run(judge_build(), room).code == 0
    finally:
        server.kill()
    assert_all_is_there(room / "lake")


def test_a_server_that_dies_half_way_leaves_the_rest_pending(room: Path, port: int) -> None:
    mock = Mock(f"http://127.0.0.1:{port}/v1")
    renew(room, mock.base_url, f"concurrency: 8, {IMPATIENT}")
    server = start_server(room, port, latency_ms=50)
    try:
        wait_for_port(server, room)
        process = Running(judge_build(), room)
        mock.wait_for_calls(PAIRS)
    finally:
        server.kill()
    assert_one_sentence(process.ended(60), 1)
    kept = count_votes(room)
    assert 0 < kept < 2 * PAIRS
    server = start_server(room, port, latency_ms=0)
    try:
        wait_for_port(server, room)
        assert run(judge_build(), room).code == 0
        assert mock.counts().answered == 2 * PAIRS - kept
    finally:
        server.kill()
    assert_all_is_there(room / "lake")


def test_a_key_that_is_not_accepted_is_the_users_mistake_and_is_not_told(room: Path) -> None:
    with serve_here(None, Knobs(), api_key="another") as mock:
        renew(room, mock.base_url)
        ended = Running(judge_build(), room, OPENAI_API_KEY=KEY).ended(60)
    assert_one_sentence(ended, 2)
    assert "OPENAI_API_KEY" in ended.complaint
    assert KEY not in ended.out + ended.err


def test_a_server_that_hangs_is_not_waited_for_for_ever(room: Path) -> None:
    with serve(room, latency_ms=5, p_hang=0.2) as mock:
        renew(room, mock.base_url, "timeout_seconds: 0.5, attempts: 1")
        ended = run(judge_build(), room)
        assert_one_sentence(ended, 1)
        assert "no reply in 0.5 s" in ended.complaint
        kept = count_votes(room)
        assert 0 < kept < 2 * PAIRS
        mock.configure(p_hang=0)
        mock.reset()
        assert run(judge_build(), room).code == 0
        assert mock.counts().answered == 2 * PAIRS - kept
    assert_all_is_there(room / "lake")
