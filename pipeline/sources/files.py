"""A file that is one document."""

from __future__ import annotations

import codecs
import functools
import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path, PurePath

from pipeline.sources.decode import decode_text, find_bom
from pipeline.sources.item import MAX_BYTES, Item, Reading, failed_item, identify_item
from pipeline.sources.kinds import Kind, find_kind, sniff_kind
from pipeline.sources.text import find_html_title, make_document, tidy_licence
from schemas.errors import Transient, Unanswerable
from schemas.rows import DocumentAnswer

CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Survey:
    """What one pass over a file's bytes tells, without keeping them. A huge file is told by its beginning and size."""

    size: int
    digest: str
    head: bytes
    is_utf8: bool


def find_file(path: Path, reading: Reading) -> Item:
    """The item of a file that is one document, readable or not."""
    uri = name_path(path)
    try:
        survey = survey_file(path)
    except Unanswerable as problem:
        return failed_item(uri, problem.reason, problem.detail)
    kind = find_kind(path)
    if kind.family == "unknown":
        kind = sniff_kind(survey.head)
    if kind.family == "unsupported":
        return failed_item(uri, "unsupported_type", f"{path.suffix} is not read: {kind.hint}", survey.digest)
    if survey.size > MAX_BYTES:
        detail = f"it has {survey.size / 1e6:,.0f} MB, and a document may have {MAX_BYTES // 10**6} MB; split it"
        return failed_item(uri, "too_large", detail, survey.digest)
    libraries = [] if kind.family == "text" else ["kreuzberg"]
    if kind.family != "parsed" and not (survey.is_utf8 or find_bom(survey.head)):
        libraries.append("charset-normalizer")
    item_id = identify_item(kind.media_type, survey.digest, *libraries)
    read = functools.partial(read_file, path, kind, survey.digest, reading)
    return Item(uri, item_id, read, tidy_licence(reading.licence))


def read_file(path: Path, kind: Kind, digest: str, reading: Reading) -> DocumentAnswer:
    """The document that a file is."""
    data = load_bytes(path)
    if hashlib.sha256(data).hexdigest() != digest:
        raise Transient(f"{str(path)!r} changed while it was being read; the next build reads it again")
    if not data.strip():
        raise Unanswerable("empty", "it holds nothing" if not data else "it holds only white space")
    uri, title = name_path(path), ""
    if kind.family == "parsed":
        text = reading.parser.parse(kind.media_type, data)
    else:
        text = decode_text(data, markup=kind.family == "html")
    if kind.family == "html":
        title = find_html_title(text)
        text = reading.parser.parse(kind.media_type, text.encode("utf-8", "replace"))
    return make_document(uri, text, kind.media_type, title=title, licence=reading.licence)


def survey_file(path: Path) -> Survey:
    """Hash a file in constant memory; raises `Unanswerable` where there is no reading it."""
    sha256, utf8, is_utf8, head = hashlib.sha256(), codecs.getincrementaldecoder("utf-8")(), True, b""
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            raise _refuse_special(status.st_mode)
        limit = status.st_size if status.st_size <= MAX_BYTES else CHUNK_BYTES
        with open(path, "rb") as file:
            while limit > 0 and (chunk := file.read(min(limit, CHUNK_BYTES))):
                sha256.update(chunk)
                limit -= len(chunk)
                head = head or chunk[:1024]
                is_utf8 = is_utf8 and _feed(utf8, chunk, final=limit <= 0)
    except OSError as problem:
        raise _refuse_access(problem) from None
    if status.st_size > MAX_BYTES:
        sha256.update(str(status.st_size).encode())
    return Survey(status.st_size, sha256.hexdigest(), head, is_utf8)


def load_bytes(path: Path) -> bytes:
    """All bytes of a file."""
    try:
        return path.read_bytes()
    except OSError as problem:
        raise _refuse_access(problem) from None


def name_path(path: PurePath) -> str:
    """A path as the uri of a document: as it was given, with slashes, in characters that every store can hold."""
    return os.fsencode(path.as_posix()).decode("utf-8", "replace")


def _feed(decoder: codecs.IncrementalDecoder, chunk: bytes, *, final: bool) -> bool:
    try:
        decoder.decode(chunk, final)
    except UnicodeDecodeError:
        return False
    return True


def _refuse_access(problem: OSError) -> Unanswerable:
    return Unanswerable("no_access", f"it cannot be opened: {problem.strerror or problem}")


def _refuse_special(mode: int) -> Unanswerable:
    if stat.S_ISDIR(mode):
        return Unanswerable("no_access", "it is a folder that cannot be listed")
    return Unanswerable("unsupported_type", "it is a pipe, socket or device, not a file")
