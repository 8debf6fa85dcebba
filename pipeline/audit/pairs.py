"""Labelled pairs of two answers as they are published: one function reads one row of one layout."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.audit.items import Label, LabelledItem, make_item
from schemas.errors import Unanswerable
from schemas.rows import Vote

Row = Mapping[str, Any]
TURN = "\n\nAssistant:"
HUMAN = "\n\nHuman:"
WORDS: dict[str, Vote] = {
    "a": "a",
    "b": "b",
    "1": "a",
    "2": "b",
    "0": "tie",
    "a>b": "a",
    "b>a": "b",
    "a=b": "tie",
    "tie": "tie",
    "model_a": "a",
    "model_b": "b",
    "response_a": "a",
    "response_b": "b",
    "same": "tie",
    "both": "tie",
}
"""What labels of pairs say in the plain layout and elsewhere, in small letters."""


def read_vote(value: Any) -> Vote:
    """The vote that a label spells: a, b, 1, 2, 0, A>B, B>A, A=B, tie, model_a …; anything else is no label."""
    word = str(int(value) if isinstance(value, float) and value.is_integer() else value).strip().lower()
    if isinstance(value, bool) or word not in WORDS:
        raise Unanswerable("malformed_row", f"the label is {value!r}; known are {', '.join(WORDS)}")
    return WORDS[word]


def text_of(row: Row, column: str) -> str:
    """The text of a column; raises `Unanswerable` where there is none."""
    value = row.get(column)
    if not isinstance(value, str):
        raise Unanswerable("malformed_row", f"`{column}` holds {type(value).__name__}, not text")
    return value


def word_of(row: Row, *columns: str) -> str:
    """The first of these columns that says something, as text; or the empty text."""
    return next((str(row[column]) for column in columns if row.get(column) not in (None, "")), "")


def turns(value: Any, column: str) -> list[Any]:
    """A conversation: messages as they are, a text as one turn of the user."""
    if isinstance(value, str):
        return [{"role": "user", "content": value}]
    if isinstance(value, list) and all(
        isinstance(turn, Mapping) and {"role", "content"} <= set(turn) for turn in value
    ):
        return [{"role": turn["role"], "content": turn["content"]} for turn in value]
    raise Unanswerable("malformed_row", f"`{column}` is neither a text nor a list of messages")


def best_first(messages: list[Any], chosen: Any, rejected: Any, dataset: str, **more: Any) -> LabelledItem:
    """An item of two answers, the first of which is the better one."""
    return make_item(dataset, messages, [chosen, rejected], [Label(about=(0, 1), vote="a")], **more)


def llmbar(row: Row) -> LabelledItem:
    """LLMBar: `input, output_1, output_2, label` (1 or 2)."""
    answers = [{"text": text_of(row, f"output_{number}")} for number in (1, 2)]
    label = Label(about=(0, 1), vote=read_vote(row.get("label")))
    return make_item("llmbar", turns(row.get("input"), "input"), answers, [label], item=word_of(row, "id"))


def judgebench(row: Row) -> LabelledItem:
    """JudgeBench: `question, response_A, response_B, label` (`A>B` or `B>A`); its category is `source`."""
    model = word_of(row, "response_model") or "unknown"
    answers = [{"text": text_of(row, f"response_{side}"), "model": model} for side in "AB"]
    label = Label(about=(0, 1), vote=read_vote(row.get("label")))
    more = {"item": word_of(row, "pair_id"), "category": word_of(row, "source")}
    return make_item("judgebench", turns(row.get("question"), "question"), answers, [label], **more)


def rewardbench(row: Row) -> LabelledItem:
    """RewardBench 1: `prompt, chosen, chosen_model, rejected, rejected_model, subset, id`."""
    chosen, rejected = (
        {"text": text_of(row, side), "model": word_of(row, f"{side}_model") or "unknown"}
        for side in ("chosen", "rejected")
    )
    more = {"item": word_of(row, "id"), "category": word_of(row, "subset")}
    return best_first(turns(row.get("prompt"), "prompt"), chosen, rejected, "rewardbench", **more)


def plain_pair(row: Row) -> LabelledItem:
    """`prompt, response_a, response_b, label`, and if there are any `id`, `category`, `model_a`, `model_b`."""
    answers = [
        {"text": text_of(row, f"response_{side}"), "model": word_of(row, f"model_{side}") or "unknown"} for side in "ab"
    ]
    label = Label(about=(0, 1), vote=read_vote(row.get("label")))
    more = {"item": word_of(row, "id"), "category": word_of(row, "category", "subset", "source")}
    return make_item("plain_pair", turns(row.get("prompt"), "prompt"), answers, [label], **more)


def preference(row: Row) -> LabelledItem:
    """`prompt, chosen, rejected` as TRL takes them: texts, messages, or whole conversations; the prompt may be in both.

    A whole conversation on both sides is cut where they part; a `prompt` that is text beside whole conversations (the
    Hugging Face H4 way) is passed over, for they hold it.
    """
    chosen, rejected = row.get("chosen"), row.get("rejected")
    more = {"item": word_of(row, "id", "prompt_id"), "category": word_of(row, "category", "subset", "source")}
    models = [word_of(row, f"{side}_model", f"{side}-model") or "unknown" for side in ("chosen", "rejected")]
    if isinstance(chosen, str) and isinstance(rejected, str):
        if row.get("prompt") is None:
            raise Unanswerable("malformed_row", "it has texts for `chosen` and `rejected`, and no `prompt`")
        messages, sides = turns(row["prompt"], "prompt"), [chosen, rejected]
    else:
        messages, sides = _parted(turns(chosen, "chosen"), turns(rejected, "rejected"))
        if row.get("prompt") is not None and not (isinstance(row["prompt"], str) and messages):
            messages = [*turns(row["prompt"], "prompt"), *messages]
    answers = [{"text": text, "model": model} for text, model in zip(sides, models, strict=True)]
    return best_first(messages, answers[0], answers[1], "preference", **more)


def _parted(chosen: list[Any], rejected: list[Any]) -> tuple[list[Any], list[str]]:
    """What two conversations share, and the one answer by which each of them goes on."""
    shared = 0
    while shared < min(len(chosen), len(rejected)) - 1 and chosen[shared] == rejected[shared]:
        shared += 1
    ends = [side[shared:] for side in (chosen, rejected)]
    if any(len(end) != 1 or end[0]["role"] != "assistant" for end in ends):
        raise Unanswerable("malformed_row", "`chosen` and `rejected` differ before their last answers")
    return chosen[:shared], [end[0]["content"] for end in ends]


def hh(row: Row) -> LabelledItem:
    """hh-rlhf: two transcripts, parted at the last `Assistant:` that they have in common."""
    chosen, rejected = text_of(row, "chosen"), text_of(row, "rejected")
    common = 0
    for one, other in zip(chosen, rejected, strict=False):
        if one != other:
            break
        common += 1
    cut = chosen.rfind(TURN, 0, common)
    if cut < 0:
        raise Unanswerable("malformed_row", "the two transcripts have no `Assistant:` in common")
    messages = _transcript(chosen[:cut])
    answers = [{"text": side[cut + len(TURN) :].strip()} for side in (chosen, rejected)]
    return best_first(messages, answers[0], answers[1], "hh", category=word_of(row, "category", "subset"))


def _transcript(text: str) -> list[Any]:
    """The turns of a transcript up to the answer that is asked for."""
    messages = []
    for exchange in ("\n\n" + text.lstrip()).split(HUMAN)[1:]:
        asked, *answered = exchange.split(TURN)
        messages.append({"role": "user", "content": asked.strip()})
        messages += [{"role": "assistant", "content": each.strip()} for each in answered]
    return messages
