"""What a release tells of its making, counted over the scope of its build: its judges, and what each step kept and dropped."""

from __future__ import annotations

from typing import Any

import duckdb

from schemas.rows import CONTROL
from warehouse.connection import LAKE, rows_of
from warehouse.store import SCRATCH, Store

# One line for each judge and criterion: how its verdicts on two answers came out, and how often they are the gold ones.
# `first` and `second` are pairs whose verdict went with the place; `error` is the expected calibration error over ten bins
# of confidence (Guo et al. 2017, arXiv 1706.04599, section 2), of calls that gave a probability on pairs with a gold label.
JUDGES = f"""
WITH calls AS (
    SELECT s.evaluator, s.name, s.prompt_id, s.response_ids, s."order", coalesce(s.draw, 0) AS draw, s.unit_id,
        coalesce(s.abstained, false) AS abstained, s.probability,
        coalesce(s.vote, CASE WHEN s.probability IS NULL THEN NULL WHEN abs(s.probability - 0.5) < 1e-9 THEN 'tie'
            WHEN s.probability > 0.5 THEN 'a' ELSE 'b' END) AS choice
    FROM {SCRATCH}.live l JOIN {LAKE}.signals s ON s.signal_id = l.row_id
    WHERE l.tab = 'signals' AND len(s.response_ids) = 2 AND (s.vote IS NOT NULL OR s.value IS NULL)
        AND NOT starts_with(s.name, '{CONTROL}') AND NOT starts_with(s.name, 'cascade/')
), told AS (
    SELECT c.*, g.gold FROM calls c
    LEFT JOIN {LAKE}.gold_labels g ON g.prompt_id = c.prompt_id AND g.response_ids = c.response_ids AND g.gold IN ('a', 'b')
), bins AS (
    SELECT evaluator, name, count(*) AS n,
        abs(avg((gold = choice)::INTEGER) - avg(greatest(probability, 1 - probability))) AS gap
    FROM told WHERE gold IS NOT NULL AND probability IS NOT NULL AND choice IN ('a', 'b')
    GROUP BY evaluator, name, least(9, floor(greatest(probability, 1 - probability) * 10))
), paired AS (
    SELECT evaluator, name, max(choice) FILTER ("order" = 'ab') AS ab, max(choice) FILTER ("order" = 'ba') AS ba
    FROM calls WHERE "order" IS NOT NULL GROUP BY evaluator, name, unit_id, response_ids, draw
), counted AS (
    SELECT evaluator, name, count(*) AS calls, count(choice) AS verdicts, count(*) FILTER (choice = 'tie') AS ties,
        count(*) FILTER (choice IS NULL AND abstained) AS abstained, count(DISTINCT response_ids) AS pairs,
        count(*) FILTER (gold IS NOT NULL AND choice IS NOT NULL) AS checked, count(*) FILTER (gold = choice) AS "right"
    FROM told GROUP BY ALL
), ordered AS (
    SELECT evaluator, name, count(*) AS asked_twice, count(*) FILTER (ab = ba) AS consistent,
        count(*) FILTER ((ab = 'a' AND ba <> 'a') OR (ab = 'tie' AND ba = 'b')) AS "first",
        count(*) FILTER ((ab = 'b' AND ba <> 'b') OR (ab = 'tie' AND ba = 'a')) AS "second"
    FROM paired WHERE ab IS NOT NULL AND ba IS NOT NULL GROUP BY ALL
), errors AS (SELECT evaluator, name, round(sum(n * gap) / sum(n), 9) AS error FROM bins GROUP BY ALL)
SELECT c.*, coalesce(o.asked_twice, 0) AS asked_twice, coalesce(o.consistent, 0) AS consistent,
    coalesce(o."first", 0) AS "first", coalesce(o."second", 0) AS "second", e.error
FROM counted c LEFT JOIN ordered o USING (evaluator, name) LEFT JOIN errors e USING (evaluator, name)
ORDER BY c.evaluator, c.name
"""

FUNNEL = f"""
SELECT s.position, s.step, coalesce(o.status, 'pending') AS status, coalesce(o.reason, '') AS reason, count(*) AS units,
    coalesce(sum(o.rows), 0)::BIGINT AS rows
FROM {SCRATCH}.units u JOIN {SCRATCH}.steps s ON s.position = u.position
LEFT JOIN {LAKE}.outcomes o ON o.fingerprint = s.fingerprint AND o.unit_id = u.unit_id
GROUP BY ALL ORDER BY s.position, units DESC, status, reason
"""


async def facts_of_scope(store: Store) -> dict[str, list[dict[str, Any]]]:
    """The `judges` and the `funnel` of the build that is under way, as rows."""

    def work(cursor: duckdb.DuckDBPyConnection) -> dict[str, list[dict[str, Any]]]:
        return {"judges": rows_of(cursor, JUDGES), "funnel": rows_of(cursor, FUNNEL)}

    return await store.read(work)
