"""How rows in scope form units: the tables of a plan, and one query for each kind of unit."""

from __future__ import annotations

from schemas.units import UnitKind
from warehouse import tallies
from warehouse.store import SCRATCH

TABLES = f"""
CREATE TABLE {SCRATCH}.items (uri VARCHAR, item_id VARCHAR, licence VARCHAR);
CREATE TABLE {SCRATCH}.live (tab VARCHAR, shard INTEGER, row_id VARCHAR, parent_id VARCHAR, document_id VARCHAR);
CREATE TABLE {SCRATCH}.units (
    position INTEGER, shard INTEGER, unit_id VARCHAR, subject_id VARCHAR, document_id VARCHAR, a VARCHAR, b VARCHAR
);
CREATE TABLE {SCRATCH}.pending AS FROM {SCRATCH}.units LIMIT 0;
CREATE TABLE {SCRATCH}.steps (position INTEGER, step VARCHAR, fingerprint VARCHAR);
CREATE TABLE {SCRATCH}.said (row_id VARCHAR, reason VARCHAR, detail VARCHAR, name VARCHAR, value DOUBLE, text VARCHAR);
CREATE TABLE {SCRATCH}.sifted (
    unit_id VARCHAR, subject_id VARCHAR, document_id VARCHAR, shard INTEGER, reason VARCHAR, detail VARCHAR
);
CREATE TABLE {SCRATCH}.leaving (row_id VARCHAR);
{tallies.TABLE}
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
# A unit with the signals about it holds their ids: it is another one when a signal comes or goes.
JUDGED_UNITS = """
WITH x AS (
    SELECT l.shard, l.row_id, l.document_id, t.prompt_id, {members} AS members
    FROM (FROM plan.live WHERE tab = '{tab}' AND {{here}}) l JOIN lake.{tab} t
        ON t.{noun}_id = l.row_id AND t.document_id = l.document_id
), votes AS (
    SELECT x.row_id, list(s.signal_id) AS ids FROM x
    JOIN (FROM plan.live WHERE tab = 'signals' AND {{here}}) m ON m.parent_id = x.prompt_id
    JOIN lake.signals s ON s.signal_id = m.row_id AND s.document_id = m.document_id
    WHERE {about} GROUP BY 1
)
SELECT x.shard, plan.group_id([x.row_id] || coalesce(votes.ids, [])) AS unit_id, x.row_id AS subject_id, x.document_id,
    NULL AS a, NULL AS b
FROM x LEFT JOIN votes ON votes.row_id = x.row_id
"""
UNITS |= {
    "judged_response": JUDGED_UNITS.format(
        tab="responses", noun="response", members="[t.response_id]", about="s.response_ids = x.members"
    ),
    "judged_pair": JUDGED_UNITS.format(
        tab="pairs", noun="pair", members="[t.chosen_id, t.rejected_id]",
        about="list_has_all(x.members, s.response_ids)",
    ),
}
UNITS |= {"sourced_prompt": UNITS["prompt"], "sourced_responses": UNITS["responses"]}
EVERYTHING: dict[UnitKind, str] = {"all_candidates": UNITS["candidates"].format(here="true")}
"""What a fitted step sees: all units in scope, of all shards."""
