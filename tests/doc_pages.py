"""The pages of the documentation as blocks that can be run; CONTRIBUTING.md says what a block may look like."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = ("README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")), "CONTRIBUTING.md")

FENCE = re.compile(r"^```(\w*)$")
COMMENT = re.compile(r"^<!-- (.+?) -->$")
SAVED = re.compile(r"\bSave\s+this\s+as\s+`([^`]+)`:$")
CHANGED = re.compile(r"\bChange\s+`([^`]+)`:$")
HEADING = re.compile(r"^(#+) (.+)$")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block, with the paragraph and the comments that stand directly above it."""

    page: str
    line: int
    language: str
    text: str
    prose: str
    comments: tuple[str, ...]

    def note(self, name: str) -> str | None:
        """What a comment such as `<!-- not run: why -->` says, or None."""
        found = [comment for comment in self.comments if comment.partition(":")[0] == name]
        return found[0].partition(":")[2].strip() if found else None

    @property
    def place(self) -> str:
        """Where it stands, as an editor takes it."""
        return f"{self.page}:{self.line}"

    @property
    def saved_as(self) -> str | None:
        """The file that the reader is told to make of it."""
        match = SAVED.search(self.prose)
        return match[1] if match else None

    @property
    def changes(self) -> str | None:
        """The file that the reader is told to change."""
        match = CHANGED.search(self.prose)
        return match[1] if match else None


def text_of(page: str) -> str:
    """A page as it is written."""
    return (ROOT / page).read_text(encoding="utf-8")


def blocks_of(page: str) -> list[Block]:
    """All fenced blocks of a page, in order."""
    return list(_blocks(page, text_of(page).split("\n")))


def _blocks(page: str, lines: list[str]) -> Iterator[Block]:
    above: list[str] = []
    comments: list[str] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        if fence := FENCE.match(line):
            end = lines.index("```", at + 1)
            text = "\n".join(lines[at + 1 : end]) + "\n"
            yield Block(page, at + 1, fence[1], text, " ".join(above), tuple(comments))
            above, comments, at = [], [], end
        elif comment := COMMENT.match(line):
            comments.append(comment[1])
        elif line.strip():
            # A paragraph begins after an empty line; one above a comment still belongs to the block.
            above = [line] if at and not lines[at - 1].strip() else [*above, line]
            comments = []
        at += 1


def outside_blocks(page: str) -> str:
    """A page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", text_of(page), flags=re.MULTILINE | re.DOTALL)


def anchors_of(page: str) -> set[str]:
    """The anchors of a page's headings, as the common renderers make them."""
    titles = [match[2] for line in outside_blocks(page).split("\n") if (match := HEADING.match(line))]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def links_of(page: str) -> list[str]:
    """The targets of a page's links."""
    return LINK.findall(outside_blocks(page))
