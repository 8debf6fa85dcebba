"""Whether rows under several licences may be published together, as far as names of licences can tell.

Bookkeeping, not advice: what a licence asks for is read from its name (`pipeline.licence_names`). A row is under the
licence of its document, and under those of its answers where the recipe states them. Four rules, in order.

1. Nothing under a licence that allows no derived works: a pair is one.
2. Rows of documents that state no licence need somebody's word for it: the publisher's `--licence`.
3. Permissive licences go with anything: each row keeps its own in the column `licence`.
4. Any other licence (share-alike, non-commercial, use-restricted, or one that nobody knows) goes alone: all documents
   are under it, and no answer is under another such one. Else it takes a declared licence that gives each what it asks
   for: the same one, or, for a licence that is only non-commercial, another non-commercial one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.licence_names import NOT_SAID, classes_of, slug

PERMISSIVE = frozenset({"permissive"})
Row = tuple[str, ...]
"""The licences of one row as they are stated: of its document ("": none), then of its answers."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """The rows that must not go, the licences that say so, why, and the way out."""

    rows: frozenset[Row]
    licences: tuple[str, ...]
    why: str
    way_out: str


def find_conflict(rows: Mapping[Row, int], declared: str | None = None) -> Conflict | None:
    """What forbids to publish so many rows under each of these licences, `declared` for the set; None if nothing does."""
    there = frozenset(row for row, count in rows.items() if count)
    derived = {
        name for row in there for name in row if any("no-derivatives" in classes_of(term) for term in terms_of(name))
    }
    if derived:
        return _conflict(there, derived, "whose licence allows no derived works", _step("deny: [no-derivatives]"))
    unstated = frozenset(row for row in there if terms_of(row[0]) & NOT_SAID)
    if unstated and declared is None:
        way_out = f"say `--licence NAME` if you may publish them under it, or {_step('unknown: drop')}"
        return Conflict(unstated, (), "which state no licence", way_out)
    bound = {name for row in there for name in row if not terms_of(name) & NOT_SAID and _asks(name)}
    if declared is not None:
        unmet = {name for name in bound if not all(_is_met(term, slug(declared)) for term in terms_of(name))}
        way_out = f"declare the licence that they ask for, or {_step('allow: [permissive]')}"
        return _conflict(there, unmet, f"which cannot be published under {declared!r}", way_out) if unmet else None
    alone = {terms_of(row[0]) for row in there}
    if not bound or (len(alone) == 1 and {terms_of(name) for name in bound} == alone):
        return None
    way_out = f"declare a `--licence` that gives them what they ask for, or {_step('allow: [permissive]')}"
    return _conflict(there, bound, f"which must not simply be mixed with others ({_told(rows)})", way_out)


def terms_of(licence: str) -> frozenset[str]:
    """The identifiers whose terms all hold; of `A or B` those of the choice that binds least."""
    choices = [
        frozenset(slug(name) for name in re.split(r"\s+and\s+|[,;]", choice, flags=re.IGNORECASE) if slug(name))
        or frozenset({""})
        for choice in re.split(r"\s+or\s+", licence, flags=re.IGNORECASE)
    ]
    return min(choices, key=lambda names: (sum(classes_of(name) != PERMISSIVE for name in names), sorted(names)))


def _asks(licence: str) -> bool:
    """Whether a licence asks for more than to be named."""
    return any(classes_of(term) != PERMISSIVE for term in terms_of(licence))


def _is_met(term: str, declared: str) -> bool:
    """Whether a set under `declared` gives the rows under `term` what they ask for."""
    if classes_of(term) == PERMISSIVE or term == declared:
        return True
    return classes_of(term) == {"non-commercial"} and "non-commercial" in classes_of(declared)


def _conflict(rows: frozenset[Row], licences: set[str], why: str, way_out: str) -> Conflict:
    """The conflict of those rows that have one of these licences."""
    return Conflict(frozenset(row for row in rows if licences & {*row}), tuple(sorted(licences)), why, way_out)


def _step(parameter: str) -> str:
    return f"leave them out with the step `select/licences` ({parameter})"


def _told(rows: Mapping[Row, int]) -> str:
    """The licences with their rows, the most frequent first."""
    most = sorted(rows.items(), key=lambda row: (-row[1], row[0]))
    told = [f"{count:,} under {' and '.join(dict.fromkeys(row)) or 'none'}" for row, count in most[:5]]
    return ", ".join(told) + (", …" if len(most) > 5 else "")
