"""Evaluation sets: what training data must not repeat, read from files, folders, saved datasets and the hub.

A recipe names a place (`evals/gsm8k.jsonl`, `hf:org/name:config@split`), or a place with the columns to read. What
identifies a set is a digest of the texts that are read, not where they lie: a file that changes changes answers, one that
moves does not.
"""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from pipeline.contamination.columns import has_columns, texts_of
from pipeline.contamination.runs import Item
from pipeline.contamination.words import words_of
from pipeline.preferences.items import LabelledItem, read_item
from pipeline.preferences.places import HUB_PREFIX, SUFFIXES, Placed, file_rows, rows_at
from pipeline.sources.decode import decode_text
from pipeline.sources.files import name_path
from pipeline.sources.rows import RawRow
from pipeline.sources.walk import is_saved_dataset, walk_folder
from prompts.words import Words
from schemas.errors import RequestError, SourceError, Unanswerable, nearest
from schemas.fingerprints import canonical_json

LINES = (".txt", ".text")
"""Files in which each line is an item."""
RECORDED = ("evaluators",)
"""Folders that hold what judges said of a set beside it, as LLMBar publishes it."""
KEYS = ("place", "columns")
MANY_COLUMNS = 30


class EvaluationSet(Words):
    """One evaluation set, as a recipe names it (`name`), where it lies (`place`) and what it held when it was read.

    `sha256` is of the texts in their order; `most_words` is how many words the longest of them has.
    """

    folder: ClassVar[str] = "evaluations"
    kind: ClassVar[str] = "evaluation set"
    lies_at: ClassVar[tuple[str, ...]] = ("name", "place")

    place: str
    columns: tuple[str, ...] = ()
    sha256: str
    most_words: int

    @classmethod
    def is_named(cls, value: Any) -> bool:
        """A place, or a place with columns."""
        return isinstance(value, str) or (isinstance(value, Mapping) and "sha256" not in value)

    @classmethod
    def load_all(cls, name: Any, beside: Path) -> list[Self]:
        """The set at a place, relative to `beside` if it is a path; `RequestError` for what cannot be read or has no text."""
        given = {"place": name} if isinstance(name, str) else dict(name)
        if unknown := [key for key in given if key not in KEYS]:
            raise RequestError(f"an evaluation set has no key {unknown[0]!r}{nearest(str(unknown[0]), KEYS)}")
        written, columns = given.get("place"), given.get("columns", ())
        columns = [columns] if isinstance(columns, str) else columns
        if not isinstance(written, str) or not written.strip():
            raise RequestError("an evaluation set is a place: a file, a folder or hf:org/name")
        if not isinstance(columns, list | tuple) or not all(isinstance(each, str) for each in columns):
            raise RequestError(f"evaluation set {written!r}: `columns` is a list of names")
        place = written if written.startswith(HUB_PREFIX) else os.path.abspath(beside / written)
        if not written.startswith(HUB_PREFIX) and not os.path.exists(place):
            where = f"; it is looked for beside the recipe, at {name_path(Path(place))!r}{_hub_hint(written)}"
            raise SourceError(f"evaluation set {written!r} does not exist{where}")
        read = _read(written, place, tuple(columns), _stamp(written, place))
        return [
            cls(name=written, place=place, columns=tuple(columns), sha256=read.sha256, most_words=read.most_words)
        ]

    def items(self) -> Iterator[Item]:
        """Its items, in order, each named by the set and its row; `RequestError` if it is not what it was when loaded."""
        read = _read(self.name, self.place, self.columns, _stamp(self.name, self.place))
        if read.sha256 != self.sha256:
            raise RequestError(f"evaluation set {self.name!r} has changed since this build began; start it again")
        for name, texts in read.items:
            yield Item(self.name, f"{self.name.rstrip('/')}{name}", texts)


def labelled_item(document_id: str, text: str) -> Item:
    """The item of a document that holds labelled answers, such as audits of judges read."""
    item: LabelledItem = read_item(text)
    said = [message["content"] for message in item.messages if message["role"] != "system"]
    texts = dict.fromkeys([*said, *(answer.text for answer in item.answers)])
    return Item(f"labelled:{item.dataset}", f"labelled:{item.dataset}#{item.item or document_id}", tuple(texts))


@dataclass(frozen=True, slots=True)
class _Read:
    """What a place holds: of each item what tells it from the others of its set, and its texts."""

    items: tuple[tuple[str, tuple[str, ...]], ...]
    sha256: str
    most_words: int


@functools.lru_cache(maxsize=32)
def _read(name: str, place: str, columns: tuple[str, ...], stamp: tuple[Any, ...]) -> _Read:
    """Read a place, called `name` in a recipe; once as long as its `stamp` is the same."""
    items, digest, most, known = [], hashlib.sha256(), 0, False
    seen: set[str] = set()
    for placed in _rows(name, place):
        row = placed.row
        if row.problem is not None:
            raise SourceError(f"evaluation set {name!r} cannot be read at {placed.uri!r}: {row.problem.detail}")
        if not known:
            known = has_columns(row.values, columns)
            seen |= set(row.values)
        texts = texts_of(row.values, columns)
        items.append((_name_in(place, placed.uri), texts))
        digest.update(canonical_json(texts).encode("utf-8", "surrogatepass"))
        most = max([most, *(len(words_of(text)) for text in texts)])
    if not items:
        raise SourceError(f"evaluation set {name!r} has no rows")
    if not known and columns:
        raise SourceError(f"evaluation set {name!r} has no column {columns[0]!r}{nearest(columns[0], seen)}")
    if not known:
        there = ", ".join(sorted(seen)[:MANY_COLUMNS]) + (", …" if len(seen) > MANY_COLUMNS else "")
        raise SourceError(
            f"evaluation set {name!r} has no column that is known to hold text; name some as `columns:`; there is: {there}"
        )
    if not most:
        raise SourceError(f"evaluation set {name!r} holds no words in the columns that are read")
    return _Read(tuple(items), digest.hexdigest(), most)


def _rows(name: str, place: str) -> Iterator[Placed]:
    """The rows of a place; of a folder those of all its tables and of its files of lines."""
    path = Path(place)
    if place.startswith(HUB_PREFIX) or (path.is_dir() and is_saved_dataset(path)):
        yield from rows_at(place)
    elif path.is_dir():
        files = _files(path)
        if not files:
            raise SourceError(f"evaluation set {name!r} is a folder without {', '.join((*SUFFIXES, *LINES))} files")
        for file in files:
            yield from _file_rows(name, file)
    else:
        yield from _file_rows(name, path)


def _files(folder: Path) -> list[Path]:
    return [
        each
        for each in walk_folder(folder)
        if each.suffix.lower() in (*SUFFIXES, *LINES) and not set(RECORDED) & set(each.relative_to(folder).parts)
    ]


def _file_rows(name: str, path: Path) -> Iterator[Placed]:
    if path.suffix.lower() not in (*SUFFIXES, *LINES):
        raise SourceError(
            f"evaluation set {name!r} is not read; it is a {', '.join((*SUFFIXES, *LINES))} file, a folder or hf:org/name"
        )
    if path.suffix.lower() not in LINES:
        yield from file_rows(path)
        return
    uri = name_path(path)
    try:
        text = decode_text(path.read_bytes())
    except (Unanswerable, OSError) as problem:
        raise SourceError(f"evaluation set {name!r} cannot be read: {getattr(problem, 'detail', problem)}") from None
    for number, line in enumerate(text.splitlines()):
        if line.strip():
            yield Placed(f"{uri}#row={number}", RawRow({"text": line}))


def _name_in(place: str, uri: str) -> str:
    """What tells an item from the others of its place."""
    return uri[uri.rindex("#") :] if place.startswith(HUB_PREFIX) else uri.removeprefix(name_path(Path(place)))


def _stamp(name: str, place: str) -> tuple[Any, ...]:
    """What changes when a place on disk does; nothing is known of the hub, which is read once a process."""
    if place.startswith(HUB_PREFIX):
        return ()
    path = Path(place)
    files = [Path(root) / name for root, _, names in os.walk(path) for name in names] if path.is_dir() else [path]
    try:
        return tuple(sorted((str(each), each.stat().st_mtime_ns, each.stat().st_size) for each in files))
    except OSError as problem:
        raise SourceError(f"evaluation set {name!r} cannot be read: {problem.strerror}") from None


def _hub_hint(written: str) -> str:
    return f"; on the hub it is hf:{written}" if written.count("/") == 1 and not written.startswith((".", "/")) else ""
