"""Rows that a step decides on: the units of a set-wide decision, what the ledger keeps of it, and rows that leave the scope."""

from __future__ import annotations

import duckdb

from warehouse.connection import LAKE
from warehouse.store import SCRATCH

SAID_IN_A_PART = 1 << 17
# `said` has one line for each row that leaves and for each note; of several reasons for one row the first in the alphabet.
# A part of the rows at a time: lists of what was said of a million rows would not fit into the memory that a build has.
SIFTED = f"""
INSERT INTO {SCRATCH}.sifted
WITH about AS (
    SELECT row_id, min(reason || chr(0) || coalesce(detail, '')) AS why,
        list(concat_ws(chr(0), name, value, text) ORDER BY name, value, text) FILTER (name IS NOT NULL) AS notes
    FROM {SCRATCH}.said WHERE {{here}} GROUP BY row_id
)
SELECT CASE WHEN a.row_id IS NULL THEN l.row_id
        ELSE plan.group_id([l.row_id, coalesce(a.why, '')] || coalesce(a.notes, [])) END AS unit_id,
    l.row_id AS subject_id, l.document_id, l.shard,
    split_part(a.why, chr(0), 1) AS reason, split_part(a.why, chr(0), 2) AS detail
FROM (FROM {SCRATCH}.live WHERE tab = '{{table}}' AND {{here}}) l LEFT JOIN about a ON a.row_id = l.row_id
"""
UNITS = f"""
INSERT INTO {SCRATCH}.units
SELECT {{position}}, shard, unit_id, subject_id, document_id, NULL, NULL FROM {SCRATCH}.sifted
"""
PENDING = f"""
DELETE FROM {SCRATCH}.sifted WHERE unit_id IN (
    SELECT s.unit_id FROM {SCRATCH}.sifted s JOIN {LAKE}.outcomes o
    ON o.fingerprint = {{fingerprint}} AND o.unit_id = s.unit_id)
"""
LANDED = f"""
SELECT 1 FROM {SCRATCH}.sifted s JOIN {LAKE}.outcomes o ON o.fingerprint = {{fingerprint}} AND o.unit_id = s.unit_id LIMIT 1
"""
NOTES = f"""
INSERT INTO {LAKE}.notes BY NAME
SELECT 'nte_' || substr(md5(concat_ws(chr(0), {{fingerprint}}, s.unit_id, n.name, n.value, n.text)), 1, 20) AS note_id,
    s.unit_id, {{fingerprint}} AS fingerprint, s.document_id, s.subject_id, n.name, n.value, n.text
FROM (SELECT DISTINCT row_id, name, value, text FROM {SCRATCH}.said WHERE name IS NOT NULL) n
JOIN {SCRATCH}.sifted s ON s.subject_id = n.row_id WHERE s.reason IS NULL
"""
OUTCOMES = f"""
INSERT INTO {LAKE}.outcomes BY NAME
SELECT {{fingerprint}} AS fingerprint, unit_id, {{step}} AS step, subject_id, document_id,
    if(reason IS NULL, 'ok', 'none') AS status, coalesce(reason, '') AS reason, coalesce(detail, '') AS detail,
    if(reason IS NULL, 1, 0) AS rows, 0 AS calls, 0 AS tokens_in, 0 AS tokens_out, 0 AS tokens_cached, 0.0 AS cost,
    0.0 AS seconds, {{build}} AS build_id
FROM {SCRATCH}.sifted
"""


def form_units(cursor: duckdb.DuckDBPyConnection, position: int, table: str) -> None:
    """Form the units of a set-wide decision from what was said of the rows in scope."""
    cursor.execute(f"DELETE FROM {SCRATCH}.sifted")
    count = cursor.execute(f"SELECT count(*) FROM {SCRATCH}.said").fetchone() or (0,)
    parts = 1 + int(count[0]) // SAID_IN_A_PART
    for part in range(parts):
        cursor.execute(SIFTED.format(table=table, here=f"hash(row_id) % {parts} = {part}"))
    cursor.execute(UNITS.format(position=position))


def take_out(cursor: duckdb.DuckDBPyConnection, table: str, query: str) -> None:
    """Take the rows whose ids a query gives out of scope, with all that was made of them."""
    cursor.execute(f"DELETE FROM {SCRATCH}.leaving; INSERT INTO {SCRATCH}.leaving {query}")
    ids = f"(SELECT row_id FROM {SCRATCH}.leaving)"
    if not cursor.execute(f"SELECT 1 FROM {ids} LIMIT 1").fetchone():
        return
    if table == "documents":
        cursor.execute(f"DELETE FROM {SCRATCH}.live WHERE document_id IN {ids}")
        return
    if table == "passages":
        _spread(cursor, "prompts", "prompt_id", "t.passage_ids")
    if table == "responses":
        _spread(cursor, "signals", "signal_id", "t.response_ids")
        _spread(cursor, "labels", "label_id", "t.response_ids")
        _spread(cursor, "pairs", "pair_id", "[t.chosen_id, t.rejected_id] || coalesce(t.also_chosen, [])")
    cursor.execute(f"DELETE FROM {SCRATCH}.live WHERE row_id IN {ids} OR (tab <> 'prompts' AND parent_id IN {ids})")


def _spread(cursor: duckdb.DuckDBPyConnection, table: str, key: str, members: str) -> None:
    """Rows that rest on one that leaves, leave too; they are of the same documents."""
    cursor.execute(f"""
        INSERT INTO {SCRATCH}.leaving
        WITH here AS (
            SELECT DISTINCT document_id FROM {SCRATCH}.live WHERE row_id IN (SELECT row_id FROM {SCRATCH}.leaving)
        ), resting AS (
            SELECT l.row_id, unnest({members}) AS member
            FROM (FROM {SCRATCH}.live WHERE tab = '{table}' AND document_id IN (FROM here)) l
            JOIN {LAKE}.{table} t ON t.{key} = l.row_id AND t.document_id = l.document_id
        )
        SELECT DISTINCT row_id FROM resting WHERE member IN (SELECT row_id FROM {SCRATCH}.leaving)
    """)
