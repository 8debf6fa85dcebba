"""Which server the OpenAI engine goes to, with which key, and how it says that it cannot; the key never shows."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from pipeline.models.mock_server import MockServer, fail, say
from pipeline.models.openai import OpenAI
from schemas.errors import EngineError, PrefmillError, Unanswerable
from schemas.models import ModelSpec
from schemas.requests import Call, Request

KEY = "sk-secret-0123456789"


def spec(base_url: str | None, **changes: Any) -> ModelSpec:
    settings = {"model": "mock", "attempts": 2, "engine_options": {"backoff_seconds": 0.01}, **changes}
    return ModelSpec(engine="openai", base_url=base_url, **settings)


def call(model: str = "mock") -> Call:
    return Call(Request("test", {}, "judge"), [{"role": "user", "content": "Hello?"}], model, 7, "key")


async def ask(base_url: str | None, **changes: Any) -> str:
    engine = await OpenAI.open(spec(base_url, **changes))
    try:
        return (await engine.complete(call(changes.get("model", "mock")))).text
    finally:
        await engine.close()


def everything_said(error: BaseException | None) -> str:
    """An error and all that it drags along."""
    if error is None:
        return ""
    return f"{error} {error!r} {error.__dict__}" + everything_said(error.__cause__) + everything_said(error.__context__)


async def test_the_environment_names_server_and_key(monkeypatch: pytest.MonkeyPatch) -> None:
    async with MockServer(lambda body: "found", api_key=KEY) as base_url:
        monkeypatch.setenv("OPENAI_BASE_URL", base_url + "/")
        monkeypatch.setenv("OUR_KEY", KEY)
        assert await ask(None, api_key_env="OUR_KEY") == "found"


async def test_a_recipe_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    async with MockServer(lambda body: "found") as base_url:
        assert await ask(base_url) == "found"


async def test_openai_itself_wants_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(EngineError, match="`OPENAI_API_KEY` is not set"):
        await OpenAI.open(spec(None))


@pytest.mark.parametrize("base_url", ["127.0.0.1:8000", "ftp://host/v1", "http:///v1", "http://[", "nonsense"])
async def test_an_address_that_is_none_is_named(base_url: str) -> None:
    with pytest.raises(EngineError, match="is not a `base_url`"):
        await OpenAI.open(spec(base_url))


@pytest.mark.parametrize("base_url", [f"http://me:{KEY}@host/v1", f"http://host/v1?key={KEY}", f"me:{KEY}@host"])
async def test_an_address_with_secrets_is_not_repeated(base_url: str) -> None:
    with pytest.raises(EngineError) as caught:
        await OpenAI.open(spec(base_url))
    assert KEY not in everything_said(caught.value)


async def test_a_server_that_is_not_there_is_named() -> None:
    with pytest.raises(EngineError, match=r"http://127\.0\.0\.1:9/v1 cannot be reached: ClientConnector"):
        await OpenAI.open(spec("http://127.0.0.1:9/v1"))


async def test_a_wrong_key_is_named_but_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    async with MockServer(api_key="another") as base_url:
        with pytest.raises(EngineError, match="does not accept the key in `OPENAI_API_KEY`") as caught:
            await OpenAI.open(spec(base_url))
    assert KEY not in everything_said(caught.value)
    monkeypatch.delenv("OPENAI_API_KEY")
    async with MockServer(api_key="another") as base_url:
        with pytest.raises(EngineError, match="wants a key in `OPENAI_API_KEY`"):
            await OpenAI.open(spec(base_url))


@pytest.mark.parametrize("key", [f"{KEY}\nx", f"{KEY}é"])
async def test_a_key_that_no_header_can_hold(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(EngineError, match="holds characters") as caught:
        await OpenAI.open(spec("http://127.0.0.1:9/v1"))
    assert KEY not in everything_said(caught.value)


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 413, 418, 429, 500, 302])
async def test_no_error_shows_the_key(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    caplog.set_level(logging.DEBUG)
    told = {"Location": f"http://elsewhere/{KEY}"}
    async with MockServer(lambda body: fail(status, f"your key {KEY} displeases us", KEY, told)) as base_url:
        engine = await OpenAI.open(spec(base_url))
        with pytest.raises(PrefmillError) as caught:
            await engine.complete(call())
        await engine.close()
    assert KEY not in everything_said(caught.value)
    assert KEY not in repr(engine)
    assert KEY not in caplog.text


async def test_garbage_instead_of_http_shows_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 what?\r\n\r\n")
        writer.close()

    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    async with server:
        with pytest.raises(EngineError, match="cannot be reached") as caught:
            await OpenAI.open(spec(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"))
    assert KEY not in everything_said(caught.value)


async def test_an_unknown_model_gets_the_nearest_name() -> None:
    async with MockServer(models=["qwen3-8b-instruct", "llama-70b"]) as base_url:
        with pytest.raises(EngineError, match="no model 'qwen3-8b'; did you mean `qwen3-8b-instruct`"):
            await ask(base_url, model="qwen3-8b")


async def test_a_path_that_is_wrong_is_said_to_be() -> None:
    async with MockServer() as base_url:
        with pytest.raises(EngineError, match="most often in `/v1`"):
            await ask(base_url.removesuffix("/v1"))


async def test_a_key_without_the_scope_to_list_models_is_good_enough() -> None:
    async def list_models(request: web.Request) -> web.Response:
        return fail(401, "Missing scopes: api.model.read")

    async def complete(request: web.Request) -> web.Response:
        return say({"choices": [{"message": {"content": "found"}}]})

    app = web.Application()
    app.add_routes([web.get("/v1/models", list_models), web.post("/v1/chat/completions", complete)])
    async with TestServer(app) as server:
        assert await ask(str(server.make_url("/v1"))) == "found"


async def test_no_quota_ends_it_at_once() -> None:
    server = MockServer(lambda body: fail(429, "You exceeded your quota", "insufficient_quota"))
    async with server as base_url:
        with pytest.raises(EngineError, match="until it is paid: 429 You exceeded your quota"):
            await ask(base_url)
    assert server.stats.calls == 1


async def test_a_call_that_is_too_long_is_unanswerable_once() -> None:
    said = "This model's maximum context length is 4096 tokens.\nPlease shorten."
    server = MockServer(lambda body: fail(400, said))
    async with server as base_url:
        with pytest.raises(Unanswerable) as caught:
            await ask(base_url)
    assert (caught.value.reason, caught.value.detail) == ("prompt_too_long", said.splitlines()[0])
    assert server.stats.calls == 1


async def test_a_proxy_of_the_environment_is_used_but_not_for_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    async with MockServer(lambda body: "through the proxy") as proxy:
        monkeypatch.setenv("http_proxy", proxy.removesuffix("/v1"))
        assert await ask("http://models.example/v1") == "through the proxy"
    async with MockServer(lambda body: "direct") as base_url:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        assert await ask(base_url) == "direct"
        assert await ask(base_url.replace("127.0.0.1", "localhost")) == "direct"


@pytest.mark.parametrize("proxy", [f"socks5://me:{KEY}@host:1", f"me:{KEY}@host:1", f"http://me:{KEY}@:1"])
async def test_a_proxy_that_cannot_be_used_is_not_repeated(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("http_proxy", proxy)
    with pytest.raises(EngineError) as caught:
        await OpenAI.open(spec("http://models.example/v1"))
    assert KEY not in everything_said(caught.value)


async def test_an_unknown_engine_option_is_named() -> None:
    with pytest.raises(EngineError, match="unknown engine option `patience`"):
        await OpenAI.open(spec("http://127.0.0.1:9/v1", engine_options={"patience": 3}))
