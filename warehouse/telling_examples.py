"""Rows of a release to read one by one: its best pairs, its closest, its flagged ones, and what was dropped on the way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import duckdb

from warehouse.connection import LAKE, literal, rows_of
from warehouse.naming import NOUNS, TABLES
from warehouse.telling import Written

EACH = 8
EACH_REASON = 3
LONGEST = 10_000
"""So many characters of a text are taken; the report says how many there are."""
REASONS = 60

KINDS = {
    "best": "coalesce(confidence, 0) * score_gap DESC, pair_id",
    "closest": "score_gap, coalesce(confidence, 0), pair_id",
    "flagged": "pair_id",
}
"""Which pairs come first; flagged are only those that a filter has marked."""

CUT = "struct_pack(text := left({0}, {1}), chars := length({0}))"


def pick(cursor: duckdb.DuckDBPyConnection, files: Written) -> dict[str, list[str]]:
    """The ids of some pairs of each kind of `KINDS`."""
    picked = {}
    for kind, order in KINDS.items():
        where = "len(flags) > 0" if kind == "flagged" else "true"
        query = f"SELECT pair_id FROM ({files.rows.query}) WHERE {where} ORDER BY {order} LIMIT {EACH}"
        picked[kind] = [row[0] for row in cursor.execute(query).fetchall()]
    return picked


def read_pairs(cursor: duckdb.DuckDBPyConnection, files: Written, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Pairs by id, with what a reader wants to see; texts are cut to `LONGEST` characters and say how many they have.

    Columns that releases of before do not have are missing.
    """
    there = {row[0] for row in cursor.execute(f"DESCRIBE ({files.rows.query})").fetchall()}
    chosen, rejected, said = (
        CUT.format(text, LONGEST) for text in ("chosen[1].content", "rejected[1].content", "m.content")
    )
    plain = (
        "pair_id", "split", "score_gap", "p_chosen", "confidence", "rule", "principles", "flags", "chosen_model", "rejected_model",
        "chosen_role", "rejected_role", "chosen_strategy", "rejected_strategy", "prompt_id", "chosen_id", "rejected_id",
        "document_id", "uri", "title", "licence", "passages",
    )  # fmt: skip
    query = f"""
        SELECT {", ".join(name for name in plain if name in there)}, {chosen} AS chosen, {rejected} AS rejected,
            list_transform(prompt, lambda m: struct_pack("role" := m.role, said := {said})) AS prompt,
            {CUT.format("rationale", LONGEST)} AS rationale, {CUT.format("evidence", LONGEST)} AS evidence
        FROM ({files.rows.query}) WHERE list_contains({literal(ids)}, pair_id)
    """
    return {row["pair_id"]: row for row in rows_of(cursor, query)}


def read_verdicts(cursor: duckdb.DuckDBPyConnection, files: Written, prompts: Sequence[str]) -> list[dict[str, Any]]:
    """Everything that was said of some prompts and their released answers, in both orders, with the judges' words cut."""
    if files.votes is None or not prompts:
        return []
    query = f"""
        SELECT prompt_id, response_ids, name, evaluator, "order", draw, vote, value, probability, abstained,
            left(rationale, 2000) AS rationale
        FROM read_parquet({literal(str(files.votes))}) WHERE list_contains({literal(prompts)}, prompt_id)
            AND NOT starts_with(name, 'cascade/') ORDER BY prompt_id, name, evaluator, draw, "order", signal_id
    """
    return rows_of(cursor, query)


def dropped(cursor: duckdb.DuckDBPyConnection, steps: Sequence[str], build_id: str) -> list[dict[str, Any]]:
    """Every step and reason with which units made nothing up to a build: how many, and the first few by their ids.

    Each of `examples` has `subject_id`, `detail`, and the `text` of the row that it was about, as far as that has one.
    """
    order = " ".join(f"WHEN {literal(step)} THEN {at}" for at, step in enumerate(steps)) or "WHEN '' THEN 0"
    found = rows_of(
        cursor,
        f"""
        SELECT step, status, reason, count(*) AS units,
            min_by(struct_pack(subject_id := subject_id, detail := left(coalesce(detail, ''), 500)), unit_id, {EACH_REASON}) AS examples
        FROM {LAKE}.outcomes WHERE status IN ('none', 'failed') AND list_contains({literal(steps)}, fingerprint)
            AND split_part(build_id, '-', 2)::BIGINT <= split_part({literal(build_id)}, '-', 2)::BIGINT
        GROUP BY step, fingerprint, status, reason ORDER BY CASE fingerprint {order} END, units DESC, reason LIMIT {REASONS}
        """,
    )
    texts = _texts(cursor, [example["subject_id"] for row in found for example in row["examples"]])
    return [
        {**row, "examples": [{**example, **texts.get(example["subject_id"], {})} for example in row["examples"]]}
        for row in found
    ]


SHORT = 1500
TEXTS = {
    "documents": "coalesce(title, uri) || chr(10) || chr(10) || left(text, {0})",
    "passages": "left(text, {0})",
    "prompts": "left(array_to_string(list_transform(messages, lambda m: m.role || ': ' || m.content), chr(10)), {0})",
    "responses": "left(text, {0})",
}


def _texts(cursor: duckdb.DuckDBPyConnection, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The beginning of the text behind each id, and its document's place."""
    by_table: dict[str, list[str]] = defaultdict(list)
    for each in ids:
        by_table[TABLES.get(each.split("_")[0], "")].append(each)
    found = {}
    for table, some in by_table.items():
        if table not in TEXTS:
            continue
        key, text = f"{NOUNS[table]}_id", TEXTS[table].format(SHORT)
        place = (
            "uri"
            if table == "documents"
            else "(SELECT any_value(uri) FROM documents d WHERE d.document_id = t.document_id)"
        )
        query = f"SELECT {key} AS id, {text} AS text, {place} AS uri FROM {LAKE}.{table} t WHERE list_contains({literal(some)}, {key})"
        found.update({row["id"]: {"text": row["text"], "uri": row["uri"]} for row in rows_of(cursor, query)})
    return found | _pair_texts(cursor, by_table["pairs"])


def _pair_texts(cursor: duckdb.DuckDBPyConnection, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The same of pairs: the question and both answers."""
    if not ids:
        return {}
    third = SHORT // 3
    query = f"""
        SELECT p.pair_id, d.uri, left(q.messages[-1].content, {third}) || chr(10) || chr(10) || 'chosen: ' || left(c.text, {third})
            || chr(10) || chr(10) || 'rejected: ' || left(j.text, {third}) AS text
        FROM {LAKE}.pairs p JOIN {LAKE}.prompts q USING (prompt_id) JOIN {LAKE}.documents d ON d.document_id = p.document_id
        JOIN {LAKE}.responses c ON c.response_id = p.chosen_id JOIN {LAKE}.responses j ON j.response_id = p.rejected_id
        WHERE list_contains({literal(ids)}, p.pair_id)
    """
    return {row["pair_id"]: {"text": row["text"], "uri": row["uri"]} for row in rows_of(cursor, query)}


def moved(cursor: duckdb.DuckDBPyConnection, here: Written, there: Written) -> dict[str, int]:
    """How many pairs are in both releases, were added, removed, or have the same two answers with the label turned round."""
    ids = (
        "SELECT prompt_id, chosen_id, rejected_id, least(chosen_id, rejected_id) AS one, greatest(chosen_id, rejected_id) AS other "
        "FROM ({})"
    )
    query = f"""
        WITH h AS ({ids.format(here.rows.query)}), t AS ({ids.format(there.rows.query)})
        SELECT count(*) FILTER (h.chosen_id = t.chosen_id) AS kept,
            count(*) FILTER (t.one IS NULL) AS added, count(*) FILTER (h.one IS NULL) AS removed,
            count(*) FILTER (h.chosen_id = t.rejected_id) AS flipped
        FROM h FULL JOIN t ON t.prompt_id = h.prompt_id AND t.one = h.one AND t.other = h.other
    """
    return {name: int(value or 0) for row in rows_of(cursor, query) for name, value in row.items()}
