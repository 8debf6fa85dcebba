"""Real files for the tests of the sources, written byte by byte so that no other library has to be there."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

from pipeline.sources import Item, find_items
from schemas.errors import Unanswerable
from schemas.rows import DocumentAnswer

PADDING = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def write(path: Path, content: str | bytes) -> Path:
    """A file with this content; folders above it are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def find(*sources: Path | str, text_column: str | None = None, licence: str | None = None) -> list[Item]:
    """All items of some sources."""
    return list(find_items([str(source) for source in sources], text_column=text_column, licence=licence))


def read(source: Path | str, **options: str) -> DocumentAnswer:
    """The document of a source that holds exactly one."""
    (item,) = find(source, **options)
    return item.read()


def reason(source: Path | str, **options: str) -> tuple[str, str]:
    """Why the only item of a source cannot be read: the code and the sentence."""
    (item,) = find(source, **options)
    return reason_of(item)


def reason_of(item: Item) -> tuple[str, str]:
    """Why an item cannot be read: the code and the sentence."""
    try:
        document = item.read()
    except Unanswerable as problem:
        return problem.reason, problem.detail
    raise AssertionError(f"{item.uri} was read: {document.text[:80]!r}")


def build_pdf(*lines: str, password: str | None = None) -> bytes:
    """A PDF of one page with these lines, or none; with a password, encrypted with RC4 of 40 bits (revision 2)."""
    shown = b"".join(b"(%s) Tj 0 -28 Td\n" % _escape_pdf(line) for line in lines)
    stream = b"BT /F1 18 Tf 72 720 Td\n" + shown + b"ET" if lines else b""
    key, encrypt = _key_pdf(password) if password is not None else (b"", b"")
    if key:
        stream = _rc4(hashlib.md5(key + (4).to_bytes(3, "little") + b"\0\0").digest()[:10], stream)
    bodies = [
        b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ] + ([encrypt] if encrypt else [])
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(bodies, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    secured = b" /Encrypt 6 0 R /ID [<%s><%s>]" % ((b"00" * 16,) * 2) if encrypt else b""
    trailer = b"trailer\n<< /Size %d /Root 1 0 R%s >>\nstartxref\n%d\n%%%%EOF\n"
    count = len(bodies) + 1
    return out + b"xref\n0 %d\n0000000000 65535 f \n" % count + table + trailer % (count, secured, len(out))


def build_docx(*paragraphs: str, headings: Sequence[str] = ()) -> bytes:
    """A DOCX with these headings and paragraphs, given as XML text."""
    styled = '<w:p><w:pPr><w:pStyle w:val="Heading1"/></w:pPr><w:r><w:t>{}</w:t></w:r></w:p>'
    plain = '<w:p><w:r><w:t xml:space="preserve">{}</w:t></w:r></w:p>'
    body = "".join(styled.format(text) for text in headings) + "".join(plain.format(text) for text in paragraphs)
    main = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="rels" ContentType='
        '"application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType='
        f'"application/xml"/><Override PartName="/word/document.xml" ContentType="{main}"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="rId1" Type='
        f'"{OFFICE}/officeDocument" Target="word/document.xml"/></Relationships>',
        "word/document.xml": f'<?xml version="1.0"?><w:document xmlns:w="{WORD}"><w:body>{body}</w:body></w:document>',
    }
    return build_zip(parts)


def build_zip(parts: dict[str, str]) -> bytes:
    """A ZIP archive of these parts."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return packed.getvalue()


def build_odt(text: str) -> bytes:
    """An ODT of one heading and one paragraph."""
    kind = "application/vnd.oasis.opendocument.text"
    spaces = 'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"'
    spaces += ' xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"'
    manifest = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
    return build_zip({
        "mimetype": kind,
        "META-INF/manifest.xml": f'<manifest:manifest xmlns:manifest="{manifest}"><manifest:file-entry '
        f'manifest:full-path="/" manifest:media-type="{kind}"/></manifest:manifest>',
        "content.xml": f"<office:document-content {spaces}><office:body><office:text><text:h text:outline-level='1'>"
        f"Mills</text:h><text:p>{text}</text:p></office:text></office:body></office:document-content>",
    })


def build_epub(text: str) -> bytes:
    """An EPUB of one chapter."""
    return build_zip({
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": '<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">'
        '<rootfiles><rootfile full-path="book.opf" media-type="application/oebps-package+xml"/></rootfiles>'
        "</container>",
        "book.opf": '<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id"><metadata '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Book</dc:title><dc:identifier id="id">x</dc:identifier>'
        '</metadata><manifest><item id="a" href="a.xhtml" media-type="application/xhtml+xml"/></manifest>'
        '<spine><itemref idref="a"/></spine></package>',
        "a.xhtml": f'<html xmlns="http://www.w3.org/1999/xhtml"><body><h1>Mills</h1><p>{text}</p></body></html>',
    })


def build_pptx(text: str) -> bytes:
    """A PPTX of one slide with one line."""
    drawing = "http://schemas.openxmlformats.org/drawingml/2006/main"
    show = "http://schemas.openxmlformats.org/presentationml/2006/main"
    relation = f'<Relationship Id="rId1" Type="{OFFICE}/{{}}" Target="{{}}"/>'
    relations = f'<Relationships xmlns="{PACKAGE}/relationships">{relation}</Relationships>'
    types = "application/vnd.openxmlformats-package.relationships+xml"
    return build_zip({
        "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="xml" ContentType='
        f'"application/xml"/><Default Extension="rels" ContentType="{types}"/></Types>',
        "_rels/.rels": relations.format("officeDocument", "ppt/presentation.xml"),
        "ppt/presentation.xml": f'<p:presentation xmlns:p="{show}" xmlns:r="{OFFICE}"><p:sldIdLst><p:sldId id="256" '
        'r:id="rId1"/></p:sldIdLst></p:presentation>',
        "ppt/_rels/presentation.xml.rels": relations.format("slide", "slides/slide1.xml"),
        "ppt/slides/slide1.xml": f'<p:sld xmlns:p="{show}" xmlns:a="{drawing}"><p:cSld><p:spTree><p:sp><p:nvSpPr>'
        '<p:cNvPr id="2" name="T"/><p:cNvSpPr/><p:nvPr/></p:nvSpPr><p:spPr/><p:txBody><a:bodyPr/><a:p><a:r>'
        f"<a:t>{text}</a:t></a:r></a:p></p:txBody></p:sp></p:spTree></p:cSld></p:sld>",
    })


def _escape_pdf(line: str) -> bytes:
    return line.encode("cp1252").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")


def _key_pdf(password: str) -> tuple[bytes, bytes]:
    """The file key and the encryption dictionary of the standard handler, revision 2 (PDF 1.7, 7.6.3)."""
    padded, allowed = (password.encode() + PADDING)[:32], -4
    owner = _rc4(hashlib.md5(padded).digest()[:5], padded)
    key = hashlib.md5(padded + owner + allowed.to_bytes(4, "little", signed=True) + b"\0" * 16).digest()[:5]
    user = _rc4(key, PADDING)
    numbers = (owner.hex().encode(), user.hex().encode(), allowed)
    return key, b"<< /Filter /Standard /V 1 /R 2 /O <%s> /U <%s> /P %d >>" % numbers


def _rc4(key: bytes, data: bytes) -> bytes:
    state, j = list(range(256)), 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    out, i, j = bytearray(), 0, 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(out)
