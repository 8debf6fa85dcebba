"""Libraries that only some strategies and measures need, and that the core installation does without."""

from __future__ import annotations

import importlib
from typing import Any

from schemas.errors import RequestError


def library(module: str, needed_for: str, extra: str = "judging") -> Any:
    """A module of an extra; raises `RequestError` that says what needs it and how to get it."""
    try:
        return importlib.import_module(module)
    except ImportError:
        name = module.partition(".")[0]
        raise RequestError(f"{needed_for} needs {name}: pip install 'prefmill[{extra}]'") from None
