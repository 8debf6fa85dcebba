"""From text to a document, for every kind alike."""

from __future__ import annotations

import hashlib
import html
import re

from schemas.errors import Unanswerable
from schemas.fingerprints import identify
from schemas.rows import DocumentAnswer

SURROGATE = re.compile("[\ud800-\udfff]")
FRONT_MATTER = re.compile(r"---\n(.*?)\n---(?:\n|$)", re.DOTALL)
FRONT_TITLE = re.compile(r"""^title:[ \t]*["']?(.+?)["']?[ \t]*$""", re.MULTILINE)
FENCE = re.compile(r" {0,3}(```|~~~)")
ATX_HEADING = re.compile(r" {0,3}#{1,6}[ \t]+(.*?)[ \t#]*$")
SETEXT_UNDERLINE = re.compile(r" {0,3}(?:=+|-{3,})[ \t]*$")
HTML_TITLE = re.compile(r"<title\b[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)
WITHOUT_HEADINGS = ("text/plain", "text/x-rst", "application/x-prefmill-preferences+json")
MAX_TITLE = 300


def normalise_text(text: str) -> str:
    """One way to end a line, no NUL, no half characters; nothing else is touched."""
    return SURROGATE.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", ""))


def make_document(uri: str, text: str, media_type: str, *, title: str = "", licence: str | None) -> DocumentAnswer:
    """The document of a text; its title is `title`, or its first heading, or "".

    A file's name is no title: prompts show the title, and renaming a file must not change what is asked.
    """
    text = normalise_text(text)
    if not text.strip():
        raise Unanswerable("empty", "it holds no text")
    heading = "" if media_type in WITHOUT_HEADINGS else find_heading(text)
    return DocumentAnswer(
        uri=uri, title=_tidy(title) or _tidy(heading), text=text, media_type=media_type,
        licence=tidy_licence(licence), sha256=hashlib.sha256(text.encode()).hexdigest(),
    )


def identify_document(document: DocumentAnswer) -> str:
    """The id of a document: of its text, and of its kind where a `#` begins no heading, as it is cut otherwise then."""
    kind = [document.media_type] if document.media_type in WITHOUT_HEADINGS else []
    return identify("documents", document.sha256, *kind)


def tidy_licence(licence: str | None) -> str | None:
    """A licence as it is kept; None when nothing is said."""
    return normalise_text(licence or "").strip() or None


def find_heading(text: str) -> str:
    """The title in the front matter, or the first Markdown heading outside code, or ""."""
    if front := FRONT_MATTER.match(text):
        if title := FRONT_TITLE.search(front[1]):
            return title[1]
        text = text[front.end():]
    fence, before = "", ""
    for line in text.split("\n"):
        if mark := FENCE.match(line):
            fence = "" if fence == mark[1] else fence or mark[1]
        elif not fence:
            if (heading := ATX_HEADING.match(line)) and heading[1]:
                return heading[1]
            if before and SETEXT_UNDERLINE.match(line) and not before.startswith(("-", "|", ">")):
                return before
        before = "" if fence or mark else line.strip()
    return ""


def find_html_title(markup: str) -> str:
    """What `<title>` says, or ""."""
    match = HTML_TITLE.search(markup)
    return html.unescape(match[1]) if match else ""


def _tidy(title: str) -> str:
    return " ".join(normalise_text(title).split()).strip("*_ ")[:MAX_TITLE]
