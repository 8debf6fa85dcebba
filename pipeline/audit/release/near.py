"""Prompts that are nearly the same and lie in two splits: what is trained on is then asked again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pipeline.audit.release.figures import Measured, share_of
from pipeline.extras import library
from pipeline.likeness.candidates import Forest
from pipeline.likeness.minhash import MinHash
from pipeline.likeness.sketches import Sketches, sketch
from pipeline.likeness.verify import Read, verified

NEEDED_FOR = "looking for near duplicates"
THRESHOLD = 0.8
"""The Jaccard index of sets of 5 characters in a row from which on two prompts are nearly the same."""


def cut_by_splits(
    texts: Iterable[Sequence[str]], ranks: Sequence[int], pairs: Sequence[int], read: Read
) -> Measured | None:
    """The share of held-out pairs whose prompt is nearly the same as one in a split before theirs; None without any.

    Prompts are numbered in the order of `ranks` (0 is `train`), `pairs` says how many pairs each has, `texts` gives all of
    them in batches in that order, and `read` those with given numbers. Two prompts are nearly the same from J = 0.8 on,
    directly or over other held-out prompts between them. Sketches are held (130 bytes a prompt), texts are not.
    """
    numpy = library("numpy", NEEDED_FOR, "dedup")
    library("numba", NEEDED_FOR, "dedup")
    rank, weight = numpy.asarray(ranks), numpy.asarray(pairs)
    held_out = int(weight[rank > 0].sum())
    if not held_out:
        return None
    spec = MinHash.at(THRESHOLD)
    parts = [sketch(batch, spec) for batch in texts]
    data = numpy.concatenate([part.data for part in parts])
    sizes = numpy.concatenate([part.sizes for part in parts])
    del parts
    known = int((rank == 0).sum())
    forest = Forest(len(rank))
    for _ in verified(
        Sketches(data[:known], sizes[:known]), Sketches(data[known:], sizes[known:]), spec, read, forest=forest
    ):
        pass
    roots = forest.roots()
    first = numpy.full(len(rank), rank.max())
    numpy.minimum.at(first, roots, rank)
    return share_of(int(weight[first[roots] < rank].sum()), held_out)
