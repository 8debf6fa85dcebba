"""The engine for any server that speaks OpenAI's chat completions or embeddings: OpenAI, `vllm serve`, a pool of them.

It stands on aiohttp alone, because the openai package costs five to ten times the CPU per call. What it adds to a bare
request: retries with full jitter (AWS, "Exponential Backoff and Jitter"), a load that adapts to the server (`Limiter`),
and errors that say whose fault it is (`setbacks`). A retried call may be paid more than once: `Usage.calls` counts
every attempt that the server answered with status 200, used or not, and `Usage` its tokens as far as they were told.
"""

from __future__ import annotations

import asyncio
import os
import random
from dataclasses import replace
from urllib.request import getproxies, proxy_bypass

import aiohttp
import orjson
from yarl import URL

from pipeline.models.chat import Chat, read_completion
from pipeline.models.limiter import LONGEST_WAIT_SECONDS, Limiter
from pipeline.models.replies import BadReply
from pipeline.models.setbacks import NOTHING, Server, Setback, read_error
from schemas.errors import EngineError, Transient, Unanswerable, Wasted
from schemas.models import ModelSpec
from schemas.requests import Call, Completion, Embed, Score, Usage

OPENAI_URL = "https://api.openai.com/v1"
OPENAI_HOSTS = ("openai.com", "openai.azure.com")
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
KEEP_ALIVE_SECONDS = 3.0
"""Shorter than the 5 s after which uvicorn, and so `vllm serve`, closes an idle connection under our feet."""
CONNECT_SECONDS = 10.0
FIRST_BACKOFF_SECONDS = 0.5
LONGEST_BACKOFF_SECONDS = 20.0
PATIENCE_SECONDS = 30.0
ENGINE_OPTIONS = frozenset({"backoff_seconds", "patience_seconds"})


class OpenAI:
    """One model behind an OpenAI-compatible server, opened with `await OpenAI.open(spec)`.

    `engine_options` may set `backoff_seconds` (the mean first wait is half of it) and `patience_seconds` (how long a
    server may stay silent before it is given up).
    """

    def __init__(self, spec: ModelSpec, server: Server, chat: Chat, session: aiohttp.ClientSession) -> None:
        self._spec, self._server, self._chat, self._session = spec, server, chat, session
        self._chat_url = URL(server.url) / "chat" / "completions"
        self._embeddings_url = URL(server.url) / "embeddings"
        self._backoff_seconds = float(spec.engine_options.get("backoff_seconds", FIRST_BACKOFF_SECONDS))
        self._jitter = random.Random()
        self._limiter = Limiter(
            spec.concurrency,
            server=server.url,
            patience_calls=spec.attempts * 8,
            patience_seconds=float(spec.engine_options.get("patience_seconds", PATIENCE_SECONDS)),
        )

    @classmethod
    async def open(cls, spec: ModelSpec) -> OpenAI:
        """Reach the server and ask what models it has; raises `EngineError` when nobody answers or our key is wrong."""
        if unknown := sorted(spec.engine_options.keys() - ENGINE_OPTIONS):
            raise EngineError(f"unknown engine option `{unknown[0]}`; there is: {', '.join(sorted(ENGINE_OPTIONS))}")
        server = _read_server(spec)
        chat = Chat(spec, hosted=(URL(server.url).host or "").endswith(OPENAI_HOSTS))
        session = _open_session(spec, server)
        try:
            models = await _list_models(session, server, spec.model)
            return cls(spec, replace(server, models=models), chat, session)
        except BaseException:
            await session.close()
            raise

    def __repr__(self) -> str:
        return f"OpenAI(model={self._spec.model!r}, server={self._server.url!r})"

    async def complete(self, call: Call) -> Completion:
        """Answer one call, trying up to `attempts` times."""
        if isinstance(call.request.shape, Score):
            raise EngineError(
                f"{self._server.url} cannot say how likely a given text is; the engines `vllm` and `rehearsal` can"
            )
        body = self._chat.write(call)
        wasted, attempt = NOTHING, 0
        while True:
            end = await self._attempt(call, body)
            if isinstance(end, Completion):
                return end if wasted is NOTHING else replace(end, usage=wasted + end.usage)
            attempt += 1
            if end.usage is not NOTHING:
                wasted += end.usage
                if call.is_counted:
                    raise _without_answer(Wasted(f"{self._server.url} gave no answer: {end.cause}"), wasted)
            if end.is_final or attempt >= self._spec.attempts or (end.wait_seconds or 0.0) > LONGEST_WAIT_SECONDS:
                said = f"{self._server.url} gave no answer in {attempt} attempts; the last: {end.cause}"
                raise _without_answer(Transient(said), wasted)
            await asyncio.sleep(self._wait_seconds(end, attempt))

    async def close(self) -> None:
        """Close all connections."""
        self._limiter.close()
        await self._session.close()

    def _wait_seconds(self, end: Setback, attempt: int) -> float:
        backoff = min(LONGEST_BACKOFF_SECONDS, self._backoff_seconds * 2.0 ** (attempt - 1))
        if end.wait_seconds is None:
            return self._jitter.uniform(0.0, backoff)
        return end.wait_seconds + self._jitter.uniform(0.0, min(backoff, end.wait_seconds))

    async def _attempt(self, call: Call, body: bytes) -> Completion | Setback:
        """Ask once, within the server's load limit, and tell the limiter how it went."""
        limiter = self._limiter
        await limiter.enter()
        try:
            end = await self._post(call, body)
            if isinstance(end, Completion):
                limiter.answered()
            elif end.is_overload:
                limiter.refused(end.cause, end.wait_seconds)
            else:
                limiter.failed(end.cause)
            return end
        except (EngineError, Unanswerable):
            limiter.answered()
            raise
        finally:
            limiter.leave()

    async def _post(self, call: Call, body: bytes) -> Completion | Setback:
        usage = NOTHING
        url = self._embeddings_url if isinstance(call.request.shape, Embed) else self._chat_url
        try:
            async with self._session.post(url, data=body, allow_redirects=False) as reply:
                if reply.status == 200:
                    usage = Usage(calls=1)
                raw = await reply.read()
            if reply.status == 200:
                return read_completion(raw, call)
        except BadReply as error:
            return Setback(self._server.hush(str(error)), usage=error.usage)
        except TimeoutError:
            return Setback(f"no reply in {self._spec.timeout_seconds:g} s", is_overload=True, usage=usage)
        except (aiohttp.ClientError, OSError) as error:
            return Setback(_describe(error, self._server), usage=usage)
        return read_error(reply.status, reply.headers, raw, server=self._server, model=call.model)


def _without_answer(problem: Transient, wasted: Usage) -> Transient:
    """The problem, with what was paid for nothing."""
    if wasted is not NOTHING:
        problem.usage = wasted
    return problem


def _read_server(spec: ModelSpec) -> Server:
    text = spec.base_url or os.environ.get("OPENAI_BASE_URL") or OPENAI_URL
    try:
        url = URL(text.strip().rstrip("/"))
    except ValueError:
        url = URL()
    if "@" in text or url.query_string:
        raise EngineError(f"a `base_url` carries no user and no query; the key belongs into `{spec.api_key_env}`")
    if url.scheme not in ("http", "https") or not url.host:
        raise EngineError(f"{text!r} is not a `base_url`; it looks like `http://host:8000/v1`")
    key = os.environ.get(spec.api_key_env, "").strip()
    if not key and url.host == URL(OPENAI_URL).host:
        raise EngineError(f"`{spec.api_key_env}` is not set, and {url} wants a key; set it, or name another `base_url`")
    if not (key.isascii() and key.isprintable()):
        raise EngineError(f"`{spec.api_key_env}` holds characters that no key has")
    return Server(str(url), spec.api_key_env, key)


def _open_session(spec: ModelSpec, server: Server) -> aiohttp.ClientSession:
    headers = {"Content-Type": "application/json"}
    if server.key:
        headers["Authorization"] = f"Bearer {server.key}"
    seconds = spec.timeout_seconds
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_SECONDS),
        timeout=aiohttp.ClientTimeout(total=seconds, sock_connect=min(CONNECT_SECONDS, seconds)),
        headers=headers, cookie_jar=aiohttp.DummyCookieJar(), proxy=_read_proxy(URL(server.url)),
    )


def _read_proxy(url: URL) -> str | None:
    """The environment's proxy for a server, read once: aiohttp would read it anew at every call, in a thread."""
    host = url.host or ""
    proxy = None if host in LOOPBACK or proxy_bypass(host) else getproxies().get(url.scheme)
    if proxy is not None and not proxy.startswith(("http://", "https://")):
        kind = proxy.partition("://")[0] if "://" in proxy else "nameless"
        raise EngineError(f"the environment names a {kind} proxy for {url}; only http and https proxies are supported")
    return proxy


async def _list_models(session: aiohttp.ClientSession, server: Server, model: str) -> tuple[str, ...]:
    """The names of the server's models; none when it does not say. Raises `EngineError` when it cannot be used."""
    seconds = min(CONNECT_SECONDS, session.timeout.total or CONNECT_SECONDS)
    problem = ""
    try:
        timeout = aiohttp.ClientTimeout(total=seconds)
        async with session.get(URL(server.url) / "models", timeout=timeout, allow_redirects=False) as reply:
            raw = await reply.read()
    except TimeoutError:
        problem = f"no answer within {seconds:g} s"
    except (aiohttp.ClientError, OSError) as error:
        problem = _describe(error, server)
    if problem:  # raised out here, so that the error drags no other along that holds our headers
        raise EngineError(f"{server.url} cannot be reached: {problem}; is it up, and is `base_url` right?")
    # A key may be good for completions and yet not for this list; that is said to be a lack of scopes.
    if reply.status == 401 and b"scope" not in raw:
        read_error(401, reply.headers, raw, server=server, model=model)
    try:
        return tuple([entry["id"] for entry in orjson.loads(raw)["data"]]) if reply.status == 200 else ()
    except (ValueError, TypeError, KeyError):
        return ()


def _describe(error: Exception, server: Server) -> str:
    """An error of the network as one line; never its repr, which holds the headers we sent."""
    name = type(error).__name__
    if not str(error) or isinstance(error, aiohttp.InvalidURL):  # a proxy's address may hold a password
        return name
    return server.hush(f"{name}: {error}")
