"""From bytes to text: a byte order mark, then UTF-8, then what a page declares, then statistics."""

from __future__ import annotations

import codecs
import re

from schemas.errors import Unanswerable

BOMS = (  # the longer first: that of UTF-32 begins with that of UTF-16
    (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)
# What the WHATWG Encoding Standard lets a page be in, more common first. All that Python knows would be too many: short
# texts then come out as HP Roman or JIS X 0213.
LEGACY_ENCODINGS = [
    "cp1252", "cp932", "gb18030", "cp1251", "koi8_r", "euc_jp", "cp949", "big5", "cp1250", "iso8859_2", "cp1253",
    "cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "cp874", "cp866", "iso8859_5", "iso8859_6", "iso8859_7",
    "iso8859_8", "koi8_u", "mac_cyrillic",
]
TIE = 0.01  # of charset-normalizer's two scores, chaos and coherence
DECLARED = re.compile(rb"""<(?:meta|\?xml)[^>]*?(?:charset|encoding)\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE)
CONTROL = re.compile("[\x01-\x07\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f]")  # but for those of terminals and printers
MAX_CONTROL_SHARE = 0.01
SAMPLE_BYTES = 4096


def decode_text(data: bytes, *, markup: bool = False) -> str:
    """The text in `data`, whatever its encoding (`markup` may declare its own); raises `Unanswerable` if it is none."""
    bom = find_bom(data)
    for encoding in [bom] if bom else _propose_encodings(data[:SAMPLE_BYTES], markup):
        try:
            text = data.decode(encoding)
            break
        except (UnicodeError, LookupError):
            continue
    else:
        text = data.decode(guess_encoding(data), errors="replace")
    if len(CONTROL.findall(text)) > len(text) * MAX_CONTROL_SHARE:
        raise Unanswerable("binary", "it is not text: it is full of control characters")
    return text


def find_bom(data: bytes) -> str | None:
    """The encoding that a byte order mark at the start of `data` names."""
    return next((encoding for mark, encoding in BOMS if data.startswith(mark)), None)


def guess_encoding(data: bytes) -> str:
    """The legacy encoding of `data`, told by its statistics; the more common one of those that fit it equally well."""
    import charset_normalizer

    if b"\0" in data and not find_bom(data):
        raise Unanswerable("binary", "it is not text: it holds NUL bytes and fits no Unicode encoding")
    matches = list(charset_normalizer.from_bytes(data, cp_isolation=LEGACY_ENCODINGS))
    if not matches:
        raise Unanswerable("undecodable", "its bytes fit no text encoding; save it as UTF-8")
    best = matches[0]
    tied = {
        name for match in matches for name in match.could_be_from_charset
        if match.chaos <= best.chaos + TIE and match.coherence >= best.coherence - TIE
    }
    return next((name for name in LEGACY_ENCODINGS if name in tied), best.encoding)


def _propose_encodings(sample: bytes, markup: bool) -> list[str]:
    """UTF-8 before what is declared: text that is UTF-8 by chance is rarer than a wrong declaration."""
    proposed = ["utf-8"]
    if b"\x1b$" in sample:
        proposed.insert(0, "iso2022_jp")  # seven-bit, so UTF-8 would take it too
    for offset, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        zeros, others = sample[offset::2].count(0), sample[1 - offset::2].count(0)
        if zeros * 5 >= len(sample) > 2 and others * 20 <= zeros:
            proposed.insert(0, encoding)
    if markup and (declared := DECLARED.search(sample)):
        name = declared[1].decode("ascii", "replace").lower()
        proposed += ["cp1252", name] if name in ("iso-8859-1", "latin1", "us-ascii") else [name]  # as browsers do
    return proposed
