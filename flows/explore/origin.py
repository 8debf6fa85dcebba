"""Where a row comes from, for the eye: the spans of its document with what stands around them, and what it has cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from warehouse.lineage import Node, Trace

AROUND = 400
"""So many characters of the document are shown on either side of a span."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A passage where it stands: `spans` are its text, each with whether it is the evidence."""

    passage_id: str
    heading: str
    start: int
    end: int
    before: str
    spans: list[tuple[bool, str]]
    after: str


@dataclass(frozen=True, slots=True)
class Origin:
    """The document of a row, and the passages that the row rests on."""

    document: dict[str, Any]
    excerpts: list[Excerpt]


def origin_of(traced: Trace) -> Origin | None:
    """The document and passages above a row; None for a row that has none."""
    above = [*traced.above, traced.node]
    documents = [node.row for node in above if node.table == "documents"]
    if not documents:
        return None
    evidence = next((node.row["evidence"] or "" for node in above if node.table == "prompts"), "")
    text = documents[0]["text"]
    passages = [node.row for node in above if node.table == "passages"]
    return Origin(documents[0], [_excerpt(passage, text, evidence) for passage in passages])


def _excerpt(passage: dict[str, Any], text: str, evidence: str) -> Excerpt:
    start, end = passage["start"], passage["end"]
    return Excerpt(
        passage["passage_id"],
        passage["heading"] or "",
        start,
        end,
        text[max(0, start - AROUND) : start],
        list(_marked(text[start:end], evidence)),
        text[end : end + AROUND],
    )


def _marked(text: str, evidence: str) -> Iterator[tuple[bool, str]]:
    """A text in spans, the evidence marked where it stands in it word for word."""
    at = text.find(evidence) if evidence else -1
    spans = [(False, text)] if at < 0 else [
        (False, text[:at]), (True, evidence), (False, text[at + len(evidence) :])
    ]  # fmt: skip
    yield from (span for span in spans if span[1])


def spent_on(traced: Trace) -> list[dict[str, Any]]:
    """What the units on the way to a row have cost, each unit once, in the order of the way."""
    signals: list[Node] = [node for node in traced.node.children if node.table == "signals"]
    seen: dict[tuple[str, str], dict[str, Any]] = {}
    for node in [*traced.above, *signals, traced.node]:
        if node.outcome:
            seen.setdefault((node.outcome["fingerprint"], node.outcome["unit_id"]), node.outcome)
    return list(seen.values())
