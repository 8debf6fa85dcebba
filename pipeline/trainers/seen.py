"""What a trainer makes of a row before its tokenizer, and the names under which it fails to.

Every contract in `contracts/` is a function from a row of one layout to a `Seen`, or it raises `Refused`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]
Messages = tuple[dict[str, Any], ...]

REFUSALS = {
    "never_released": "a tie has no chosen side, and no release holds one",
    "left_out": "the layout leaves such rows out",
    "not_text": "it takes text alone, and would put a list into the text or stop",
    "not_messages": "it takes lists of messages alone, and stops at text",
    "missing_column": "it stops: a column that it reads is not in the layout",
    "no_prompt": "it would train on the answer without its prompt, and say nothing",
    "system_unread": "it does not read the column `system`: the instruction would be lost, and nothing said",
    "empty_system_replaced": "it takes an empty system turn for none, and a template may put its own in that place",
    "tool_calls_unread": "it reads `role` and `content` alone: calls of tools would be lost, and nothing said",
    "tools_unread": "it does not give the tools to the chat template: calls would be there, but not what they may call",
    "odd_turns": "it stops at a conversation with an odd number of turns, as one with a system turn has",
    "turns_out_of_order": "it takes turns by turns for a user's and an assistant's, and drops or misreads any others",
    "answer_in_template": "it cuts the answer out of the template at the first place where its text is found, "
    "which for an answer such as `user` is the wrong one",
    "more_than_two": "it stops at a row of more than two answers",
    "equal_ranks": "it stops where two answers have the same rank",
}
"""Why a row does not reach a trainer as it is, by the name that a test and the card give to it."""


class Refused(Exception):
    """A row does not reach the trainer as it is; `name` is one of `REFUSALS`.

    Raised alike where the trainer stops, where it drops the row, and where it would change it without a word.
    """

    def __init__(self, name: str) -> None:
        super().__init__(f"{name}: {REFUSALS[name]}")
        self.name = name


@dataclass(frozen=True, slots=True)
class Seen:
    """A pair as the trainer has it: messages where a chat template follows, text where none does.

    `prompt` does not hold the answers; a side that a row does not have, in an unpaired layout, is None.
    """

    prompt: Messages | str
    chosen: Messages | str | None
    rejected: Messages | str | None
    tools: str | None = None


Contract = Callable[[Row], Seen]


def whole(messages: Sequence[Mapping[str, Any]]) -> Messages:
    """Messages as a chat template reads them: a field without a value is as one that is not there."""
    return tuple({name: value for name, value in message.items() if value is not None} for message in messages)


def plain(messages: Sequence[Mapping[str, Any]]) -> Messages:
    """Messages for a trainer that keeps `role` and `content` alone; refuses calls of tools, which it would lose."""
    if any(message.get("tool_calls") or message.get("role") == "tool" for message in messages):
        raise Refused("tool_calls_unread")
    return tuple({"role": message["role"], "content": message["content"]} for message in messages)


def column(row: Row, name: str) -> Any:
    """A column that a trainer reads without asking whether it is there."""
    if name not in row:
        raise Refused("missing_column")
    return row[name]


def listed(row: Row, name: str) -> Sequence[Mapping[str, Any]]:
    """A column that has to hold messages."""
    value = column(row, name)
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise Refused("not_messages")
    return value


def text(row: Row, name: str) -> str:
    """A column that has to hold text."""
    value = column(row, name)
    if not isinstance(value, str):
        raise Refused("not_text")
    return value
