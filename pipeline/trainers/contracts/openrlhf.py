"""OpenRLHF 0.11.2: `openrlhf/datasets/reward_dataset.py` (`preprocess_data`), for reward models and DPO.

The chat template gets the messages as they are, but no tools; line breaks at the end of an answer are cut off. A column
`margin` would go into the loss. Data are loaded by `load_dataset(repo, data_dir=…)`: no configuration can be named, so
`conversational` has to be the default one, and another layout is reached as `repo@layout`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.trainers.seen import Refused, Row, Seen, listed, whole


def read_prompted(row: Row) -> Seen:
    """`--data.apply_chat_template --data.prompt_key prompt`: three lists of messages, the last two behind the first."""
    prompt, chosen, rejected = (listed(row, name) for name in ("prompt", "chosen", "rejected"))
    _check_tools(prompt, chosen, rejected)
    return Seen(whole(prompt), whole(chosen), whole(rejected))


def read_implicit(row: Row) -> Seen:
    """`--data.apply_chat_template` alone: `chosen` and `rejected` are whole conversations, and `prompt` is not read."""
    chosen, rejected = listed(row, "chosen"), listed(row, "rejected")
    if len(chosen) < 2:
        raise Refused("no_prompt")
    _check_tools(chosen, rejected)
    return Seen(whole(chosen[:-1]), whole(chosen[-1:]), whole(rejected[-1:]))


def _check_tools(*conversations: Sequence[Mapping[str, Any]]) -> None:
    if any(message.get("tool_calls") for messages in conversations for message in messages):
        raise Refused("tools_unread")
