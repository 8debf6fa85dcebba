"""What a report tells of a release: counts over its own files, so that later builds change nothing, and examples to read.

`open_report` makes two small tables beside the data: what was said of each pair (`SAID`), and nothing else; the traits of the
pairs are those of `warehouse.traits`. All queries here are aggregates or take a handful of rows, whatever a release holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from warehouse.connection import LAKE, literal, rows_of
from warehouse.store import SCRATCH
from warehouse.traits import TRAITS, Pairs

SAID = f"{SCRATCH}.said"
SAME = 1e-9
MOST_JUDGES = 10
BINS = 20

# A judge's probability or vote on the two answers of a pair, turned so that it is that of `chosen`; two scores are as good as a vote.
MAKE_SAID = f"""
CREATE OR REPLACE TABLE {SAID} AS
WITH ours AS (SELECT pair_id, prompt_id, chosen_id, rejected_id FROM ({{pairs}})),
votes AS (
    SELECT prompt_id, response_ids, name, evaluator, "order", coalesce(draw, 0) AS draw, vote, value, probability, signal_id
    FROM read_parquet({{votes}}) WHERE NOT starts_with(name, 'control/') AND NOT starts_with(name, 'cascade/')
), twos AS (
    SELECT o.pair_id, v.name, v.evaluator, v."order", v.draw, v.response_ids[1] = o.chosen_id AS is_a,
        coalesce(v.probability, CASE v.vote WHEN 'a' THEN 1.0 WHEN 'tie' THEN 0.5 WHEN 'b' THEN 0.0 END) AS p
    FROM votes v JOIN ours o ON o.prompt_id = v.prompt_id AND list_has_all(v.response_ids, [o.chosen_id, o.rejected_id])
    WHERE len(v.response_ids) = 2
), ones AS (
    SELECT prompt_id, response_ids[1] AS response_id, name, evaluator, avg(value) AS value FROM votes
    WHERE len(response_ids) = 1 AND value IS NOT NULL GROUP BY ALL
)
SELECT pair_id, name, evaluator, "order", draw, CASE WHEN is_a THEN p ELSE 1 - p END AS p,
    CASE WHEN "order" IS NOT NULL THEN ("order" = 'ab') = is_a END AS chosen_first FROM twos WHERE p IS NOT NULL
UNION ALL
SELECT o.pair_id, c.name, c.evaluator, NULL, 0, CASE WHEN c.value > r.value THEN 1.0 WHEN c.value < r.value THEN 0.0 ELSE 0.5 END, NULL
FROM ours o JOIN ones c ON c.prompt_id = o.prompt_id AND c.response_id = o.chosen_id
JOIN ones r ON r.prompt_id = o.prompt_id AND r.response_id = o.rejected_id AND r.name = c.name AND r.evaluator = c.evaluator
"""
MEANS = f"""
SELECT pair_id, name, evaluator, avg(p) AS p FROM (
    SELECT pair_id, name, evaluator, "order", avg(p) AS p FROM {SAID} GROUP BY ALL
) GROUP BY ALL
"""


@dataclass(frozen=True, slots=True)
class Written:
    """Where the files of a release are; `votes` is None for a release from before they were kept."""

    pairs: Path
    votes: Path | None

    @property
    def rows(self) -> Pairs:
        """Its pairs for questions."""
        return Pairs.of_file(self.pairs)


def gather(cursor: duckdb.DuckDBPyConnection, files: Written) -> int:
    """Make the table of what was said of the pairs; returns how many verdicts there are."""
    if files.votes is None:
        cursor.execute(f"CREATE OR REPLACE TABLE {SAID} AS SELECT '' AS pair_id, '' AS name, '' AS evaluator, '' AS \"order\", "
                       "0 AS draw, 0.0 AS p, true AS chosen_first LIMIT 0")  # fmt: skip
        return 0
    cursor.execute(MAKE_SAID.format(pairs=files.rows.query, votes=literal(str(files.votes))))
    row = cursor.execute(f"SELECT count(*) FROM {SAID}").fetchone()
    return int(row[0]) if row else 0


def histogram(cursor: duckdb.DuckDBPyConnection, files: Written, column: str) -> list[tuple[float, float, int]]:
    """A column of numbers as (low, high, pairs) over bins of one width; one bin where all are the same, none without values."""
    query = f"""
        WITH v AS (SELECT "{column}" AS x FROM ({files.rows.query}) WHERE isfinite("{column}")),
        e AS (SELECT min(x) AS low, max(x) AS high FROM v),
        b AS (
            SELECT CASE WHEN high = low THEN 0 ELSE least({BINS - 1}, floor((x - low) / ((high - low) / {BINS})))::INTEGER END AS bin,
                count(*) AS n FROM v, e GROUP BY 1
        )
        SELECT g.at, coalesce(b.n, 0), low, high FROM (SELECT unnest(range({BINS}))::INTEGER AS at) g CROSS JOIN e
        LEFT JOIN b ON b.bin = g.at WHERE low IS NOT NULL AND (high > low OR g.at = 0) ORDER BY g.at
    """
    rows = cursor.execute(query).fetchall()
    return [(low + at * (high - low) / BINS, low + (at + 1) * (high - low) / BINS, n) for at, n, low, high in rows]


def lengths(cursor: duckdb.DuckDBPyConnection) -> list[tuple[float, int]]:
    """How much longer chosen is than rejected: (lower end, pairs) over halves of log2(chosen / rejected) from -3 to 3."""
    query = f"""
        SELECT greatest(-3.0, least(2.5, floor(2 * log2(chosen_chars / rejected_chars)) / 2)) AS low, count(*)
        FROM {TRAITS} WHERE chosen_chars > 0 AND rejected_chars > 0 GROUP BY 1 ORDER BY 1
    """
    found = dict(cursor.execute(query).fetchall())
    return [(low / 2, found.get(low / 2, 0)) for low in range(-6, 6)]


def longer_by_ratio(cursor: duckdb.DuckDBPyConnection) -> list[tuple[float, int, int]]:
    """(lower end of shorter / longer in tenths, pairs of unequal length, those in which the longer answer was chosen)."""
    query = f"""
        SELECT least(9, floor(10 * least(chosen_chars, rejected_chars) / greatest(chosen_chars, rejected_chars))) / 10 AS low,
            count(*), count_if(chosen_chars > rejected_chars)
        FROM {TRAITS} WHERE chosen_chars <> rejected_chars GROUP BY 1 ORDER BY 1
    """
    return cursor.execute(query).fetchall()


def principles(cursor: duckdb.DuckDBPyConnection) -> list[tuple[str, str, int, int, int, int]]:
    """Each principle and its judge: pairs, those where the verdict over both orders is for chosen, even, or for rejected."""
    query = f"""
        SELECT name, evaluator, count(*) AS pairs, count_if(p > 0.5 + {SAME}), count_if(abs(p - 0.5) <= {SAME}),
            count_if(p < 0.5 - {SAME}) FROM ({MEANS}) GROUP BY ALL ORDER BY pairs DESC, name, evaluator
    """
    return cursor.execute(query).fetchall()


def positions(cursor: duckdb.DuckDBPyConnection) -> list[tuple[str, str, int, int, int, int]]:
    """Each judge under each principle: pairs asked in both orders; the same verdict, drawn to the first, to the second."""
    query = f"""
        WITH asked AS (
            SELECT name, evaluator, max(c) FILTER (chosen_first) AS f, max(c) FILTER (NOT chosen_first) AS s
            FROM (SELECT *, CASE WHEN abs(p - 0.5) <= {SAME} THEN 0 WHEN p > 0.5 THEN 1 ELSE -1 END AS c FROM {SAID})
            WHERE chosen_first IS NOT NULL GROUP BY pair_id, name, evaluator, draw HAVING f IS NOT NULL AND s IS NOT NULL
        )
        SELECT name, evaluator, count(*) AS n, count_if(f = s), count_if(f > s), count_if(f < s) FROM asked
        GROUP BY ALL ORDER BY n DESC, name, evaluator
    """
    return cursor.execute(query).fetchall()


def agreement(cursor: duckdb.DuckDBPyConnection) -> list[tuple[str, str, int, int]]:
    """Each two of the judges (`evaluator: principle`) that said most: pairs on which both decided, and on which they agree."""
    query = f"""
        WITH decided AS (
            SELECT pair_id, evaluator || ': ' || name AS judge, p > 0.5 AS pro FROM ({MEANS}) WHERE abs(p - 0.5) > {SAME}
        ), most AS (SELECT judge FROM decided GROUP BY judge ORDER BY count(*) DESC, judge LIMIT {MOST_JUDGES}),
        kept AS (FROM decided SEMI JOIN most USING (judge))
        SELECT x.judge, y.judge, count(*), count_if(x.pro = y.pro) FROM kept x JOIN kept y
        ON y.pair_id = x.pair_id AND x.judge <= y.judge GROUP BY ALL ORDER BY ALL
    """
    return cursor.execute(query).fetchall()


def counted(cursor: duckdb.DuckDBPyConnection, files: Written, *columns: str) -> list[tuple[Any, ...]]:
    """How many pairs have each combination of values in these columns, the most frequent first."""
    named = ", ".join(f'"{column}"' for column in columns)
    query = f"SELECT {named}, count(*) AS n FROM ({files.rows.query}) GROUP BY ALL ORDER BY n DESC, ALL LIMIT 200"
    return cursor.execute(query.replace("ORDER BY n DESC, ALL", f"ORDER BY n DESC, {named}")).fetchall()


def sources(cursor: duckdb.DuckDBPyConnection) -> list[tuple[str, int]]:
    """The pairs of each source: a folder, a host, a dataset; the largest first."""
    query = f"SELECT coalesce(source, ''), count(*) AS n FROM {TRAITS} GROUP BY ALL ORDER BY n DESC, 1 LIMIT 200"
    return cursor.execute(query).fetchall()


def _upto(build_id: str) -> str:
    """SQL that is true of what this build or an earlier one has done."""
    return f"split_part(build_id, '-', 2)::BIGINT <= split_part({literal(build_id)}, '-', 2)::BIGINT"


def costs(cursor: duckdb.DuckDBPyConnection, steps: Sequence[str], build_id: str) -> list[dict[str, Any]]:
    """What the steps (fingerprints) of a release have cost up to its build, by step in the order of the recipe."""
    order = " ".join(f"WHEN {literal(step)} THEN {at}" for at, step in enumerate(steps)) or "WHEN '' THEN 0"
    query = f"""
        SELECT step, count(*) AS units, sum(calls)::BIGINT AS calls, sum(tokens_in)::BIGINT AS tokens_in,
            sum(tokens_out)::BIGINT AS tokens_out, sum(tokens_cached)::BIGINT AS tokens_cached, sum(cost)::DECIMAL(18, 6)::DOUBLE AS cost
        FROM {LAKE}.outcomes WHERE list_contains({literal(steps)}, fingerprint) AND {_upto(build_id)}
        GROUP BY step, fingerprint ORDER BY CASE fingerprint {order} END, step
    """
    return rows_of(cursor, query)


def flow(cursor: duckdb.DuckDBPyConnection, build_id: str) -> list[tuple[str, int, int]]:
    """Each table from documents to pairs: the most rows that a build had in scope, and those that it had at its end."""
    query = f"""
        SELECT tab, max(rows_done), arg_max(rows_out, position) FROM {LAKE}.build_rows
        WHERE build_id = {literal(build_id)} AND tab IN ('documents', 'passages', 'prompts', 'responses', 'signals', 'pairs')
        GROUP BY tab HAVING max(rows_done) > 0
        ORDER BY list_position(['documents', 'passages', 'prompts', 'responses', 'signals', 'pairs'], tab)
    """
    return cursor.execute(query).fetchall()
