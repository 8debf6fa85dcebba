"""Each answer by itself with a thumb up or down: TRL's unpaired preference format, for KTO and BCO."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.land.layouts.arrays import alternate, twice
from pipeline.land.layouts.layout import TAIL, Layout, build, fields, only

if TYPE_CHECKING:
    import pyarrow as pa


def schema(tools: bool) -> pa.Schema:
    """Two rows a pair, the chosen answer's first."""
    import pyarrow as pa

    prompt, chosen = fields(("prompt", "chosen"), tools)
    more = [("tools", pa.string())] if tools else []
    return pa.schema([prompt, chosen.with_name("completion"), ("label", pa.bool_()), *more, *fields(TAIL)])


def shape(rows: pa.Table, wanted: pa.Schema) -> pa.Table:
    """The rows that TRL's `unpair_preference_dataset` makes, those of a pair beside each other."""
    import pyarrow as pa
    import pyarrow.compute as pc

    completion = alternate(only(rows, "chosen"), only(rows, "rejected"))
    label = pc.equal(pc.bit_wise_and(pa.arange(0, len(completion)), 1), 0)
    kept = [name for name in wanted.names if name not in ("completion", "label")]
    return build(wanted, rows.select(kept).take(twice(rows.num_rows)), completion=completion, label=label)


UNPAIRED = Layout(
    name="unpaired",
    about="TRL KTO and BCO",
    needs=("prompt", "chosen", "rejected", "tools", *TAIL),
    schema=schema,
    shape=shape,
)
