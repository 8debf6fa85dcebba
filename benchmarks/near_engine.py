"""The engine of near duplicates over Parquet, for `duplicates`: `python -m benchmarks.near_engine TASK FOLDER [ROWS]`.

| task | what it does |
|---|---|
| `warm` | compiles what is not compiled yet |
| `exact` | the least row of each group of exactly the same texts, white space aside |
| `lasting` | the same by md5 |
| `scratch` | exact, sketches, candidates, likeness, clusters of `texts.parquet`; keeps what a night needs |
| `night` | the same for `night.parquet` against what was kept |

Each prints what its parts took in CPU seconds, as JSON. Texts are read from DuckDB in batches and by row number, never held.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy
import pyarrow
import pyarrow.parquet

from pipeline.likeness.candidates import Forest
from pipeline.likeness.clusters import leaders
from pipeline.likeness.minhash import MinHash
from pipeline.likeness.sketches import Sketches, sketch
from pipeline.likeness.verify import alike_by, verified
from warehouse.texts import TIDY_SQL

SPEC = MinHash()
BATCH = 20_000
TIDY = TIDY_SQL.format(text="text")
KEY = f"hash({TIDY}) AS key, strlen({TIDY}) AS length"
LASTING_KEY = f"md5_number({TIDY}) AS key, 0 AS length"


class Clock:
    """CPU seconds of the whole process, part by part."""

    def __init__(self) -> None:
        self.parts = {"start": time.process_time()}

    def __call__(self, part: str) -> None:
        """This part ends here."""
        self.parts[part] = self.parts.get(part, 0.0) + time.process_time() - sum(self.parts.values())


class Engine:
    """One folder of Parquet files."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clock = folder, Clock()
        self.database = duckdb.connect(
            config={
                "memory_limit": "1GB",
                "threads": 2,
                "preserve_insertion_order": False,
                "temp_directory": str(folder),
            }
        )

    def rows(self, query: str) -> Iterator[list[tuple[Any, ...]]]:
        """The rows of a query in batches."""
        cursor = self.database.cursor().execute(query)
        while rows := cursor.fetchmany(BATCH):
            yield rows

    def exact(self, file: str, key: str = KEY) -> None:
        """Table `firsts`: key and least row of each exact group.

        DuckDB's own hash takes a fifth of md5's time, but its values may change with its version.
        """
        query = f"SELECT {key}, min(id) AS id FROM '{self.folder}/{file}' GROUP BY ALL"
        self.database.execute(f"CREATE TABLE firsts AS {query}")
        self.clock("exact")

    def sketches(self, file: str) -> tuple[Any, Sketches]:
        """The rows that are left, ascending, and their sketches."""
        [(count,)] = self.database.execute("SELECT count(*) FROM firsts").fetchall()
        ids, done = numpy.empty(count, numpy.int64), 0
        made = Sketches(numpy.empty((count, SPEC.width), numpy.uint8), numpy.empty(count, numpy.uint32))
        for rows in self.rows(f"SELECT id, text FROM '{self.folder}/{file}' SEMI JOIN firsts USING (id)"):
            self.clock("texts for sketches")
            some = sketch([text for _, text in rows], SPEC)
            here = slice(done, done := done + len(rows))
            ids[here], made.data[here], made.sizes[here] = [row for row, _ in rows], some.data, some.sizes
            self.clock("sketches")
        return ids, made

    def reader(self, ids: Any, *files: str) -> Callable[[Sequence[int]], list[str]]:
        """What gives the texts of rows by their place in `ids`."""
        paths = [str(self.folder / file) for file in files]

        def read(places: Sequence[int]) -> list[str]:
            self.clock("pairs")
            wanted = ids[numpy.asarray(places, numpy.int64)]
            pyarrow.parquet.write_table(pyarrow.table({"id": wanted}), self.folder / "wanted.parquet")
            found = {
                row: text
                for rows in self.rows(
                    f"SELECT id, text FROM read_parquet({paths}) SEMI JOIN '{self.folder}/wanted.parquet' USING (id)"
                )
                for row, text in rows
            }
            self.clock("texts for likeness")
            return [found[row] for row in wanted.tolist()]

        return read

    def keep(self, **arrays: Any) -> None:
        """Write arrays beside the texts."""
        for name, array in arrays.items():
            numpy.save(self.folder / f"{name}.npy", array)

    def kept(self, name: str) -> Any:
        """An array that was kept."""
        return numpy.load(self.folder / f"{name}.npy")


def exact(engine: Engine) -> None:
    """Exact groups alone."""
    engine.exact("texts.parquet")


def lasting(engine: Engine) -> None:
    """Exact groups by a hash that stays the same."""
    engine.exact("texts.parquet", LASTING_KEY)


def scratch(engine: Engine) -> None:
    """Everything at once."""
    engine.exact("texts.parquet")
    ids, made = engine.sketches("texts.parquet")
    none = Sketches(made.data[:0], made.sizes[:0])
    forest, read = Forest(len(ids)), engine.reader(ids, "texts.parquet")
    edges = [pairs for pairs, _ in verified(none, made, SPEC, read, forest=forest)]
    pairs = numpy.concatenate([numpy.empty((0, 2), numpy.int64), *edges])
    engine.clock("pairs")
    joined = clusters(pairs, ids, (none, made), read)
    engine.clock("clusters")
    engine.keep(ids=ids, data=made.data, sizes=made.sizes, pairs=pairs, roots=forest.roots(), joined=joined)
    engine.database.execute(f"COPY firsts TO '{engine.folder}/firsts.parquet'")
    engine.clock("keeping")


def night(engine: Engine) -> None:
    """10,000 rows against all that is kept; of the clusters those that a new row has joined."""
    ids, roots, pairs = engine.kept("ids"), engine.kept("roots"), engine.kept("pairs")
    known = Sketches(engine.kept("data"), engine.kept("sizes"))
    engine.clock("state")
    warm(engine)
    engine.clock("loading")
    engine.exact("night.parquet")
    landed = f"'{engine.folder}/firsts.parquet' AS landed"
    same = "landed.key = firsts.key AND landed.length = firsts.length"
    engine.database.execute(f"DELETE FROM firsts USING {landed} WHERE {same}")
    engine.clock("exact")
    more, new = engine.sketches("night.parquet")
    every = numpy.concatenate([ids, more])
    forest = Forest(len(every))
    forest.parents[: len(roots)] = roots
    read = engine.reader(every, "texts.parquet", "night.parquet")
    edges = [pairs for pairs, _ in verified(known, new, SPEC, read, forest=forest)]
    found = numpy.concatenate([numpy.empty((0, 2), numpy.int64), *edges])
    engine.clock("pairs")
    now = forest.roots()
    touched = numpy.concatenate([pairs[numpy.isin(now[pairs[:, 0]], now[found[:, 0]])], found])
    joined = clusters(touched, every, (known, new), read)
    engine.clock("clusters")
    engine.keep(night_ids=every, night_roots=now, night_joined=joined)
    engine.clock("keeping")


def clusters(pairs: Any, ids: Any, both: tuple[Sketches, Sketches], read: Callable[[Sequence[int]], list[str]]) -> Any:
    """Row and leader, int64[k, 2], where the oldest row leads."""
    known, new = both

    def sketches_of(places: Any) -> Sketches:
        is_new = places >= len(known)
        data = numpy.empty((len(places), SPEC.width), numpy.uint8)
        data[~is_new], data[is_new] = known.data[places[~is_new]], new.data[places[is_new] - len(known)]
        sizes = numpy.empty(len(places), numpy.uint32)
        sizes[~is_new], sizes[is_new] = known.sizes[places[~is_new]], new.sizes[places[is_new] - len(known)]
        return Sketches(data, sizes)

    rows = numpy.unique(pairs).tolist()
    rank = dict(zip(rows, ids[rows].tolist(), strict=True))
    joined = leaders(((a, b) for a, b in pairs.tolist()), rank, alike_by(sketches_of, read, SPEC))
    return ids[numpy.array(list(joined.items()), numpy.int64).reshape(-1, 2)]


def warm(engine: Engine) -> None:
    """Compile for texts of both kinds, or load what was compiled."""
    for text in ("a text that is long enough", "水车"):

        def read(rows: Sequence[int], text: str = text) -> list[str]:
            return [text] * len(rows)

        made, none = sketch([text, text], SPEC), sketch([], SPEC)
        list(verified(none, made, SPEC, read, forest=Forest(2)))


def main() -> None:
    """One task."""
    tasks: dict[str, Callable[[Engine], None]] = {
        "warm": warm,
        "exact": exact,
        "lasting": lasting,
        "scratch": scratch,
        "night": night,
    }
    engine = Engine(Path(sys.argv[2]))
    tasks[sys.argv[1]](engine)
    print(json.dumps(engine.clock.parts))


if __name__ == "__main__":
    main()
