"""One pass over a release that feeds every layout of an export at once.

Each layout has an outlet of its own, and outlets work side by side in threads: Arrow lets go of Python's lock while it
shapes, packs and writes. An outlet gets the row groups one after the other, so threads leave no trace in its files.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from pipeline.land.columns import CONVERSATIONS, REQUIRED, check_rows, release_schema
from pipeline.land.facts import LayoutFact
from pipeline.land.files import PAIRS, VOTES
from pipeline.land.jsonl import JsonlFile
from pipeline.land.layouts import Layout, prepare
from pipeline.land.manifest import Manifest
from pipeline.land.parquet import PairFile
from pipeline.land.splits import SPLITS
from pipeline.land.turns import conform
from schemas.errors import BuildError

if TYPE_CHECKING:
    import pyarrow as pa

TOOLS = ("tool_calls", "name", "tool_call_id")


class Outlet:
    """The files of one layout under way, one for each split that has rows; use it in a `with`."""

    def __init__(self, layout: Layout, folder: Path, tools: bool, jsonl: bool) -> None:
        self.layout = layout
        self._folder, self._jsonl = folder, jsonl
        self._schema = layout.schema(tools)
        self._files: dict[str, PairFile | JsonlFile] = {}
        self._left_out: Counter[str] = Counter()
        self._seen: set[int] = set()
        self._stack = ExitStack()

    def __enter__(self) -> Outlet:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the files; see `PairFile`."""
        self._stack.__exit__(kind, error, trace)

    def take(self, parts: Mapping[str, pa.Table]) -> None:
        """Shape and write the next rows of each split."""
        for split, rows in parts.items():
            fitting = self._sift(rows)
            if fitting.num_rows:
                self._file(split).add(self.layout.shape(fitting, self._schema))

    def finish(self) -> None:
        """Write all that is left."""
        for file in self._files.values():
            file.finish()

    @property
    def fact(self) -> LayoutFact:
        """What was written and what was left out."""
        rows = {split: self._files[split].rows for split in SPLITS if split in self._files}
        return LayoutFact(splits=rows, left_out=dict(sorted(self._left_out.items())))

    def _sift(self, rows: pa.Table) -> pa.Table:
        """The rows that the layout has a place for; the others are counted by reason."""
        import pyarrow.compute as pc

        for refusal in self.layout.refusals:
            if rows.num_rows and (count := pc.sum(marks := refusal.finds(rows)).as_py()):
                self._left_out[refusal.words] += count
                rows = rows.filter(pc.invert(marks))
        return self._first_of_each(rows) if self.layout.same and rows.num_rows else rows

    def _first_of_each(self, rows: pa.Table) -> pa.Table:
        """The rows whose like has not come before. Eight bytes stand for each: two of a million meet by chance once in 40
        million exports, and always the same two."""
        import pyarrow as pa

        assert self.layout.same is not None
        fresh = []
        for key in self.layout.same(rows).cast(pa.binary()).to_pylist():
            digest = int.from_bytes(hashlib.blake2b(key, digest_size=8).digest())
            fresh.append(digest not in self._seen)
            self._seen.add(digest)
        if repeats := len(fresh) - sum(fresh):
            self._left_out[self.layout.repeats] += repeats
            return rows.filter(pa.array(fresh, pa.bool_()))
        return rows

    def _file(self, split: str) -> PairFile | JsonlFile:
        """The file of a split; it is there from its first row on, so a split without rows has none."""
        if split not in self._files:
            folder = self._folder / self.layout.name
            folder.mkdir(exist_ok=True)
            path = folder / f"{split}.{'jsonl' if self._jsonl else 'parquet'}"
            file: PairFile | JsonlFile = JsonlFile(path, self._schema) if self._jsonl else PairFile(path, self._schema)
            self._files[split] = file
            self._stack.enter_context(file)
        return self._files[split]


def write_layouts(
    source: Path, release: Manifest, folder: Path, layouts: Sequence[Layout], *, jsonl: bool = False
) -> dict[str, LayoutFact]:
    """Write the release in `source` to `folder` in `layouts`; returns what each got, also those that no row allows."""
    tools = release.tool_rows > 0
    workers = min(len(layouts), os.cpu_count() or 1)
    with ExitStack() as stack:
        outlets = [stack.enter_context(Outlet(layout, folder, tools, jsonl)) for layout in layouts]
        # Left before the outlets are, so none is closed while a thread writes to it.
        pool = stack.enter_context(ThreadPoolExecutor(workers, thread_name_prefix="layout"))
        of_pairs = [outlet for outlet in outlets if outlet.layout.reads == "pairs"]
        rows = _feed(pool, of_pairs, _pairs_of(source / PAIRS, of_pairs, tools)) if of_pairs else release.splits
        if rows != release.splits:
            raise BuildError(
                f"the release {release.release!r} says {release.splits} rows but holds {rows}; build it again"
            )
        of_votes = [outlet for outlet in outlets if outlet.layout.reads == "votes"]
        if of_votes and VOTES in release.files:
            _feed(pool, of_votes, map(_by_split, _groups(source / VOTES)))
        list(pool.map(Outlet.finish, outlets))
        return {outlet.layout.name: outlet.fact for outlet in outlets}


def _feed(pool: ThreadPoolExecutor, outlets: Sequence[Outlet], parts: Iterable[dict[str, pa.Table]]) -> dict[str, int]:
    """Hand all parts to all outlets, in order; the next are read while these are written. Returns the rows of each split."""
    rows: Counter[str] = Counter()
    under_way: list[Future[None]] = []
    for each in parts:
        rows.update({split: table.num_rows for split, table in each.items()})
        for done in under_way:
            done.result()
        under_way = [pool.submit(outlet.take, each) for outlet in outlets]
    for done in under_way:
        done.result()
    return {split: rows[split] for split in SPLITS if rows[split]}


def _pairs_of(path: Path, outlets: Sequence[Outlet], tools: bool) -> Iterator[dict[str, pa.Table]]:
    """The checked rows of `pairs.parquet` by split, a row group at a time, with the columns that the outlets need."""
    import pyarrow as pa

    wanted = {name for outlet in outlets for name in outlet.layout.needs} | {*REQUIRED}
    last_id = ""
    for rows in _groups(path, wanted, () if tools else TOOLS):
        check_rows(rows, last_id)
        last_id = rows["pair_id"][-1].as_py()
        stored = release_schema()
        # What a release of before has not is null; where nobody calls a tool, nobody widens its messages for one.
        kept = [
            rows.schema.field(name) if name in rows.column_names else stored.field(name)
            for name in stored.names if name in wanted
        ]  # fmt: skip
        yield {split: prepare(part, tools) for split, part in _by_split(conform(rows, pa.schema(kept))).items()}


def _by_split(rows: pa.Table) -> dict[str, pa.Table]:
    """The rows of each split that has any."""
    import pyarrow.compute as pc

    parts = {name: rows.filter(pc.equal(rows["split"], name)) for name in SPLITS}
    return {name: part for name, part in parts.items() if part.num_rows}


def _groups(path: Path, columns: set[str] | None = None, without: Sequence[str] = ()) -> Iterator[pa.Table]:
    """The row groups of a Parquet file, one in memory at a time: some columns, less some fields of their messages."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path, pre_buffer=False) as file:
        leaves = [file.schema.column(at).path for at in range(len(file.schema))]
        kept = [leaf for leaf in leaves if _is_kept(leaf.split("."), columns, without)]
        for group in range(file.num_row_groups):
            yield file.read_row_group(group, columns=kept, use_threads=False)


def _is_kept(leaf: Sequence[str], columns: set[str] | None, without: Sequence[str]) -> bool:
    """Whether a leaf belongs to a column that is wanted, and to no field of messages that is not."""
    if columns is not None and leaf[0] not in columns:
        return False
    return leaf[0] not in (*CONVERSATIONS, "also_chosen") or not set(leaf[1:]) & set(without)
