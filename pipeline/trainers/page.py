"""The page of the documentation about trainers, whose longer parts are made from the table of loaders."""

from __future__ import annotations

import re

from pipeline.trainers.settings import LOADERS
from pipeline.trainers.snippets import render_names, render_snippets, render_table

START, END = "## What reaches which trainer", "## Where these facts come from"


def refresh(page: str) -> str:
    """The text of the page with all between two of its headings made anew."""
    head, _, rest = page.partition(START)
    return head + START + "\n\n" + render_part() + "\n\n" + END + rest.partition(END)[2]


def render_part() -> str:
    """The table, the names in it, and the settings of every loader."""
    words = (
        "✓ is a row that reaches the trainer as it is. A name is a row that does not, because the trainer stops at it, "
        "drops it, or would change it without a word:"
    )
    snippets = render_snippets("ORG/NAME", {loader.layout for loader in LOADERS})
    # These are to be read, not run: they name trainers and a repository that nobody has here.
    shown = re.sub(r"^```(python|bash)$", "```text", snippets, flags=re.MULTILINE)
    return "\n\n".join([render_table(), words, render_names(), "## Settings", shown])
