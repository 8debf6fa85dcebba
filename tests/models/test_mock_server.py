"""The mock server: what it answers is valid and repeatable, its faults are those that were asked for."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from pipeline.models.mock_knobs import FAULTS, Knobs, choose_fault, turn
from pipeline.models.mock_replies import write_reply, write_text
from pipeline.models.mock_server import MockServer
from pipeline.models.strict_schema import strict_schema

ROOT = Path(__file__).parents[2]


class Grade(Enum):
    GOOD = "good"
    BAD = "bad"


class Node(BaseModel):
    grade: Grade
    children: list[Node]
    either: Node | int | None


class Everything(BaseModel):
    model_config = ConfigDict(extra="forbid")

    winner: Literal["a", "b"]
    fixed: Literal["always"]
    score: int = Field(ge=1, le=10)
    above: int = Field(gt=5)
    below: int = Field(lt=-3)
    share: float = Field(ge=0, le=1)
    small: float = Field(lt=-1)
    short: str = Field(max_length=7)
    long: str = Field(min_length=400)
    several: Annotated[list[int], Field(min_length=2, max_length=5)]
    is_sure: bool
    tree: Node
    note: str | None = Field(None, max_length=9)


def body(text: str = "Hello?", **fields: Any) -> dict[str, Any]:
    return {"model": "mock", "messages": [{"role": "user", "content": text}], **fields}


@asynccontextmanager
async def visiting(server: MockServer) -> AsyncIterator[tuple[aiohttp.ClientSession, str]]:
    async with server as base_url, aiohttp.ClientSession() as session:
        yield session, base_url


async def ask(session: aiohttp.ClientSession, base_url: str, **fields: Any) -> tuple[int, Any]:
    async with session.post(f"{base_url}/chat/completions", json=body(**fields)) as reply:
        return reply.status, await reply.json()


@given(seed=st.integers(0, 2**32))
def test_invented_json_is_valid(seed: int) -> None:
    schema, _ = strict_schema(Everything, hosted=False)
    Everything.model_validate_json(write_text(schema, random.Random(seed), 12))


@given(text=st.text(max_size=20), count=st.integers(1, 4), top=st.integers(0, 5))
def test_a_reply_is_a_function_of_its_request(text: str, count: int, top: int) -> None:
    asked = body(text, n=count, logprobs=True, top_logprobs=top)
    reply = write_reply(asked, b"digest", words=5)
    assert reply == write_reply(asked, b"digest", words=5)
    assert reply != write_reply(asked, b"another", words=5)
    assert [choice["index"] for choice in reply["choices"]] == list(range(count))
    for choice in reply["choices"]:
        entries = choice["logprobs"]["content"]
        assert "".join(entry["token"] for entry in entries) == choice["message"]["content"]
        assert all(entry["logprob"] < 0 and len(entry["top_logprobs"]) == top for entry in entries)


async def test_a_long_shared_prefix_counts_as_cached() -> None:
    async with visiting(MockServer()) as (session, base_url):
        turns = [{"role": "system", "content": "x" * 400}, {"role": "user", "content": "Hello?"}]
        async with session.post(f"{base_url}/chat/completions", json={"model": "m", "messages": turns}) as answer:
            reply = await answer.json()
    usage = reply["usage"]
    assert usage["prompt_tokens_details"]["cached_tokens"] == 96
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


async def test_a_callable_answers_for_the_server() -> None:
    server = MockServer(lambda asked: [asked["messages"][0]["content"].upper(), "second"])
    async with visiting(server) as (session, base_url):
        _, reply = await ask(session, base_url, n=2)
    assert [choice["message"]["content"] for choice in reply["choices"]] == ["HELLO?", "second"]


async def test_models_and_keys_are_checked_when_given() -> None:
    async with visiting(MockServer(models=["only"], api_key="k")) as (session, base_url):
        assert (await ask(session, base_url))[0] == 401
        session.headers["Authorization"] = "Bearer k"
        assert (await ask(session, base_url))[0] == 404
        async with session.get(f"{base_url}/models") as reply:
            assert [entry["id"] for entry in (await reply.json())["data"]] == ["only"]
        async with session.post(f"{base_url}/chat/completions", data=b"{") as reply:
            assert reply.status == 400


async def test_the_counts_tell_what_was_paid_twice() -> None:
    async with visiting(MockServer()) as (session, base_url):
        root = base_url.removesuffix("/v1")
        for text in ("one", "two", "one"):
            await ask(session, base_url, text=text)
        async with session.get(f"{root}/stats") as reply:
            stats = await reply.json()
        assert (stats["calls"], stats["unique"], stats["answered_again"]) == (3, 2, 1)
        assert stats["by_status"] == {"200": 3}
        assert stats["max_in_flight"] == 1
        async with session.post(f"{root}/reset") as reply:
            assert reply.status == 200
        async with session.get(f"{root}/stats") as reply:
            assert (await reply.json())["calls"] == 0


async def test_knobs_turn_while_it_runs() -> None:
    async with visiting(MockServer()) as (session, base_url):
        config = base_url.removesuffix("/v1") + "/config"
        async with session.post(config, json={"p_500": 1}) as reply:
            assert (await reply.json())["p_500"] == 1.0
        assert (await ask(session, base_url))[0] == 500
        async with session.post(config, json={"p_501": 1}) as reply:
            assert reply.status == 400
            assert "did you mean `p_500`?" in await reply.text()
        async with session.post(config, data=b"[") as reply:
            assert reply.status == 400


async def test_more_than_the_capacity_is_refused() -> None:
    async with visiting(MockServer(knobs=Knobs(latency_ms=100, capacity=3, retry_after=0.5))) as (session, base_url):
        replies = await asyncio.gather(*[ask(session, base_url, text=str(number)) for number in range(10)])
        assert sorted(status for status, _ in replies) == [200] * 3 + [429] * 7


@pytest.mark.parametrize("fault", ["reset", "hang", "cut_body"])
async def test_a_broken_connection_is_one(fault: str) -> None:
    server = MockServer(knobs=turn(Knobs(latency_ms=0), {f"p_{fault}": 1}))
    async with visiting(server) as (session, base_url):
        timeout = aiohttp.ClientTimeout(total=0.3)
        for number in range(4):
            with pytest.raises((aiohttp.ClientError, TimeoutError, ValueError)):
                async with session.post(
                    f"{base_url}/chat/completions", json=body(str(number)), timeout=timeout
                ) as reply:
                    await reply.json()
        await asyncio.sleep(0.05)
        assert server.stats.in_flight == 0
        assert server.stats.answered.total() == 0


async def test_cut_json_is_a_valid_reply_with_half_a_text() -> None:
    async with visiting(MockServer(knobs=Knobs(latency_ms=0, p_cut_json=1.0))) as (session, base_url):
        status, reply = await ask(session, base_url, response_format={"json_schema": {"schema": {"type": "object"}}})
    choice = reply["choices"][0]
    assert (status, choice["finish_reason"], choice["message"]["content"]) == (200, "length", "{")


def test_faults_come_at_their_rate_and_always_the_same() -> None:
    knobs = Knobs(p_429=0.1, p_500=0.2, p_reset=0.05)

    def draw_all() -> list[str]:
        return [choose_fault(knobs, number.to_bytes(4, "big"), attempt) for number in range(2000) for attempt in (0, 1)]

    drawn = draw_all()
    assert drawn == draw_all()
    assert 300 < drawn.count("429") < 500
    assert 650 < drawn.count("500") < 950
    assert 120 < drawn.count("reset") < 280
    assert set(drawn) <= {"", *FAULTS}


def test_it_runs_from_the_command_line(tmp_path: Path) -> None:
    port_file = tmp_path / "port"
    command = [sys.executable, "-m", "pipeline.models.mock_server", "--port-file", str(port_file), "--latency-ms", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            deadline = time.monotonic() + 30
            while not port_file.exists() and time.monotonic() < deadline:
                time.sleep(0.05)
            port = port_file.read_text().strip()
            assert process.stdout is not None
            assert process.stdout.readline().strip() == f"mock server on http://127.0.0.1:{port}/v1"
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0
        finally:
            process.kill()
