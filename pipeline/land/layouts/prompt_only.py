"""The prompts alone, for training that draws its own answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.land.layouts.layout import Layout, build, fields, only

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNS = ("prompt", "prompt_id", "reference", "document_id", "licence", "rehearsal")


def schema(tools: bool) -> pa.Schema:
    """One row a prompt; `reference` is what a verifier compares with, where it is known."""
    import pyarrow as pa

    return pa.schema(fields(("prompt", *(["tools"] if tools else []), *COLUMNS[1:]), tools))


PROMPT_ONLY = Layout(
    name="prompt_only",
    about="TRL GRPO, RLOO and online DPO",
    needs=(*COLUMNS, "tools"),
    schema=schema,
    shape=lambda rows, wanted: build(wanted, rows),
    same=lambda rows: only(rows, "prompt_id"),
    repeats="repeat a prompt",
)
