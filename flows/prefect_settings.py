"""Prefect's settings as prefmill wants them; to be applied before Prefect is imported. What the user has set stays."""

from __future__ import annotations

import os

PRIVATE = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_CLI_PROMPT": "false",
    # The in-process server gets 20 s to start by default, which a cold disk exceeds.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
}
"""Nothing leaves the machine."""


def apply_defaults(*, quiet: bool = False) -> None:
    """Keep Prefect private; `quiet` also keeps its log off the terminal, where our own tables and sentences are."""
    for name, value in (PRIVATE | ({"PREFECT_LOGGING_LEVEL": "CRITICAL"} if quiet else {})).items():
        os.environ.setdefault(name, value)
