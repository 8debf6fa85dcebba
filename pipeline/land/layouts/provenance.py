"""Where each pair comes from: document, passages, evidence, and what wrote the answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.land.layouts.layout import Layout, build, fields

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNS = (
    "pair_id", "prompt_id", "chosen_id", "rejected_id", "document_id", "uri", "title", "sha256", "media_type", "licence",
    "passage_ids", "passages", "evidence", "context", "reference", "tags", "chosen_model", "rejected_model", "chosen_role",
    "rejected_role", "chosen_strategy", "rejected_strategy", "rule", "rehearsal", "condition", "prompt_condition", "tools",
)  # fmt: skip


def schema(tools: bool) -> pa.Schema:
    """Columns of the release as they are stored."""
    import pyarrow as pa

    return pa.schema(fields(COLUMNS))


PROVENANCE = Layout(
    name="provenance",
    about="nobody trains on it: join it by `pair_id` to follow a pair to the document that it is made from",
    needs=COLUMNS,
    schema=schema,
    shape=lambda rows, wanted: build(wanted, rows),
)
