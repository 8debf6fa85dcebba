"""A small OpenAI-compatible server on 127.0.0.1 with settable latency and faults: no GPU, no key, no cost.

    python -m pipeline.models.mock_server --port 8000 --latency-ms 50 --p-429 0.05 --retry-after 0.2

For our tests and for whoever wants to rehearse a load before paying for it. What it answers and which fault it makes at
the k-th attempt is a function of the request's bytes and k, never of time or order. JSON is invented from the schema.

| path                        | what                                                                          |
|-----------------------------|-------------------------------------------------------------------------------|
| `POST /v1/chat/completions` | n, json_schema, logprobs, usage with cached tokens                            |
| `POST /v1/embeddings`       | vectors made of the texts' bytes: texts that share words are near             |
| `GET /v1/models`            | the models; any name is taken when none was given                             |
| `GET /stats`                | calls by status, unique bodies, bodies answered more than once, most at once  |
| `POST /reset`, `/config`    | zero the counts; change any knob at run time (same names as the flags)        |
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web

from pipeline.models.mock_knobs import Knobs, Stats, choose_fault, draw, turn
from pipeline.models.mock_replies import texts_in, write_embeddings, write_reply
from schemas.errors import RequestError

LARGEST_BODY_BYTES = 64 * 2**20
Answer = Callable[[dict[str, Any]], str | list[str] | web.Response | None]
"""A test's own answer to a request's body: one text for all draws, a text each, a raw response, or None to invent.

Of embeddings only a raw response is taken; they are invented otherwise.
"""


class MockServer:
    """`async with MockServer(...) as base_url:` serves on a free port of 127.0.0.1 until the block ends."""

    def __init__(
        self, answer: Answer | None = None, *, knobs: Knobs | None = None, models: Sequence[str] = (),
        api_key: str | None = None, port: int = 0,
    ) -> None:
        self.knobs, self.stats, self.port = knobs or Knobs(latency_ms=0.0), Stats(), port
        self._answer, self._models, self._api_key = answer, tuple(models), api_key
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> str:
        app = web.Application(client_max_size=LARGEST_BODY_BYTES)
        app.add_routes([
            web.post("/v1/chat/completions", self._complete), web.post("/v1/embeddings", self._complete),
            web.get("/v1/models", self._list_models),
            web.get("/stats", self._show_stats), web.post("/reset", self._reset), web.post("/config", self._configure),
        ])
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, backlog=4096).start()
        self.port = self._runner.addresses[0][1]
        return f"http://127.0.0.1:{self.port}/v1"

    async def __aexit__(self, *error: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        digest = hashlib.blake2b(raw, digest_size=16).digest()
        attempt, status = self.stats.begin(digest), "aborted"
        try:
            status, reply = await self._respond(request, raw, digest, attempt)
            return reply
        finally:
            self.stats.end(digest, status)

    async def _respond(
        self, request: web.Request, raw: bytes, digest: bytes, attempt: int
    ) -> tuple[str, web.StreamResponse]:
        """What happened, as `/stats` counts it, and the response."""
        knobs = self.knobs
        if knobs.capacity and self.stats.in_flight > knobs.capacity:
            return "429", self._refuse()
        fault = choose_fault(knobs, digest, attempt)
        if fault in ("429", "500"):
            return fault, self._refuse() if fault == "429" else fail(500, "the mock server failed as it was told to")
        await asyncio.sleep((knobs.latency_ms + knobs.jitter_ms * draw(knobs, digest, attempt, "latency")) / 1000)
        if fault == "hang":
            await asyncio.Event().wait()
        if fault == "reset":
            abort(request)
            return fault, web.Response()
        reply = self._check(request, raw) or self._answer_well(request, raw, digest, cut=fault == "cut_json")
        if fault == "cut_body" and reply.status == 200:
            return fault, await self._send_half(request, reply, closes=draw(knobs, digest, attempt, "half") < 0.5)
        return fault or str(reply.status), reply

    def _check(self, request: web.Request, raw: bytes) -> web.Response | None:
        """The error that a real server would answer, if any."""
        if self._api_key is not None and request.headers.get("Authorization") != f"Bearer {self._api_key}":
            return fail(401, f"Incorrect API key provided: {request.headers.get('Authorization')}", "invalid_api_key")
        try:
            body = orjson.loads(raw)
            model, _ = body["model"], texts_in(body) if is_for_vectors(request) else body["messages"]
        except (ValueError, TypeError, KeyError) as error:
            asked = "an embeddings" if is_for_vectors(request) else "a chat completion"
            return fail(400, f"the body is not {asked} request: {error!r}")
        if self._models and model not in self._models:
            return fail(404, f"The model `{model}` does not exist", "model_not_found")
        return None

    def _answer_well(self, request: web.Request, raw: bytes, digest: bytes, *, cut: bool) -> web.Response:
        body = orjson.loads(raw)
        given = self._answer(body) if self._answer else None
        if isinstance(given, web.Response):
            return given
        if is_for_vectors(request):
            return say(write_embeddings(body, cut=cut))
        texts = [given] if isinstance(given, str) else given or ()
        seeded = digest + self.knobs.seed.to_bytes(8, "big", signed=True)
        return say(write_reply(body, seeded, words=self.knobs.words, texts=texts, cut=cut))

    def _refuse(self) -> web.Response:
        seconds = self.knobs.retry_after
        headers = {"Retry-After": f"{seconds:g}"} if seconds >= 0 else None
        return fail(429, "Rate limit reached", "rate_limit_exceeded", headers)

    async def _send_half(self, request: web.Request, reply: web.Response, *, closes: bool) -> web.StreamResponse:
        """Half of a body: with a truthful length, or broken off by closing the connection."""
        assert isinstance(reply.body, bytes)
        half = reply.body[: len(reply.body) // 2]
        if not closes:
            return web.Response(body=half, content_type="application/json")
        stream = web.StreamResponse(headers={"Content-Length": str(len(reply.body))})
        await stream.prepare(request)
        await stream.write(half)
        if request.transport is not None:
            request.transport.close()
        return stream

    async def _list_models(self, request: web.Request) -> web.Response:
        if self._api_key is not None and request.headers.get("Authorization") != f"Bearer {self._api_key}":
            return fail(401, "Incorrect API key provided", "invalid_api_key")
        return say({"object": "list", "data": [{"id": name, "object": "model"} for name in self._models or ("mock",)]})

    async def _show_stats(self, request: web.Request) -> web.Response:
        return say(self.stats.snapshot())

    async def _reset(self, request: web.Request) -> web.Response:
        self.stats.reset()
        return say({})

    async def _configure(self, request: web.Request) -> web.Response:
        try:
            self.knobs = turn(self.knobs, orjson.loads(await request.read() or b"{}"))
        except (RequestError, ValueError, TypeError) as error:
            return fail(400, str(error))
        return say(asdict(self.knobs))


def is_for_vectors(request: web.Request) -> bool:
    """Whether embeddings are wanted, not chat completions."""
    return request.path.endswith("/embeddings")


def say(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """A JSON response."""
    return web.Response(body=orjson.dumps(value), status=status, content_type="application/json", headers=headers)


def fail(status: int, message: str, code: str | None = None, headers: dict[str, str] | None = None) -> web.Response:
    """An error as OpenAI writes it; also for a test's own answers."""
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    return say({"error": error}, status, headers)


def abort(request: web.Request) -> None:
    """Reset the connection."""
    if request.transport is not None:
        request.transport.abort()


def parse_arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line; one flag per knob."""
    about = (__doc__ or "").partition("\n")[0]
    parser = argparse.ArgumentParser(prog="python -m pipeline.models.mock_server", description=about)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--port-file", type=Path, help="write the port here once the server listens")
    parser.add_argument("--model", action="append", default=[], help="a model's name; others get 404 (repeatable)")
    parser.add_argument("--api-key", help="refuse calls without this key")
    for knob in fields(Knobs):
        flag, meaning = "--" + knob.name.replace("_", "-"), knob.metadata["help"]
        parser.add_argument(flag, type=type(knob.default), default=knob.default, help=meaning)
    return parser.parse_args(words)


async def serve(arguments: argparse.Namespace) -> None:
    """Serve until told to stop."""
    knobs = Knobs(**{knob.name: getattr(arguments, knob.name) for knob in fields(Knobs)})
    server = MockServer(knobs=knobs, models=arguments.model, api_key=arguments.api_key, port=arguments.port)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with server as base_url:
        if arguments.port_file:
            # Renamed into place, so that nobody reads a file without a number in it.
            draft = arguments.port_file.with_suffix(".draft")
            draft.write_text(f"{server.port}\n")
            os.replace(draft, arguments.port_file)
        print(f"mock server on {base_url}", flush=True)
        await stop.wait()


def main() -> None:
    """Serve, on uvloop where there is one."""
    work = serve(parse_arguments())
    try:
        import uvloop
    except ImportError:
        asyncio.run(work)
    else:
        uvloop.run(work)


if __name__ == "__main__":
    main()
