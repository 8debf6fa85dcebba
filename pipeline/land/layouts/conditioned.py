"""Pairs whose label holds under something that a reader may know: a principle, a persona, another circumstance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.land.layouts.layout import TAIL, Layout, Refusal, build, fields, only

if TYPE_CHECKING:
    import pyarrow as pa

CONVERSATIONS = ("prompt", "chosen", "rejected")
CONDITIONS = ("condition", "prompt_condition")
PERSONAS = ("persona", "user", "profile")
PRINCIPLES = ("principle", "principles", "criterion", "criteria")


def schema(tools: bool) -> pa.Schema:
    """`principle`, `persona` and `context` are the words of the condition by its kind; the conditions follow as they are."""
    import pyarrow as pa

    words = [(name, pa.string()) for name in ("principle", "persona", "context")]
    conversations = fields((*CONVERSATIONS, *(["tools"] if tools else [])), tools)
    return pa.schema([*conversations, *words, *fields((*CONDITIONS, "prompt_id", *TAIL))])


def shape(rows: pa.Table, wanted: pa.Schema) -> pa.Table:
    """What the label is under goes before what the prompt is under, where both are of one kind."""
    import pyarrow as pa
    import pyarrow.compute as pc

    none = pa.scalar(None, pa.string())
    words: dict[str, list[Any]] = {name: [] for name in ("principle", "persona", "context")}
    for name in CONDITIONS:
        kind, text = (pc.struct_field(only(rows, name), part) for part in ("kind", "text"))
        is_principle, is_persona = (pc.is_in(kind, pa.array(kinds)) for kinds in (PRINCIPLES, PERSONAS))
        is_other = pc.invert(pc.or_(is_principle, is_persona))
        for word, marks in zip(words, (is_principle, is_persona, is_other), strict=True):
            words[word].append(pc.if_else(marks, text, none))
    return build(wanted, rows, **{word: pc.coalesce(*texts) for word, texts in words.items()})


def holds_anyway(rows: pa.Table) -> pa.Array:
    """Where a label holds under no condition."""
    import pyarrow.compute as pc

    return pc.and_(*(pc.is_null(only(rows, name)) for name in CONDITIONS))


CONDITIONED = Layout(
    name="conditioned",
    about="reward models that read a principle, a persona or a context (RPR, RewardAnything, SALMON, PAL)",
    needs=(*CONVERSATIONS, "tools", *CONDITIONS, "prompt_id", *TAIL),
    schema=schema,
    shape=shape,
    refusals=(Refusal("hold under no condition", holds_anyway),),
)
