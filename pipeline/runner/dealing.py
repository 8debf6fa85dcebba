"""Deal the documents of a release out to its splits: by cluster, and never to another side than they have had.

A document's side is a hash (`pipeline.land.splits`), so that new documents move no old one. Clusters ask for more: what is
alike must be on one side, that of the member that landed first. When two documents that were released on different sides turn
out to be alike, nothing keeps both rules; then those that are not on the side of the first are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.land.release import Release
from pipeline.likeness.clusters import components
from schemas.fingerprints import canonical_json
from warehouse.releases import clusters_of_scope, documents_of_pairs, landed_in, sides_so_far
from warehouse.store import Store

SPLIT_CONFLICT = "split_conflict"
"""Why a pair is left out: its document is alike to one that was released on another side."""


@dataclass(frozen=True, slots=True)
class Dealt:
    """The split of each document, and the documents that could have none."""

    splits: Mapping[str, str]
    left_out: frozenset[str]


def describe(strategy: Release) -> str:
    """How documents are dealt out, as text: other sizes or another seed deal anew."""
    return canonical_json({"splits": strategy.splits, "seed": strategy.seed})


async def deal(store: Store, recipe: str, strategy: Release) -> Dealt:
    """The sides of all documents with pairs in scope."""
    documents = await documents_of_pairs(store)
    clusters = await clusters_of_scope(store)
    alike = {document for document, _ in clusters}
    groups = [[each for each in group if each in alike] for group in components(clusters)]
    landed = await landed_in(store, sorted(alike)) if alike else {}
    so_far = await sides_so_far(store, recipe, describe(strategy))
    return share_out(documents, groups, landed, so_far, strategy)


def share_out(
    documents: Sequence[str],
    groups: Sequence[Sequence[str]],
    landed: Mapping[str, int],
    so_far: Mapping[str, str],
    strategy: Release,
) -> Dealt:
    """The side of each of `documents`: that which it has had, else that of its group, else that of its own hash.

    `groups` are documents that are alike, `landed` the builds that first read them, `so_far` the sides of earlier releases.
    """
    wanted = set(documents)
    splits: dict[str, str] = {}
    left_out: set[str] = set()
    for group in groups:
        order = sorted(group, key=lambda each: (landed.get(each, 0), each))
        first = next((each for each in order if each in so_far), order[0])
        side = so_far.get(first) or strategy.split(first)
        for each in order:
            if so_far.get(each, side) == side:
                splits[each] = side
            else:
                left_out.add(each)
    for each in documents:
        if each not in splits and each not in left_out:
            splits[each] = so_far.get(each) or strategy.split(each)
    return Dealt({each: side for each, side in splits.items() if each in wanted}, frozenset(left_out & wanted))
