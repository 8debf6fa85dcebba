"""What rows hold, however it is written: words, texts, conversations, calls of tools."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from schemas.errors import Unanswerable
from schemas.fingerprints import canonical_json

Row = Mapping[str, Any]
SPEAKERS = {"human": "user", "gpt": "assistant", "function_call": "assistant", "observation": "tool"}
"""Who speaks, as ShareGPT writes it, where that is another word."""


def malformed(detail: str) -> Unanswerable:
    """Why a row is no item."""
    return Unanswerable("malformed_row", detail)


def text_of(row: Row, column: str) -> str:
    """The text of a column; raises `Unanswerable` where there is none."""
    value = row.get(column)
    if not isinstance(value, str):
        raise malformed(f"`{column}` holds {type(value).__name__}, not text")
    return value


def word_of(row: Row, *columns: str) -> str:
    """The first of these columns that says something, as text; or the empty text."""
    return next((str(row[column]) for column in columns if row.get(column) not in (None, "")), "")


def number_of(value: Any, column: str) -> float:
    """A finite number; raises `Unanswerable` for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value - value != 0:
        raise malformed(f"`{column}` holds {value!r}, not a number")
    return float(value)


def turns(value: Any, column: str) -> list[Any]:
    """A conversation: messages in the way of OpenAI or ShareGPT, a text as one turn of the user."""
    if isinstance(value, str):
        return [{"role": "user", "content": value}]
    if isinstance(value, list) and all(isinstance(turn, Mapping) for turn in value):
        return [turn_of(turn, column) for turn in value]
    raise malformed(f"`{column}` is neither a text nor a list of messages")


def turn_of(value: Any, column: str) -> dict[str, Any]:
    """One message; what it says not is left out."""
    if isinstance(value, Mapping) and {"from", "value"} <= set(value):
        value = {"role": SPEAKERS.get(value["from"], value["from"]), "content": value["value"]}
    if not isinstance(value, Mapping) or not {"role", "content"} <= set(value):
        raise malformed(f"`{column}` is neither a text nor a list of messages")
    turn = {"role": value["role"], "content": _content(value["content"], column)}
    if calls := value.get("tool_calls"):
        turn["tool_calls"] = [call_of(call, place, column) for place, call in enumerate(calls)]
    turn |= {name: value[name] for name in ("name", "tool_call_id") if value.get(name) is not None}
    return turn


def call_of(value: Any, place: int, column: str) -> dict[str, str]:
    """One call of a tool, of a nested function (OpenAI, TRL) or flat; its arguments become JSON text."""
    function = value.get("function") if isinstance(value, Mapping) else None
    given = function if isinstance(function, Mapping) else value
    if not isinstance(given, Mapping) or not isinstance(given.get("name"), str):
        raise malformed(f"`{column}` has a tool call without a function's name")
    arguments = given.get("arguments")
    if not isinstance(arguments, str):
        # Arrow gives all calls the keys of any of them: those that a call has not are null.
        said = {name: each for name, each in (arguments or {}).items() if each is not None}
        arguments = canonical_json(said)
    return {"id": str(value.get("id") or f"call_{place}"), "name": given["name"], "arguments": arguments}


def tools_of(value: Any) -> str | None:
    """The schemas of the tools of a row as one JSON list; None where there are none. They may be given as JSON text."""
    try:
        given = orjson.loads(value) if isinstance(value, str) and value.strip() else value
    except ValueError:
        raise malformed("`tools` is not JSON") from None
    if not given:
        return None
    if not isinstance(given, list) or not all(isinstance(each, Mapping) for each in given):
        raise malformed("`tools` is not a list of schemas")
    return value if isinstance(value, str) else canonical_json(given)


def part(chosen: Sequence[Any], rejected: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """What two conversations share, and the one message by which each of them goes on."""
    shared = 0
    while shared < min(len(chosen), len(rejected)) - 1 and chosen[shared] == rejected[shared]:
        shared += 1
    ends = [side[shared:] for side in (chosen, rejected)]
    if any(len(end) != 1 or end[0]["role"] != "assistant" for end in ends):
        raise malformed("`chosen` and `rejected` differ before their last answers")
    return list(chosen[:shared]), [end[0] for end in ends]


def answer_of(message: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """An assistant's message as the fields of an answer."""
    calls = {"tool_calls": message["tool_calls"]} if message.get("tool_calls") else {}
    return {"text": message["content"], **calls, **more}


def one_answer(value: Any, column: str, **more: Any) -> dict[str, Any]:
    """An answer: a text, a message, or a list of one message."""
    if isinstance(value, str):
        return {"text": value, **more}
    messages = [turn_of(value, column)] if isinstance(value, Mapping) else turns(value, column)
    if len(messages) != 1 or messages[0]["role"] != "assistant":
        raise malformed(f"`{column}` is not one answer")
    return answer_of(messages[0], **more)


def _content(value: Any, column: str) -> str:
    """The text of a message: a text, none beside tool calls, or parts that are texts."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(
        isinstance(each, Mapping) and isinstance(each.get("text"), str) for each in value
    ):
        return "".join(each["text"] for each in value)
    raise malformed(f"a message of `{column}` holds what is no text")
