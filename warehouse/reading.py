"""How stored rows become units again: one query for each kind of unit, a page at a time.

Pages are in the order of documents, and so, nearly, are the rows in their files: a page names the range of its documents,
and DuckDB leaves all other files alone. No query holds more than a page of texts, however large the table is.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from typing import Any, TypeVar

import duckdb
from pydantic import BaseModel

from schemas.rows import Document, Pair, Passage, Prompt, Response, Signal
from schemas.units import (
    Candidates,
    DocumentUnit,
    PairText,
    PassageUnit,
    PromptUnit,
    ResponseGroup,
    ResponsePair,
    ResponseUnit,
    SourcedPrompt,
    SourcedResponses,
    Unit,
    UnitKind,
)
from warehouse.connection import literal, rows_of

Model = TypeVar("Model", bound=BaseModel)
PAGE: dict[UnitKind, int] = {"document": 128}
USUAL_PAGE = 1024
MEMBERS = 4096
"""Groups with so many members in all make a page: DuckDB takes some 8 KB for each while it lists them, of 160 MB in all."""

# In all of these, {page} is the units asked for and {these} the condition that a document is one of theirs.
UNIT_QUERIES: dict[UnitKind, str] = {
    "document": """
SELECT u.unit_id, d AS document FROM {page} u JOIN (FROM lake.documents WHERE {these}) d ON d.document_id = u.subject_id
""",
    "passage": """
SELECT u.unit_id, s AS passage, d.title FROM {page} u
JOIN (FROM lake.passages WHERE {these}) s ON s.passage_id = u.subject_id
JOIN (FROM lake.documents WHERE {these}) d ON d.document_id = u.document_id
""",
    "prompt": """
SELECT u.unit_id, q AS prompt FROM {page} u JOIN (FROM lake.prompts WHERE {these}) q ON q.prompt_id = u.subject_id
""",
    "response": """
SELECT u.unit_id, q AS prompt, r AS response FROM {page} u
JOIN (FROM lake.responses WHERE {these}) r ON r.response_id = u.subject_id
JOIN (FROM lake.prompts WHERE {these}) q ON q.prompt_id = r.prompt_id
""",
    "responses": """
WITH answers AS (
    SELECT l.parent_id AS prompt_id, list(r ORDER BY r.response_id) AS responses
    FROM (FROM plan.live WHERE tab = 'responses' AND parent_id IN (SELECT subject_id FROM {page}) AND {these}) l
    JOIN (FROM lake.responses WHERE {these}) r ON r.response_id = l.row_id GROUP BY 1
)
SELECT u.unit_id, q AS prompt, answers.responses FROM {page} u
JOIN (FROM lake.prompts WHERE {these}) q ON q.prompt_id = u.subject_id JOIN answers ON answers.prompt_id = u.subject_id
""",
    "response_pair": """
WITH r AS (FROM lake.responses WHERE {these})
SELECT u.unit_id, q AS prompt, x AS a, y AS b FROM {page} u
JOIN (FROM lake.prompts WHERE {these}) q ON q.prompt_id = u.subject_id
JOIN r x ON x.response_id = u.a JOIN r y ON y.response_id = u.b
""",
    "categorised_pair": """
WITH r AS (FROM lake.responses WHERE {these}), kinds AS (
    SELECT l.parent_id AS prompt_id, list_sort(list(DISTINCT substr(s.name, 10))) AS categories
    FROM (FROM plan.live WHERE tab = 'signals' AND parent_id IN (SELECT subject_id FROM {page}) AND {these}) l
    JOIN (FROM lake.signals WHERE {these} AND starts_with(name, 'category/') AND len(response_ids) = 0) s
        ON s.signal_id = l.row_id GROUP BY 1
)
SELECT u.unit_id, q AS prompt, x AS a, y AS b, kinds.categories FROM {page} u
JOIN (FROM lake.prompts WHERE {these}) q ON q.prompt_id = u.subject_id
JOIN r x ON x.response_id = u.a JOIN r y ON y.response_id = u.b LEFT JOIN kinds ON kinds.prompt_id = u.subject_id
""",
    "candidates": """
WITH mine AS (FROM plan.live WHERE parent_id IN (SELECT subject_id FROM {page}) AND {these}), answers AS (
    SELECT l.parent_id AS prompt_id, list(r ORDER BY r.response_id) AS responses
    FROM mine l JOIN (FROM lake.responses WHERE {these}) r ON r.response_id = l.row_id WHERE l.tab = 'responses' GROUP BY 1
), votes AS (
    SELECT l.parent_id AS prompt_id, list(s ORDER BY s.signal_id) AS signals
    FROM mine l JOIN (FROM lake.signals WHERE {these}) s ON s.signal_id = l.row_id WHERE l.tab = 'signals' GROUP BY 1
)
SELECT u.unit_id, q AS prompt, answers.responses, votes.signals FROM {page} u
JOIN (FROM lake.prompts WHERE {these}) q ON q.prompt_id = u.subject_id
LEFT JOIN answers ON answers.prompt_id = u.subject_id LEFT JOIN votes ON votes.prompt_id = u.subject_id
""",
    "pair": """
WITH r AS (FROM lake.responses WHERE {these})
SELECT u.unit_id, p AS pair, q AS prompt, x AS chosen, y AS rejected, NULL AS signals FROM {page} u
JOIN (FROM lake.pairs WHERE {these}) p ON p.pair_id = u.subject_id
JOIN (FROM lake.prompts WHERE {these}) q ON q.prompt_id = p.prompt_id
JOIN r x ON x.response_id = p.chosen_id JOIN r y ON y.response_id = p.rejected_id
""",
    "judged_response": """
WITH votes AS (
    SELECT u.unit_id, list(s ORDER BY s.signal_id) AS signals FROM {page} u
    JOIN (FROM lake.responses WHERE {these}) r ON r.response_id = u.subject_id
    JOIN (FROM plan.live WHERE tab = 'signals' AND {these}) l ON l.parent_id = r.prompt_id
    JOIN (FROM lake.signals WHERE {these}) s ON s.signal_id = l.row_id
    WHERE s.response_ids = [r.response_id] GROUP BY 1
)
SELECT u.unit_id, q AS prompt, r AS response, votes.signals FROM {page} u
JOIN (FROM lake.responses WHERE {these}) r ON r.response_id = u.subject_id
JOIN (FROM lake.prompts WHERE {these}) q ON q.prompt_id = r.prompt_id LEFT JOIN votes ON votes.unit_id = u.unit_id
""",
    "judged_pair": """
WITH r AS (FROM lake.responses WHERE {these}), p AS (
    SELECT u.unit_id, p FROM {page} u JOIN (FROM lake.pairs WHERE {these}) p ON p.pair_id = u.subject_id
), votes AS (
    SELECT p.unit_id, list(s ORDER BY s.signal_id) AS signals FROM p
    JOIN (FROM plan.live WHERE tab = 'signals' AND {these}) l ON l.parent_id = p.p.prompt_id
    JOIN (FROM lake.signals WHERE {these}) s ON s.signal_id = l.row_id
    WHERE list_has_all([p.p.chosen_id, p.p.rejected_id], s.response_ids) GROUP BY 1
)
SELECT u.unit_id, p.p AS pair, q AS prompt, x AS chosen, y AS rejected, votes.signals FROM {page} u
JOIN p ON p.unit_id = u.unit_id
JOIN (FROM lake.prompts WHERE {these}) q ON q.prompt_id = p.p.prompt_id
JOIN r x ON x.response_id = p.p.chosen_id JOIN r y ON y.response_id = p.p.rejected_id
LEFT JOIN votes ON votes.unit_id = u.unit_id
""",
}
DOCUMENT = "JOIN (FROM lake.documents WHERE {these}) d ON d.document_id = u.document_id\n"
SOURCED: dict[UnitKind, UnitKind] = {"sourced_prompt": "prompt", "sourced_responses": "responses"}
for sourced, kind in SOURCED.items():
    UNIT_QUERIES[sourced] = UNIT_QUERIES[kind].replace("q AS prompt", "q AS prompt, d AS document") + DOCUMENT
UNIT_QUERIES["all_candidates"] = UNIT_QUERIES["candidates"]
ORDER = "document_id, subject_id, unit_id"
Key = tuple[str, str, str]


def read_page(cursor: duckdb.DuckDBPyConnection, kind: UnitKind, source: str, after: Key) -> tuple[list[Unit], Key]:
    """The units of `source` (a query) that come next after a key, in order, and the key of the last; none at the end."""
    next_ones = f"SELECT * FROM ({source}) WHERE ({ORDER}) > ({', '.join(map(literal, after))}) ORDER BY {ORDER}"
    most = PAGE.get(kind, USUAL_PAGE)
    keys = cursor.execute(f"SELECT {ORDER} FROM ({next_ones} LIMIT {most})").fetchall()
    if not keys:
        return [], after
    keys = keys[: _that_fit(cursor, kind, keys)]
    page = f"({next_ones} LIMIT {len(keys)})"
    these = f"document_id BETWEEN {literal(keys[0][0])} AND {literal(keys[-1][0])}"
    query = UNIT_QUERIES[kind].format(page=page, these=these)
    rows = rows_of(cursor, f"{query} ORDER BY u.document_id, u.subject_id, u.unit_id")
    return [unit_of(kind, row) for row in rows], keys[-1]


def _that_fit(cursor: duckdb.DuckDBPyConnection, kind: UnitKind, keys: Sequence[Key]) -> int:
    """How many of these units, the first at least, have no more than `MEMBERS` responses and signals in all."""
    if kind not in ("candidates", "all_candidates"):
        return len(keys)
    first, last = literal(keys[0][0]), literal(keys[-1][0])
    counts = dict(
        cursor.execute(
            f"SELECT parent_id, count(*) FROM plan.live WHERE tab IN ('responses', 'signals') "
            f"AND document_id BETWEEN {first} AND {last} GROUP BY 1"
        ).fetchall()
    )
    so_far = itertools.accumulate(counts.get(subject_id, 0) for _, subject_id, _ in keys)
    return max(1, sum(1 for total in so_far if total <= MEMBERS))


def unit_of(kind: UnitKind, row: dict[str, Any]) -> Unit:
    """The unit that one row of a unit query stands for."""
    unit_id = row["unit_id"]
    match kind:
        case "document":
            return DocumentUnit(unit_id, _row(Document, row["document"]))
        case "passage":
            return PassageUnit(unit_id, _row(Passage, row["passage"]), row["title"] or "")
        case "prompt":
            return PromptUnit(unit_id, _row(Prompt, row["prompt"]))
        case "sourced_prompt":
            return SourcedPrompt(unit_id, _row(Prompt, row["prompt"]), _row(Document, row["document"]))
        case "sourced_responses":
            given = tuple(_row(Response, each) for each in row["responses"])
            return SourcedResponses(unit_id, _row(Prompt, row["prompt"]), _row(Document, row["document"]), given)
        case "response" | "judged_response":
            about = tuple(_row(Signal, each) for each in row.get("signals") or ())
            return ResponseUnit(unit_id, _row(Prompt, row["prompt"]), _row(Response, row["response"]), about)
        case "responses":
            answers = tuple(_row(Response, each) for each in row["responses"])
            return ResponseGroup(unit_id, _row(Prompt, row["prompt"]), answers)
        case "response_pair" | "categorised_pair":
            return ResponsePair(
                unit_id,
                _row(Prompt, row["prompt"]),
                _row(Response, row["a"]),
                _row(Response, row["b"]),
                tuple(row.get("categories") or ()),
            )
        case "candidates" | "all_candidates":
            responses = tuple(_row(Response, each) for each in row["responses"] or ())
            signals = tuple(_row(Signal, each) for each in row["signals"] or ())
            return Candidates(unit_id, _row(Prompt, row["prompt"]), responses, signals)
        case "pair" | "judged_pair":
            return PairText(
                unit_id,
                _row(Pair, row["pair"]),
                _row(Prompt, row["prompt"]),
                _row(Response, row["chosen"]),
                _row(Response, row["rejected"]),
                tuple(_row(Signal, each) for each in row["signals"] or ()),
            )
    raise AssertionError(f"rows of the kind {kind!r} are read as columns, not as units")


def _row(model: type[Model], values: dict[str, Any]) -> Model:
    """A row as it was stored; it was validated when it was written."""
    stored = {name: values[name] for name in _names(model)}
    if model is Prompt:  # a turn has the keys that it was written with: a server refuses, and a hash counts, an empty one
        stored["messages"] = [_present(message) for message in stored["messages"]]
    return model.model_construct(**stored)


def _present(message: dict[str, Any]) -> dict[str, Any]:
    """A message less the keys that the table has for others."""
    return {name: value for name, value in message.items() if value is not None}


@functools.cache
def _names(model: type[BaseModel]) -> tuple[str, ...]:
    return tuple(model.model_fields)
