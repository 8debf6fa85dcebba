"""Which columns of an evaluation set hold text that training data must not repeat.

Sets name their columns as they like. Known are the names below, also with a number or letter after them (`output_1`,
`response_b`), and every column that holds a conversation. Not taken are system turns, which many sets share, and what a
question is asked about (`context`, `passage`, `article`): it is public text more often than not, and a row that quotes
it has not seen the question.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

NAMES = """
question questions prompt prompts problem problem_statement instruction instructions input inputs query task text content
turns messages conversation conversations dialogue dialog history goal sol ctx sentence premise hypothesis stem claim
answer answers output outputs completion completions response responses solution solutions reference references target
targets gold canonical_solution best_answer correct_answer correct_answers incorrect_answers correct_response
incorrect_response final_answer rationale explanation choice choices option options ending endings distractor chosen rejected
"""
KNOWN = frozenset(NAMES.split())
NUMBERED = re.compile(r"[_ ]?(?:\d+|[abcd])$")
TURN_TEXTS = ("content", "value", "text")
TURN_ROLES = ("role", "from")
NO_TEXT = frozenset({"role", "from", "id", "ids", "label", "labels", "type", "name", "source", "start", "end"})


def is_known(column: str) -> bool:
    """Whether a column of this name is taken to hold text of the item."""
    name = column.strip().casefold()
    return name in KNOWN or NUMBERED.sub("", name) in KNOWN


def is_conversation(value: Any) -> bool:
    """Whether a value is a list of turns."""
    return isinstance(value, list | tuple) and bool(value) and all(map(_is_turn, value))


def texts_of(row: Mapping[str, Any], columns: Sequence[str] = ()) -> tuple[str, ...]:
    """The texts of a row, each once: of these columns, or of those that are known by their names."""
    taken = [row.get(name) for name in columns] if columns else [
        value for name, value in row.items() if is_known(name) or is_conversation(value)
    ]
    return tuple(dict.fromkeys(text for value in taken for text in _texts_in(value) if text.strip()))


def has_columns(row: Mapping[str, Any], columns: Sequence[str] = ()) -> bool:
    """Whether a row has one of these columns, or one that is known."""
    if columns:
        return any(name in row for name in columns)
    return any(is_known(name) or is_conversation(value) for name, value in row.items())


def _texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts_in(each)
    elif _is_turn(value):
        if not any(value.get(role) == "system" for role in TURN_ROLES):
            yield from _texts_in(next(value[name] for name in TURN_TEXTS if name in value))
    elif isinstance(value, Mapping):
        for name, each in value.items():
            if str(name).casefold() not in NO_TEXT:
                yield from _texts_in(each)


def _is_turn(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and any(isinstance(value.get(role), str) for role in TURN_ROLES)
        and any(name in value for name in TURN_TEXTS)
    )
