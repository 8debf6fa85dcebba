"""Labelled pairs of two answers as they are published: one function reads one row of one layout."""

from __future__ import annotations

from typing import Any

from pipeline.preferences.items import Label, LabelledItem, make_item
from pipeline.preferences.turns import Row, answer_of, malformed, one_answer, part, text_of, turns, word_of
from schemas.rows import Vote

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
        raise malformed(f"the label is {value!r}; known are {', '.join(WORDS)}")
    return WORDS[word]


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
    Hugging Face H4 way) is passed over, for they hold it. A `system` text is the first turn of a prompt without one.
    """
    chosen, rejected = row.get("chosen"), row.get("rejected")
    more = {"item": word_of(row, "id", "prompt_id"), "category": word_of(row, "category", "subset", "source")}
    models = [
        word_of(row, f"{side}_model", f"{side}-model", f"{side}_policy") or "unknown" for side in ("chosen", "rejected")
    ]
    if isinstance(chosen, str) and isinstance(rejected, str):
        if row.get("prompt") is None:
            raise malformed("it has texts for `chosen` and `rejected`, and no `prompt`")
        messages = turns(row["prompt"], "prompt")
        ends = [{"content": chosen}, {"content": rejected}]
    else:
        messages, ends = part(turns(chosen, "chosen"), turns(rejected, "rejected"))
        if row.get("prompt") is not None and not (isinstance(row["prompt"], str) and messages):
            messages = [*turns(row["prompt"], "prompt"), *messages]
    answers = [answer_of(end, model=model) for end, model in zip(ends, models, strict=True)]
    return best_first(with_system(row, messages), answers[0], answers[1], "preference", **more)


def with_system(row: Row, messages: list[Any]) -> list[Any]:
    """A conversation with what the `system` column says before it, unless it begins with such a turn."""
    said = row.get("system")
    if not isinstance(said, str) or not said.strip() or (messages[:1] and messages[0]["role"] == "system"):
        return messages
    return [{"role": "system", "content": said}, *messages]


def orca(row: Row) -> LabelledItem:
    """`question, chosen, rejected`, and `system` if there is one, as sets of the Orca family have them."""
    return preference({**row, "prompt": row.get("question")}).model_copy(update={"dataset": "orca"})


def messages(row: Row) -> LabelledItem:
    """`messages, chosen, rejected`: a conversation and one message for each side, as LLaMA-Factory and axolotl take them."""
    asked = turns(row.get("messages") or row.get("conversations"), "messages")
    chosen, rejected = (
        one_answer(row.get(side), side, model=word_of(row, f"{side}_model") or "unknown")
        for side in ("chosen", "rejected")
    )
    more = {"item": word_of(row, "id", "prompt_id"), "category": word_of(row, "category", "subset", "source")}
    return best_first(with_system(row, asked), chosen, rejected, "messages", **more)


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
        raise malformed("the two transcripts have no `Assistant:` in common")
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
