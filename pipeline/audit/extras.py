"""The libraries that some measures need, and that the core installation does without."""

from __future__ import annotations

import importlib
from typing import Any

from schemas.errors import RequestError


def needed(module: str, what: str) -> Any:
    """A module of the `judging` extra; raises `RequestError` that says how to get it."""
    try:
        return importlib.import_module(module)
    except ImportError:
        library = module.partition(".")[0]
        raise RequestError(f"{what} needs {library}: pip install 'prefmill[judging]'") from None
