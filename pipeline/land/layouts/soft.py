"""Pairs with the probability that their label is right, for losses that take labels to be noisy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.land.layouts.arrays import invert
from pipeline.land.layouts.layout import TAIL, Layout, Refusal, build, fields, only

if TYPE_CHECKING:
    import pyarrow as pa

IDS = ("pair_id", "prompt_id", "chosen_id", "rejected_id", "score_gap", "confidence", "licence", "rehearsal")


def schema(tools: bool) -> pa.Schema:
    """`label_smoothing` is the probability that the label is wrong, 0 to 0.5; `weight` is 1 where no step weighed the pair."""
    import pyarrow as pa

    conversations = fields(("prompt", "chosen", "rejected", *(["tools"] if tools else [])), tools)
    numbers = [(name, pa.float64()) for name in ("p_chosen", "label_smoothing", "weight")]
    return pa.schema([*conversations, *numbers, *fields(IDS)])


def shape(rows: pa.Table, wanted: pa.Schema) -> pa.Table:
    """`label_smoothing` as MCTS-DPO has it for each pair (arXiv 2405.00451): 1 less the confidence in the label."""
    import pyarrow.compute as pc

    smoothing = pc.subtract(1.0, only(rows, "p_chosen"))
    return build(wanted, rows, label_smoothing=smoothing, weight=pc.fill_null(only(rows, "weight"), 1.0))


def has_no_probability(rows: pa.Table) -> pa.Array:
    """Where `p_chosen` is none of a label: such a pair would say that its rejected answer is the better one."""
    import pyarrow.compute as pc

    probability = only(rows, "p_chosen")
    return invert(pc.and_(pc.greater_equal(probability, 0.5), pc.less_equal(probability, 1.0)))


SOFT = Layout(
    name="soft",
    about="conservative and robust DPO (`label_smoothing`), weighted losses",
    needs=("prompt", "chosen", "rejected", "tools", "weight", "prompt_id", "chosen_id", "rejected_id", *TAIL),
    schema=schema,
    shape=shape,
    refusals=(Refusal("have a p_chosen that is not between 0.5 and 1", has_no_probability),),
)
