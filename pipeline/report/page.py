"""The page of a report as HTML: one file with its style, its few lines of script and its plots, which asks the network for nothing."""

from __future__ import annotations

import base64
import functools
import hashlib
import unicodedata
from collections.abc import Callable
from pathlib import Path

import jinja2
from markupsafe import Markup

from pipeline.report.content import Cell, Page, Said
from pipeline.report.drawing import draw

TEMPLATES = Path(__file__).parent / "templates"
MARK = "prefmill report"
"""What a page says it was made by; only a file that says so is written over."""
SHOWN, FOLDED = 1200, 8000


def render_page(page: Page, progress: Callable[[str], None] = lambda what: None) -> str:
    """The whole page. The same page gives the same text; raises `RequestError` where matplotlib is missing."""
    drawings = {}
    for section in page.sections:
        for chart in section.charts:
            progress(f"drawing: {chart.title}")
            drawings[chart.name] = Markup(draw(chart))  # noqa: S704  (matplotlib has escaped the words in it)
    script = (TEMPLATES / "report.js").read_text(encoding="utf-8")
    style = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{digest}'"
    policy += "; base-uri 'none'; form-action 'none'"
    return _environment().get_template("report.html").render(
        page=page, drawings=drawings, script=Markup(script), style=Markup(style), policy=policy, mark=MARK,
    )  # fmt: skip


def fold(text: str, length: int | None = None, shown: int = SHOWN) -> Said:
    """A text cut for the page: the beginning, more behind a fold; `length` is how long it is where `text` is not all of it."""
    whole = max(len(text), length or 0)
    seen = text[:FOLDED]
    if whole <= shown * 1.15:
        return Said(visible(seen))
    return Said(visible(seen[:shown]), visible(seen[shown:]), whole - len(seen))


def visible(text: str) -> str:
    """A text in which what nobody sees is written out: controls, signs that turn the direction of writing, lone surrogates."""
    return "".join(
        sign if sign in "\n\t" or unicodedata.category(sign) not in _UNSEEN else _named(sign) for sign in text
    )


_UNSEEN = {"Cc", "Cs", "Co", "Cn"}
_TURNING = {chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C)}


def _named(sign: str) -> str:
    return "" if sign == "\r" else f"⟨U+{ord(sign):04X}⟩"


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    environment.filters["cell"] = cell
    environment.filters["seen"] = lambda text: without_turns(visible(str(text)))
    return environment


def without_turns(text: str) -> str:
    """A text without the signs that turn the direction of writing, which could make it read as something else."""
    return "".join(_named(sign) if sign in _TURNING else sign for sign in text)


def cell(value: Cell) -> str:
    """One value of a table: numbers grouped by thousands, what is missing as a dash."""
    if value is None or value == "":
        return "–"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else without_turns(visible(value))
