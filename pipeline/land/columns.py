"""The columns of a release: their types, what they mean, and what must be true of every row.

| table in the text below | who reads it                                                                    |
|-------------------------|---------------------------------------------------------------------------------|
| `release_schema()`      | the warehouse query that feeds a release matches it, name for name              |
| `export_schema()`       | trainers: the three conversations first, everything but `split` after them      |
| `MEANINGS`              | people: the column table of the dataset card                                    |
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
    "condition": "what the label holds under, where it holds under something: principles, and which of them decided",
    "prompt_condition": "what the prompt was conditioned on, where its reader may know",
    "context": "the texts that the prompt rests on",
    "reference": "the right answer, as far as it is known",
    "tags": "words that a step or a source put on the prompt",
    "tools": "the functions that an answer may call, as a JSON list of their schemas",
    "chosen_strategy": "how chosen was made",
    "rejected_strategy": "how rejected was made",
    "sha256": "of the text of the source document",
    "media_type": "of the source document",
    "passages": "where in the source document the prompt's passages are, in characters",
}

VOTES = {
    "signal_id": "the verdict; prefmill explain follows it",
    "split": "train, validation or test: that of the pairs of its prompt",
    "prompt_id": "the prompt that was judged, or whose answers were",
    "response_ids": "the answers that it is about, chosen and rejected of some pair; none where it is about the prompt",
    "name": "the criterion, principle or metric; what begins with control/ measures the judge and made no label",
    "evaluator": "who judged or measured",
    "order": "the order in which two answers were shown: ab as in response_ids, or ba",
    "draw": "which of several calls it was",
    "vote": "a, b or tie, of the answers in response_ids",
    "value": "a score, in the unit of its name",
    "probability": "of vote a, or of the value",
    "abstained": "true where the judge declined or could not be read",
    "rationale": "why, in the judge's words",
    "raw": "what the judge wrote, as it came",
    "document_id": "the source document of the prompt",
}

ORIGINS = (
    "condition", "prompt_condition", "context", "reference", "tags", "tools", "chosen_strategy", "rejected_strategy",
    "sha256", "media_type", "passages",
)  # fmt: skip
"""Columns that not every layout has: they are long, or say where a pair comes from, or hold for few pairs."""

_NUMBERS = ("score_gap", "p_chosen", "confidence")
_LISTS = ("principles", "flags", "passage_ids", "tags")
REQUIRED = (
    "pair_id", "split", *CONVERSATIONS, *_NUMBERS, "rule", "chosen_model", "rejected_model", "chosen_role",
    "rejected_role", "chosen_id", "rejected_id", "prompt_id", "document_id", "uri", "rehearsal",
)


def message_type(*, tools: bool = True) -> pa.DataType:
    """One turn of a conversation; without `tools` in the narrow form that every trainer reads."""
    import pyarrow as pa

    narrow = [("role", pa.string()), ("content", pa.string())]
    if not tools:
        return pa.struct(narrow)
    calls = pa.list_(pa.struct([("id", pa.string()), ("name", pa.string()), ("arguments", pa.string())]))
    return pa.struct([*narrow, ("tool_calls", calls), ("name", pa.string()), ("tool_call_id", pa.string())])


def release_schema() -> pa.Schema:
    """The columns of `pairs.parquet`, whose rows are sorted by `pair_id`."""
    import pyarrow as pa

    messages, text, number = pa.list_(message_type()), pa.string(), pa.float64()
    types = dict.fromkeys(CONVERSATIONS, messages) | dict.fromkeys(_NUMBERS, number)
    types |= dict.fromkeys(_LISTS, pa.list_(text)) | {"rehearsal": pa.bool_()}
    scores = pa.struct([("name", text), ("chosen", number), ("rejected", number)])
    types |= {"aspect_scores": pa.list_(scores), "also_chosen": pa.list_(messages)}
    types |= {"weight": number, "curriculum_rank": pa.int64()}
    mixed = pa.struct([("name", text), ("negated", pa.bool_()), ("score", number)])
    holds = [("kind", text), ("text", text), ("principles", pa.list_(mixed)), ("dominant", text), ("draw", pa.int32())]
    holds += [("override", text), ("flipped", pa.bool_()), ("chosen_first", pa.bool_())]
    types |= {"condition": pa.struct(holds), "prompt_condition": pa.struct([("kind", text), ("id", text), ("text", text)])}
    types |= {"context": pa.list_(pa.struct([("role", text), ("text", text)]))}
    span = [("passage_id", text), ("start", pa.int64()), ("end", pa.int64()), ("heading", text)]
    types |= {"passages": pa.list_(pa.struct(span))}
    return pa.schema([(name, types.get(name, text)) for name in MEANINGS])


def votes_schema() -> pa.Schema:
    """The columns of `votes.parquet`, whose rows are sorted by `prompt_id` and `signal_id`."""
    import pyarrow as pa

    types = {"response_ids": pa.list_(pa.string()), "draw": pa.int32(), "abstained": pa.bool_()}
    types |= dict.fromkeys(("value", "probability"), pa.float64())
    return pa.schema([(name, types.get(name, pa.string())) for name in VOTES])


def export_schema() -> pa.Schema:
    """The columns of an exported split. None is called `margin`: trainers take that name into their loss."""
    import pyarrow as pa

    stored, messages = release_schema(), pa.list_(message_type(tools=False))
    narrow = dict.fromkeys(CONVERSATIONS, messages) | {"also_chosen": pa.list_(messages)}
    rest = [name for name in stored.names if name not in (*CONVERSATIONS, "split", *ORIGINS)]
    return pa.schema([(name, narrow.get(name, stored.field(name).type)) for name in (*CONVERSATIONS, *rest)])


def calls_tools(rows: pa.Table) -> pa.Array:
    """Where a conversation of a pair calls a tool or hears one, row by row."""
    import pyarrow as pa

    def has(messages: list[dict[str, Any]] | None) -> bool:
        return any(each["tool_calls"] or each["role"] == "tool" for each in messages or ())

    if not any(_mentions_tools(rows[name]) for name in CONVERSATIONS):
        return pa.array([False] * rows.num_rows)
    columns = [rows[name].to_pylist() for name in CONVERSATIONS]
    return pa.array([any(map(has, row)) for row in zip(*columns, strict=True)], pa.bool_())


def _mentions_tools(conversations: pa.ChunkedArray) -> bool:
    """Whether any turn of a column calls a tool or is one's."""
    import pyarrow.compute as pc

    turns = pc.list_flatten(conversations)
    heard = pc.any(pc.equal(pc.struct_field(turns, "role"), "tool")).as_py()
    return bool(heard or pc.any(pc.is_valid(pc.struct_field(turns, "tool_calls"))).as_py())


def check_rows(rows: pa.Table, after: str = "") -> None:
    """Raise `BuildError`, naming the first pair that breaks an invariant; `after` is the last id before `rows`.

    Checked: sorted by unique `pair_id`, nothing missing, a known split, one answer on each side that says something or
    calls a tool, the two answers different, a prompt that ends in a non-empty message, a finite `score_gap` above 0.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if rows.num_rows == 0:
        return
    rows = rows.combine_chunks()
    for name in REQUIRED:
        _refuse(rows, pc.is_null(rows[name]), f"has no `{name}`")
    ids = rows["pair_id"]
    previous = pa.concat_arrays([pa.array([after]), *ids.slice(0, len(ids) - 1).chunks])
    _refuse(rows, pc.less_equal(ids, previous), "is not sorted by `pair_id`, or is there twice")
    _refuse(rows, pc.invert(pc.is_in(rows["split"], pa.array(SPLITS))), f"is in none of the splits {', '.join(SPLITS)}")
    calls = {}
    for name in CONVERSATIONS:
        wanted = pc.greater_equal if name == "prompt" else pc.equal
        _refuse(rows, pc.invert(wanted(pc.list_value_length(rows[name]), 1)), f"has a `{name}` of another length")
        calls[name] = _ends_in_calls(rows[name])
        _refuse(rows, pc.and_(_is_blank(last_texts(rows[name])), pc.invert(calls[name])), f"has an empty `{name}`")
    for name in ("chosen", "rejected"):
        is_answer = pc.equal(last_texts(rows[name], "role"), "assistant")
        _refuse(rows, pc.invert(pc.fill_null(is_answer, False)), f"has a `{name}` that is no assistant message")
    same = pc.equal(last_texts(rows["chosen"]), last_texts(rows["rejected"]))
    _refuse(rows, pc.and_(same, pc.invert(_calls_differ(rows, calls))), "has chosen equal to rejected")
    gap = rows["score_gap"]
    _refuse(rows, pc.invert(pc.and_(pc.is_finite(gap), pc.greater(gap, 0))), "has a `score_gap` that is not above 0")


def last_texts(conversations: pa.ChunkedArray, field: str = "content") -> pa.Array:
    """One field of the last message of each conversation; each has at least one message."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = pa.concat_arrays(conversations.chunks)
    ends = pc.cumulative_sum(pc.cast(pc.list_value_length(column), pa.int64()))
    return pc.struct_field(column.flatten(), field).take(pc.subtract(ends, 1))


def _ends_in_calls(conversations: pa.ChunkedArray) -> pa.Array:
    """Where the last message of a conversation calls a tool: such a message needs no text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if conversations.type.value_type.get_field_index("tool_calls") < 0:
        return pa.array([False] * len(conversations))
    calls = last_texts(conversations, "tool_calls")
    return pc.fill_null(pc.greater(pc.list_value_length(calls), 0), False)


def _calls_differ(rows: pa.Table, calls: dict[str, pa.Array]) -> pa.Array:
    """Where the two answers call tools differently; few rows do, and Arrow does not compare lists."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pc.any(pc.or_(calls["chosen"], calls["rejected"])).as_py():
        return pa.array([False] * rows.num_rows)
    chosen, rejected = (last_texts(rows[name], "tool_calls").to_pylist() for name in ("chosen", "rejected"))
    return pa.array([one != other for one, other in zip(chosen, rejected, strict=True)], pa.bool_())


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
