"""What can be made to go wrong on the hub on loopback, and the record of what it was asked."""

from __future__ import annotations

import re
import threading
from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Call:
    """One call that came in: what was asked, the status answered (0: none), and the bytes of its body."""

    method: str
    path: str
    status: int
    received: int


@dataclass(frozen=True, slots=True)
class Fault:
    """Something to go wrong with the calls `METHOD /path` that match `calls`, a regular expression.

    `refuse` answers with `status` (and `Retry-After`), `drop` closes the connection without an answer, `slow` waits for
    `seconds`, and `stall` says nothing until the fault is lifted, when it forgets a call whose caller is gone. All that
    `before` the call is done, or `after` it was done and before its answer. It lets `skip` calls pass, then befalls `times`.
    """

    calls: str
    does: Literal["refuse", "drop", "stall", "slow"] = "refuse"
    status: int = 500
    retry_after: int | None = None
    when: Literal["before", "after"] = "before"
    seconds: float = 0.0
    skip: int = 0
    times: int = 1


class Faults:
    """The faults to come, and the calls that were: safe to use from every thread of the server."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lifted = threading.Event()
        self._planted: list[list[Any]] = []
        self._calls: list[Call] = []
        self.stalled = threading.Event()

    def plant(self, *faults: Fault) -> None:
        """Let these befall the calls from now on, beside those that are planted."""
        with self._lock:
            self._lifted.clear()
            self.stalled.clear()
            self._planted += [[fault, fault.skip, fault.times] for fault in faults]

    def lift(self) -> None:
        """No fault from now on; calls that were stalled go on."""
        with self._lock:
            self._planted.clear()
            self._lifted.set()

    def due(self, method: str, path: str, when: str) -> Fault | None:
        """The fault that befalls this call now, which is thereby counted."""
        with self._lock:
            for planted in self._planted:
                fault, skip, times = planted
                if fault.when != when or times <= 0 or not re.search(fault.calls, f"{method} {path}"):
                    continue
                if skip:
                    planted[1] -= 1
                    continue
                planted[2] -= 1
                return fault  # type: ignore[no-any-return]
        return None

    def stall(self) -> None:
        """Wait until the faults are lifted; `stalled` is set meanwhile, for those who wait for that."""
        self.stalled.set()
        self._lifted.wait()

    def note(self, call: Call) -> None:
        """Record a call."""
        with self._lock:
            self._calls.append(call)

    def forget(self) -> None:
        """Forget all calls."""
        with self._lock:
            self._calls.clear()

    def calls(self, pattern: str = "") -> list[Call]:
        """The calls whose `METHOD /path` matches a regular expression, in the order of their ends."""
        with self._lock:
            return [call for call in self._calls if re.search(pattern, f"{call.method} {call.path}")]

    def shown(self) -> list[dict[str, Any]]:
        """All calls as JSON knows them."""
        return [asdict(call) for call in self.calls()]
