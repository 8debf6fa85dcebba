"""What a check looks at, and what it finds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.strategy import Nothing
from schemas.requests import Asking

LONGEST_QUOTE = 200
WORD = re.compile(r"\w+(?:['’]\w+)*")


@dataclass(frozen=True, slots=True)
class Subject:
    """One response to check: its text, the question it answers, and the prompt's reference."""

    text: str
    question: str
    reference: str | None


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether the check holds, with the trace that shows why; `detail` is what was extracted and compared."""

    holds: bool
    trace: str
    detail: Mapping[str, Any] = field(default_factory=dict)


Found = Finding | Nothing
Looking = Asking[Found] | Found
"""What a check gives: what it found, or, where that has to be worked out in the cage, a generator that asks there."""


def no_reference() -> Nothing:
    """Nothing to compare with: the verdict is missing, not negative."""
    return Nothing("no_reference", "the prompt has no reference and the check was given none")


def quote(text: str) -> str:
    """A text as a trace shows it: on one line, and not the whole of a long one."""
    line = " ".join(text.split())
    return f'"{line if len(line) <= LONGEST_QUOTE else line[: LONGEST_QUOTE - 1] + "…"}"'
