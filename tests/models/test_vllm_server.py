"""The engine for servers against a real `vllm serve`, and that it gives what the engine in this process gives."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field

from pipeline.models.engine import open_engine
from pipeline.models.vllm import Vllm
from schemas.errors import EngineError, Unanswerable
from schemas.models import ModelSpec
from schemas.requests import Call, Choice, Completion, Embed, Json, Request, Sampling, Shape, Text
from schemas.rows import Message
from tests.tiny_model import EXPECTS_VLLM, make_tiny_model

pytestmark = [
    pytest.mark.slow,
    pytest.mark.vllm,
    pytest.mark.skipif(not EXPECTS_VLLM, reason="vLLM is not installed"),
]

READY_SECONDS = 180
# On the CPU a seeded request whose prefill is cut into chunks kills the engine.
ARGUMENTS = (
    "--served-model-name=tiny",
    "--dtype=bfloat16",
    "--enforce-eager",
    "--no-enable-chunked-prefill",
    "--max-num-seqs=64",
    f"--kv-cache-memory-bytes={2**28}",
    "--enable-prompt-tokens-details",
    "--distributed-executor-backend=uni",
    '--structured-outputs-config={"backend": "xgrammar", "disable_any_whitespace": true}',
)
ENVIRONMENT = {"VLLM_ENABLE_V1_MULTIPROCESSING": "0", "VLLM_LOGGING_LEVEL": "WARNING", "VLLM_NO_USAGE_STATS": "1"}


class Verdict(BaseModel):
    reason: str = Field(max_length=20)
    vote: Literal["a", "b", "tie"]


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.getbasetemp() / "tiny-model")


@pytest.fixture(scope="module")
def server_url(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that chats."""
    with serving(tiny_model, tmp_path_factory.mktemp("server") / "log") as url:
        yield url


@contextmanager
def serving(tiny_model: Path, log: Path, *more: str) -> Iterator[str]:
    """A server on a free port, started as a module: the `vllm` command of the CPU build finds no package `vllm`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", f"--model={tiny_model}"]
    with log.open("w") as output:
        server = subprocess.Popen(
            [*program, "--host=127.0.0.1", f"--port={port}", *ARGUMENTS, *more],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | ENVIRONMENT,
            start_new_session=True,
        )
    try:
        wait_until_ready(f"http://127.0.0.1:{port}/health", server, log)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            pass
        finally:
            kill_group(server.pid)
            server.wait()


def wait_until_ready(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        assert server.poll() is None, log.read_text()[-4000:]
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    pytest.fail(f"the server was not ready in {READY_SECONDS} s:\n{log.read_text()[-4000:]}")


def kill_group(leader: int) -> None:
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return


def ask(text: str, *, shape: Shape | None = None, logprobs: int = 0, **sampling: Any) -> Call:
    drawing = Sampling(**{"temperature": 1.0, "max_tokens": 16, **sampling})
    request = Request("sample/any", {}, "tiny", shape or Text(), drawing, logprobs)
    return Call(request, [{"role": "user", "content": text}], "tiny", 7, "req_1")


async def ask_server(url: str, *calls: Call) -> list[Completion]:
    engine = await open_engine(ModelSpec(model="tiny", engine="openai", base_url=url))
    try:
        return await asyncio.gather(*[engine.complete(call) for call in calls])
    finally:
        await engine.close()


async def test_draws_of_one_request_come_with_their_usage(server_url: str) -> None:
    long = "A long passage that all questions share. " * 80
    (completion,) = await ask_server(server_url, ask(long, n=3))
    assert len({draw.text for draw in completion.draws}) == 3
    assert completion.usage.tokens_out == 3 * 16
    assert 0 < completion.usage.tokens_cached < completion.usage.tokens_in


async def test_json_follows_the_schema(server_url: str) -> None:
    (completion,) = await ask_server(server_url, ask("Judge.", shape=Json(Verdict), n=2, max_tokens=200))
    for draw in completion.draws:
        Verdict.model_validate_json(draw.text)


async def test_a_choice_comes_bare_with_its_probabilities(server_url: str) -> None:
    """However the random model cuts the JSON around it into tokens."""
    calls = [ask(f"Judge {number}.", shape=Choice(("A", "B")), logprobs=5, max_tokens=32) for number in range(8)]
    for completion in await ask_server(server_url, *calls):
        (token,) = completion.draws[0].logprobs
        assert completion.text == token.token in ("A", "B")
        assert completion.draws[0].logprob == token.logprob == token.alternatives[completion.text]
        assert "<eos>" not in token.alternatives, "it was ruled out"


async def test_logprobs_are_there_when_asked_for_and_finite(server_url: str) -> None:
    (completion,) = await ask_server(server_url, ask("Go.", logprobs=3))
    draw = completion.draws[0]
    assert len(draw.logprobs) == draw.tokens == 16
    assert all(math.isfinite(token.logprob) and len(token.alternatives) >= 3 for token in draw.logprobs)
    assert draw.logprob == pytest.approx(sum(token.logprob for token in draw.logprobs))


async def test_a_prompt_that_is_too_long_is_never_answered(server_url: str) -> None:
    with pytest.raises(Unanswerable) as caught:
        await ask_server(server_url, ask("long " * 9000))
    assert caught.value.reason == "prompt_too_long"


async def test_a_model_that_the_server_lacks_is_named(server_url: str) -> None:
    engine = await open_engine(ModelSpec(model="small", engine="openai", base_url=server_url))
    call = ask("Go.")
    with pytest.raises(EngineError, match="small"):
        await engine.complete(Call(call.request, call.messages, "small", call.seed, call.key))
    await engine.close()


async def test_a_server_of_embeddings_gives_a_vector_for_each_text(tiny_model: Path, tmp_path: Path) -> None:
    with serving(tiny_model, tmp_path / "log", "--runner=pooling", "--convert=embed") as url:
        calls = [embedding_of("What turns?", "The stone."), embedding_of("The stone.", "The stone.")]
        first, second = await ask_server(url, *calls)
        with pytest.raises(Unanswerable) as caught:
            await ask_server(url, embedding_of("long " * 9000))
    assert caught.value.reason == "prompt_too_long"
    assert [len(vector) for vector in first.data] == [64, 64]
    assert first.data[1] == pytest.approx(second.data[0], abs=0.01)
    assert second.data[0] == pytest.approx(second.data[1], abs=0.01)
    assert first.data[0] != pytest.approx(first.data[1], abs=0.01)
    assert first.usage.calls == 1
    assert first.usage.tokens_in > 0 == first.usage.tokens_out


def embedding_of(*texts: str) -> Call:
    messages: list[Message] = [{"role": "user", "content": text} for text in texts]
    return Call(Request("judge/any", {}, "tiny", Embed()), messages, "tiny", 7, "req_1")


async def test_server_and_process_give_one_answer(
    server_url: str, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = [ask(f"Number {number}", n=1 + number % 3) for number in range(12)]
    calls += [ask(f"Judge {number}", shape=Json(Verdict), max_tokens=200) for number in range(4)]
    calls += [ask("Once more", logprobs=2), ask("Once", temperature=0.0)]
    served = await ask_server(server_url, *calls)
    monkeypatch.setenv("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
    machinery = {"distributed_executor_backend": "uni", "kv_cache_memory_bytes": 2**28}
    engine = await Vllm.open(ModelSpec(model=str(tiny_model), engine="vllm", engine_options=machinery))
    try:
        local = await asyncio.gather(*[engine.complete(call) for call in calls])
    finally:
        await engine.close()
    assert [texts_of(completion) for completion in served] == [texts_of(completion) for completion in local]
    assert [completion.usage.tokens_in for completion in served] == [one.usage.tokens_in for one in local]
    assert served[-2].draws[0].logprob == pytest.approx(local[-2].draws[0].logprob, rel=1e-3)


def texts_of(completion: Completion) -> list[str]:
    return [draw.text for draw in completion.draws]
