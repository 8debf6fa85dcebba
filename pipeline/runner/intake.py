"""Take in the sources: every file and row found becomes a document, or an outcome that says why not."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.preferences.source import preference_items
from pipeline.runner.steps import Progress, StepReport
from pipeline.sources import Item, find_items, identify_document
from schemas.errors import SourceError, Stopped, Transient, Unanswerable
from schemas.fingerprints import identify
from schemas.rows import DocumentAnswer, Outcome
from warehouse.builds import now
from warehouse.ledger import Finished, Ledger
from warehouse.plan import EVERY_SHARD, Plan

KEY = "mine/read"
IDENTITY = {"strategy": KEY, "version": 1}
FINGERPRINT = identify("steps", IDENTITY)
AT_ONCE = 256
PREFERENCES = "preferences:"


@dataclass(frozen=True, slots=True)
class Sources:
    """What a build was pointed at: paths and `hf:` names, the column that holds the text, the licence of it all.

    A place that begins with `preferences:` holds preference data, in `layout` where columns do not tell it.
    """

    places: tuple[str, ...]
    text_column: str | None = None
    licence: str | None = None
    layout: str | None = None

    def find(self) -> Iterator[Item]:
        """Everything that is there to be read; raises `SourceError` for a wrong request, at once."""
        preferences = sorted({each for each in self.places if each.startswith(PREFERENCES)})
        texts = [each for each in self.places if not each.startswith(PREFERENCES)]
        found = [
            preference_items(place.removeprefix(PREFERENCES), self.layout, self.licence) for place in preferences
        ]
        if texts or not preferences:
            found.insert(0, find_items(texts, text_column=self.text_column, licence=self.licence))
        return itertools.chain.from_iterable(found)


async def take_in(
    sources: Sources,
    plan: Plan,
    ledger: Ledger,
    build_id: str,
    *,
    stopping: asyncio.Event,
    progress: Progress,
    limit: int | None = None,
) -> StepReport:
    """Read what no build has read yet; stops early once `limit` documents are there."""
    report = StepReport(KEY, EVERY_SHARD)
    items = sources.find()
    size = AT_ONCE if limit is None else min(limit, AT_ONCE)
    readable = 0
    while batch := await asyncio.to_thread(_next_batch, items, size):
        if stopping.is_set():
            raise Stopped("stopped while reading sources; run the same build again to go on")
        new = await plan.add_items([(item.uri, item.item_id, item.licence) for item in batch], FINGERPRINT)
        report.units += len(batch)
        report.pending += len(new)
        first_of_each = {item.item_id: item for item in reversed(batch) if item.item_id in new}
        finished = await asyncio.to_thread(_read_all, list(first_of_each.values())[::-1], build_id)
        await asyncio.gather(*(ledger.record(each) for each in finished))
        report.done += len(finished)
        report.deferred += len(first_of_each) - len(finished)
        progress(report)
        readable += len({item.item_id for item in batch} - new) + sum(each.outcome.status == "ok" for each in finished)
        if limit is not None and readable >= limit:
            break
    if report.units == 0:
        raise SourceError(f"nothing to read in {', '.join(sources.places)}; give files, folders or `hf:org/name`")
    return report


def _next_batch(items: Iterator[Item], size: int) -> Sequence[Item]:
    return list(itertools.islice(items, size))


def _read_all(items: Sequence[Item], build_id: str) -> list[Finished]:
    """Read items one after another, in the order they were found; one that changed under us stays pending."""
    return [finished for item in items if (finished := _read(item, build_id)) is not None]


def _read(item: Item, build_id: str) -> Finished | None:
    started = time.perf_counter()
    document: DocumentAnswer | None = None
    reason = detail = ""
    try:
        document = item.read()
    except Transient:
        return None
    except Unanswerable as problem:
        reason, detail = problem.reason, f"{item.uri}: {problem.detail}"
    document_id = identify_document(document) if document else None
    status: Any = "ok" if document else "none" if reason == "empty" else "failed"
    outcome = Outcome(
        fingerprint=FINGERPRINT,
        unit_id=item.item_id,
        step=KEY,
        subject_id=document_id or item.item_id,
        document_id=document_id,
        status=status,
        reason=reason,
        detail=detail,
        rows=int(document is not None),
        seconds=time.perf_counter() - started,
        build_id=build_id,
    )
    rows = []
    if document:
        rows.append(
            {
                "document_id": document_id,
                "unit_id": item.item_id,
                "fingerprint": FINGERPRINT,
                **document.model_dump(),
                "added_at": now(),
            }
        )
    return Finished(outcome, "documents", rows)
