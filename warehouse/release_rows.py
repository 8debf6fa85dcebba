"""The rows that a release is written from: its pairs with their texts and origins, and every signal about them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import duckdb

from schemas.rows import CONTROL
from warehouse.connection import LAKE, MEMORY_LIMIT
from warehouse.store import SCRATCH, Store

if TYPE_CHECKING:
    import pyarrow as pa

BATCH = 1000
LIMITS = (MEMORY_LIMIT, "600MB", "2GB")
"""What the rows of a release may take, tried one after another: texts that are joined and sorted do not all go to the disk."""

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
RELEASE_COLUMNS = f"""
WITH noted AS ({NOTED}), members AS (
    SELECT r.pair_id, unnest([r.pair_id, p.prompt_id, p.chosen_id, p.rejected_id, p.document_id] || coalesce(p.also_chosen, []))
        AS subject_id
    FROM {SCRATCH}.released r JOIN {LAKE}.pairs p ON p.pair_id = r.pair_id
), flagged AS (
    SELECT m.pair_id, list_sort(list(DISTINCT substr(n.name, {len(FLAG) + 1}))) AS flags
    FROM members m JOIN noted n ON n.subject_id = m.subject_id WHERE starts_with(n.name, '{FLAG}') GROUP BY 1
), numbered AS (
    SELECT subject_id, arg_max(value, position) FILTER (name = 'weight') AS weight,
        arg_max(value, position) FILTER (name = 'curriculum_rank')::BIGINT AS curriculum_rank
    FROM noted WHERE name IN ('weight', 'curriculum_rank') GROUP BY 1
), lists AS (
    SELECT p.pair_id, unnest(p.also_chosen) AS also_id, generate_subscripts(p.also_chosen, 1) AS place
    FROM {SCRATCH}.released r JOIN {LAKE}.pairs p ON p.pair_id = r.pair_id WHERE p.also_chosen IS NOT NULL
), others AS (
    SELECT e.pair_id, list([{TURN.format(side='x')}] ORDER BY e.place) AS also_chosen
    FROM lists e JOIN {LAKE}.responses x ON x.response_id = e.also_id GROUP BY 1
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
FROM {SCRATCH}.released r JOIN {LAKE}.pairs p ON p.pair_id = r.pair_id
JOIN {LAKE}.prompts q ON q.prompt_id = p.prompt_id
JOIN {LAKE}.responses c ON c.response_id = p.chosen_id
JOIN {LAKE}.responses j ON j.response_id = p.rejected_id
JOIN {LAKE}.documents d ON d.document_id = p.document_id
JOIN {SCRATCH}.documents n ON n.document_id = p.document_id
LEFT JOIN flagged f ON f.pair_id = p.pair_id LEFT JOIN numbered w ON w.subject_id = p.pair_id
LEFT JOIN others e ON e.pair_id = p.pair_id
LEFT JOIN (
    SELECT l.parent_id AS prompt_id, list_sort(list(DISTINCT s.name)) AS principles
    FROM {SCRATCH}.live l JOIN {LAKE}.signals s ON s.signal_id = l.row_id
    WHERE l.tab = 'signals' AND NOT starts_with(s.name, '{CONTROL}') GROUP BY 1
) v ON v.prompt_id = p.prompt_id
"""

WRITTEN_PAIRS = f"""
WITH spans AS (
    SELECT m.pair_id, list(struct_pack(passage_id := s.passage_id, "start" := s.start, "end" := s."end", heading := s.heading)
        ORDER BY s.start, s.passage_id) AS passages
    FROM (
        SELECT r.pair_id, unnest(q.passage_ids) AS passage_id FROM {SCRATCH}.released r
        JOIN {LAKE}.pairs p ON p.pair_id = r.pair_id JOIN {LAKE}.prompts q ON q.prompt_id = p.prompt_id
    ) m JOIN {LAKE}.passages s ON s.passage_id = m.passage_id GROUP BY 1
)
SELECT f.*, s.passages FROM ({RELEASE_COLUMNS}) f LEFT JOIN spans s ON s.pair_id = f.pair_id ORDER BY f.pair_id
"""

# What was said of the released prompts themselves and of their released answers; a vote on an answer that is in no pair
# would name a text that the release does not hold.
WRITTEN_VOTES = f"""
WITH answers AS (
    SELECT p.prompt_id, any_value(r.split) AS split,
        list_distinct(flatten(list([p.chosen_id, p.rejected_id] || coalesce(p.also_chosen, [])))) AS ids
    FROM {SCRATCH}.released r JOIN {LAKE}.pairs p ON p.pair_id = r.pair_id GROUP BY 1
)
SELECT s.signal_id, a.split, s.prompt_id, s.response_ids, s.name, s.evaluator, s."order", s.draw, s.vote, s.value,
    s.probability, s.abstained, s.rationale, s.raw, s.document_id
FROM {SCRATCH}.live l JOIN {LAKE}.signals s ON s.signal_id = l.row_id JOIN answers a ON a.prompt_id = s.prompt_id
WHERE l.tab = 'signals' AND list_has_all(a.ids, s.response_ids) ORDER BY s.prompt_id, s.signal_id
"""


async def over_release_rows(store: Store, rehearsal: bool, work: Any) -> Any:
    """What `work(pairs, votes)` makes of the release dealt out last: record batches by pair id, and by prompt and signal id.

    The votes are asked for when the first of them is; take the pairs before.
    """

    def run(reader: duckdb.DuckDBPyConnection) -> Any:
        limits = iter(LIMITS)
        while True:
            limit = next(limits)
            reader.execute(f"SET memory_limit = '{limit}'")
            try:
                with reader.cursor() as cursor:
                    cursor.execute(f"USE {LAKE}")
                    return work(_batches(cursor, WRITTEN_PAIRS.format(rehearsal=rehearsal)), _batches(cursor, WRITTEN_VOTES))
            except duckdb.OutOfMemoryException:
                if limit == LIMITS[-1]:
                    raise
            finally:
                with suppress(duckdb.Error):  # what is still held is given back later; the limit matters to the next query
                    reader.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")

    return await store.read(run)


def _batches(cursor: duckdb.DuckDBPyConnection, query: str) -> Iterator[pa.RecordBatch]:
    yield from cursor.execute(query).to_arrow_reader(BATCH)
