"""Starting the page: where it listens, the address that is printed, and the browser that opens it."""

from __future__ import annotations

import html
import os
import secrets
import sys
import tempfile
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from flows.explore.server import LOOPBACK, listen, serve
from warehouse.address import Address
from warehouse.connection import require

ENTRY = '<!doctype html><meta charset="utf-8"><title>prefmill</title><meta http-equiv="refresh" content="0;url={0}">'


def run(address: Address, host: str, port: int, *, open_browser: bool) -> None:
    """Serve the page of a warehouse until Ctrl-C; its address, with the token, goes to the terminal alone."""
    require(address)
    token = secrets.token_urlsafe(24)
    with listen(host, port) as opened:
        place = f"[{host}]" if ":" in host else host
        url = f"http://{place}:{opened.getsockname()[1]}/?token={token}"
        print(f"{url}\nread-only; Ctrl-C ends it", flush=True)
        if host not in LOOPBACK:
            print(
                f"prefmill: {host} can be reached from other machines: whoever has this address reads the whole warehouse, and "
                "nothing on the way is encrypted",
                file=sys.stderr,
                flush=True,
            )
        with entry_file(url) if open_browser else nullcontext() as entry:
            if entry:
                webbrowser.open(entry.as_uri())
            serve(address, opened, token, host)


@contextmanager
def entry_file(url: str) -> Iterator[Path]:
    """A page that only we can read and that leads to a URL: the arguments of a browser are shown to all users."""
    descriptor, name = tempfile.mkstemp(prefix="prefmill-", suffix=".html")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(ENTRY.format(html.escape(url)))
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)
