"""A warehouse of as many pairs as are asked for, written straight into its tables: `python -m benchmarks.lake FOLDER PAIRS`.

Two recipes, three builds, three releases: `nightly` over half of the documents, then over seven eighths with another filter;
`safety` over the last eighth. A document has four passages; of each a question is mined and answered three times, each two
answers are compared in both orders, and the three pairs are held against a filter. One passage in twenty has no question, one
question in twenty no verdict that keeps its side, one comparison in a thousand breaks off, one pair in a hundred is dropped.

Rows lie as an appender leaves them: document by document, a page of documents a commit. The same number of pairs makes the
same rows; only `labels`, `vectors`, `fits` and the tables of likenesses stay empty. There are no files of the releases.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import orjson

from benchmarks.lake_rows import BUILDS_SQL, PAGE, RELEASE_SQL, SIFTED_AGAIN, STORED
from warehouse.address import Address, resolve_address
from warehouse.connection import connect, literal, migrate
from warehouse.counting import count_landed, count_releases
from warehouse.tallies import COUNTED

MEMORY_LIMIT = "3GB"
DOCUMENTS_AT_ONCE = 40_000
CYCLE, PAIRS_OF_CYCLE = 5, 54
"""Five documents have 20 passages: 19 questions, of which 18 come to three pairs each."""

SIFT = "select/filter"
STEPS = ("mine/read", "mine/chunk", "mine/qa", "sample/grid", "judge/pairwise", "select/from_scores", SIFT)
MADE = ("documents", "passages", "prompts", "responses", "signals", "pairs", "")
"""The table that each step makes; the last one sifts pairs."""
MODELS = ("writer-8b", "writer-32b", "writer-70b")


@dataclass(frozen=True, slots=True)
class Build:
    """One of the builds: its recipe, the documents it reads for the first time and those in its scope, what it filters."""

    number: int
    recipe: str
    new: range
    scope: range
    judge: str
    dropped: int

    @property
    def build_id(self) -> str:
        """Its id."""
        return f"build-{self.number}"

    @property
    def release(self) -> str:
        """The release that it makes."""
        return f"{self.recipe}-2026-01-0{self.number}"

    @property
    def steps(self) -> dict[str, str]:
        """The fingerprint of each step; builds of one recipe share all but that of the filter."""
        names = {step: f"stp_{self.recipe}_{step.partition('/')[2]}" for step in STEPS}
        return names | {SIFT: f"{names[SIFT]}_{self.dropped}"}


def builds_of(pairs: int) -> list[Build]:
    """The builds of a warehouse with so many pairs, rounded up to whole cycles of documents."""
    documents = max(8, -(-pairs // PAIRS_OF_CYCLE)) * CYCLE
    half, most = documents // 2, documents * 7 // 8
    return [
        Build(1, "nightly", range(half), range(half), "judge-32b", 0),
        Build(2, "nightly", range(half, most), range(most), "judge-32b", 1),
        Build(3, "safety", range(most, documents), range(most, documents), "judge-70b", 0),
    ]


def write(address: Address, pairs: int, *, is_counted: bool = True) -> list[Build]:
    """Make a warehouse with so many pairs; returns its builds. `is_counted`: with the counts that builds leave behind."""
    connection = connect(address, memory_limit=MEMORY_LIMIT)
    try:
        migrate(connection)
        connection.execute("SET preserve_insertion_order = true")
        connection.execute(f"SET temp_directory = {literal(str(address.root / 'scratch'))}")
        builds = builds_of(pairs)
        for build in builds:
            _write(connection, build)
        if is_counted:
            count_landed(connection)
            count_releases(connection)
        return builds
    finally:
        connection.close()


def _write(connection: duckdb.DuckDBPyConnection, build: Build) -> None:
    for page in _pages(build.new):
        connection.execute(_filled(PAGE, build, page))
        _commit(connection, [_filled(text, build, page) for text in STORED])
    for page in _pages(range(build.scope.start, build.new.start)):
        _commit(connection, [_filled(SIFTED_AGAIN, build, page)])
    _commit(connection, [_filled(text, build, build.scope) for text in (*BUILDS_SQL, *_scope_rows(build))])
    snapshot = connection.execute("SELECT id FROM ducklake_current_snapshot('lake')").fetchone() or (0,)
    _commit(connection, [_filled(text, build, build.scope, snapshot=snapshot[0]) for text in RELEASE_SQL])


def _pages(documents: range) -> Iterator[range]:
    for start in range(documents.start, documents.stop, DOCUMENTS_AT_ONCE):
        yield range(start, min(start + DOCUMENTS_AT_ONCE, documents.stop))


def _commit(connection: duckdb.DuckDBPyConnection, statements: list[str]) -> None:
    connection.execute("BEGIN")
    for statement in statements:
        connection.execute(statement)
    connection.execute("COMMIT")


def _filled(text: str, build: Build, page: range, **more: object) -> str:
    """A statement with what it needs to know of a build in place of `{{name}}`."""
    words = {
        "first": page.start, "last": page.stop, "recipe": build.recipe, "build_id": build.build_id, "judge": build.judge,
        "number": build.number, "dropped": build.dropped, "release": build.release,
        "fingerprints": _list(list(build.steps.values())), "steps": _list(list(STEPS)),
        "step_list": orjson.dumps([{"step": k, "fingerprint": v} for k, v in build.steps.items()]).decode(),
        "principles": _list(["harmless"] if build.recipe == "safety" else ["helpful", "grounded", "concise"]),
        "models": _list(list(MODELS)), **more,
    }  # fmt: skip
    for name, value in words.items():
        text = text.replace("{{" + name + "}}", str(value))
    return text


def _list(texts: list[str]) -> str:
    """A list as SQL from which an element can be taken."""
    return f"({literal(texts)})"


def _scope_rows(build: Build) -> Iterator[str]:
    """How many rows of each table are in scope after each step, from what the funnel's steps have made."""
    for position, step in enumerate(STEPS):
        for table in COUNTED:
            made = MADE.index(table) if table in MADE else len(STEPS)
            work = ("reads" if made == 0 else "makes") if made == position else ""
            if table == "pairs" and step == SIFT:
                made, work = position, "sifts"
            count = (
                f"(SELECT coalesce(sum(rows), 0) FROM lake.build_funnel WHERE build_id = '{build.build_id}' "
                f"AND position = {made} AND status = 'ok')"
            )
            value = count if made <= position else "0"
            yield (
                f"INSERT INTO lake.build_rows SELECT '{build.build_id}', {position}, '{table}', '{work}', {value}, {value}"
            )


if __name__ == "__main__":
    started = time.perf_counter()
    made = write(resolve_address(sys.argv[1]), int(sys.argv[2]))
    size = sum(file.stat().st_size for file in Path(sys.argv[1]).rglob("*") if file.is_file())
    print(f"{made[-1].scope.stop:,} documents in {time.perf_counter() - started:.0f} s, {size / 1e9:.2f} GB")
