"""TRL's conversational preference format with an explicit prompt: every pair, and nearly every column of the release."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.land.columns import CONVERSATIONS, MEANINGS, ORIGINS
from pipeline.land.layouts.layout import Layout, build, fields

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNS = (*CONVERSATIONS, *(name for name in MEANINGS if name not in (*CONVERSATIONS, "split", *ORIGINS)))


def schema(tools: bool) -> pa.Schema:
    """The three conversations first; `tools` last, where there are any."""
    import pyarrow as pa

    return pa.schema(fields((*COLUMNS, *(["tools"] if tools else [])), tools))


CONVERSATIONAL = Layout(
    name="conversational",
    about="TRL (DPO, Reward, KTO, ORPO, CPO), unsloth, OpenRLHF with a prompt key, axolotl with `field_messages: prompt`",
    needs=(*COLUMNS, "tools"),
    schema=schema,
    shape=lambda rows, wanted: build(wanted, rows),
)
