"""What can be learnt of pairs without reading them for sense, counted while the rows pass: length, lists, phrases.

The names and meanings are those of the audit of a release (`pipeline.audit.release.catalogue`); the finer figures, those with
a threshold or a fit, are measured by `prefmill audit`.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pipeline.audit.phrases import PHRASES
from pipeline.land.facts import ShareFact

if TYPE_CHECKING:
    import pyarrow as pa

OPENING = 300
"""A refusal is looked for in so many characters from the start: later on, "I cannot" is mostly about something else."""
LIST_ITEM = r"(?m)^[ \t]*(?:[-*+]|\d+[.)])[ \t]"
SIDES = ("chosen", "rejected")


class Shortcuts:
    """Counts over answers, given as columns of text of one length."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def add(self, chosen: pa.Array, rejected: pa.Array) -> None:
        """Count so many pairs more."""
        import pyarrow.compute as pc

        lengths = {side: pc.utf8_length(texts) for side, texts in zip(SIDES, (chosen, rejected), strict=True)}
        lists = {side: _holds(texts, LIST_ITEM) for side, texts in zip(SIDES, (chosen, rejected), strict=True)}
        self._count("pairs", pc.is_valid(chosen))
        self._count("longer", pc.greater(lengths["chosen"], lengths["rejected"]))
        self._count("unequal", pc.not_equal(lengths["chosen"], lengths["rejected"]))
        self._count("one_list", pc.xor(lists["chosen"], lists["rejected"]))
        self._count("chosen_list", pc.and_(lists["chosen"], pc.invert(lists["rejected"])))
        for side, texts in zip(SIDES, (chosen, rejected), strict=True):
            opening = pc.utf8_slice_codeunits(texts, 0, OPENING)
            self._count(f"refusal_share_{side}", _holds(opening, PHRASES["refusal"]))
            self._count(f"identity_share_{side}", _holds(texts, PHRASES["identity"]))

    def totals(self) -> dict[str, ShareFact]:
        """Each figure as a part of how many; those without a case are missing."""
        counts = self._counts
        shares = {
            "longer_chosen": ShareFact(part=counts["longer"], n=counts["unequal"]),
            "lists_chosen": ShareFact(part=counts["chosen_list"], n=counts["one_list"]),
        }
        for name in (f"{kind}_share_{side}" for kind in ("refusal", "identity") for side in SIDES):
            shares[name] = ShareFact(part=counts[name], n=counts["pairs"])
        return {name: share for name, share in shares.items() if share.n}

    def _count(self, name: str, marks: pa.Array) -> None:
        import pyarrow.compute as pc

        self._counts[name] += pc.sum(marks).as_py() or 0


def _holds(texts: pa.Array, pattern: str) -> pa.Array:
    import pyarrow.compute as pc

    return pc.match_substring_regex(texts, pattern)
