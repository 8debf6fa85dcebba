"""What all replies of an OpenAI-compatible server have in common: what they cost, and that they may be no good."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.requests import Usage


class BadReply(Exception):
    """A reply with status 200 that is not what was asked for; `usage` is what it cost all the same."""

    def __init__(self, cause: str, usage: Usage) -> None:
        super().__init__(cause)
        self.usage = usage


def read_usage(usage: Mapping[str, Any]) -> Usage:
    """What one reply's `usage` says that it cost; what is not told counts as nothing."""
    details = usage.get("prompt_tokens_details") or {}
    return Usage(
        1, usage.get("prompt_tokens") or 0, usage.get("completion_tokens") or 0, details.get("cached_tokens") or 0
    )
