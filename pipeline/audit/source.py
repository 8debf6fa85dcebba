"""Labelled items as documents, so that a judge is run over them through the ordinary ledger."""

from __future__ import annotations

import functools
import hashlib
import heapq
from collections.abc import Iterator

from pipeline.audit.items import MEDIA_TYPE
from pipeline.audit.layouts import Read, read_labelled
from pipeline.sources.item import Item, failed_item, identify_item
from pipeline.sources.text import make_document
from schemas.fingerprints import canonical_json

SLACK = 64
"""How many more items than needed are held before the rest is let go."""


def labelled_items(place: str, layout: str | None = None, limit: int | None = None) -> Iterator[Item]:
    """The items of a place as things to be read into documents; a row that is no item says why when it is read.

    `limit` takes so many items, spread over the whole place by a hash of what they say: a larger limit takes the same
    and others, so nothing is judged again. Raises `SourceError` for a wrong request, at once.
    """
    found = read_labelled(place, layout)
    if limit is None:
        return map(_as_item, found)
    return _few(found, limit)


def _few(found: Iterator[Read], limit: int) -> Iterator[Item]:
    """Every row that is no item, and then the items with the smallest ids, each once."""
    good: dict[str, Item] = {}
    for read in found:
        item = _as_item(read)
        if read.item is None:
            yield item
            continue
        good.setdefault(item.item_id, item)
        if len(good) >= 2 * limit + SLACK:
            good = {each: good[each] for each in heapq.nsmallest(limit, good)}
    yield from (good[each] for each in heapq.nsmallest(limit, good))


def _as_item(read: Read) -> Item:
    if read.item is None:
        assert read.problem is not None
        digest = hashlib.sha256(
            canonical_json([read.problem.detail, read.basis]).encode("utf-8", "replace")
        ).hexdigest()
        return failed_item(read.uri, read.problem.reason, read.problem.detail, digest)
    text = read.item.text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    make = functools.partial(make_document, read.uri, text, MEDIA_TYPE, title=read.item.item, licence=None)
    return Item(read.uri, identify_item(MEDIA_TYPE, digest), make)
