"""How stored rows become units again: one query for each kind of unit."""

from __future__ import annotations

import functools
from typing import Any, TypeVar

from pydantic import BaseModel

from schemas.rows import Document, Pair, Passage, Prompt, Response, Signal
from schemas.units import Candidates, DocumentUnit, PairText, PassageUnit, PromptUnit, ResponsePair, Unit, UnitKind

Model = TypeVar("Model", bound=BaseModel)
BATCH = 256

HERE = "FROM plan.pending u"
WHERE = "WHERE u.position = $position AND u.shard = $shard ORDER BY u.document_id, u.subject_id, u.unit_id"

UNIT_QUERIES: dict[UnitKind, str] = {
    "document": f"SELECT u.unit_id, d AS document {HERE} JOIN lake.documents d ON d.document_id = u.subject_id {WHERE}",
    "passage": f"""
SELECT u.unit_id, s AS passage, d.title {HERE} JOIN lake.passages s ON s.passage_id = u.subject_id
JOIN lake.documents d ON d.document_id = u.document_id
WHERE u.position = $position AND u.shard = $shard ORDER BY u.document_id, s.start, u.unit_id
""",
    "prompt": f"SELECT u.unit_id, q AS prompt {HERE} JOIN lake.prompts q ON q.prompt_id = u.subject_id {WHERE}",
    "response_pair": f"""
SELECT u.unit_id, q AS prompt, x AS a, y AS b {HERE} JOIN lake.prompts q ON q.prompt_id = u.subject_id
JOIN lake.responses x ON x.response_id = u.a JOIN lake.responses y ON y.response_id = u.b {WHERE}
""",
    "candidates": f"""
WITH answers AS (
    SELECT l.parent_id AS prompt_id, list(r ORDER BY r.response_id) AS responses
    FROM plan.live l JOIN lake.responses r ON r.response_id = l.row_id WHERE l.tab = 'responses' AND l.shard = $shard GROUP BY 1
), votes AS (
    SELECT l.parent_id AS prompt_id, list(s ORDER BY s.signal_id) AS signals
    FROM plan.live l JOIN lake.signals s ON s.signal_id = l.row_id WHERE l.tab = 'signals' AND l.shard = $shard GROUP BY 1
)
SELECT u.unit_id, q AS prompt, answers.responses, votes.signals {HERE} JOIN lake.prompts q ON q.prompt_id = u.subject_id
LEFT JOIN answers ON answers.prompt_id = u.subject_id LEFT JOIN votes ON votes.prompt_id = u.subject_id {WHERE}
""",
    "all_pairs": """
SELECT l.row_id AS unit_id, p AS pair, q AS prompt, x AS chosen, y AS rejected
FROM plan.live l JOIN lake.pairs p ON p.pair_id = l.row_id JOIN lake.prompts q ON q.prompt_id = p.prompt_id
JOIN lake.responses x ON x.response_id = p.chosen_id JOIN lake.responses y ON y.response_id = p.rejected_id
WHERE l.tab = 'pairs' ORDER BY l.row_id
""",
}


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
        case "response_pair":
            return ResponsePair(
                unit_id, _row(Prompt, row["prompt"]), _row(Response, row["a"]), _row(Response, row["b"])
            )
        case "candidates":
            responses = tuple(_row(Response, each) for each in row["responses"] or ())
            signals = tuple(_row(Signal, each) for each in row["signals"] or ())
            return Candidates(unit_id, _row(Prompt, row["prompt"]), responses, signals)
        case "all_pairs":
            return PairText(
                unit_id,
                _row(Pair, row["pair"]),
                _row(Prompt, row["prompt"]),
                _row(Response, row["chosen"]),
                _row(Response, row["rejected"]),
            )


def _row(model: type[Model], values: dict[str, Any]) -> Model:
    """A row as it was stored; it was validated when it was written."""
    return model.model_construct(**{name: values[name] for name in _names(model)})


@functools.cache
def _names(model: type[BaseModel]) -> tuple[str, ...]:
    return tuple(model.model_fields)
