"""What builds kept and dropped, for people who leaf: the funnel of one build, and the units behind each reason."""

from __future__ import annotations

from typing import Any

import duckdb

from warehouse.connection import LAKE, literal, rows_of
from warehouse.naming import NOUNS, TABLES

SAYS = {
    "documents": "text",
    "passages": "text",
    "prompts": "messages[-1].content",
    "responses": "text",
    "signals": "coalesce(rationale, raw)",
    "pairs": "rationale",
}
"""What a row of each table says, in one text."""
SHOWN = 600
"""So many characters of a text are shown in a list."""


def list_builds(cursor: duckdb.DuckDBPyConnection, limit: int = 50) -> list[dict[str, Any]]:
    """The builds that have a funnel, latest first."""
    return rows_of(
        cursor,
        f"""
        SELECT build_id, recipe, status, message, started_at, finished_at FROM {LAKE}.builds
        WHERE build_id IN (SELECT build_id FROM {LAKE}.build_funnel) ORDER BY started_at DESC, build_id DESC LIMIT {limit}
    """,
    )


def funnel_of(cursor: duckdb.DuckDBPyConnection, build_id: str) -> list[dict[str, Any]]:
    """How the units of each step of a build ended, in the order of its steps, those that were kept first."""
    return rows_of(
        cursor,
        f"""
        SELECT position, step, status, reason, units, rows FROM {LAKE}.build_funnel WHERE build_id = {literal(build_id)}
        ORDER BY position, list_position(['ok', 'none', 'failed', 'pending'], status), units DESC, reason
    """,
    )


def costs_of(cursor: duckdb.DuckDBPyConnection, build_id: str) -> dict[str, dict[str, Any]]:
    """What the steps of a build have cost in that build, by step."""
    query = f"""
        SELECT step, sum(calls)::BIGINT AS calls, sum(tokens_in + tokens_out)::BIGINT AS tokens, sum(cost) AS cost,
            sum(seconds) AS seconds
        FROM {LAKE}.outcomes WHERE build_id = {literal(build_id)} GROUP BY 1
    """
    return {row["step"]: row for row in rows_of(cursor, query)}


def dropped_units(
    cursor: duckdb.DuckDBPyConnection, build_id: str, step: str, reason: str, after: str = "", size: int = 25
) -> list[dict[str, Any]]:
    """Units that a step, as this build ran it, made nothing of for one reason, after a unit's id, with what they are about.

    One more than `size` is returned where there are more. `says` is the beginning of the text of the unit's subject.
    """
    rows = rows_of(
        cursor,
        f"""
        SELECT unit_id, subject_id, document_id, status, reason, detail, build_id FROM {LAKE}.outcomes
        WHERE status <> 'ok' AND reason = {literal(reason)} AND unit_id > {literal(after)} AND fingerprint IN (
            SELECT fingerprint FROM {LAKE}.build_steps WHERE build_id = {literal(build_id)} AND step = {literal(step)}
        ) ORDER BY unit_id LIMIT {size + 1}
    """,
    )
    says = _texts(cursor, [row["subject_id"] for row in rows])
    return [{**row, "says": says.get(row["subject_id"])} for row in rows]


def _texts(cursor: duckdb.DuckDBPyConnection, ids: list[str]) -> dict[str, str]:
    """The beginning of what each of these rows says; rows of tables that say nothing are left out."""
    found: dict[str, str] = {}
    for prefix, table in TABLES.items():
        wanted = sorted({each for each in ids if each.split("_")[0] == prefix})
        if wanted:
            key = f"{NOUNS[table]}_id"
            among = f"{key} IN ({', '.join(map(literal, wanted))})"
            query = f"SELECT {key}, {SAYS[table]}[:{SHOWN}] FROM {LAKE}.{table} WHERE {among}"
            found |= {row_id: text for row_id, text in cursor.execute(query).fetchall() if text}
    return found
