"""A hub on 127.0.0.1, to rehearse a push without an account or a network: `python -m pipeline.hub.fake --port 0`.

It answers what `huggingface_hub` and `datasets` ask (`pipeline.hub.answers`), records each call, and lets what is
wanted go wrong (`pipeline.hub.faults`). All it keeps is gone when it ends. It is for rehearsals and tests: everybody on
this machine can reach it, and whoever has the token can write.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from pipeline.hub.answers import Answer, Hub, Request
from pipeline.hub.faults import Call, Fault, Faults
from pipeline.hub.repositories import Account
from pipeline.hub.routes import answer

TOKEN = "hf_rehearsal"
"""Opens a hub that is started without accounts."""
CHUNK_BYTES = 1 << 20


class FakeHub:
    """A running hub: `with FakeHub() as hub: push(..., endpoint=hub.endpoint, token=TOKEN)`.

    `accounts` are by their tokens. Large files are taken in parts above `part_bytes`. `port` 0 is any that is free.
    """

    def __init__(
        self, accounts: Mapping[str, Account] | None = None, *, port: int = 0, part_bytes: int | None = None
    ) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="prefmill-hub-"))
        self.faults = Faults()
        self.hub = Hub(self._folder, accounts or {TOKEN: Account("rehearser", ("*",))}, part_bytes)
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", port), self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def endpoint(self) -> str:
        """What `HF_ENDPOINT` is to be."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> FakeHub:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.faults.lift()
        self._server.shutdown()
        self._server.server_close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def answer(self, request: Request) -> Answer:
        """What is answered to one call; the calls under `/fake` are to the hub itself."""
        match request.method, request.path:
            case "GET", "/fake/calls":
                return Answer(self.faults.shown())
            case "DELETE", "/fake/calls":
                self.faults.forget()
                return Answer({})
            case "POST", "/fake/faults":
                self.faults.plant(*(Fault(**each) for each in json.loads(request.body)))
                return Answer({})
            case "DELETE", "/fake/faults":
                self.faults.lift()
                return Answer({})
        with self._lock:
            return answer(self.hub, request)


class _Server(ThreadingHTTPServer):
    """A thread for each connection, none of which is waited for."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], fake: FakeHub) -> None:
        self.fake = fake
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that is gone is no news."""


class _Handler(BaseHTTPRequestHandler):
    """Speaks HTTP for the hub of its server."""

    server: _Server
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        """Read a call, let go wrong what is to, and answer."""
        place, body = urlsplit(self.path), self.body()
        if body is None:
            return self.drop()
        headers = {name.lower(): value for name, value in self.headers.items()}
        method = "GET" if self.command == "HEAD" else self.command
        request = Request(method, place.path, dict(parse_qsl(place.query)), headers, body, self.server.fake.endpoint)
        answer = self.strike(place.path, "before")
        if answer is None:
            done = self.server.fake.answer(request)
            answer = self.strike(place.path, "after") or done
        if not place.path.startswith("/fake/"):
            self.server.fake.faults.note(Call(self.command, place.path, answer.status, len(body)))
        return self.drop() if answer.status == 0 else self.send(answer)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer

    def strike(self, path: str, when: str) -> Answer | None:
        """What a fault makes of this call; None where none is due or it only takes time. Status 0: no answer."""
        fault = self.server.fake.faults.due(self.command, path, when)
        if fault is None:
            return None
        match fault.does:
            case "refuse":
                wait = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
                return Answer({"error": "planted fault"}, fault.status, wait)
            case "drop":
                return Answer(status=0)
            case "slow":
                time.sleep(fault.seconds)
            case "stall":
                self.server.fake.faults.stall()
                return Answer(status=0) if self.is_left() else None
        return None

    def is_left(self) -> bool:
        """Whether whoever called is gone: nobody does what was asked by a process that was killed meanwhile."""
        try:
            return not self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def body(self) -> bytes | None:
        """The body of a call; None if its end never came."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            pieces = []
            while size := int(self.rfile.readline().split(b";")[0] or b"0", 16):
                pieces.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(pieces)
        length = int(self.headers.get("Content-Length") or 0)
        content = self.rfile.read(length)
        return content if len(content) == length else None

    def send(self, answer: Answer) -> None:
        """Send an answer: JSON, or a file."""
        if answer.file is not None:
            self.send_file(answer.file, answer.headers)
            return
        content = b"" if answer.content is None else json.dumps(answer.content).encode()
        self.head(answer.status, len(content), {"Content-Type": "application/json", **answer.headers})
        if self.command != "HEAD":
            self.wfile.write(content)

    def send_file(self, path: Path, headers: Mapping[str, str]) -> None:
        """Send a file, or the part of it that was asked for."""
        start, stop = 0, path.stat().st_size
        status, known = 200, {"Accept-Ranges": "bytes", **headers}
        if found := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
            status, size = 206, stop
            start, stop = int(found[1]), min(size, int(found[2] or size - 1) + 1)
            known["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
        self.head(status, stop - start, known)
        if self.command != "HEAD":
            with path.open("rb") as file:
                file.seek(start)
                while start < stop and (piece := file.read(min(CHUNK_BYTES, stop - start))):
                    self.wfile.write(piece)
                    start += len(piece)

    def head(self, status: int, length: int, headers: Mapping[str, str]) -> None:
        """Send the first line and the headers."""
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(length)}.items():
            self.send_header(name, " ".join(value.encode("latin-1", "replace").decode("latin-1").splitlines()))
        self.end_headers()

    def drop(self) -> None:
        """Close the connection without a word."""
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *values: Any) -> None:
        """The record of calls is the log."""


def main() -> None:
    """Run a hub until it is stopped; its address is the first line that is printed."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.hub.fake", description="A hub to rehearse a push on.")
    parser.add_argument("--port", type=int, default=0, help="0, the default, is any that is free")
    parser.add_argument("--token", default=TOKEN, help=f"what may write to every namespace; {TOKEN} by default")
    parser.add_argument("--part-bytes", type=int, help="take larger files in parts of so many bytes")
    arguments = parser.parse_args()
    accounts = {arguments.token: Account("rehearser", ("*",))}
    with FakeHub(accounts, port=arguments.port, part_bytes=arguments.part_bytes) as hub:
        print(hub.endpoint, flush=True)
        with suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
