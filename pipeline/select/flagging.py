"""A row that stays although something was found in it: the findings become flags."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.strategy import Kept, Note, Nothing


def flagged(row_id: str, findings: Iterable[Nothing]) -> Kept:
    """The row with one note `flag/REASON` for each reason, whose text is the details of all findings that have it."""
    told: dict[str, list[str]] = {}
    for finding in findings:
        told.setdefault(finding.reason, []).append(finding.detail)
    return Kept(tuple(Note(row_id, f"flag/{reason}", 1.0, "; ".join(said)) for reason, said in told.items()))
