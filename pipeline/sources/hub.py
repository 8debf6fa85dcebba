"""Hugging Face datasets: saved on disk, or read from the hub as they stream."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline.sources.files import name_path
from pipeline.sources.item import Item, Reading, failed_item, first_line
from pipeline.sources.rows import BATCH_ROWS, Header, RawRow, peek_header
from pipeline.sources.tables import choose_columns, make_items
from schemas.errors import SourceError, nearest

HUB_PREFIX = "hf:"
HUB_NAME = re.compile(r"hf:([\w.-]+/[\w.-]+)(?:/([\w.\[\]:%+-]+))?")
MEDIA_TYPE = "application/vnd.apache.arrow.stream"
TEXT_TYPES = ("string", "large_string", "string_view", "binary", "large_binary", "null")


def check_hub_name(source: str) -> None:
    """Raise `SourceError` for a hub address that is not one, or that this installation cannot read."""
    if not HUB_NAME.fullmatch(source):
        raise SourceError(f"{source!r} is not a dataset on the hub: write hf:org/name or hf:org/name/split")
    check_library(source)


def check_library(source: str) -> None:
    """Raise `SourceError` where the library that reads datasets is not installed."""
    _import_datasets(source)


def find_hub_rows(source: str, reading: Reading) -> Iterator[Item]:
    """The rows of a dataset on the hub, of one split or of all, without keeping a copy."""
    match = HUB_NAME.fullmatch(source)
    assert match is not None
    name, split = match.groups()
    datasets = _import_datasets(source)
    try:
        splits = datasets.get_dataset_split_names(name)
        if split and split.split("[")[0] not in splits:
            raise SourceError(f"{source!r}: the dataset has no split {split!r}{nearest(split, splits)}")
        for chosen in [split] if split else sorted(splits):
            dataset = datasets.load_dataset(name, split=chosen, streaming=True)
            yield from _find_rows(dataset, f"{HUB_PREFIX}{name}/{chosen}", reading)
    except SourceError:
        raise
    except Exception as problem:  # of the network, the hub, or the dataset's own files
        raise SourceError(f"reading {source!r} from the hub failed: {first_line(problem)}") from problem


def find_saved_rows(path: Path, reading: Reading) -> Iterator[Item]:
    """The rows of a dataset that `save_to_disk` wrote, of all its splits."""
    uri = name_path(path)
    datasets = _import_datasets(uri)
    try:
        dataset = datasets.load_from_disk(str(path))
    except Exception as problem:
        digest = hashlib.sha256(f"{uri} {first_line(problem)}".encode()).hexdigest()
        yield failed_item(uri, "unreadable", f"it is not a whole saved dataset: {first_line(problem)}", digest)
        return
    parts = dict(dataset) if isinstance(dataset, Mapping) else {"": dataset}
    for split in sorted(parts):
        yield from _find_rows(parts[split], f"{uri}/{split}" if split else uri, reading)


def _find_rows(dataset: Any, uri: str, reading: Reading) -> Iterator[Item]:
    """The items of one split. Its columns are narrowed before rows are read, so no picture or sound is decoded."""
    header = _read_header(dataset)
    if not header.names:
        yield failed_item(uri, "empty", "it has no rows")
        return
    columns = choose_columns(header, reading.text_column, uri)
    batches = dataset.select_columns(columns.names).iter(batch_size=BATCH_ROWS)
    rows = (
        RawRow(dict(zip(batch, values, strict=True)))
        for batch in batches for values in zip(*batch.values(), strict=True)
    )
    count = 0
    for item in make_items(rows, columns, uri, MEDIA_TYPE, reading):
        yield item
        count += 1
    if not count:
        yield failed_item(uri, "empty", "it has no rows")


def _read_header(dataset: Any) -> Header:
    features = dataset.features
    if features is None:  # a stream of which nothing is known before its first rows
        return peek_header(iter(dataset.take(10)))
    textual = [name for name, feature in features.items() if str(getattr(feature, "dtype", "")) in TEXT_TYPES]
    return Header(tuple(features), tuple(textual))


def _import_datasets(source: str) -> Any:
    try:
        import datasets
    except ImportError:
        raise SourceError(f"reading {source} needs the datasets library: pip install 'prefmill[hf]'") from None
    return datasets
