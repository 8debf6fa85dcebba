"""axolotl 0.19.0: `prompt_strategies/dpo/chat_template.py` (`default`, `argilla_chat`) and `orpo/chat_template.py`.

DPO renders each answer behind a stand-in user turn, and cuts the result at the first place where the text of the answer
is found; a short answer may be found in the template's own words. ORPO (`argilla`) takes the turns by turns for a
user's and an assistant's whatever their roles are, and asserts that their number is even.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.trainers.seen import Messages, Refused, Row, Seen, column, listed, plain

# What stands before an answer when ChatML renders it; every common template says the names of the two roles.
BEFORE_ANSWER = "<|im_start|>user\n[[dummy_message]]<|im_end|>\n<|im_start|>assistant\n"


def read_default(row: Row) -> Seen:
    """DPO, `type: chat_template.default` with `field_messages: prompt`."""
    return _read_default(row, "prompt")


def read_default_messages(row: Row) -> Seen:
    """DPO, `type: chat_template.default` as it comes."""
    return _read_default(row, "messages")


def _read_default(row: Row, field_messages: str) -> Seen:
    messages = column(row, field_messages)
    prompt = [{"role": "user", "content": messages}] if isinstance(messages, str) else messages
    return Seen(plain(prompt), _cut(_answer(row, "chosen")), _cut(_answer(row, "rejected")))


def _answer(row: Row, field: str) -> Mapping[str, Any]:
    """One answer: text, a message, or the last of several messages."""
    value = column(row, field)
    if isinstance(value, str):
        return {"role": "assistant", "content": value}
    last: Mapping[str, Any] = value if isinstance(value, Mapping) else value[-1]
    return last


def read_argilla_chat(row: Row) -> Seen:
    """DPO, `type: chat_template.argilla_chat`: the prompt is all of `chosen` but its last turn."""
    chosen, rejected = listed(row, "chosen"), listed(row, "rejected")
    _check_prompt(chosen)
    return Seen(plain(chosen[:-1]), _cut(chosen[-1]), _cut(rejected[-1]))


def read_orpo(row: Row) -> Seen:
    """ORPO, `type: chat_template.argilla`, where there is no column `prompt`."""
    chosen, rejected = listed(row, "chosen"), listed(row, "rejected")
    _check_prompt(chosen)
    if len(chosen) % 2:
        raise Refused("odd_turns")
    if any(message["role"] != ("user", "assistant")[turn % 2] for turn, message in enumerate(chosen)):
        raise Refused("turns_out_of_order")
    return Seen(plain(chosen[:-1]), plain(chosen[-1:]), plain(rejected[-1:]))


def _check_prompt(conversation: Sequence[Mapping[str, Any]]) -> None:
    """Refuse an answer alone, as `conversational` has it: the prompt would be empty."""
    if len(conversation) < 2:
        raise Refused("no_prompt")


def _cut(message: Mapping[str, Any]) -> Messages:
    """The answer as it is cut out of the rendered template; white space at its end is cut off as well."""
    (answer,) = plain([message])
    if answer["content"] in BEFORE_ANSWER:
        raise Refused("answer_in_template")
    return ({"role": answer["role"], "content": answer["content"].rstrip()},)
