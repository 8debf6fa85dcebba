"""What was asked for: checked before anything is read, then found item by item in the same order everywhere."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.sources.files import find_file, name_path, survey_file
from pipeline.sources.hub import HUB_PREFIX, check_hub_name, check_library, find_hub_rows, find_saved_rows
from pipeline.sources.item import Item, Reading, failed_item
from pipeline.sources.kinds import KINDS, find_kind
from pipeline.sources.parser import Parser
from pipeline.sources.tables import check_table, find_rows
from pipeline.sources.walk import is_saved_dataset, walk_folder
from schemas.errors import SourceError, Unanswerable, nearest

HUB_LIKE = re.compile(r"[\w-][\w.-]*/[\w.-]+(?:/\w+)?")
MANY_SIBLINGS = 20


def find_items(
    sources: Sequence[str], *, text_column: str | None = None, licence: str | None = None
) -> Iterator[Item]:
    """Every document that the sources hold, as an item to be read; `licence` is that of all that do not say their own.

    A source is a file, a folder, a dataset saved on disk, or `hf:org/name` on the hub. What is wrong with the request
    is raised here, as `SourceError`; items are found as they are taken, in constant memory.
    """
    if not sources:
        raise SourceError("there is nothing to read: name files, folders or hf:org/name")
    reading = Reading(text_column, licence, Parser())
    for source in sources:
        _check_source(source, reading)
    return (item for source in sorted(set(sources)) for item in _find_in_source(source, reading))


def _find_in_source(source: str, reading: Reading) -> Iterator[Item]:
    if source.startswith(HUB_PREFIX):
        yield from find_hub_rows(source, reading)
    elif not os.path.isdir(source):
        yield from _find_in_file(Path(source), reading)
    elif is_saved_dataset(Path(source)):
        yield from find_saved_rows(Path(source), reading)
    else:
        for path in walk_folder(Path(source)):
            try:
                yield from find_saved_rows(path, reading) if is_saved_dataset(path) else _find_in_file(path, reading)
            except SourceError as problem:
                yield _fail_member(path, problem)


def _find_in_file(path: Path, reading: Reading) -> Iterator[Item]:
    if find_kind(path).family == "table" and os.path.isfile(path):
        yield from find_rows(path, reading)
    else:
        yield find_file(path, reading)


def _fail_member(path: Path, problem: SourceError) -> Item:
    """One table among a folder's files that names no documents: told, but no reason to stop."""
    try:
        digest = survey_file(path).digest
    except Unanswerable:
        digest = None
    return failed_item(name_path(path), "unsupported_type", str(problem), digest)


def _check_source(source: str, reading: Reading) -> None:
    if source.startswith(HUB_PREFIX):
        check_hub_name(source)
    elif not source.strip() or not os.path.exists(source):
        raise SourceError(_say_missing(source))
    elif not os.access(source, os.R_OK):
        raise SourceError(f"source {source!r} cannot be opened: permission denied")
    elif is_saved_dataset(Path(source)):
        check_library(source)
    elif os.path.isdir(source):
        _check_folder(Path(source), reading)
    elif os.path.isfile(source) and find_kind(source).family == "table":
        check_table(Path(source), reading)


def _check_folder(folder: Path, reading: Reading) -> None:
    """Raise `SourceError` for a folder in which nothing can be read; look no further than the first file that can."""
    suffixes: set[str] = set()
    complaint: SourceError | None = None
    for path in walk_folder(folder):
        family = find_kind(path).family
        suffixes.add(path.suffix.lower())
        if family == "table":
            try:
                check_table(path, reading)
            except SourceError as problem:
                complaint = complaint or problem
                continue
        if family != "unsupported":
            return
    if complaint is not None:
        raise complaint
    there = f"only {', '.join(sorted(suffixes))} files" if suffixes else "no files (hidden ones are not read)"
    read = " ".join(KINDS)
    raise SourceError(f"folder {str(folder)!r} holds nothing that can be read: {there}; what can be is {read}")


def _say_missing(source: str) -> str:
    """Why a source is not there, with the nearest name that is."""
    if not source.strip():
        return "a source is an empty text: name a file, a folder or hf:org/name"
    if source.startswith(("http://", "https://")):
        return f"source {source!r} is on the web: download it first, or name a dataset as hf:org/name"
    if os.path.lexists(source):
        return f"source {source!r} is a link to something that is not there"
    missing = Path(source)
    while missing.parent != missing and not missing.parent.exists():
        missing = missing.parent
    try:
        siblings = [name for name in os.listdir(missing.parent) if not name.startswith(".")]
    except OSError:
        siblings = []
    hint = nearest(missing.name, siblings)
    if not hint.startswith("; did you mean") and len(siblings) > MANY_SIBLINGS:
        hint = ""
    if HUB_LIKE.fullmatch(source):
        hint += f"; if it is a dataset on the hub, write hf:{source}"
    return f"source {source!r} does not exist{hint}"
