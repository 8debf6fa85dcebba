"""Pairs with the reason for their label, to be learnt along with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.land.layouts.arrays import invert
from pipeline.land.layouts.layout import TAIL, Layout, Refusal, build, fields, only

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNS = ("prompt", "chosen", "rejected", "rationale", "principles", "prompt_id", *TAIL)


def schema(tools: bool) -> pa.Schema:
    """`rationale` is the judge's text."""
    import pyarrow as pa

    return pa.schema(fields((*COLUMNS[:3], *(["tools"] if tools else []), *COLUMNS[3:]), tools))


def gives_none(rows: pa.Table) -> pa.Array:
    """Where no reason was given."""
    import pyarrow.compute as pc

    return invert(pc.greater(pc.binary_length(only(rows, "rationale")), 0))


RATIONALE = Layout(
    name="rationale",
    about="RDPO and RORPO, which add the likelihood of the rationale to the loss (arXiv 2407.14477), critique models",
    needs=(*COLUMNS, "tools"),
    schema=schema,
    shape=lambda rows, wanted: build(wanted, rows),
    refusals=(Refusal("have no rationale", gives_none),),
)
