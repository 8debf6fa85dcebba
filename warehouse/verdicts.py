"""What one build's judges said, and what people said of the same answers: the rows that a judge is audited by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb

from warehouse.connection import LAKE, literal, rows_of

BATCH = 2048

# In scope is what this build's own steps made for the documents it was given; rows of earlier recipes are not.
SCOPE = f"""
WITH steps AS (SELECT fingerprint, min(step) AS step FROM {LAKE}.build_steps WHERE build_id = {{build}} GROUP BY 1),
docs AS (
    SELECT DISTINCT o.subject_id AS document_id FROM {LAKE}.builds b JOIN {LAKE}.listings l USING (listing_id)
    JOIN {LAKE}.outcomes o ON o.unit_id = l.item_id AND o.status = 'ok' JOIN steps s ON s.fingerprint = o.fingerprint
    WHERE b.build_id = {{build}}
),
old AS (
    SELECT coalesce(list(passage_id), []) AS ids FROM {LAKE}.passages
    SEMI JOIN docs USING (document_id) ANTI JOIN steps USING (fingerprint)
),
asked AS (
    SELECT q.prompt_id, q.tags FROM {LAKE}.prompts q SEMI JOIN docs USING (document_id)
    SEMI JOIN steps USING (fingerprint) WHERE NOT list_has_any(coalesce(q.passage_ids, []), (SELECT ids FROM old))
),
answered AS (
    SELECT r.* FROM {LAKE}.responses r SEMI JOIN asked USING (prompt_id) SEMI JOIN steps USING (fingerprint)
)
"""
ANSWERS = """
SELECT r.response_id, r.prompt_id, r.text, r.model, r.draw, r.strategy, q.tags
FROM answered r JOIN asked q USING (prompt_id) ORDER BY r.prompt_id, r.response_id
"""
SIGNALS = f"""
SELECT s.prompt_id, s.response_ids, s.name, s.evaluator, s."order", s.draw, s.vote, s.value, s.probability, s.abstained,
    s.raw, steps.step
FROM {LAKE}.signals s JOIN steps USING (fingerprint) SEMI JOIN asked USING (prompt_id) ORDER BY s.signal_id
"""
LABELS = f"""
SELECT DISTINCT l.prompt_id, l.response_ids, l.annotator, l.name, l.vote, l.strength, l.score
FROM {LAKE}.labels l SEMI JOIN asked USING (prompt_id) ORDER BY ALL
"""
UNREAD = f"""
SELECT o.detail FROM {LAKE}.builds b JOIN {LAKE}.listings l USING (listing_id)
JOIN {LAKE}.outcomes o ON o.unit_id = l.item_id AND o.status <> 'ok'
JOIN steps s ON s.fingerprint = o.fingerprint WHERE b.build_id = {{build}} ORDER BY ALL
"""


REPEATED = f"""
SELECT count(*) - count(DISTINCT l.item_id) FROM {LAKE}.builds b JOIN {LAKE}.listings l USING (listing_id)
WHERE b.build_id = {{build}}
"""


def repeated_of(cursor: duckdb.DuckDBPyConnection, build_id: str) -> int:
    """How many rows of a build's sources say just what another says."""
    row = cursor.execute(REPEATED.replace("{build}", literal(build_id))).fetchone()
    return int(row[0]) if row else 0


def answers_of(cursor: duckdb.DuckDBPyConnection, build_id: str) -> Iterator[dict[str, Any]]:
    """The responses of a build with the tags of their prompts, by prompt; a few thousand texts are held at a time."""
    return _stream(cursor, build_id, ANSWERS)


def signals_of(cursor: duckdb.DuckDBPyConnection, build_id: str) -> Iterator[dict[str, Any]]:
    """The signals of a build, each with the label of its step."""
    return _stream(cursor, build_id, SIGNALS)


def labels_of(cursor: duckdb.DuckDBPyConnection, build_id: str) -> list[dict[str, Any]]:
    """What people said of a build's responses, whenever and wherever they said it."""
    return rows_of(cursor, _query(build_id, LABELS))


def unread_of(cursor: duckdb.DuckDBPyConnection, build_id: str) -> list[str]:
    """Why rows of a build's sources could not be read, a sentence for each of them."""
    return [str(row["detail"]) for row in rows_of(cursor, _query(build_id, UNREAD))]


def _stream(cursor: duckdb.DuckDBPyConnection, build_id: str, query: str) -> Iterator[dict[str, Any]]:
    with cursor.cursor() as own:
        own.execute(f"USE {LAKE}")
        own.execute(_query(build_id, query))
        names = [column[0] for column in own.description or ()]
        while rows := own.fetchmany(BATCH):
            yield from (dict(zip(names, row, strict=True)) for row in rows)


def _query(build_id: str, query: str) -> str:
    return (SCOPE + query).replace("{build}", literal(build_id))
