"""What comes of a command that a test types."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple


class Said(NamedTuple):
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What a script reads."""
        return json.loads(self.out)

    @property
    def all(self) -> str:
        """Everything a person could see."""
        return self.out + self.err


Run = Callable[..., Said]
