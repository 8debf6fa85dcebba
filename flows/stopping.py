"""How a build is asked to stop: Ctrl-C, or the system's SIGTERM."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def stop_on_signals(stopping: asyncio.Event) -> Iterator[None]:
    """The first Ctrl-C or SIGTERM stops cleanly; a second one is left to the default handler."""
    loop = asyncio.get_running_loop()
    handled = []
    for sign in (signal.SIGINT, signal.SIGTERM):

        def stop(sign: signal.Signals = sign) -> None:
            stopping.set()
            loop.remove_signal_handler(sign)

        with suppress(
            ValueError, RuntimeError, NotImplementedError
        ):  # not the main thread: the orchestrator handles signals
            loop.add_signal_handler(sign, stop)
            handled.append(sign)
    try:
        yield
    finally:
        for sign in handled:
            loop.remove_signal_handler(sign)
