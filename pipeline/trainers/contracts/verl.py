"""verl 0.9.1: `verl/utils/dataset/rm_dataset.py` (`RMDataset`), the one place where it reads pairs.

Parquet files by their path, three columns of text, one behind the other with the end token and without a template.
"""

from __future__ import annotations

from pipeline.trainers.seen import Refused, Row, Seen, text


def read_pair(row: Row) -> Seen:
    """`prompt`, `chosen`, `rejected`; a longer pair than `max_length` is cut at its end."""
    prompt, chosen, rejected = (text(row, name) for name in ("prompt", "chosen", "rejected"))
    if row.get("system"):
        raise Refused("system_unread")
    return Seen(prompt, chosen, rejected)
