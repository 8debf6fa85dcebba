"""Pairs whose two answers go the same way for some steps and part at one: preferences between steps.

A step is a line of an answer that is not blank; MCTS-DPO (arXiv 2405.00451) too takes a line for a step. TRL's stepwise
format, which says of each step whether it is right, does not fit: a pair says only which of two steps is better.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.land.layouts.arrays import first_of
from pipeline.land.layouts.layout import CALLING, TAIL, Layout, Refusal, build, fields, only
from pipeline.land.layouts.outward import outward

if TYPE_CHECKING:
    import pyarrow as pa

SHORTEST = 2
"""Bytes of the shortest shared beginning: a step of one letter and its line break."""


def schema(tools: bool) -> pa.Schema:
    """`prefix` ends in a line break; the answers begin with `prefix` and then their step."""
    import pyarrow as pa

    texts = [(name, pa.string()) for name in ("prefix", "chosen_step", "rejected_step")]
    return pa.schema([*fields(("prompt",)), *texts, *fields(("prompt_id", *TAIL))])


def part(chosen: str, rejected: str) -> tuple[str, str, str] | None:
    """The steps that two answers share, as text, and the first in which they differ; None if there is nothing on a side."""
    low, high = 0, min(len(chosen), len(rejected))
    while low < high:  # how many characters they share
        middle = (low + high + 1) // 2
        low, high = (middle, high) if chosen[:middle] == rejected[:middle] else (low, middle - 1)
    cut = chosen.rfind("\n", 0, low) + 1
    steps = [text[cut:].partition("\n")[0] for text in (chosen, rejected)]
    if not chosen[:cut].strip() or not all(map(str.strip, steps)) or steps[0].strip() == steps[1].strip():
        return None
    return chosen[:cut], steps[0], steps[1]


def parts_of(rows: pa.Table) -> list[tuple[str, str, str] | None]:
    """`part` of every row; only those rows become Python's texts that can share a step."""
    import pyarrow as pa
    import pyarrow.compute as pc

    answers = [first_of(only(rows, side), "content") for side in ("chosen", "rejected")]
    begins = [pc.binary_slice(each.cast(pa.binary()), 0, SHORTEST) for each in answers]
    breaks = [pc.match_substring(each, "\n") for each in answers]
    may = pc.indices_nonzero(pc.and_(pc.equal(*begins), pc.and_(*breaks)))
    found: list[tuple[str, str, str] | None] = [None] * rows.num_rows
    chosen, rejected = (each.take(may).to_pylist() for each in answers)
    for at, one, other in zip(may.to_pylist(), chosen, rejected, strict=True):
        found[at] = part(one, other)
    return found


def shape(rows: pa.Table, wanted: pa.Schema) -> pa.Table:
    """The first step in which the answers differ, and what is before it."""
    import pyarrow as pa

    parts = [each or ("", "", "") for each in parts_of(rows)]
    made = {name: pa.array([each[at] for each in parts], pa.string()) for at, name in enumerate(wanted.names[1:4])}
    return build(wanted, rows, prompt=outward(only(rows, "prompt"), tools=False), **made)


def shares_no_step(rows: pa.Table) -> pa.Array:
    """Where the answers differ from the first step on, or one ends where the other goes on."""
    import pyarrow as pa

    return pa.array([each is None for each in parts_of(rows)], pa.bool_())


STEPWISE = Layout(
    name="stepwise",
    about="step-level DPO (Step-DPO, MCTS-DPO): the loss is taken on one step behind a shared prefix",
    needs=("prompt", "chosen", "rejected", "prompt_id", *TAIL),
    schema=schema,
    shape=shape,
    refusals=(CALLING, Refusal("do not part at a step after a shared one", shares_no_step)),
)
