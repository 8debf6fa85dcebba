"""Two whole conversations whose common beginning is the prompt; no column says where it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.land.layouts.arrays import join_lists
from pipeline.land.layouts.layout import TAIL, Layout, build, fields, only

if TYPE_CHECKING:
    import pyarrow as pa


def schema(tools: bool) -> pa.Schema:
    """No column `prompt`: OpenRLHF without a prompt key and reward models read the whole conversation."""
    import pyarrow as pa

    return pa.schema(fields(("chosen", "rejected", *(["tools"] if tools else []), *TAIL), tools))


def shape(rows: pa.Table, wanted: pa.Schema) -> pa.Table:
    """Prompt and answer as one conversation."""
    prompt = only(rows, "prompt")
    whole = {side: join_lists([prompt, only(rows, side)]) for side in ("chosen", "rejected")}
    return build(wanted, rows, **whole)


IMPLICIT = Layout(
    name="implicit",
    about="open-instruct, RewardBench, TRL Reward, axolotl `argilla_chat` and ORPO, OpenRLHF without a prompt key",
    needs=("prompt", "chosen", "rejected", "tools", *TAIL),
    schema=schema,
    shape=shape,
)
