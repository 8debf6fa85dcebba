"""LLaMA-Factory 0.9.5: `data/converter.py` and `data/processor/pairwise.py`, with `ranking: true` in `dataset_info.json`.

A row that does not fit is emptied with a warning and dropped later; training goes on without it. The system text goes
to the template apart from the turns, and an empty one is replaced by the template's own (`data/template.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.trainers.seen import Messages, Refused, Row, Seen, column, plain, text

ASKS, ANSWERS = ("user", "observation"), ("assistant", "function")


def read_alpaca(row: Row) -> Seen:
    """`formatting: alpaca` with the columns `prompt`, `system`, `chosen` and `rejected`; all are text."""
    turns = ({"role": "user", "content": text(row, "prompt")},)
    chosen, rejected = (({"role": "assistant", "content": text(row, name)},) for name in ("chosen", "rejected"))
    return Seen((*_system(column(row, "system")), *turns), chosen, rejected)


def read_sharegpt(row: Row) -> Seen:
    """`formatting: sharegpt` with `messages` and the tags of the hub; the answers are one message each."""
    messages = column(row, "messages")
    system: Messages = ()
    if messages and messages[0]["role"] == "system":
        system, messages = _system(messages[0]["content"]), messages[1:]
    if len(messages) % 2 == 0 or not _takes_turns(messages):
        raise Refused("turns_out_of_order")
    answers = [column(row, name) for name in ("chosen", "rejected")]
    if any(not isinstance(answer, Mapping) or answer["role"] not in ANSWERS for answer in answers):
        # A list falls through to the branch for rows without a pair.
        raise Refused("not_messages")
    return Seen((*system, *plain(messages)), plain(answers[:1]), plain(answers[1:]))


def _takes_turns(messages: Sequence[Mapping[str, Any]]) -> bool:
    return all(message["role"] in (ASKS, ANSWERS)[turn % 2] for turn, message in enumerate(messages))


def _system(content: str | None) -> Messages:
    if content is None:
        return ()
    if content == "":
        raise Refused("empty_system_replaced")
    return ({"role": "system", "content": content},)
