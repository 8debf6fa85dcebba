"""The rows of a table file, one after another, in constant memory."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import orjson

from pipeline.sources.decode import decode_text, find_bom, guess_encoding
from pipeline.sources.item import MAX_BYTES, first_line
from schemas.errors import Unanswerable

MAX_LINE = 2 * MAX_BYTES  # a row has other columns than its text
PEEKED_ROWS = 100
BATCH_ROWS = 256
SAMPLE_BYTES = 1 << 20
DELIMITERS = ",;\t|"


@dataclass(frozen=True, slots=True)
class RawRow:
    """One row as it stands in its table; or one that cannot be had, with the reason, and the basis of its identity."""

    values: Mapping[str, Any]
    problem: Unanswerable | None = None
    basis: bytes = b""


@dataclass(frozen=True, slots=True)
class Header:
    """The columns of a table, and those of them that hold text; none where there are no rows to be had."""

    names: tuple[str, ...] = ()
    textual: tuple[str, ...] = ()


def read_header(path: Path) -> Header:
    """The columns of a table; those of a JSONL file are what its first rows have."""
    try:
        if path.suffix.lower() == ".parquet":
            return _read_parquet_header(path)
        if path.suffix.lower() in (".csv", ".tsv"):
            with _open_text(path) as file:
                names: list[str] = next(_read_records(file, path), [])
            return Header(tuple(names), tuple(names))
        return peek_header(row.values for row in read_jsonl(path))
    except (Unanswerable, OSError, csv.Error):
        return Header()


def peek_header(rows: Iterator[Mapping[str, Any]]) -> Header:
    """The columns that the first rows have, where no schema names them."""
    textual: dict[str, bool] = {}
    for _, row in zip(range(PEEKED_ROWS), rows, strict=False):
        for name, value in row.items():
            textual[name] = textual.get(name, False) or isinstance(value, str | bytes)
    return Header(tuple(textual), tuple(name for name, is_text in textual.items() if is_text))


def read_rows(path: Path, columns: Sequence[str]) -> Iterator[RawRow]:
    """The rows of a table, with at least these columns; raises `Unanswerable` where the table itself breaks off."""
    try:
        if path.suffix.lower() == ".parquet":
            yield from read_parquet(path, columns)
        elif path.suffix.lower() in (".csv", ".tsv"):
            yield from read_csv(path)
        else:
            yield from read_jsonl(path)
    except OSError as problem:
        raise Unanswerable("no_access", f"it cannot be read: {problem.strerror or problem}") from None


def read_jsonl(path: Path) -> Iterator[RawRow]:
    """One row a line; an empty line is no row."""
    with open(path, "rb") as file:
        bom = find_bom(file.read(4))
        file.seek(3 if bom == "utf-8-sig" else 0)
        wide = bom in ("utf-16", "utf-32")
        lines: IO[Any] = io.TextIOWrapper(file, encoding=bom, errors="replace", newline="\n") if wide else file
        for number, line in enumerate(_bound_lines(lines), 1):
            data = line.encode("utf-8", "replace") if isinstance(line, str) else line
            if len(line) >= MAX_LINE:
                yield _break_row("too_large", f"line {number} has more than {MAX_LINE // 10**6} MB", data)
            elif data.strip():
                yield _parse_line(number, data)


def read_csv(path: Path) -> Iterator[RawRow]:
    """One row a record after the header, which may span lines; a broken record does not end the table."""
    with _open_text(path) as file:
        records = _read_records(file, path)
        try:
            header: list[str] = next(records, [])
        except csv.Error as problem:
            raise Unanswerable("unreadable", f"its header is broken: {problem}") from None
        while True:
            try:
                record = next(records)
            except StopIteration:
                return
            except csv.Error as problem:
                reason = "too_large" if "field limit" in str(problem) else "malformed_row"
                detail = f"the record that ends on line {records.line_num} is broken: {problem}"
                yield _break_row(reason, detail, detail.encode())
                continue
            if len(record) == len(header):
                yield _recover_row(dict(zip(header, record, strict=True)))
            elif record:
                detail = f"the record on line {records.line_num} has {len(record)} columns, the header {len(header)}"
                yield _break_row("malformed_row", detail, repr(record).encode("utf-8", "replace"))


def read_parquet(path: Path, columns: Sequence[str]) -> Iterator[RawRow]:
    """The rows of a Parquet file, a batch at a time."""
    with _open_parquet(path) as table:
        try:
            for batch in table.iter_batches(batch_size=BATCH_ROWS, columns=list(columns)):
                for values in batch.to_pylist():
                    yield RawRow(values)
        except Exception as problem:  # whatever the library makes of broken pages
            raise Unanswerable("unreadable", f"it breaks off: {first_line(problem)}") from None


def _parse_line(number: int, line: bytes) -> RawRow:
    try:
        values = orjson.loads(line)
    except ValueError:
        try:
            values = json.loads(decode_text(line))  # takes what orjson refuses: half characters, NaN, old encodings
        except Unanswerable as problem:
            return _break_row(problem.reason, f"line {number}: {problem.detail}", line)
        except (ValueError, RecursionError) as problem:
            return _break_row("malformed_row", f"line {number} is not JSON: {first_line(problem)}", line)
    if not isinstance(values, dict):
        return _break_row("malformed_row", f"line {number} is not a JSON object", line)
    return RawRow(values)


def _recover_row(values: dict[str, str]) -> RawRow:
    """A row of a UTF-8 table, also where some of its bytes are of an older encoding."""
    for name, text in values.items():
        try:
            text.encode()
        except UnicodeEncodeError:
            data = text.encode("utf-8", "surrogateescape")
            try:
                values[name] = decode_text(data)
            except Unanswerable as problem:
                return RawRow({}, problem, data)
    return RawRow(values)


def _break_row(reason: str, detail: str, basis: bytes) -> RawRow:
    return RawRow({}, Unanswerable(reason, detail), basis)


def _open_text(path: Path) -> IO[str]:
    with open(path, "rb") as file:
        sample = file.read(SAMPLE_BYTES)
    if encoding := find_bom(sample):
        return open(path, encoding=encoding, errors="replace", newline="")
    try:
        sample[:sample.rfind(b"\n") + 1].decode()
        return open(path, encoding="utf-8", errors="surrogateescape", newline="")
    except UnicodeDecodeError:
        return open(path, encoding=guess_encoding(sample), errors="replace", newline="")


def _read_records(file: IO[str], path: Path) -> Any:
    """A `csv.reader`; its limit on a field is the process's, and too low for documents by default."""
    csv.field_size_limit(MAX_BYTES)
    first = file.readline(SAMPLE_BYTES)
    file.seek(0)
    delimiter = "\t" if path.suffix.lower() == ".tsv" else max(DELIMITERS, key=first.count)
    return csv.reader(_bound_lines(file), delimiter=delimiter, strict=True)


def _bound_lines(file: IO[Any]) -> Iterator[Any]:
    """The lines of a file, as far as memory allows; what a longer one has more is passed over."""
    while line := file.readline(MAX_LINE):
        yield line
        while len(line) == MAX_LINE and line[-1:] not in (b"\n", "\n"):
            line = file.readline(MAX_LINE)


def _open_parquet(path: Path) -> Any:
    import pyarrow.parquet

    with open(path, "rb") as file:
        if not file.read(1):
            raise Unanswerable("empty", "it holds nothing")
    try:
        return pyarrow.parquet.ParquetFile(path)
    except Exception as problem:  # the library raises OSError for broken bytes too
        raise Unanswerable("unreadable", f"it is not a whole Parquet file: {first_line(problem)}") from None


def _read_parquet_header(path: Path) -> Header:
    import pyarrow.types as types

    with _open_parquet(path) as table:
        fields = list(table.schema_arrow)
    values = [field.type.value_type if types.is_dictionary(field.type) else field.type for field in fields]
    is_text = [
        types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)
        or types.is_binary(kind) or types.is_large_binary(kind) or types.is_null(kind) for kind in values
    ]
    names = [field.name for field in fields]
    return Header(tuple(names), tuple(name for name, good in zip(names, is_text, strict=True) if good))
