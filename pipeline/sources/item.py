"""One thing found in a source, with an identity, and a promise to read it."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from pipeline.sources.parser import Parser
from schemas.errors import Unanswerable
from schemas.fingerprints import identify
from schemas.rows import DocumentAnswer

READER_VERSION = 1  # raise it when the same bytes would read as another text
MAX_BYTES = 50_000_000  # of one document; tables may be of any size


@dataclass(frozen=True, slots=True)
class Item:
    """A file, or one row of a table or dataset.

    The same bytes have the same `item_id`, wherever they lie. `read` parses now; it raises `Unanswerable` when that
    will never work, and `Transient` when the file changed since it was found. `licence` is known without reading.
    """

    uri: str
    item_id: str
    read: Callable[[], DocumentAnswer]
    licence: str | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """How the sources of one call are to be read; its parser lives as long as an item that may need it."""

    text_column: str | None
    licence: str | None
    parser: Parser


def identify_item(media_type: str, digest: str, *libraries: str) -> str:
    """The id of what reads as `digest` says, through these libraries: another version of them may read it otherwise."""
    return identify("items", READER_VERSION, {name: find_version(name) for name in libraries}, media_type, digest)


def failed_item(uri: str, reason: str, detail: str, digest: str | None = None) -> Item:
    """An item that is known not to be readable: it is found all the same, so that the build can say so."""
    basis = digest if digest is not None else hashlib.sha256(uri.encode()).hexdigest()
    return Item(uri, identify_item(reason, basis), functools.partial(_refuse, reason, detail))


@functools.cache
def find_version(library: str) -> str:
    """The installed version of a library, or "" for one that is not installed."""
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return ""


def first_line(problem: BaseException) -> str:
    """What a library says went wrong, without the pages that follow."""
    lines = str(problem).strip().splitlines()
    return (lines[0].strip() if lines else type(problem).__name__)[:300]


def _refuse(reason: str, detail: str) -> NoReturn:
    raise Unanswerable(reason, detail)
