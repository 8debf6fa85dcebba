"""How the mock server behaves and misbehaves, and what it counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from pipeline.models.mock_replies import seed_of
from schemas.errors import RequestError, nearest

FAULTS = ("429", "500", "reset", "cut_json", "cut_body", "hang")


def knob(default: float, meaning: str) -> Any:
    """A field of `Knobs`; the type of its default is its type."""
    return field(default=default, metadata={"help": meaning})


@dataclass(frozen=True, slots=True)
class Knobs:
    """The server's settings; every `p_*` is the share of attempts with that fault."""

    latency_ms: float = knob(50.0, "how long each answer takes")
    jitter_ms: float = knob(0.0, "up to so much more, evenly spread")
    p_429: float = knob(0.0, "share of attempts refused with status 429")
    p_500: float = knob(0.0, "share that fail with status 500")
    p_reset: float = knob(0.0, "share whose connection is reset")
    p_cut_json: float = knob(0.0, "share whose text ends half-way, as at a token limit, or whose last vector is left out")
    p_cut_body: float = knob(0.0, "share whose HTTP body ends half-way")
    p_hang: float = knob(0.0, "share that are never answered")
    retry_after: float = knob(1.0, "seconds that a 429 asks to wait; negative: it does not say")
    capacity: int = knob(0, "refuse what exceeds so many calls at once; 0: no limit")
    words: int = knob(40, "words in a free text")
    seed: int = knob(0, "another seed, other faults and answers")


def turn(knobs: Knobs, wanted: Mapping[str, Any]) -> Knobs:
    """The knobs with some set anew; raises `RequestError` for one that does not exist."""
    known = asdict(knobs)
    if unknown := sorted(wanted.keys() - known.keys()):
        raise RequestError(f"there is no knob {unknown[0]!r}{nearest(unknown[0], known)}")
    return replace(knobs, **{name: type(known[name])(value) for name, value in wanted.items()})


def draw(knobs: Knobs, digest: bytes, attempt: int, purpose: str) -> float:
    """A number in [0, 1) for one attempt of one request."""
    return seed_of(knobs.seed, digest, attempt, purpose) / 2**64


def choose_fault(knobs: Knobs, digest: bytes, attempt: int) -> str:
    """The fault of this attempt, or an empty string."""
    number = draw(knobs, digest, attempt, "fault")
    for fault in FAULTS:
        number -= getattr(knobs, f"p_{fault}")
        if number < 0:
            return fault
    return ""


@dataclass(slots=True)
class Stats:
    """What came in and what went out, by the hash of the request's body."""

    calls: int = 0
    by_status: Counter[str] = field(default_factory=Counter)
    in_flight: int = 0
    max_in_flight: int = 0
    attempts: Counter[bytes] = field(default_factory=Counter)
    answered: Counter[bytes] = field(default_factory=Counter)

    def begin(self, digest: bytes) -> int:
        """Count a call in; how many came before with the same body."""
        before = self.attempts[digest]
        self.attempts[digest] = before + 1
        self.calls += 1
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        return before

    def end(self, digest: bytes, status: str) -> None:
        """Count a call out."""
        self.in_flight -= 1
        self.by_status[status] += 1
        if status == "200":
            self.answered[digest] += 1

    def reset(self) -> None:
        """Forget all but the calls in flight, which have yet to end."""
        self.calls, self.max_in_flight = 0, self.in_flight
        for counter in (self.by_status, self.attempts, self.answered):
            counter.clear()

    def snapshot(self) -> dict[str, Any]:
        """The counts, as `/stats` gives them."""
        return {
            "calls": self.calls, "by_status": dict(self.by_status), "unique": len(self.attempts),
            "answered": len(self.answered), "answered_again": self.answered.total() - len(self.answered),
            "in_flight": self.in_flight, "max_in_flight": self.max_in_flight,
        }
