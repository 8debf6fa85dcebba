"""The list of releases in a terminal of 80 columns: names to copy, and all that keeps one from being used."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from rich.console import Console

from flows.version_tables import release_list

BASE = {
    "release": "quickstart-2026-11-21.2", "recipe": "quickstart", "status": "published", "pairs": 12345, "documents": 1,
    "splits": {"test": 345, "train": 12000}, "gates": [], "rehearsal": False, "affected_pairs": 0,
    "created_at": datetime.datetime(2026, 11, 21, 4, 5),
}  # fmt: skip


def shown(*rows: dict[str, Any], width: int = 80) -> str:
    console = Console(width=width)
    with console.capture() as said:
        console.print(release_list(BASE | row for row in rows))
    return said.get()


def test_a_name_stands_on_one_line_with_all_there_is_to_count() -> None:
    text = shown({})
    assert max(map(len, text.splitlines())) <= 80
    for words in ("quickstart-2026-11-21.2", "published", "12,345", "1 document ", "train 12,000", "2026-11-21", "04:05"):
        assert words in text
    assert "recipe" not in text
    assert "affected_pairs" not in text


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"rehearsal": True}, "rehearsal"),
        ({"release": "v1"}, "recipe quickstart"),
        ({"recipe": "quickest", "release": "quickest"}, "recipe quickest"),
        ({"gates": [{"name": "ties", "passed": False}, {"name": "pairs", "passed": True}]}, "ties failed"),
        ({"affected_pairs": 1234}, "1,234"),
        ({"status": "withdrawn"}, "withdrawn"),
        ({"release": "[red]v2[/red]"}, "[red]v2[/red]"),
    ],
)
def test_what_is_unusual_is_said(row: dict[str, Any], words: str) -> None:
    assert words in shown(row, width=120)
    assert words not in shown({}, width=120)


def test_a_release_of_which_nothing_was_kept_is_listed() -> None:
    assert "v0" in shown({"release": "v0", "pairs": 0, "documents": 0, "splits": {}, "created_at": None})


@pytest.mark.parametrize("width", [30, 60])
def test_nothing_is_cut_in_a_narrow_terminal(width: int) -> None:
    cells = [line.split("│")[1].strip() for line in shown({}, width=width).splitlines() if line.startswith("│")]
    assert "".join(cells) == BASE["release"]
