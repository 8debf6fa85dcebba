"""Engines whose answers a test writes. To everything that asks them they are engines like any other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from pipeline.models.engine import MODULES, Engine
from pipeline.models.rehearsal import Options, Rehearsal
from schemas.models import ModelSpec
from schemas.requests import Call, Completion, Draw, Usage

Answer = Callable[[Call], Awaitable[Completion]]
Current: Any = None
"""The engine class that `install` put in the place of `openai`."""


@dataclass
class Log:
    """What was asked of the engines of one test, and which of them were opened and closed."""

    calls: list[Call] = field(default_factory=list)
    opened: list[ModelSpec] = field(default_factory=list)
    closed: int = 0

    def asked(self, prompt: str) -> int:
        """How many calls there were with this prompt."""
        return sum(call.request.prompt == prompt for call in self.calls)


def install(monkeypatch: pytest.MonkeyPatch, answer: Answer) -> Log:
    """Have `answer` reply to whatever is asked of engine `openai` from now on; returns the log of it."""
    log = Log()

    class Scripted:
        @classmethod
        async def open(cls, spec: ModelSpec) -> Engine:
            log.opened.append(spec)
            return cls()

        async def complete(self, call: Call) -> Completion:
            log.calls.append(call)
            return await answer(call)

        async def close(self) -> None:
            log.closed += 1

    monkeypatch.setitem(MODULES, "openai", (__name__, "Current"))
    monkeypatch.setattr(f"{__name__}.Current", Scripted)
    return log


async def rehearse(call: Call) -> Completion:
    """What the rehearsal model would say without noise."""
    options = Options(misquote=0, noise=0, position_bias=0)
    return await Rehearsal(ModelSpec(model="rehearsal"), options).complete(call)


def said(
    *texts: str, finish_reason: str = "stop", tokens_in: int = 10, tokens_out: int = 5, cached: int = 0
) -> Completion:
    """A completion with these draws, for so many tokens."""
    draws = tuple(Draw(text, finish_reason=finish_reason, tokens=tokens_out) for text in texts)
    return Completion(draws, "m", Usage(1, tokens_in, tokens_out, cached))
