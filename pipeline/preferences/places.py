"""The rows of labelled data, from wherever it lies: a file, a folder of files, a saved dataset, the hub."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from pipeline.sources.files import name_path
from pipeline.sources.item import first_line
from pipeline.sources.rows import RawRow, read_header, read_rows
from pipeline.sources.walk import is_saved_dataset, walk_folder
from schemas.errors import SourceError, Unanswerable, nearest

HUB_PREFIX = "hf:"
HUB_NAME = re.compile(r"hf:(?P<name>[\w.-]+/[\w.-]+)(?::(?P<config>[\w.-]+))?(?:@(?P<split>[\w.-]+))?")
TABLES = (".jsonl", ".ndjson", ".parquet", ".csv", ".tsv")
SUFFIXES = (*TABLES, ".json")


@dataclass(frozen=True, slots=True)
class Placed:
    """One row with where it stands; `folder` is the path of its file below the folder that was named."""

    uri: str
    row: RawRow
    folder: str = ""


def rows_at(place: str, without: Sequence[str] = ()) -> Iterator[Placed]:
    """The rows of a place, one after another; raises `SourceError` for a place that is not there or cannot be read.

    Of a folder, what lies below folders named in `without` is passed over.
    """
    if place.startswith(HUB_PREFIX):
        yield from _hub_rows(place)
        return
    path = Path(place)
    if not place.strip() or not path.exists():
        hint = f"; on the hub it is hf:{place}" if re.fullmatch(r"[\w.-]+/[\w.-]+", place) else ""
        raise SourceError(f"{place!r} does not exist; give a file, a folder or hf:org/name{hint}")
    if not path.is_dir():
        yield from file_rows(path)
    elif is_saved_dataset(path):
        yield from _saved_rows(path)
    else:
        files = [
            each
            for each in walk_folder(path)
            if each.suffix.lower() in SUFFIXES and not set(without) & set(each.relative_to(path).parts)
        ]
        if not files:
            raise SourceError(f"folder {place!r} holds no {', '.join(SUFFIXES)} files")
        for file in files:
            folder = file.parent.relative_to(path).as_posix()
            yield from file_rows(file, "" if folder == "." else folder)


def file_rows(path: Path, folder: str = "") -> Iterator[Placed]:
    """The rows of one file; a JSON file holds a list of objects, or an object of columns."""
    uri = name_path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise SourceError(
            f"{uri!r} is not read; labelled data is a {', '.join(SUFFIXES)} file, a folder or hf:org/name"
        )
    try:
        if path.suffix.lower() == ".json":
            rows: Iterator[RawRow] = _json_rows(path)
        else:
            rows = read_rows(path, read_header(path).names)
        for number, row in enumerate(rows):
            yield Placed(f"{uri}#row={number}", row, folder)
    except (Unanswerable, OSError) as problem:
        raise SourceError(
            f"{uri!r} cannot be read: {getattr(problem, 'detail', None) or first_line(problem)}"
        ) from None


def _json_rows(path: Path) -> Iterator[RawRow]:
    try:
        value = orjson.loads(path.read_bytes())
    except ValueError as problem:
        raise Unanswerable("malformed_row", f"it is not JSON: {first_line(problem)}") from None
    if isinstance(value, dict):
        value = _from_columns(value)
    if not isinstance(value, list):
        raise Unanswerable("malformed_row", "it holds neither a list of objects nor an object of columns")
    for number, row in enumerate(value):
        if isinstance(row, dict):
            yield RawRow(row)
        else:
            broken = Unanswerable("malformed_row", f"entry {number} is not an object")
            yield RawRow({}, broken, orjson.dumps(row))


def _from_columns(columns: dict[str, Any]) -> list[dict[str, Any]] | None:
    """The rows of an object of columns; what is no list holds for all of them."""
    lists = {name: value for name, value in columns.items() if isinstance(value, list)}
    lengths = {len(value) for value in lists.values()}
    if len(lengths) != 1:
        return None
    same = {name: value for name, value in columns.items() if name not in lists}
    return [{**same, **dict(zip(lists, values, strict=True))} for values in zip(*lists.values(), strict=True)]


def _saved_rows(path: Path) -> Iterator[Placed]:
    uri = name_path(path)
    dataset = _datasets(uri).load_from_disk(str(path))
    parts = dict(dataset) if isinstance(dataset, Mapping) else {"": dataset}
    for split in sorted(parts):
        for number, row in enumerate(parts[split]):
            yield Placed(f"{uri}/{split}#row={number}" if split else f"{uri}#row={number}", RawRow(row))


def _hub_rows(place: str) -> Iterator[Placed]:
    """The rows of one split of a dataset on the hub, streamed; it may be `hf:org/name:config@split`."""
    match = HUB_NAME.fullmatch(place)
    if match is None:
        raise SourceError(
            f"{place!r} is not a dataset on the hub: write hf:org/name, and :config and @split if it has several"
        )
    datasets = _datasets(place)
    name, config, split = match["name"], match["config"], match["split"]
    try:
        config = _one_of(place, config, datasets.get_dataset_config_names(name), "configuration", ":")
        split = _one_of(place, split, datasets.get_dataset_split_names(name, config), "split", "@")
        rows = datasets.load_dataset(name, config, split=split, streaming=True)
        for number, row in enumerate(rows):
            yield Placed(f"{HUB_PREFIX}{name}:{config}@{split}#row={number}", RawRow(row))
    except SourceError:
        raise
    except Exception as problem:  # of the network, the hub, or the dataset's own files
        raise SourceError(f"reading {place!r} from the hub failed: {first_line(problem)}") from problem


def _one_of(place: str, wanted: str | None, there: list[str], noun: str, mark: str) -> str:
    """The configuration or split that is meant: the named one, the only one, or `default`."""
    if wanted is not None and wanted not in there:
        raise SourceError(f"{place!r}: the dataset has no {noun} {wanted!r}{nearest(wanted, there)}")
    if wanted is not None:
        return wanted
    if len(there) == 1 or "default" in there:
        return there[0] if len(there) == 1 else "default"
    raise SourceError(
        f"{place!r} has several {noun}s: {', '.join(there)}; name one with {mark}, as in {place}{mark}{there[0]}"
    )


def _datasets(place: str) -> Any:
    try:
        import datasets
    except ImportError:
        raise SourceError(f"reading {place} needs the datasets library: pip install 'prefmill[hf]'") from None
    return datasets
