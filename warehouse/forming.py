"""How rows in scope form units: the tables of a plan, and one query for each kind of unit."""

from __future__ import annotations

from schemas.units import UnitKind
from warehouse.store import SCRATCH

TABLES = f"""
CREATE TABLE {SCRATCH}.items (uri VARCHAR, item_id VARCHAR, licence VARCHAR);
CREATE TABLE {SCRATCH}.live (tab VARCHAR, shard INTEGER, row_id VARCHAR, parent_id VARCHAR, document_id VARCHAR);
CREATE TABLE {SCRATCH}.units (
    position INTEGER, shard INTEGER, unit_id VARCHAR, subject_id VARCHAR, document_id VARCHAR, a VARCHAR, b VARCHAR
);
CREATE TABLE {SCRATCH}.pending AS FROM {SCRATCH}.units LIMIT 0;
CREATE TABLE {SCRATCH}.steps (position INTEGER, step VARCHAR, fingerprint VARCHAR);
CREATE MACRO {SCRATCH}.group_id(members) AS 'grp_' || substr(md5(array_to_string(list_sort(members), '|')), 1, 20);
"""

SIMPLE_UNITS = """
SELECT shard, row_id AS unit_id, row_id AS subject_id, document_id, NULL AS a, NULL AS b
FROM plan.live WHERE tab = '{tab}' AND {{here}}
"""

UNITS: dict[UnitKind, str] = {
    "document": SIMPLE_UNITS.format(tab="documents"),
    "passage": SIMPLE_UNITS.format(tab="passages"),
    "prompt": SIMPLE_UNITS.format(tab="prompts"),
    "response_pair": """
WITH responses AS (FROM plan.live WHERE tab = 'responses' AND {here})
SELECT x.shard, plan.group_id([x.row_id, y.row_id]) AS unit_id, x.parent_id AS subject_id, x.document_id,
    x.row_id AS a, y.row_id AS b
FROM responses x JOIN responses y ON y.parent_id = x.parent_id AND x.row_id < y.row_id
""",
    "categorised_pair": """
WITH here AS (FROM plan.live WHERE {here}), responses AS (FROM here WHERE tab = 'responses'), kinds AS (
    SELECT l.parent_id, list(DISTINCT s.name) AS names
    FROM here l JOIN lake.signals s ON s.signal_id = l.row_id AND s.document_id = l.document_id
    WHERE l.tab = 'signals' AND starts_with(s.name, 'category/') AND len(s.response_ids) = 0 GROUP BY 1
)
SELECT x.shard, plan.group_id([x.row_id, y.row_id] || coalesce(kinds.names, [])) AS unit_id, x.parent_id AS subject_id,
    x.document_id, x.row_id AS a, y.row_id AS b
FROM responses x JOIN responses y ON y.parent_id = x.parent_id AND x.row_id < y.row_id
LEFT JOIN kinds ON kinds.parent_id = x.parent_id
""",
    "response": SIMPLE_UNITS.format(tab="responses"),
    "responses": """
SELECT any_value(shard) AS shard, plan.group_id(list(row_id) || [parent_id]) AS unit_id, parent_id AS subject_id,
    any_value(document_id) AS document_id, NULL AS a, NULL AS b
FROM plan.live WHERE tab = 'responses' AND {here} GROUP BY parent_id
""",
    "pair": SIMPLE_UNITS.format(tab="pairs"),
    "candidates": """
SELECT any_value(shard) AS shard, plan.group_id(list(row_id) || [parent_id]) AS unit_id, parent_id AS subject_id,
    any_value(document_id) AS document_id, NULL AS a, NULL AS b
FROM plan.live WHERE tab IN ('responses', 'signals') AND {here} GROUP BY parent_id
""",
}
UNITS |= {"sourced_prompt": UNITS["prompt"], "sourced_responses": UNITS["responses"]}
EVERYTHING: dict[UnitKind, str] = {
    "all_candidates": UNITS["candidates"].format(here="true"),
    "all_pairs": UNITS["pair"].format(here="true"),
    "all_judged_pairs": UNITS["pair"].format(here="true"),
}
"""What a set-wide step sees: all units in scope, of all shards."""
