"""Libraries that only some strategies need, and that are installed on wish."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from schemas.errors import EngineError


def library(module: str) -> Any:
    """A module of the extra `judging`; `EngineError` says how to install it."""
    try:
        return import_module(module)
    except ImportError:
        raise EngineError(
            f"this step needs `{module.split('.')[0]}`, which is not installed: pip install 'prefmill[judging]'"
        ) from None
