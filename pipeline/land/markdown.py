"""Text of unknown origin inside Markdown: it can say what it likes, but not become markup, a link or a new line."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

LONGEST = 300
LONGEST_TABLE = 50
# An underscore inside a word marks nothing up, and model names are full of them.
_MARKUP = re.compile(r"([\\`*\[\]<>|~$&#!]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9]))")
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn"}  # control, bidirectional and zero-width signs, surrogates, unassigned


def clean(text: str) -> str:
    """`text` on one line, without invisible characters, cut to a length that a table bears."""
    line = " ".join("".join(" " if sign.isspace() else sign for sign in text).split())
    line = "".join(sign for sign in line if unicodedata.category(sign) not in _INVISIBLE)
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def escape(text: str) -> str:
    """`text` as plain words in a paragraph or a table's cell."""
    return _MARKUP.sub(r"\\\1", clean(text))


def table(header: Sequence[str], rows: Iterable[Sequence[str | int | float]]) -> str:
    """A table; numbers are grouped by thousands, text is escaped."""
    lines = [header, ["---"] * len(header), *([_cell(value) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def short_table(header: list[str], rows: Sequence[Sequence[str | int | float]]) -> str:
    """A table cut to a length that people read; the manifest has all of it."""
    cut = table(header, rows[:LONGEST_TABLE])
    left_out = len(rows) - LONGEST_TABLE
    return f"{cut}\n\n{left_out:,} more are in `manifest.json`." if left_out > 0 else cut


def _cell(value: str | int | float) -> str:
    """One value for a table."""
    if isinstance(value, str):
        return escape(value) or "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"
