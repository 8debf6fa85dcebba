"""Everyday questions over a warehouse of ten million pairs, asked as `prefmill sql` asks them: each within a second once warm.

A child process opens the warehouse as a guest, with the guest's limits, and asks each question four times: the first one is
told apart (`cold`: footers and pages are read), the median of the others counts. The floor of a question is DuckDB reading the
columns that any answer must look at, all rows of them, from the same Parquet files without a catalog.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.figures import Figure, Setting, at_most, told
from benchmarks.processes import must, run
from warehouse.address import resolve_address
from warehouse.connection import literal
from warehouse.guest import MEMORY_LIMIT, locked_guest, run_sql

PAIRS, QUICK = 10_000_000, 20_000
SECONDS = 1.0
MEGABYTES = 2000
WARM = 3


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody asks, and the table and columns of its floor (none where the answer was counted beforehand)."""

    about: str
    query: str
    table: str = ""
    columns: str = ""

    def filled(self, words: Mapping[str, str]) -> str:
        """The query with real ids in place of the placeholders."""
        query = self.query
        for name, value in words.items():
            query = query.replace(name, value)
        return query


LAST_BUILD = "(SELECT build_id FROM builds ORDER BY started_at DESC LIMIT 1)"
LATEST = "(SELECT release FROM releases WHERE status = 'published' ORDER BY created_at DESC LIMIT 1)"
QUESTIONS = (
    Question(
        "latest pairs by principle",
        "SELECT principle, pairs, share FROM release_principles SEMI JOIN latest_releases USING (release) ORDER BY pairs DESC",
        "signals",
        "prompt_id, name",
    ),
    Question("funnel of the last build", f"FROM funnel WHERE build_id = {LAST_BUILD}"),
    Question(
        "why rows were dropped, over all builds",
        "SELECT step, status, reason, units, builds FROM dropped",
        "outcomes",
        "step, status, reason",
    ),
    Question(
        "cost by step",
        "SELECT step, units, calls, tokens_in, tokens_out, cost FROM cost_by_step",
        "outcomes",
        "step, calls, cost",
    ),
    Question("consistency of each judge", "FROM judge_consistency", "signals", 'unit_id, "order", vote'),
    Question("where one pair comes from", "FROM lineage WHERE pair_id = 'PAIR_ID'", "pairs", "pair_id"),
    Question(
        "every verdict on one pair",
        """SELECT s.name, s.evaluator, s."order", s.vote FROM signals s
           JOIN pairs p ON p.document_id = s.document_id AND p.prompt_id = s.prompt_id
           WHERE p.pair_id = 'PAIR_ID' AND list_has_all(s.response_ids, [p.chosen_id, p.rejected_id])""",
        "pairs",
        "pair_id",
    ),
    Question("which releases hold one pair", "FROM release_rows WHERE pair_id = 'PAIR_ID'", "release_rows", "pair_id"),
    Question(
        "pairs of one document",
        "SELECT release, split, pair_id, prompt FROM latest_pairs WHERE uri = 'URI'",
        "documents",
        "uri",
    ),
    Question(
        "the closest pairs",
        "SELECT pair_id, score_gap FROM pairs ORDER BY score_gap LIMIT 10",
        "pairs",
        "pair_id, score_gap",
    ),
    Question(
        "the closest pairs, with their answers",
        """WITH p AS (FROM pairs ORDER BY score_gap LIMIT 10) SELECT p.score_gap, c.text AS chosen, j.text AS rejected FROM p
           JOIN responses c ON c.document_id = p.document_id AND c.response_id = p.chosen_id
           JOIN responses j ON j.document_id = p.document_id AND j.response_id = p.rejected_id""",
        "responses",
        "response_id, document_id",
    ),
    Question(
        "how many prompts hold a word",
        "SELECT count(*) FROM prompts WHERE messages[-1].content LIKE '%the damsel%'",
        "prompts",
        "messages",
    ),
    Question("how length goes with the label", f"FROM release_length WHERE release = {LATEST}", "responses", "text"),
    Question(
        "shares of sources and licences",
        f"SELECT kind, name, pairs, share FROM release_coverage WHERE release = {LATEST} ORDER BY kind, pairs DESC",
        "documents",
        "uri, licence",
    ),
)


def measure(setting: Setting) -> Iterator[Figure]:
    """Wall seconds of each question, warm and cold, with CPU seconds and the floor; peak memory of the guest."""
    pairs = setting.rows or setting.sized(PAIRS, QUICK)
    lake = Path(os.environ.get("LAKE_OF_PAIRS") or setting.room("sql") / "lake")
    if not lake.exists():
        made = must(run([sys.executable, "-m", "benchmarks.lake", str(lake), str(pairs)], setting.folder))
        yield told(f"a warehouse of {pairs:,} pairs: {made.out.strip()}; CPU", made.cpu_seconds, "s")
    ended = must(run([sys.executable, "-m", "benchmarks.sql", str(lake)], setting.folder))
    for said in json.loads(ended.out):
        floor = said["floor"] if said["floor"] else None
        yield at_most(said["about"], said["warm"], SECONDS, "s")
        yield told("… CPU, beside that of the floor", said["cpu"], "s", floor=floor)
        yield told("… the first time", said["cold"], "s")
    yield at_most("peak memory of the guest and of the floors", ended.peak_mb, MEGABYTES, "MB")


def ask_all(lake: Path) -> list[dict[str, Any]]:
    """What each question took, and how many rows it found."""
    address = resolve_address(str(lake))
    told = []
    with locked_guest(address) as connection:
        words = words_of(connection)
        for question in QUESTIONS:
            query = question.filled(words)

            def ask(query: str = query) -> list[Any]:
                return list(run_sql(connection, query)[1])

            rows, cold, _ = _clocked(ask)
            again = [_clocked(ask)[1:] for _ in range(WARM)]
            warm, cpu = (statistics.median(times) for times in zip(*again, strict=True))
            told.append({"about": question.about, "rows": len(rows), "cold": cold, "warm": warm, "cpu": cpu})
    for each, question in zip(told, QUESTIONS, strict=True):
        each["floor"] = _floor(address.data, question) if question.table else 0.0
    return told


def words_of(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """A pair of the latest release and its document's uri, to be put into the questions."""
    found = connection.execute(
        "SELECT p.pair_id, d.uri FROM (FROM pairs OFFSET 100 LIMIT 1) p JOIN documents d USING (document_id)"
    ).fetchone()
    assert found
    return {"PAIR_ID": found[0], "URI": found[1]}


def _clocked(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """What some work gives, its wall and its CPU seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    done = work()
    return done, time.perf_counter() - wall, time.process_time() - cpu


def _floor(data: str, question: Question) -> float:
    """CPU seconds of reading the columns of a question, all rows of them, the second time."""
    with duckdb.connect(config={"memory_limit": MEMORY_LIMIT}) as connection:
        files = literal(f"{data}main/{question.table}/**/*.parquet")
        columns = ", ".join(f"count(DISTINCT hash({each}) % 2)" for each in question.columns.split(", "))
        query = f"SELECT {columns} FROM read_parquet({files})"
        connection.execute(query).fetchall()
        return _clocked(lambda: connection.execute(query).fetchall())[2]


if __name__ == "__main__":
    print(json.dumps(ask_all(Path(sys.argv[1]))))
