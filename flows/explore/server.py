"""Serving the page: to this machine, to whoever has the address with its token, and only to be read.

| who might look in                            | what keeps them out                                            |
|----------------------------------------------|----------------------------------------------------------------|
| other machines                               | the server listens on loopback unless it is told otherwise     |
| other people on this machine                 | a random token, in the printed address and then in a cookie    |
| pages that are open in the same browser      | a cookie for this site alone, no CORS; other sites are refused   |
| a name that points here (DNS rebinding)      | only the names the server was started under are answered       |
| texts of models and documents                | they are escaped, and the page may run no script but ours      |
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

import duckdb
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from flows.explore.pages import Pages
from schemas.errors import PrefmillError, RequestError
from warehouse.address import Address

STATIC = Path(__file__).parent / "static"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
ENTERED = (
    '<!doctype html><meta charset="utf-8"><title>prefmill</title><link rel="icon" href="/static/mill.svg">'
    '<meta http-equiv="refresh" content="0;url=/"><a href="/">prefmill</a>'
)
"""Sent with the cookie: a browser that came from elsewhere must start anew from here before it sends the cookie back."""


class Doorkeeper:
    """Lets in who asks for one of the server's own names, from its own pages, with its token; answers GET alone."""

    def __init__(self, app: ASGIApp, names: frozenset[str], token: str, cookie: str) -> None:
        self.app, self.names, self.token, self.cookie = app, names, token, cookie

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        answer = self._refusal(Request(scope))
        if answer is not None:
            answer.headers.update(HEADERS)
            await answer(scope, receive, send)
            return

        async def send_guarded(message: object) -> None:
            if isinstance(message, dict) and message["type"] == "http.response.start":
                extra = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                message = {**message, "headers": [*message["headers"], *extra]}
            await send(message)  # type: ignore[arg-type]

        await self.app(scope, receive, send_guarded)

    def _refusal(self, request: Request) -> Response | None:
        """What is answered in place of a page; None for those who may see it."""
        if request.method not in ("GET", "HEAD"):
            return PlainTextResponse("this page can only be read", HTTPStatus.METHOD_NOT_ALLOWED)
        if request.headers.get("host", "").lower() not in self.names:
            return PlainTextResponse("this server is not called so", HTTPStatus.MISDIRECTED_REQUEST)
        if request.url.path == "/" and _same(request.query_params.get("token", ""), self.token):
            answer = HTMLResponse(ENTERED)
            answer.set_cookie(self.cookie, self.token, httponly=True, samesite="strict")
            return answer
        if request.headers.get("sec-fetch-site", "same-origin") in ("cross-site", "same-site"):
            return PlainTextResponse("open this page from its own address", HTTPStatus.FORBIDDEN)
        if not _same(request.cookies.get(self.cookie, ""), self.token):
            words = "open the whole address that `prefmill ui` has printed, with its token"
            return PlainTextResponse(words, HTTPStatus.FORBIDDEN)
        return None


def make_app(address: Address, token: str, host: str, port: int) -> Starlette:
    """The pages of a warehouse, behind their doorkeeper; close it by its lifespan."""
    pages = Pages(address)
    shown = {host, *LOOPBACK} if host in LOOPBACK else {host}
    names = frozenset(f"{f'[{name}]' if ':' in name else name}:{port}" for name in shown)
    routes: list[BaseRoute] = [Route(path, _page(page)) for path, page in pages.routes.items()]
    routes.append(Mount("/static", StaticFiles(directory=STATIC)))
    return Starlette(
        routes=routes,
        middleware=[Middleware(Doorkeeper, names=names, token=token, cookie=f"prefmill_{port}")],
        exception_handlers={
            PrefmillError: pages.on_mistake,
            duckdb.Error: pages.on_fault,
            HTTPException: pages.on_missing,
        },
        lifespan=pages.lifespan,
    )


def _page(page: Callable[[Request], Response]) -> Callable[[Request], Response]:
    """A page as a route of its own; Starlette runs it in a thread, because DuckDB blocks."""

    def endpoint(request: Request) -> Response:
        return page(request)

    return endpoint


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes a free one. Raises `RequestError` where that cannot be had."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        opened = socket.socket(family, socket.SOCK_STREAM)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((host, port))
        opened.listen(128)
    except OSError as problem:
        raise RequestError(
            f"the page cannot be served at {host}:{port}: {problem.strerror}; name another with --port or --host"
        ) from None
    return opened


def serve(address: Address, opened: socket.socket, token: str, host: str) -> None:
    """Serve until Ctrl-C."""
    app = make_app(address, token, host, opened.getsockname()[1])
    config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False, lifespan="on")
    uvicorn.Server(config).run(sockets=[opened])


def _same(given: str, wanted: str) -> bool:
    return secrets.compare_digest(given.encode(), wanted.encode())
