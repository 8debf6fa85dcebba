"""Licences by name: one spelling for each, the classes they fall under, and a policy on them.

What a licence of data or of a model's output allows is a question for a lawyer; this is bookkeeping.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Literal

Standing = Literal["allowed", "denied", "unknown"]
NOT_SAID = frozenset({"", "unknown", "other", "mixed", "none", "n-a", "see-card", "noassertion"})
"""What says that nobody knows which licence it is."""

_PERMISSIVE = (
    "apache-2.0 mit mit-0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear 0bsd isc zlib afl-3.0 artistic-2.0 bsl-1.0 ncsa "
    "postgresql ms-pl ecl-2.0 openmdw-1.0 openmdw-1.1 etalab-2.0 odc-by odc-by-1.0 c-uda cdla-permissive-1.0 "
    "cdla-permissive-2.0 cc0-1.0 cc0 unlicense pddl pddl-1.0 wtfpl public-domain"
)
_SHARE_ALIKE = "odbl odbl-1.0 gfdl lppl-1.3c ofl-1.1 cdla-sharing-1.0 osl-3.0 epl-1.0 epl-2.0 eupl-1.1 eupl-1.2 mpl-2.0"
_NON_COMMERCIAL = (
    "fair-noncommercial-research-license h-research intel-research apple-amlr deepfloyd-if-license impact-mr impact-lr"
)
_USE_RESTRICTED = (
    "openrail openrail++ bigscience-openrail-m creativeml-openrail-m bigscience-bloom-rail-1.0 bigcode-openrail-m llama2 "
    "llama3 llama3.1 llama3.2 llama3.3 llama4 gemma grok2-community apple-ascl qwen tongyi-qianwen"
)
CLASSES: dict[str, re.Pattern[str]] = {
    "permissive": re.compile("|".join(map(re.escape, _PERMISSIVE.split())) + r"|cc-by(?:-\d\.\d)?"),
    "share-alike": re.compile(
        "|".join(map(re.escape, _SHARE_ALIKE.split()))
        + r"|[al]?gpl(?:-\d(?:\.\d)?)?(?:-only|-or-later)?|lgpl-lr|cc-by-(?:nc-)?sa\b.*"
    ),
    "non-commercial": re.compile(
        "|".join(map(re.escape, _NON_COMMERCIAL.split())) + r"|cc-by-nc\b.*|.*non-?commercial.*|.*research-only.*"
    ),
    "no-derivatives": re.compile(r"cc-by-(?:nc-)?nd\b.*"),
    "use-restricted": re.compile("|".join(map(re.escape, _USE_RESTRICTED.split())) + r"|.*openrail.*|llama-?[\d.]+(?:-.*)?"),
}
"""What a recipe may allow or deny at once. `use-restricted` licences forbid some uses (RAIL), or ask for terms of their
own for what is made with the model's output (Llama, Gemma)."""


def slug(licence: str) -> str:
    """A licence as an identifier: `CC BY 4.0` is `cc-by-4.0`."""
    return re.sub(r"[^a-z0-9.+]+", "-", licence.casefold())[:80].strip("-.")


def classes_of(licence: str) -> frozenset[str]:
    """The classes of a licence given as an identifier; `cc-by-nc-sa-4.0` is in two, one that nobody knows in none."""
    return frozenset(name for name, pattern in CLASSES.items() if pattern.fullmatch(licence))


def of_output(model: str, outputs: Mapping[str, str]) -> str | None:
    """The licence that a model's output comes under: of the name given exactly, else of the longest pattern that fits."""
    fitting = [name for name in outputs if name == model or fnmatchcase(model, name)]
    return outputs[max(fitting, key=lambda name: (name == model, len(name), name))] if fitting else None


def check_names(names: Iterable[str]) -> None:
    """Raise `ValueError` for a name that is nearly that of a class: a policy must not fail for a slip of the pen."""
    for name in names:
        if not slug(name):
            raise ValueError(f"{name!r} names no licence")
        close = difflib.get_close_matches(slug(name), CLASSES, n=1, cutoff=0.8)
        if close and slug(name) not in CLASSES:
            raise ValueError(f"there is no class of licences {name!r}; did you mean `{close[0]}`?")


def standing(licence: str | None, allow: frozenset[str], deny: frozenset[str]) -> Standing:
    """How a licence stands with a policy of identifiers and classes.

    Denied is what is named in `deny` or is of a class in it. Where `allow` is given, allowed is only what it names, or
    what is of classes that are all in it. A licence of no known class is unknown to a policy that speaks of classes
    alone. `A or B` is as good as the better one, `A and B` or `A, B` as bad as the worse one.
    """
    choices = [each for each in re.split(r"\s+or\s+", licence or "", flags=re.IGNORECASE) if each.strip()]
    standings: list[Standing] = []
    for choice in choices:
        parts = [_of_one(slug(each), allow, deny) for each in re.split(r"\s+and\s+|[,;]", choice, flags=re.IGNORECASE)]
        standings.append("denied" if "denied" in parts else "unknown" if "unknown" in parts else "allowed")
    if not standings:
        return "unknown"
    return "allowed" if "allowed" in standings else "unknown" if "unknown" in standings else "denied"


def _of_one(licence: str, allow: frozenset[str], deny: frozenset[str]) -> Standing:
    classes = classes_of(licence)
    if licence in NOT_SAID:
        return "unknown"
    if licence in deny or (classes & deny and licence not in allow):
        return "denied"
    if licence in allow or (classes and classes <= allow):
        return "allowed"
    if not classes and (allow | deny) & set(CLASSES):
        return "unknown"
    return "denied" if allow else "allowed"
