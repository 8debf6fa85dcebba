"""The columns of a release: their types, what they mean, and what must be true of every row.

| table in the text below | who reads it                                                                    |
|-------------------------|---------------------------------------------------------------------------------|
| `release_schema()`      | the warehouse query that feeds a release matches it, name for name              |
| `export_schema()`       | trainers: the three conversations first, everything but `split` after them      |
| `MEANINGS`              | people: the column table of the dataset card                                    |
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.land.splits import SPLITS
from schemas.errors import BuildError

if TYPE_CHECKING:
    import pyarrow as pa

CONVERSATIONS = ("prompt", "chosen", "rejected")

MEANINGS = {
    "pair_id": "the pair; prefmill explain follows it back to its source",
    "split": "train, validation or test, decided by the document",
    "prompt": "what was asked, as messages",
    "chosen": "the preferred answer, one assistant message",
    "rejected": "the other answer, one assistant message",
    "score_gap": "how far apart the two are, in the unit of the rule; above 0",
    "p_chosen": "probability that chosen is the better one, 0.5 to 1",
    "confidence": "how sure the label is, 0 to 1",
    "rule": "how judgements became this label",
    "rationale": "why, in the judge's words",
    "aspect": "the one aspect that the label is by, where it is by one",
    "aspect_scores": "what the other aspects say of both sides, each in its own unit",
    "also_chosen": "answers that are preferred to rejected as well, best first",
    "principles": "the criteria it was judged by",
    "flags": "what a filter marked and kept, in the pair, its prompt, its answers or its document",
    "weight": "how much the pair is to count, where a step weighed it",
    "curriculum_rank": "its place from easy (1) to hard, where a step ranked the pairs",
    "chosen_model": "the model that wrote chosen",
    "rejected_model": "the model that wrote rejected",
    "chosen_role": "what chosen stands for (candidate, gold, teacher, …)",
    "rejected_role": "what rejected stands for",
    "chosen_id": "the response behind chosen",
    "rejected_id": "the response behind rejected",
    "prompt_id": "the prompt; several pairs may share one",
    "passage_ids": "the passages that the prompt rests on",
    "evidence": "the words of the source that support the right answer",
    "document_id": "the source document; no document is in two splits",
    "uri": "where the source document was found",
    "title": "its title",
    "licence": "its licence, as the source states it",
    "rehearsal": "true if a rule-based stand-in, not a model, wrote or judged it",
}

_NUMBERS = ("score_gap", "p_chosen", "confidence")
_LISTS = ("principles", "flags", "passage_ids")
_REQUIRED = (
    "pair_id", "split", *CONVERSATIONS, *_NUMBERS, "rule", "chosen_model", "rejected_model", "chosen_role",
    "rejected_role", "chosen_id", "rejected_id", "prompt_id", "document_id", "uri", "rehearsal",
)


def release_schema() -> pa.Schema:
    """The columns of `pairs.parquet`, whose rows are sorted by `pair_id`."""
    import pyarrow as pa

    messages = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
    types = dict.fromkeys(CONVERSATIONS, messages) | dict.fromkeys(_NUMBERS, pa.float64())
    types |= dict.fromkeys(_LISTS, pa.list_(pa.string())) | {"rehearsal": pa.bool_()}
    scores = pa.struct([("name", pa.string()), ("chosen", pa.float64()), ("rejected", pa.float64())])
    types |= {"aspect_scores": pa.list_(scores), "also_chosen": pa.list_(messages)}
    types |= {"weight": pa.float64(), "curriculum_rank": pa.int64()}
    return pa.schema([(name, types.get(name, pa.string())) for name in MEANINGS])


def export_schema() -> pa.Schema:
    """The columns of an exported split. None is called `margin`: trainers take that name into their loss."""
    import pyarrow as pa

    stored = release_schema()
    rest = [name for name in stored.names if name not in (*CONVERSATIONS, "split")]
    return pa.schema([stored.field(name) for name in (*CONVERSATIONS, *rest)])


def check_rows(rows: pa.Table, after: str = "") -> None:
    """Raise `BuildError`, naming the first pair that breaks an invariant; `after` is the last id before `rows`.

    Checked: sorted by unique `pair_id`, nothing missing, a known split, one non-empty answer on each side, the two
    answers different, a prompt that ends in a non-empty message, a finite `score_gap` above 0.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if rows.num_rows == 0:
        return
    rows = rows.combine_chunks()
    for name in _REQUIRED:
        _refuse(rows, pc.is_null(rows[name]), f"has no `{name}`")
    ids = rows["pair_id"]
    previous = pa.concat_arrays([pa.array([after]), *ids.slice(0, len(ids) - 1).chunks])
    _refuse(rows, pc.less_equal(ids, previous), "is not sorted by `pair_id`, or is there twice")
    _refuse(rows, pc.invert(pc.is_in(rows["split"], pa.array(SPLITS))), f"is in none of the splits {', '.join(SPLITS)}")
    for name in CONVERSATIONS:
        wanted = pc.greater_equal if name == "prompt" else pc.equal
        _refuse(rows, pc.invert(wanted(pc.list_value_length(rows[name]), 1)), f"has a `{name}` of another length")
        _refuse(rows, _is_blank(last_texts(rows[name])), f"has an empty `{name}`")
    for name in ("chosen", "rejected"):
        is_answer = pc.equal(last_texts(rows[name], "role"), "assistant")
        _refuse(rows, pc.invert(pc.fill_null(is_answer, False)), f"has a `{name}` that is no assistant message")
    _refuse(rows, pc.equal(last_texts(rows["chosen"]), last_texts(rows["rejected"])), "has chosen equal to rejected")
    gap = rows["score_gap"]
    _refuse(rows, pc.invert(pc.and_(pc.is_finite(gap), pc.greater(gap, 0))), "has a `score_gap` that is not above 0")


def last_texts(conversations: pa.ChunkedArray, field: str = "content") -> pa.Array:
    """One field of the last message of each conversation; each has at least one message."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = pa.concat_arrays(conversations.chunks)
    ends = pc.cumulative_sum(pc.cast(pc.list_value_length(column), pa.int64()))
    return pc.struct_field(column.flatten(), field).take(pc.subtract(ends, 1))


def _is_blank(texts: pa.Array) -> pa.Array:
    """Where a text is missing or nothing but white space."""
    import pyarrow.compute as pc

    return pc.fill_null(pc.equal(pc.utf8_trim_whitespace(texts), ""), True)


def _refuse(rows: pa.Table, broken: pa.Array, complaint: str) -> None:
    """Raise for the first row that is marked as broken."""
    import pyarrow.compute as pc

    index = pc.index(broken, True).as_py()
    if index >= 0:
        pair_id = rows["pair_id"][index].as_py()
        raise BuildError(
            f"the pair {pair_id!r} {complaint}; such a pair must never reach a release: please report this "
            "as a fault of prefmill, with the recipe"
        )
