"""A file in which every row is a document."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.sources.decode import decode_text
from pipeline.sources.files import name_path, survey_file
from pipeline.sources.item import MAX_BYTES, Item, Reading, failed_item, identify_item
from pipeline.sources.kinds import find_kind
from pipeline.sources.rows import Header, RawRow, read_header, read_rows
from pipeline.sources.text import make_document, tidy_licence
from schemas.errors import SourceError, Unanswerable, nearest

TEXT_COLUMNS = ("text", "content", "document", "body", "markdown", "article")
TITLE_COLUMNS = ("title",)
LICENCE_COLUMNS = ("licence", "license")
MANY_COLUMNS = 40


@dataclass(frozen=True, slots=True)
class Columns:
    """Where a table keeps what a document needs."""

    text: str
    title: str | None
    licence: str | None

    @property
    def names(self) -> list[str]:
        """The columns that need reading."""
        return list(dict.fromkeys(name for name in (self.text, self.title, self.licence) if name is not None))


def choose_columns(header: Header, text_column: str | None, place: str) -> Columns:
    """The columns to read; raises `SourceError` where no column is the one that holds the documents."""
    names = header.textual or header.names
    text = text_column if text_column in names else None
    if text_column is None:
        text = _first_of(TEXT_COLUMNS, header.textual)
    if text is not None:
        return Columns(text, _first_of(TITLE_COLUMNS, names), _first_of(LICENCE_COLUMNS, names))
    if text_column is not None:
        raise SourceError(f"{place} has no column of text named {text_column!r}{nearest(text_column, names)}")
    there = ", ".join(names[:MANY_COLUMNS]) + (", …" if len(names) > MANY_COLUMNS else "")
    raise SourceError(
        f"{place} has none of the columns {', '.join(TEXT_COLUMNS)}; name the one that holds the documents with"
        f" --text-column; there is: {there}"
    )


def check_table(path: Path, reading: Reading) -> None:
    """Raise `SourceError` for a table that does not tell its documents; an empty or broken one fails only later."""
    header = read_header(path)
    if header.names:
        choose_columns(header, reading.text_column, name_path(path))


def find_rows(path: Path, reading: Reading) -> Iterator[Item]:
    """An item for each row; one for the table itself where it is empty or breaks off."""
    uri, media_type, count = name_path(path), find_kind(path).media_type, 0
    header = read_header(path)
    columns = choose_columns(header, reading.text_column, uri) if header.names else None
    try:
        for item in make_items(read_rows(path, columns.names if columns else []), columns, uri, media_type, reading):
            yield item
            count += 1
    except Unanswerable as problem:
        yield _fail_table(path, uri, problem)
        return
    if not count:
        yield _fail_table(path, uri, Unanswerable("empty", "it has no rows"))


def make_items(
    rows: Iterable[RawRow], columns: Columns | None, uri: str, media_type: str, reading: Reading
) -> Iterator[Item]:
    """The items of rows; where no header named the columns, the first whole row does."""
    for number, row in enumerate(rows):
        if columns is None and row.values:
            columns = choose_columns(Header(tuple(row.values), tuple(row.values)), reading.text_column, uri)
        yield _make_item(f"{uri}#row={number}", row, columns, media_type, reading)


def _make_item(uri: str, row: RawRow, columns: Columns | None, media_type: str, reading: Reading) -> Item:
    basis = row.basis
    try:
        if row.problem is not None:
            raise row.problem
        text = _read_text(row.values.get(columns.text) if columns else None, columns.text if columns else "text")
        basis = text.encode("utf-8", "surrogatepass")
        if len(basis) > MAX_BYTES:
            raise Unanswerable("too_large", f"its text has more than {MAX_BYTES // 10**6} MB")
        if not text.strip():
            raise Unanswerable("empty", "its text is empty")
    except Unanswerable as problem:
        return failed_item(uri, problem.reason, problem.detail, hashlib.sha256(basis).hexdigest())
    assert columns is not None
    licence = tidy_licence(_read_word(row, columns.licence)) or tidy_licence(reading.licence)
    title = _read_word(row, columns.title) or ""
    read = functools.partial(make_document, uri, text, media_type, title=title, licence=licence)
    return Item(uri, identify_item(media_type, hashlib.sha256(basis).hexdigest()), read, licence)


def _read_text(value: Any, column: str) -> str:
    if value is None:
        raise Unanswerable("empty", f"it has nothing in `{column}`")
    if isinstance(value, bytes):
        return decode_text(value)
    if not isinstance(value, str):
        raise Unanswerable("malformed_row", f"`{column}` holds {type(value).__name__}, not text")
    return value


def _read_word(row: RawRow, column: str | None) -> str | None:
    value = row.values.get(column) if column is not None else None
    return value if isinstance(value, str) else None


def _fail_table(path: Path, uri: str, problem: Unanswerable) -> Item:
    try:
        digest = survey_file(path).digest
    except Unanswerable as closer:
        return failed_item(uri, closer.reason, closer.detail)
    return failed_item(uri, problem.reason, problem.detail, digest)


def _first_of(wanted: Iterable[str], names: Iterable[str]) -> str | None:
    """The first wanted name that is there, however it is capitalised."""
    there = {name.casefold(): name for name in reversed(list(names))}
    return next((there[name] for name in wanted if name in there), None)
