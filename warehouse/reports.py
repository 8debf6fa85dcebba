"""Rows made for people: examples of a release, and what a preview did."""

from __future__ import annotations

from typing import Any

import duckdb

from warehouse.connection import LAKE, literal, rows_of

SHOWN = 4

PREVIEW = {
    "passages": "SELECT passage_id, heading, text FROM made.passages ORDER BY document_id, start",
    "prompts": """
SELECT prompt_id, messages[-1].content AS question, evidence, reference FROM made.prompts ORDER BY document_id, prompt_id
""",
    "responses": "SELECT response_id, prompt_id, role, model, text FROM made.responses ORDER BY prompt_id, response_id",
    "signals": """
SELECT prompt_id, response_ids, name, "order", vote, rationale FROM made.signals ORDER BY prompt_id, unit_id, "order"
""",
    "pairs": """
SELECT p.pair_id, q.messages[-1].content AS question, c.text AS chosen, r.text AS rejected, p.score_gap, p.p_chosen
FROM made.pairs p JOIN lake.prompts q USING (prompt_id)
JOIN lake.responses c ON c.response_id = p.chosen_id JOIN lake.responses r ON r.response_id = p.rejected_id ORDER BY p.pair_id
""",
}


def example_pairs(cursor: duckdb.DuckDBPyConnection, release: str, count: int) -> list[dict[str, Any]]:
    """Pairs of a release from different documents as far as there are, the clearest first."""
    return rows_of(
        cursor,
        f"""
        SELECT p.pair_id, q.messages[-1].content AS prompt, c.text AS chosen, r.text AS rejected, p.score_gap,
            c.role AS chosen_role, r.role AS rejected_role, d.uri
        FROM {LAKE}.release_rows l JOIN {LAKE}.pairs p USING (pair_id) JOIN {LAKE}.prompts q ON q.prompt_id = p.prompt_id
        JOIN {LAKE}.responses c ON c.response_id = p.chosen_id JOIN {LAKE}.responses r ON r.response_id = p.rejected_id
        JOIN {LAKE}.documents d ON d.document_id = p.document_id WHERE l.release = {literal(release)}
        ORDER BY row_number() OVER (PARTITION BY p.document_id ORDER BY p.score_gap DESC, p.pair_id), p.score_gap DESC, p.pair_id
        LIMIT {count}
    """,
    )


def rows_of_build(cursor: duckdb.DuckDBPyConnection, build_id: str) -> dict[str, list[dict[str, Any]]]:
    """The first rows of each table that a build's steps made for its documents, earlier builds' work included."""
    found = {}
    for table, query in PREVIEW.items():
        made = f"""(
            SELECT t.* FROM {LAKE}.{table} t
            SEMI JOIN (FROM {LAKE}.build_steps WHERE build_id = {literal(build_id)}) s ON s.fingerprint = t.fingerprint
            SEMI JOIN (
                SELECT o.document_id FROM {LAKE}.builds b JOIN {LAKE}.listings l USING (listing_id)
                JOIN {LAKE}.outcomes o ON o.unit_id = l.item_id AND o.status = 'ok' WHERE b.build_id = {literal(build_id)}
            ) d ON d.document_id = t.document_id)"""
        found[table] = rows_of(cursor, query.replace(f"made.{table}", made) + f" LIMIT {SHOWN}")
    return found
