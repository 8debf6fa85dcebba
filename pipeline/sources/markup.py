"""HTML as people write it, made into HTML that survives: every element closed, none too deep, nothing but the page.

kreuzberg 4.10 keeps only what lies less than 64 elements deep and says nothing of the rest
(github.com/xberg-io/html-to-markdown/issues/434); it takes a paragraph that was never closed to hold all that follow,
so that an old page ends after sixty of them; it drops cells of rows that were never closed; it writes a page that is
laid out by tables as one long row, links in code as Markdown, and the head of a page as YAML that is none.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

MAX_DEPTH = 48  # of 63, as the converter adds some
NOT_PAGE = re.compile(
    r"<!--.*?-->|<!\[(?!CDATA\[)[^>]*>|<title\b.*?</title\s*>|<script\b.*?</script\s*>|<style\b.*?</style\s*>"
    r"|<svg\b.*?</svg\s*>", re.IGNORECASE | re.DOTALL,
)
HEAD_ONLY = frozenset(("head", "title", "meta", "link", "base", "script", "style", "svg"))
VOID = frozenset(("area", "br", "col", "embed", "hr", "img", "input", "source", "track", "wbr"))
INLINE = frozenset((
    "a", "abbr", "b", "big", "cite", "code", "del", "em", "font", "i", "ins", "kbd", "label", "mark", "q", "s", "samp",
    "small", "span", "strike", "strong", "sub", "sup", "time", "tt", "u", "var",
))
ENDS_PARAGRAPH = frozenset((
    "address", "article", "aside", "blockquote", "center", "details", "div", "dl", "fieldset", "figure", "footer",
    "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "main", "nav", "ol", "p", "pre", "section", "table",
    "ul",
))
CELLS = frozenset(("td", "th", "caption"))
IN_TABLE = CELLS | {"tr", "thead", "tbody", "tfoot", "table"}
LAYS_OUT = frozenset(("table", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "blockquote", "hr", "form"))
# A start tag ends these elements, when they are open and none of those lies between.
ENDED_BY = {
    "li": (frozenset(("li",)), frozenset(("ul", "ol", "table"))),
    "dt": (frozenset(("dt", "dd")), frozenset(("dl", "table"))),
    "dd": (frozenset(("dt", "dd")), frozenset(("dl", "table"))),
    "td": (CELLS, frozenset(("tr", "table"))),
    "th": (CELLS, frozenset(("tr", "table"))),
    "tr": (CELLS | {"tr"}, frozenset(("table",))),
    "thead": (CELLS | {"tr", "thead", "tbody", "tfoot"}, frozenset(("table",))),
    "tbody": (CELLS | {"tr", "thead", "tbody", "tfoot"}, frozenset(("table",))),
    "tfoot": (CELLS | {"tr", "thead", "tbody", "tfoot"}, frozenset(("table",))),
    "option": (frozenset(("option",)), frozenset(("select",))),
} | dict.fromkeys(ENDS_PARAGRAPH, (frozenset(("p",)), CELLS | {"table", "button"}))


def tidy_markup(markup: str) -> str:
    """The body of a page, well-formed."""
    tidier = _Tidier()
    try:
        tidier.feed(NOT_PAGE.sub("", markup))
        tidier.close()
    except AssertionError:  # the standard parser's word for a declaration that it does not know
        return markup
    tidier.end_to(0)
    return "".join(tidier.out)


@dataclass(slots=True)
class _Table:
    """An open table: where its tags were written, and whether it lays out a page rather than hold data."""

    tags: list[tuple[int, str]] = field(default_factory=list)
    lays_out: bool = False


class _Tidier(HTMLParser):
    """Writes what it reads; `open` are the elements that are, each with whether it was written."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.out: list[str] = []
        self.open: list[tuple[str, bool]] = []
        self.depth = 0
        self.tables: list[_Table] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in HEAD_ONLY:
            return
        if tag in ENDED_BY:
            self._end_implied(*ENDED_BY[tag])
        if tag in LAYS_OUT:
            for table in self.tables:
                table.lays_out = True
        if tag in VOID:
            self.out.append(self.get_starttag_text() or "")
            return
        written = self.depth < MAX_DEPTH and not (tag == "a" and ("pre", True) in self.open)
        if written:
            self._begin_element(tag)
        elif tag not in INLINE:
            self.out.append("<br><br>")
        self.depth += written
        self.open.append((tag, written))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in VOID:
            self.handle_starttag(tag, attrs)
        elif tag not in HEAD_ONLY:
            self.out.append(f"<{tag}></{tag}>")

    def handle_endtag(self, tag: str) -> None:
        for place in range(len(self.open) - 1, -1, -1):
            name = self.open[place][0]
            if name == tag:
                self.end_to(place)
                return
            if name == "table" or (name in CELLS and tag not in IN_TABLE):
                return

    def handle_data(self, data: str) -> None:
        if self.cdata_elem is None:
            self.out.append(html.escape(data, quote=False).replace("\xa0", "&nbsp;"))

    def unknown_decl(self, data: str) -> None:
        if data.startswith("CDATA["):
            self.handle_data(data.removeprefix("CDATA["))

    def end_to(self, place: int) -> None:
        """End the open elements from this place on."""
        while len(self.open) > place:
            tag, written = self.open.pop()
            self.depth -= written
            if written:
                self._end_element(tag)

    def _begin_element(self, tag: str) -> None:
        if tag == "table":
            self.tables.append(_Table())
        if tag in IN_TABLE and self.tables:
            self.tables[-1].tags.append((len(self.out), "<div>" if tag in CELLS else ""))
        self.out.append(self.get_starttag_text() or "")

    def _end_element(self, tag: str) -> None:
        if tag in IN_TABLE and self.tables:
            self.tables[-1].tags.append((len(self.out), "</div>" if tag in CELLS else ""))
        self.out.append(f"</{tag}>")
        if tag == "table":
            table = self.tables.pop()
            for place, replacement in table.tags if table.lays_out else ():
                self.out[place] = replacement

    def _end_implied(self, targets: frozenset[str], boundaries: frozenset[str]) -> None:
        outermost = None
        for place in range(len(self.open) - 1, -1, -1):
            name = self.open[place][0]
            if name in boundaries:
                break
            if name in targets:
                outermost = place
        if outermost is not None:
            self.end_to(outermost)
