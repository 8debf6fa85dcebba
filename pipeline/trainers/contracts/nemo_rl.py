"""NeMo-RL at 7ea279a (2026-08-22): `nemo_rl/data/datasets/preference_datasets/` and `nemo_rl/data/processors.py`.

`preference_preprocessor` takes two answers, the lower rank being the better one. The chat template gets no tools.
"""

from __future__ import annotations

from pipeline.trainers.seen import Refused, Row, Seen, column, listed, text, whole


def read_binary(row: Row) -> Seen:
    """`BinaryPreferenceDataset`: a prompt and two answers; an answer that is no text becomes the content as it is."""
    prompt = column(row, "prompt")
    system = row.get("system")
    if system is not None:
        raise Refused("system_unread" if system else "empty_system_replaced")
    turns = whole([{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt)
    chosen, rejected = (({"role": "assistant", "content": text(row, name)},) for name in ("chosen", "rejected"))
    return Seen(turns, chosen, rejected)


def read_ranked(row: Row) -> Seen:
    """`PreferenceDataset`: `context` and `completions`, each with a `rank` from 0 for the best."""
    context, completions = listed(row, "context"), listed(row, "completions")
    if len(completions) != 2:
        raise Refused("more_than_two")
    if completions[0]["rank"] == completions[1]["rank"]:
        raise Refused("equal_ranks")
    better, worse = sorted(completions, key=lambda completion: int(completion["rank"]))
    turns = [*context, *better["completion"], *worse["completion"]]
    if any(message.get("tool_calls") for message in turns):
        raise Refused("tools_unread")
    return Seen(whole(context), whole(better["completion"]), whole(worse["completion"]))
