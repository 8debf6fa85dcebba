"""Values as people read them."""

from __future__ import annotations

import json
from typing import Any


def last(messages: Any) -> str:
    """What the last message says."""
    return str(messages[-1]["content"] or "") if messages else ""


def told(value: Any, length: int = 0) -> str:
    """A value as people read it, cut to a length where one is given."""
    if value is None:
        text = ""
    elif isinstance(value, float):
        text = f"{value:.4g}"
    elif isinstance(value, list | dict):
        text = (
            ", ".join(map(str, value))
            if all(isinstance(each, str) for each in value) and isinstance(value, list)
            else (json.dumps(value, default=str, ensure_ascii=False, indent=1))
        )
    else:
        text = str(value)
    return text if not length or len(text) <= length else text[: length - 1] + "…"


def number(value: float | int | None) -> str:
    """A count or a share with separators; nothing for what is not known."""
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"
