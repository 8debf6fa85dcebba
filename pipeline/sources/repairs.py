"""What kreuzberg 4.10 bends on the way to Markdown, and how it is bent back; `markup.py` has the same for HTML.

| what                                              | where                                          |
|---------------------------------------------------|------------------------------------------------|
| `keep_entities`: `AT&amp;T` came out as `ATT`     | DOCX (github.com/xberg-io/xberg/issues/1242)   |
| `restore_symbols`: `Smith*` came out as `Smithtt` | PDF: symbols are taken for misencoded ligatures |
| `unescape_markdown`: `AT\\&T`, `1\\. one`         | all but HTML                                   |
| `drop_image_links`: `![](media/image1.png)`       | links to pictures inside the file              |
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable

from schemas.errors import Unanswerable

ENTITY = re.compile(rb"&(?:(amp|lt|gt|quot|apos)|#(\d{1,7})|#x([0-9a-fA-F]{1,6}));")
NAMED = {b"amp": "&", b"lt": "<", b"gt": ">", b"quot": '"', b"apos": "'"}
STAND_INS = {sign: chr(0xF7E00 + place) for place, sign in enumerate("&<>\"'")}  # in no font, in no document
WORD_PART = re.compile(r"word/[^/]+\.xml")
MAX_UNPACKED_BYTES = 500_000_000

ESCAPED = re.compile(r"(```.*?```|`[^`\n]+`)|\\([^\w\s|])", re.DOTALL)
IMAGE_LINK = re.compile(r"\\?!\[([^\]\n]*)\]\(([^)\n]*)\)")
LIGATURES = re.compile("ffi|ffl|ff|fi|fl|tt|ft")
SYMBOLS = "*#!\"$%&+"
INSIDE_WORD = re.compile(r"[a-z][*#!\"$%&+][a-z]")
BROKEN_FONT_SHARE = 0.005  # of all words


def keep_entities(data: bytes) -> tuple[bytes, Callable[[str], str]]:
    """A DOCX whose entities are characters that survive, and what turns those back in the text."""

    def replace(match: re.Match[bytes]) -> bytes:
        code = int(match[2]) if match[2] else int(match[3] or b"0", 16)
        sign = NAMED.get(match[1]) or (chr(code) if 31 < code < 0x110000 and not 0xD7FF < code < 0xE000 else " ")
        return STAND_INS.get(sign, sign).encode()

    packed = io.BytesIO()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as before, zipfile.ZipFile(packed, "w") as after:
            if sum(part.file_size for part in before.infolist()) > MAX_UNPACKED_BYTES:
                raise Unanswerable("too_large", f"it unpacks to more than {MAX_UNPACKED_BYTES // 10**6} MB")
            for part in before.infolist():
                content = before.read(part)
                is_text = WORD_PART.fullmatch(part.filename)
                after.writestr(part.filename, ENTITY.sub(replace, content) if is_text else content)
    except Unanswerable:
        raise
    except Exception:  # a broken archive: kreuzberg may still read it, or says what is wrong with it
        return data, str
    table = {ord(stand_in): sign for sign, stand_in in STAND_INS.items()}
    return packed.getvalue(), lambda text: text.translate(table)


def restore_symbols(markdown: str, plain: str) -> str:
    """Markdown with the words that the page has, where a symbol in them was taken for a ligature.

    In a font that is truly badly encoded symbols stand inside words all over the text (`di!erent`); there they stay.
    """
    words = set(plain.split())
    if len(INSIDE_WORD.findall(plain)) > len(plain.split()) * BROKEN_FONT_SHARE + 3:
        return markdown
    by_spelling = {_spell(word): word for word in sorted(words) if any(sign in word for sign in SYMBOLS)}

    def replace(match: re.Match[str]) -> str:
        word = match.group()
        return word if word in words or not LIGATURES.search(word) else by_spelling.get(_spell(word), word)

    return re.sub(r"\S+", replace, markdown) if by_spelling else markdown


def unescape_markdown(text: str) -> str:
    """Text as it is read: a backslash before a sign is for renderers, and this is for readers. Code stays as it is."""
    return ESCAPED.sub(lambda match: match[1] or match[2], text)


def drop_image_links(text: str, scheme: str = "") -> str:
    """Text without links to images that only the file itself holds; a description of more than a word stays."""
    def replace(match: re.Match[str]) -> str:
        if not match[2].startswith(scheme):
            return match.group()
        return match[1] if " " in match[1].strip() and match[1] != "SVG Image" else ""

    return IMAGE_LINK.sub(replace, text)


def _spell(word: str) -> str:
    """A word with ligatures and symbols alike written as one sign, to find what either was taken for."""
    return re.sub(f"[{re.escape(SYMBOLS)}]", "\0", LIGATURES.sub("\0", word))
