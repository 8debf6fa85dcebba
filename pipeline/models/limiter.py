"""How many calls one server gets at once: as many as it takes without refusing, and none when it is gone.

**The limit** starts at the cap. Every refusal (429, 503, a timeout) takes half a slot away, so a server that refuses
everything sees the limit halved once per round trip: each call in flight is refused once. Every answer gives a 32nd of
a slot back, and half a slot more per round trip. A server that refuses one call in twenty at random keeps its full load
(halving at the first refusal of a round trip would leave it a tenth); one with a firm capacity refuses about one in
twelve while the limit stays at its edge.

**The pause.** A refusal with a `Retry-After` is waited out by the call it answered. When as many calls in a row as half
the limit are refused, it is no accident: then nobody calls until that time is over.

**The breaker.** When calls fail (however) `patience_calls` times in a row *and* for `patience_seconds` with no answer
in between, the server is given up: everyone who waits and everyone who comes gets `Transient` at once. Both are needed:
with 256 calls in flight, one restart of the server fails 256 times in a millisecond, and a lone caller fails slowly.
Time that the server asked us to wait does not count. One call per `patience_seconds` is let through to see; the first
answer ends it.
"""

from __future__ import annotations

import asyncio
from collections import deque

from schemas.errors import Transient

REFUSED = 1 / 2
ANSWERED = 1 / 32
PER_ROUND_TRIP = 1 / 2
FEWEST_REFUSALS = 3
LONGEST_WAIT_SECONDS = 120.0
"""A server that asks for more than this is given up for as long as it asks."""


class Limiter:
    """Admits calls to one server in the order they come; `enter` before a call, `leave` after it, whatever happened.

    In between, say how it went: `answered`, `refused` or `failed`. One event loop only.
    """

    def __init__(self, cap: int, *, server: str, patience_calls: int = 48, patience_seconds: float = 30.0) -> None:
        self.cap, self.limit, self.in_flight = cap, float(cap), 0
        self._server, self._patience_calls, self._patience_seconds = server, patience_calls, patience_seconds
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._resume: asyncio.TimerHandle | None = None
        self._refusals = self._failures = 0
        self._failing_since = 0.0
        self._shut_until: float | None = None
        self._shut_because = ""

    async def enter(self) -> None:
        """Wait for a slot; raises `Transient` when the server has been given up."""
        if self._shut_until is not None:
            self._knock(self._shut_until)
        if not self._waiting and self._resume is None and self.in_flight < int(self.limit):
            self.in_flight += 1
            return
        place = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if not place.cancelled() and place.exception() is None:
                self.leave()  # the slot had been handed over before the cancellation came
            else:
                self._forget_cancelled()
            raise

    def leave(self) -> None:
        """Give the slot to the next in line."""
        self.in_flight -= 1
        self._admit()

    def answered(self) -> None:
        """The server gave an answer, be it an error that only concerns the call."""
        self.limit = min(float(self.cap), self.limit + ANSWERED + PER_ROUND_TRIP / self.limit)
        self._refusals = self._failures = 0
        self._shut_until = None

    def refused(self, cause: str, wait_seconds: float | None = None) -> None:
        """The server said that it has too much to do, and perhaps for how long."""
        self.limit = max(1.0, self.limit - REFUSED)
        self._refusals += 1
        self.failed(cause)
        if wait_seconds is None or self._refusals < min(self.cap, max(FEWEST_REFUSALS, self.limit / 2)):
            return
        if wait_seconds > LONGEST_WAIT_SECONDS:
            self._shut(wait_seconds, f"asks us to wait {wait_seconds:.0f} s: {cause}")
        else:
            self._pause(wait_seconds)

    def failed(self, cause: str) -> None:
        """No answer came, for a reason that is not load."""
        now = asyncio.get_running_loop().time()
        self._failures += 1
        if self._failures == 1:
            self._failing_since = now
        silent = now - self._failing_since
        if self._failures >= self._patience_calls and silent >= self._patience_seconds and self._shut_until is None:
            failures = f"{self._failures} calls in a row failed within {silent:.0f} s"
            self._shut(self._patience_seconds, f"does not answer: {failures}, the last with {cause}")

    def close(self) -> None:
        """Drop the timer; whoever still waits is told that it is over."""
        if self._resume is not None:
            self._resume.cancel()
            self._resume = None
        self._turn_away(f"{self._server} was closed")

    def _admit(self) -> None:
        while self._waiting and self._resume is None and self.in_flight < int(self.limit):
            place = self._waiting.popleft()
            if not place.done():
                self.in_flight += 1
                place.set_result(None)

    def _forget_cancelled(self) -> None:
        while self._waiting and self._waiting[0].done():
            self._waiting.popleft()

    def _pause(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        self._failing_since = max(self._failing_since, until)
        if self._resume is not None:
            if self._resume.when() >= until:
                return
            self._resume.cancel()
        self._resume = loop.call_at(until, self._end_pause)

    def _end_pause(self) -> None:
        self._resume = None
        self._admit()

    def _shut(self, seconds: float, because: str) -> None:
        self._shut_until = asyncio.get_running_loop().time() + seconds
        self._shut_because = f"{self._server} {because}"
        self._turn_away(self._shut_because)

    def _turn_away(self, because: str) -> None:
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_exception(Transient(because))

    def _knock(self, shut_until: float) -> None:
        now = asyncio.get_running_loop().time()
        if now < shut_until:
            raise Transient(self._shut_because)
        self._shut_until = now + self._patience_seconds
