"""Libraries that only some strategies and measures need, and that the core installation does without."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Sequence
from typing import Any

from schemas.errors import RequestError


def demand(modules: Sequence[str], needed_for: str, extra: str) -> None:
    """Raise the `RequestError` of `library` for the first module that is not there, without loading any."""
    for module in modules:
        if importlib.util.find_spec(module) is None:
            raise _missing(module, needed_for, extra)


def library(module: str, needed_for: str, extra: str = "judging") -> Any:
    """A module of an extra; raises `RequestError` that says what needs it and how to get it."""
    try:
        return importlib.import_module(module)
    except ImportError:
        raise _missing(module.partition(".")[0], needed_for, extra) from None


def _missing(module: str, needed_for: str, extra: str) -> RequestError:
    return RequestError(f"{needed_for} needs {module}: pip install 'prefmill[{extra}]'")
