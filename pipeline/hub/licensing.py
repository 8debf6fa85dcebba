"""Whether rows under several licences may be published together, as far as names of licences can tell.

Bookkeeping, not advice: what a licence asks for is read from its name (`pipeline.licence_names`). Four rules, in order.

1. Nothing under a licence that allows no derived works: a pair is one.
2. Rows that state no licence need somebody's word for it: the publisher's `--licence`.
3. Rows under permissive licences go with anything: each keeps its own in the column `licence`.
4. Rows under any other licence (share-alike, non-commercial, use-restricted, or one that nobody knows) go alone, or
   under a declared licence that gives them what they ask for: the same one, or, for a licence that is only
   non-commercial, another non-commercial one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.licence_names import NOT_SAID, classes_of, slug

PERMISSIVE = frozenset({"permissive"})


@dataclass(frozen=True, slots=True)
class Conflict:
    """The licences (as the rows state them) of the rows that must not go, why, and the way out."""

    licences: frozenset[str]
    why: str
    way_out: str


def find_conflict(rows: Mapping[str, int], declared: str | None = None) -> Conflict | None:
    """What forbids to publish so many rows under each licence ("": none stated), `declared` for the set; None if nothing."""
    terms = {licence: terms_of(licence) for licence, count in rows.items() if count}
    if fixed := _in_class(terms, "no-derivatives"):
        return Conflict(fixed, "whose licence allows no derived works", _step("deny: [no-derivatives]"))
    unstated = frozenset(licence for licence, names in terms.items() if names & NOT_SAID)
    if unstated and declared is None:
        way_out = f"say `--licence NAME` if you may publish them under it, or {_step('unknown: drop')}"
        return Conflict(unstated, "which state no licence", way_out)
    stated = {licence: names for licence, names in terms.items() if licence not in unstated}
    bound = {licence: names for licence, names in stated.items() if any(_is_bound(name) for name in names)}
    distinct = set(stated.values())
    if not bound or (declared is None and len(distinct) == 1):
        return None
    if declared is None:
        way_out = f"declare a `--licence` that gives them what they ask for, or {_step('allow: [permissive]')}"
        return Conflict(frozenset(bound), f"which must not simply be mixed with others ({_told(rows)})", way_out)
    unmet = frozenset(
        licence for licence, names in bound.items() if not all(_is_met(name, slug(declared)) for name in names)
    )
    way_out = f"declare the licence that they ask for, or {_step('allow: [permissive]')}"
    return Conflict(unmet, f"which cannot be published under {declared!r}", way_out) if unmet else None


def terms_of(licence: str) -> frozenset[str]:
    """The identifiers whose terms all hold; of `A or B` those of the choice that binds least."""
    choices = [
        frozenset(slug(name) for name in re.split(r"\s+and\s+|[,;]", choice, flags=re.IGNORECASE) if slug(name))
        or frozenset({""})
        for choice in re.split(r"\s+or\s+", licence, flags=re.IGNORECASE)
    ]
    return min(choices, key=lambda names: (sum(map(_is_bound, names)), sorted(names)))


def _is_bound(name: str) -> bool:
    """Whether a licence asks for more than to be named."""
    return classes_of(name) != PERMISSIVE


def _is_met(name: str, declared: str) -> bool:
    """Whether a set under `declared` gives the rows under `name` what they ask for."""
    if not _is_bound(name) or name == declared:
        return True
    return classes_of(name) == {"non-commercial"} and "non-commercial" in classes_of(declared)


def _in_class(terms: Mapping[str, frozenset[str]], wanted: str) -> frozenset[str]:
    return frozenset(licence for licence, names in terms.items() if any(wanted in classes_of(name) for name in names))


def _step(parameter: str) -> str:
    return f"leave them out with the step `select/licences` ({parameter})"


def _told(rows: Mapping[str, int]) -> str:
    """The licences with their rows, the most frequent first."""
    most = sorted(rows.items(), key=lambda row: (-row[1], row[0]))
    told = [f"{count:,} under {licence or 'none'}" for licence, count in most[:5]]
    return ", ".join(told) + (", …" if len(most) > 5 else "")
