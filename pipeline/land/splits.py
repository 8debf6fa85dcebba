"""Which side of a release a document is on: train, validation or test.

The side is a pure function of the document's id, the seed and the sizes. So adding documents never moves one that is
already there, in any process on any machine, and no two splits share a document.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping

from schemas.errors import nearest
from schemas.fingerprints import canonical_json

SPLITS = ("train", "validation", "test")
SUM_TOLERANCE = 1e-9


def assign_split(document_id: str, sizes: Mapping[str, float], seed: int) -> str:
    """The split of `document_id`; `sizes` are shares of documents, not of pairs.

    Give the id that stands for a cluster of near-duplicates to keep the whole cluster on one side.
    """
    point = _point(document_id, seed)
    present = [name for name in SPLITS if name in sizes]
    edge = 0.0
    for name in present[:-1]:
        edge += sizes[name]
        if point < edge:
            return name
    # The last one takes what is left: sizes that sum to 1 - 1e-16 must not leave a document without a side.
    return present[-1]


def check_sizes(sizes: Mapping[str, float]) -> None:
    """Raise `ValueError` with one sentence unless `sizes` name known splits, `train` among them, and share out 1."""
    for name, size in sizes.items():
        if name not in SPLITS:
            raise ValueError(f"`{name}` is not a split{nearest(name, SPLITS)}")
        if not 0 < size <= 1:
            raise ValueError(f"the split `{name}` has the size {size!r}; give a share above 0 and up to 1")
    if "train" not in sizes:
        raise ValueError("the split `train` is missing; add it, for example `{train: 0.9, test: 0.1}`")
    total = math.fsum(sizes.values())
    if abs(total - 1) > SUM_TOLERANCE:
        raise ValueError(f"the sizes of the splits sum to {total:g}; make them sum to 1")


def _point(document_id: str, seed: int) -> float:
    """A number in [0, 1), evenly spread over documents; 53 bits, because that many a float can hold exactly."""
    text = canonical_json(["split", seed, document_id])
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / 2**53
