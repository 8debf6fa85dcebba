"""Mark pairs that ask the same, so that no split parts them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter
from typing import ClassVar

from pydantic import ConfigDict

from pipeline.strategy import Note, Rows
from schemas.columns import Sifted


@dataclass(frozen=True, slots=True)
class SamePrompts:
    """Pairs with the same prompt become a cluster that no split may cut, whichever documents they are from.

    Published sets have many rows with one prompt, and each row is a document: dealt out by document alone, a prompt would
    be trained on and tested on. All turns count; white space at the ends and runs of it do not. No row leaves.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    of: ClassVar[Sifted] = "pairs"

    def sift(self, rows: Rows) -> Iterator[Note]:
        """A note for each pair whose prompt another pair has too, with the smallest id among them."""
        alike = itertools.chain.from_iterable(rows.repeated("prompt_key", "id"))
        for _, group in itertools.groupby(alike, key=itemgetter(0)):
            ids = sorted(row_id for _, row_id in group)
            yield from (Note(row_id, "cluster/same_prompts", text=ids[0]) for row_id in ids)
