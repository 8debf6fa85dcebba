"""Items as documents, so that they go through the ordinary ledger: those to audit a judge on, and those to import."""

from __future__ import annotations

import functools
import hashlib
import heapq
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pipeline.preferences.beside import with_what_is_beside
from pipeline.preferences.items import IMPORTED, MEDIA_TYPE, LabelledItem
from pipeline.preferences.layouts import LAYOUTS, Read, read_labelled
from pipeline.preferences.places import HUB_NAME
from pipeline.preferences.turns import Row
from pipeline.sources.item import Item, failed_item, identify_item
from pipeline.sources.text import make_document, tidy_licence
from schemas.fingerprints import canonical_json

MANIFEST = "manifest.json"
OWN = ("conversational", "implicit", "messages", "standard", "ranked", "unpaired")
"""What a folder holds that prefmill exported: of its layouts the first of these is read."""
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


def preference_items(place: str, layout: str | None = None, licence: str | None = None) -> Iterator[Item]:
    """The items of a place as documents of an import, each with all that its rows say; rows that are none say why when read.

    `licence` is that of all rows that do not state their own. Of a folder that prefmill exported, the default layout is
    read. Raises `SourceError` for a wrong request, at once.
    """
    named = HUB_NAME.fullmatch(place)
    finish = functools.partial(_imported, dataset=named["name"] if named else None)
    if (Path(place) / MANIFEST).is_file():
        place = str(next((folder for name in OWN if (folder := Path(place) / name).is_dir()), place))
    found = read_labelled(place, layout, finish)
    return (_as_item(read, IMPORTED, tidy_licence(read.licence) or tidy_licence(licence)) for read in found)


def _imported(item: LabelledItem, rows: Sequence[Row], dataset: str | None) -> LabelledItem:
    """An item with all that its rows say; of a set on the hub, under that set's name."""
    whole = with_what_is_beside(item, rows, LAYOUTS[item.dataset].columns)
    return whole.model_copy(update={"dataset": dataset}) if dataset else whole


def _as_item(read: Read, media_type: str = MEDIA_TYPE, licence: str | None = None) -> Item:
    if read.item is None:
        assert read.problem is not None
        digest = hashlib.sha256(
            canonical_json([read.problem.detail, read.basis]).encode("utf-8", "replace")
        ).hexdigest()
        return failed_item(read.uri, read.problem.reason, read.problem.detail, digest)
    text = _without_nul(read.item).text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    make = functools.partial(make_document, read.uri, text, media_type, title=read.item.item, licence=licence)
    return Item(read.uri, identify_item(media_type, digest), make, licence)


def _without_nul(item: LabelledItem) -> LabelledItem:
    """The item without the one character that no store holds; JSON hides it from `normalise_text`."""
    if "\\u0000" not in item.text:
        return item
    return LabelledItem.model_validate(_strip(item.model_dump()))


def _strip(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, dict):
        return {name: _strip(each) for name, each in value.items()}
    return [_strip(each) for each in value] if isinstance(value, list | tuple) else value
