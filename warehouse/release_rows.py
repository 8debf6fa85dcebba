"""The rows that a release is written from: its pairs with their texts and origins, and every signal about them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import duckdb

from schemas.rows import CONTROL
from warehouse.connection import LAKE, literal
from warehouse.ordering import in_order
from warehouse.store import SCRATCH, Store

if TYPE_CHECKING:
    import pyarrow as pa

PAGE = 8192
"""So many pairs with their texts are joined at once: fewer queries cost less, and halves do where texts are long."""

# The turn of an answer, with all keys that a message can have.
TURN = (
    "struct_pack(role := 'assistant', content := {side}.text, tool_calls := {side}.tool_calls, "
    "name := NULL::VARCHAR, tool_call_id := NULL::VARCHAR)"
)

# What steps of this build noted of rows; of two weights or ranks the later step's counts.
NOTED = f"""
SELECT t.subject_id, t.document_id, t.name, t.value, t.text, k.position FROM {LAKE}.notes t
JOIN {SCRATCH}.steps k ON k.fingerprint = t.fingerprint
JOIN {SCRATCH}.units u ON u.position = k.position AND u.unit_id = t.unit_id
"""
FLAG = "flag/"
_COLUMNS = f"""
WITH noted AS (SELECT * FROM ({NOTED}) WHERE {{these}}), members AS (
    SELECT r.pair_id, unnest([r.pair_id, p.prompt_id, p.chosen_id, p.rejected_id, p.document_id] || coalesce(p.also_chosen, []))
        AS subject_id
    FROM (FROM {SCRATCH}.released WHERE {{these}}) r JOIN (FROM {LAKE}.pairs WHERE {{these}}) p ON p.pair_id = r.pair_id
), flagged AS (
    SELECT m.pair_id, list_sort(list(DISTINCT substr(n.name, {len(FLAG) + 1}))) AS flags
    FROM members m JOIN noted n ON n.subject_id = m.subject_id WHERE starts_with(n.name, '{FLAG}') GROUP BY 1
), numbered AS (
    SELECT subject_id, arg_max(value, position) FILTER (name = 'weight') AS weight,
        arg_max(value, position) FILTER (name = 'curriculum_rank')::BIGINT AS curriculum_rank
    FROM noted WHERE name IN ('weight', 'curriculum_rank') GROUP BY 1
), lists AS (
    SELECT p.pair_id, unnest(p.also_chosen) AS also_id, generate_subscripts(p.also_chosen, 1) AS place
    FROM (FROM {SCRATCH}.released WHERE {{these}}) r JOIN (FROM {LAKE}.pairs WHERE {{these}}) p ON p.pair_id = r.pair_id
    WHERE p.also_chosen IS NOT NULL
), others AS (
    SELECT e.pair_id, list([{TURN.format(side='x')}] ORDER BY e.place) AS also_chosen
    FROM lists e JOIN (FROM {LAKE}.responses WHERE {{these}}) x ON x.response_id = e.also_id GROUP BY 1
)
SELECT p.pair_id, r.split, q.messages AS prompt,
    [{TURN.format(side='c')}] AS chosen, [{TURN.format(side='j')}] AS rejected,
    p.score_gap, p.p_chosen, p.confidence, p.rule, p.rationale, p.aspect, p.aspect_scores, e.also_chosen,
    coalesce(v.principles, []) AS principles, coalesce(f.flags, []) AS flags, w.weight, w.curriculum_rank,
    c.model AS chosen_model, j.model AS rejected_model, c.role AS chosen_role, j.role AS rejected_role,
    p.chosen_id, p.rejected_id, p.prompt_id, q.passage_ids, q.evidence, p.document_id, n.uri, d.title, d.licence,
    {{rehearsal}} AS rehearsal, p.condition,
    CASE WHEN q.condition.visible THEN struct_pack(kind := q.condition.kind, id := q.condition.id, text := q.condition.text)
    END AS prompt_condition,
    q.context, q.reference, coalesce(q.tags, []) AS tags, q.tools, c.strategy AS chosen_strategy,
    j.strategy AS rejected_strategy, d.sha256, d.media_type
FROM (FROM {SCRATCH}.released WHERE {{these}}) r JOIN (FROM {LAKE}.pairs WHERE {{these}}) p ON p.pair_id = r.pair_id
JOIN (FROM {LAKE}.prompts WHERE {{these}}) q ON q.prompt_id = p.prompt_id
JOIN (FROM {LAKE}.responses WHERE {{these}}) c ON c.response_id = p.chosen_id
JOIN (FROM {LAKE}.responses WHERE {{these}}) j ON j.response_id = p.rejected_id
JOIN (FROM {LAKE}.documents WHERE {{these}}) d ON d.document_id = p.document_id
JOIN (FROM {SCRATCH}.documents WHERE {{these}}) n ON n.document_id = p.document_id
LEFT JOIN flagged f ON f.pair_id = p.pair_id LEFT JOIN numbered w ON w.subject_id = p.pair_id
LEFT JOIN others e ON e.pair_id = p.pair_id
LEFT JOIN (
    SELECT l.parent_id AS prompt_id, list_sort(list(DISTINCT s.name)) AS principles
    FROM (FROM {SCRATCH}.live WHERE {{these}}) l JOIN (FROM {LAKE}.signals WHERE {{these}}) s ON s.signal_id = l.row_id
    WHERE l.tab = 'signals' AND NOT starts_with(s.name, '{CONTROL}') GROUP BY 1
) v ON v.prompt_id = p.prompt_id
"""

_PAIRS = f"""
WITH spans AS (
    SELECT m.pair_id, list(struct_pack(passage_id := s.passage_id, "start" := s.start, "end" := s."end", heading := s.heading)
        ORDER BY s.start, s.passage_id) AS passages
    FROM (
        SELECT r.pair_id, unnest(q.passage_ids) AS passage_id FROM (FROM {SCRATCH}.released WHERE {{these}}) r
        JOIN (FROM {LAKE}.pairs WHERE {{these}}) p ON p.pair_id = r.pair_id
        JOIN (FROM {LAKE}.prompts WHERE {{these}}) q ON q.prompt_id = p.prompt_id
    ) m JOIN {LAKE}.passages s ON s.passage_id = m.passage_id GROUP BY 1 -- a prompt may rest on other documents too
)
SELECT f.*, s.passages FROM ({_COLUMNS}) f LEFT JOIN spans s ON s.pair_id = f.pair_id
"""

_VOTES = f"""
WITH answers AS (
    SELECT p.prompt_id, any_value(r.split) AS split,
        list_distinct(flatten(list([p.chosen_id, p.rejected_id] || coalesce(p.also_chosen, [])))) AS ids
    FROM (FROM {SCRATCH}.released WHERE {{these}}) r JOIN (FROM {LAKE}.pairs WHERE {{these}}) p ON p.pair_id = r.pair_id
    GROUP BY 1
)
SELECT s.signal_id, a.split, s.prompt_id, s.response_ids, s.name, s.evaluator, s."order", s.draw, s.vote, s.value,
    s.probability, s.abstained, s.rationale, s.raw, s.document_id
FROM (FROM {SCRATCH}.live WHERE {{these}}) l JOIN (FROM {LAKE}.signals WHERE {{these}}) s ON s.signal_id = l.row_id
JOIN answers a ON a.prompt_id = s.prompt_id
WHERE l.tab = 'signals' AND list_has_all(a.ids, s.response_ids)
"""


def release_columns(rehearsal: bool, these: str = "true") -> str:
    """The query of the pairs dealt out last with the columns of a release; `these` is a condition on `document_id`."""
    return _COLUMNS.format(rehearsal=rehearsal, these=these)


async def over_release_rows(store: Store, rehearsal: bool, work: Any) -> Any:
    """What `work(pairs, votes)` makes of the release dealt out last: record batches by pair id, and by prompt and signal id.

    The votes are asked for when the first of them is; take the pairs before.
    """

    def run(reader: duckdb.DuckDBPyConnection) -> Any:
        with reader.cursor() as cursor:
            cursor.execute(f"USE {LAKE}")
            pairs = in_order(_read(cursor, _PAIRS, rehearsal), ["pair_id"], store.scratch)
            return work(pairs, in_order(_read(cursor, _VOTES, rehearsal), ["prompt_id", "signal_id"], store.scratch))

    return await store.read(run)


def _read(cursor: duckdb.DuckDBPyConnection, query: str, rehearsal: bool) -> Iterator[pa.Table]:
    """What a query finds, a range of documents at a time: rows lie in their order, and DuckDB leaves other files alone."""
    for first, last in _ranges(cursor):
        yield from _read_range(cursor, query.replace("{rehearsal}", str(rehearsal)), first, last)


def _read_range(cursor: duckdb.DuckDBPyConnection, query: str, first: str, last: str) -> Iterator[pa.Table]:
    """What a query finds of these documents; where their texts are too long for the memory, one half after the other."""
    these = f"document_id BETWEEN {literal(first)} AND {literal(last)}"
    try:
        yield cursor.execute(query.replace("{these}", these)).to_arrow_reader().read_all()
    except duckdb.OutOfMemoryException:
        documents = f"SELECT DISTINCT document_id FROM {SCRATCH}.released WHERE {these}"
        parts = f"SELECT document_id, ntile(2) OVER (ORDER BY document_id) AS part FROM ({documents})"
        halves = cursor.execute(f"SELECT min(document_id), max(document_id) FROM ({parts}) GROUP BY part ORDER BY 1").fetchall()
        if len(halves) < 2:
            raise
        for half in halves:
            yield from _read_range(cursor, query, *half)


def _ranges(cursor: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """The first and last document of each page of `PAGE` pairs or a document more."""
    ranges: list[tuple[str, str]] = []
    first, pairs = "", 0
    counted = cursor.execute(f"SELECT document_id, count(*) FROM {SCRATCH}.released GROUP BY 1 ORDER BY 1")
    while batch := counted.fetchmany(10_000):
        for document_id, count in batch:
            first, pairs = first if pairs else document_id, pairs + count
            if pairs >= PAGE:
                ranges.append((first, document_id))
                pairs = 0
            last = document_id
    return [*ranges, (first, last)] if pairs else ranges
