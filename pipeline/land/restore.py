"""An export back into the release that it was made from, byte for byte.

The export holds all that a release has: the pairs in the default layout, where they come from in `provenance`, every
verdict in `votes`, dealt out by split. Put together again and sorted by id they are the files of the release, and their
hashes, which the export's manifest names, prove it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.land.columns import CONVERSATIONS, release_schema, votes_schema
from pipeline.land.files import PAIRS, RECIPE, VOTES, read_release
from pipeline.land.folders import stage, sync_tree
from pipeline.land.layouts import DEFAULT
from pipeline.land.manifest import (
    MANIFEST,
    ExportManifest,
    Manifest,
    find_damage,
    hash_file,
    list_writers,
    seal,
    unseal,
)
from pipeline.land.parquet import PairFile
from pipeline.land.turns import conform
from schemas.errors import BuildError, SourceError

if TYPE_CHECKING:
    import pyarrow as pa

ORIGINS, SAID = "provenance", "votes"
NEEDED = (DEFAULT, ORIGINS)
"""The layouts that hold the columns of a release between them, row by row."""
BLOCK = 2000
TALKS = (*CONVERSATIONS, "also_chosen")


def is_export(folder: Path) -> bool:
    """Whether a folder says of itself that prefmill exported it."""
    try:
        said = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(said, dict) and said.get("kind") == "export"


def read_export(folder: Path) -> Manifest:
    """The manifest of the release that was exported to `folder`; raises `SourceError` unless its data is as it was written.

    The card does not count: people may add to it.
    """
    try:
        export = unseal(ExportManifest, folder)
    except (OSError, ValueError):
        raise SourceError(
            f"the `{MANIFEST}` in {str(folder)!r} is no intact one of an export; export the release again"
        ) from None
    data = {name: fact for name, fact in export.files.items() if name == RECIPE or name.endswith(".parquet")}
    if damages := find_damage(folder, data):
        raise SourceError(
            f"the export {str(folder)!r} is damaged: `{damages[0].file}` {damages[0].problem}; export the release again"
        )
    needed = [*NEEDED, *([SAID] if export.release.votes else [])]
    if missing := [name for name in needed if not any(file.startswith(f"{name}/") for file in data)]:
        raise SourceError(
            f"the export {str(folder)!r} has no Parquet layout `{missing[0]}`, without which no release is put together again; "
            f"export it with all of {', '.join(needed)}, or take its rows in with --layout preference"
        )
    return export.release


def restore_release(export: Path, folder: Path) -> Manifest:
    """Write the release that `export` was made from to `folder`; returns its manifest.

    A release that is there already is left alone. Raises `SourceError` for an export that is damaged or lacks a layout,
    and `BuildError` where the same bytes cannot be written here, or `folder` holds something else.
    """
    release = read_export(export)
    target = folder.resolve()
    with stage(target) as under_way:
        _write(export, release, under_way.folder)
        if not under_way.publish() and read_release(target) != release:
            raise BuildError(f"{str(target)!r} holds another release; move it away and import again")
    return release


def _write(export: Path, release: Manifest, folder: Path) -> None:
    """Write the files of the release and hold them against the hashes in its manifest."""
    shutil.copyfile(export / RECIPE, folder / RECIPE)
    pairs = [
        _side_by_side([export / name / f"{split}.parquet" for name in NEEDED], split)
        for split in _splits(export, DEFAULT)
    ]
    _write_sorted(folder / PAIRS, pairs, ["pair_id"], release_schema())
    if VOTES in release.files:
        votes = [_side_by_side([export / SAID / f"{split}.parquet"], split) for split in _splits(export, SAID)]
        _write_sorted(folder / VOTES, votes, ["prompt_id", "signal_id"], votes_schema())
    for name, fact in release.files.items():
        if hash_file(folder / name) != fact:
            there, here = (f"pyarrow {each.get('pyarrow', '?')}" for each in (release.written_with, list_writers()))
            raise BuildError(
                f"the release {release.release!r} does not come out with the same bytes: `{name}` was written by {there}, and "
                f"this is {here}; install that one, or take the rows in with --layout preference"
            )
    (folder / MANIFEST).write_bytes(seal(release).encode("utf-8"))
    sync_tree(folder)


def _splits(export: Path, layout: str) -> list[str]:
    return sorted(file.stem for file in (export / layout).glob("*.parquet"))


def _write_sorted(path: Path, streams: Sequence[Iterator[pa.Table]], keys: list[str], schema: pa.Schema) -> None:
    with PairFile(path, schema) as file:
        for rows in _merged(streams, keys):
            file.add(conform(rows, schema))


def _side_by_side(paths: Sequence[Path], split: str) -> Iterator[pa.Table]:
    """The rows of files that hold the same pairs in the same order, with the columns of all of them and the split."""
    import pyarrow as pa

    for blocks in zip(*map(_blocks, paths), strict=True):
        columns: dict[str, Any] = {}
        for block in blocks:
            if "pair_id" in columns and block["pair_id"] != columns["pair_id"]:
                raise SourceError(
                    f"{paths[-1].name!r} of {paths[-1].parent.name!r} holds other pairs than the default layout"
                )
            columns |= {name: block[name] for name in block.column_names if name not in columns}
        columns |= {name: _stored_turns(columns[name], name) for name in TALKS if name in columns}
        columns["split"] = pa.array([split] * blocks[0].num_rows)
        yield pa.table(columns)


def _blocks(path: Path) -> Iterator[pa.Table]:
    """The rows of a Parquet file, `BLOCK` at a time however its row groups are cut."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(path, pre_buffer=False) as file:
        rest = file.schema_arrow.empty_table()
        for batch in file.iter_batches(batch_size=BLOCK, use_threads=False):
            rest = pa.concat_tables([rest, pa.Table.from_batches([batch], rest.schema)])
            while rest.num_rows >= BLOCK:
                yield rest.slice(0, BLOCK)
                rest = rest.slice(BLOCK)
        if rest.num_rows:
            yield rest


def _merged(streams: Sequence[Iterator[pa.Table]], keys: list[str]) -> Iterator[pa.Table]:
    """The rows of streams that are each sorted by `keys`, sorted by them as a whole; a block of each is in memory."""
    import pyarrow as pa
    import pyarrow.compute as pc

    heads = [(stream, head) for stream in streams if (head := next(stream, None)) is not None]
    while heads:
        bound = min(_key(head, keys)[-1].as_py() for _, head in heads)
        ready, after = [], []
        for stream, head in heads:
            count = pc.sum(pc.less_equal(_key(head, keys), bound)).as_py()
            ready.append(head.slice(0, count))
            rest = head.slice(count) if count < head.num_rows else next(stream, None)
            if rest is not None:
                after.append((stream, rest))
        heads = after
        yield pa.concat_tables(ready).sort_by([(name, "ascending") for name in keys])


def _key(rows: pa.Table, keys: list[str]) -> Any:
    """One text for each row, in whose order the rows are."""
    import pyarrow.compute as pc

    return rows[keys[0]] if len(keys) == 1 else pc.binary_join_element_wise(*(rows[name] for name in keys), "\0")


def _stored_turns(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    """Conversations as a release keeps them, where a trainer is shown each call of a tool inside a `function`."""
    import pyarrow as pa

    turns = column.type.value_type if pa.types.is_list(column.type) else None
    while turns is not None and pa.types.is_list(turns):
        turns = turns.value_type
    if turns is None or turns.get_field_index("tool_calls") < 0:
        return column
    calls = turns.field("tool_calls").type
    if calls.value_type.get_field_index("function") < 0:
        return column
    return pa.chunked_array([pa.array(_flat(column.to_pylist()), release_schema().field(name).type)])


def _flat(value: Any) -> Any:
    """The same with every call flat, at any depth."""
    if isinstance(value, list):
        return [_flat(each) for each in value]
    if isinstance(value, dict) and isinstance(value.get("function"), dict):
        return {"id": value["id"], "name": value["function"]["name"], "arguments": value["function"]["arguments"]}
    return {name: _flat(each) for name, each in value.items()} if isinstance(value, dict) else value
