"""Cut a document into passages, by its headings first and by a token budget within them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from pipeline.strategy import Answer, Nothing, Table
from schemas.rows import PassageAnswer
from schemas.tokens import estimate_tokens
from schemas.units import DocumentUnit, UnitKind


@dataclass(frozen=True, slots=True)
class Chunk:
    """Passages of at most `tokens` tokens (estimated as UTF-8 bytes / 4) that never cross a heading of level `depth` or above.

    Spans are exact: `document.text[start:end] == passage.text`. Passages do not overlap, stand in order, and cover all
    text but white space. A section shorter than `least` tokens is joined to the one after it when both fit the budget.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    unit: ClassVar[UnitKind] = "document"
    makes: ClassVar[Table] = "passages"
    prompts: ClassVar[tuple[str, ...]] = ()
    calls: ClassVar[int] = 0
    yields: ClassVar[int] = 0

    tokens: Annotated[int, Field(ge=16, le=100_000)] = 400
    least: Annotated[int, Field(ge=0)] = 24
    depth: Annotated[int, Field(ge=1, le=6)] = 3

    def __call__(self, unit: DocumentUnit) -> Answer:
        """The passages of one document."""
        text = unit.document.text
        passages = [
            PassageAnswer(start=start, end=end, text=text[start:end], heading=heading)
            for section_start, section_end, heading in self._sections(text, unit.document.media_type)
            for start, end in self._pieces(text, section_start, section_end)
        ]
        return list(passages) or Nothing("no_text", "the document has no text to cut")

    def _sections(self, text: str, media_type: str) -> list[tuple[int, int, str]]:
        """(start, end, path of headings) from heading to heading, short ones joined to the next."""
        joined: list[tuple[int, int, str]] = []
        for start, end, heading in _sections(text, self.depth) if media_type != "text/plain" else [(0, len(text), "")]:
            if joined:
                first, last, above = joined[-1]
                is_short = estimate_tokens(text[first:last].strip()) < self.least
                if is_short and estimate_tokens(text[first:end]) <= self.tokens:
                    joined[-1] = (first, end, heading or above)
                    continue
            joined.append((start, end, heading))
        return joined

    def _pieces(self, text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
        """The section without surrounding white space, cut at the best places that keep to the budget."""
        section = text[start:end]
        if estimate_tokens(section.strip()) <= self.tokens:
            offset = len(section) - len(section.lstrip())
            if section.strip():
                yield start + offset, start + offset + len(section.strip())
            return
        from semantic_text_splitter import MarkdownSplitter

        splitter = MarkdownSplitter.from_callback(estimate_tokens, self.tokens, trim=True)
        for offset, piece in splitter.chunk_indices(section):
            yield start + offset, start + offset + len(piece)


def _sections(text: str, depth: int) -> Iterator[tuple[int, int, str]]:
    """Sections of a Markdown text, with the headings above each joined by ` > `."""
    from markdown_it import MarkdownIt

    line_starts = [0]
    for line in text.split("\n"):
        line_starts.append(line_starts[-1] + len(line) + 1)
    tokens = MarkdownIt("commonmark").parse(text)
    start, path = 0, [""] * 6
    for token, inline in itertools.pairwise(tokens):
        level = int(token.tag[1]) if token.type == "heading_open" and token.level == 0 else 0
        if not 0 < level <= depth or token.map is None:
            continue
        here = line_starts[token.map[0]]
        if here > start:
            yield start, here, " > ".join(filter(None, path))
        start, path[level - 1 :] = here, [inline.content] + [""] * (6 - level)
    yield start, len(text), " > ".join(filter(None, path))
