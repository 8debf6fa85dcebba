"""How many rows are in scope after each step, counted apart from the outcomes, so that the funnel can be held against it."""

from __future__ import annotations

from typing import Literal

import duckdb

from warehouse.connection import LAKE, literal
from warehouse.store import SCRATCH

Work = Literal["reads", "makes", "sifts"]

TABLE = f"CREATE TABLE {SCRATCH}.tally (position INTEGER, tab VARCHAR, work VARCHAR, done BIGINT, out BIGINT);"
COUNTED = ("documents", "passages", "prompts", "responses", "signals", "pairs", "labels")

# Steps of a build that was stopped in between have been through with some shards only: then they are not held to it.
NOTE = f"""
DELETE FROM {LAKE}.build_rows WHERE build_id = {{build}};
INSERT INTO {LAKE}.build_rows
SELECT {{build}}, p.position, t.tab, coalesce(max(n.work), ''), coalesce(sum(n.done), 0), coalesce(sum(n.out), 0)
FROM (SELECT DISTINCT position FROM {SCRATCH}.tally) p
CROSS JOIN (SELECT unnest({literal(COUNTED)}) AS tab) t
LEFT JOIN {SCRATCH}.tally n ON n.position = p.position AND n.tab = t.tab
GROUP BY p.position, t.tab ORDER BY p.position, t.tab
"""


def count_scope(
    cursor: duckdb.DuckDBPyConnection, position: int, here: str, table: str, work: Work, *, done: bool = True, out: bool = True
) -> None:
    """Count the rows in scope `here` (a condition on shards) after a step that did `work` on a table.

    `done`: it has made or sifted its rows; `out`: what is set aside is no longer in scope.
    """
    cursor.execute(f"""
        INSERT INTO {SCRATCH}.tally
        SELECT {position}, '{table}', '{work}', 0, 0
        UNION ALL SELECT {position}, tab, '', {"count(*)" if done else 0}, {"count(*)" if out else 0}
        FROM {SCRATCH}.live WHERE {here} GROUP BY tab
    """)
