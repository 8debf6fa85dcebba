"""Counting once what never changes: the views add what has landed since.

Rows are only ever added, and each knows the snapshot in which it landed, merged or not. So what is counted up to a snapshot
stays counted, and a view is the counts and the rows of later snapshots together, exact at any moment.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from warehouse.connection import LAKE, literal
from warehouse.sources import SOURCE_SQL

WRITTEN = "pairs.parquet"
WORTH_COUNTING = 200_000
"""So many rows are counted with each question, which takes less than the writing down; a small warehouse has none."""

COUNT = f"""
INSERT INTO {LAKE}.outcome_counts BY NAME FROM {LAKE}.outcomes_uncounted;
INSERT INTO {LAKE}.verdict_counts BY NAME FROM {LAKE}.verdicts_uncounted;
INSERT INTO {LAKE}.counted SELECT unnest(['outcomes', 'signals']), id FROM ducklake_current_snapshot('{LAKE}')
"""

# The same as the view `releases_uncounted`, of a written file: there each pair has its texts beside it.
PAIRS = f"""
INSERT INTO {LAKE}.release_counts BY NAME
WITH sizes AS (
    SELECT pair_id, principles, length(chosen[1].content) AS c, length(rejected[1].content) AS r, least(c, r) / greatest(c, r) AS ratio,
        CASE WHEN ratio >= 0.9 THEN '0.9 to 1' WHEN ratio >= 0.5 THEN '0.5 to 0.9' ELSE '0 to 0.5' END AS ratios,
        {SOURCE_SQL} AS source, list_filter(tags, lambda t: starts_with(t, 'category:'))[1][10:] AS topic, licence,
        chosen_model, rejected_model
    FROM read_parquet({{file}})
), named AS (
    SELECT c, r, unnest(principles) AS principle FROM sizes
), told AS (
    SELECT CASE grouping(ratios, source, topic, licence, chosen_model)
            WHEN 15 THEN 'ratio' WHEN 23 THEN 'source' WHEN 27 THEN 'topic' WHEN 29 THEN 'licence' ELSE 'models' END AS kind,
        coalesce(ratios, source, topic, licence, chosen_model) AS name, rejected_model AS other, {{numbers}}
    FROM sizes GROUP BY GROUPING SETS ((ratios), (source), (topic), (licence), (chosen_model, rejected_model))
    UNION ALL SELECT 'principle', principle, NULL, {{numbers}} FROM named GROUP BY principle
)
SELECT {{release}} AS release, * FROM told
"""
NUMBERS = (
    "count(*) AS pairs, count(*) FILTER (c > r) AS longer, count(*) FILTER (c <> r) AS unequal, "
    "sum(c)::BIGINT AS chosen_chars, sum(r)::BIGINT AS rejected_chars"
)


def count_release(cursor: duckdb.DuckDBPyConnection, release: str, folder: Path) -> None:
    """Keep the counts of a release whose files are in this folder; the caller has a transaction open."""
    cursor.execute(PAIRS.format(release=literal(release), file=literal(str(folder / WRITTEN)), numbers=NUMBERS))


def count_releases(cursor: duckdb.DuckDBPyConnection) -> None:
    """Keep the counts of all releases that have none, from the tables; over millions of pairs this takes gigabytes."""
    cursor.execute(f"INSERT INTO {LAKE}.release_counts BY NAME FROM {LAKE}.releases_uncounted")


def count_landed(cursor: duckdb.DuckDBPyConnection, *, least: int = WORTH_COUNTING) -> bool:
    """Keep the counts of outcomes and verdicts that have landed, if at least so many have; whether it was done."""
    query = f"SELECT coalesce(sum(units), 0) FROM {LAKE}.outcomes_uncounted"
    row = cursor.execute(query).fetchone()
    if row is None or row[0] < least:
        return False
    cursor.execute("BEGIN")
    for statement in COUNT.split(";"):
        cursor.execute(statement)
    cursor.execute("COMMIT")
    return True
