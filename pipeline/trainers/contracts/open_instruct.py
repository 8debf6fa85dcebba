"""open-instruct at e6c3044 (2026-08-20): `open_instruct/dataset_transformation.py`, `preference_tulu_tokenize…`.

Both columns are whole conversations, given to the chat template with no tools. A dataset of the hub is loaded without
the name of a configuration, so another layout than the default one is read from a Parquet file. RewardBench at 05a9005
(`rewardbench/utils.py`, `load_and_process_dataset`) takes the same rows, from a folder.
"""

from __future__ import annotations

from pipeline.trainers.seen import Refused, Row, Seen, listed, whole


def read_pair(row: Row) -> Seen:
    """`chosen` and `rejected`, which differ in their last turn alone."""
    chosen, rejected = listed(row, "chosen"), listed(row, "rejected")
    if len(chosen) < 2:
        raise Refused("no_prompt")
    if any(message.get("tool_calls") for message in [*chosen, *rejected]):
        raise Refused("tools_unread")
    return Seen(whole(chosen[:-1]), whole(chosen[-1:]), whole(rejected[-1:]))
