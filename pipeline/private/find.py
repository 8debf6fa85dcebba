"""Find private data and secrets in a text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from pipeline.private import numbers, secrets
from pipeline.private.kinds import Kind, Span, masked

RULES = 1
"""The version of all detectors and their checks; `select/private_data` answers otherwise when it is raised."""

_EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+'/=-])[A-Za-z0-9](?:[A-Za-z0-9._%+'-]{0,62}[A-Za-z0-9_+-])?"
    r"@((?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}[A-Za-z]{2,24})(?![A-Za-z0-9_@-])"
)
# Set aside for manuals and tests by RFC 2606 and RFC 6761.
_NOBODYS = re.compile(r"(?:^|\.)(?:example\.(?:com|org|net|edu)|example|test|invalid|localhost|local)$", re.IGNORECASE)
_IN_URL = re.compile(r"://[^\s/:@]{0,100}:$")
_FILE = re.compile(r"\.(?:png|jpe?g|gif|svg|webp|avif|ico|bmp|tiff?|css|s?html?|m?js|ts|json|py|md|txt|pdf|zip)$", re.I)


def emails(text: str) -> Iterator[Span]:
    """Addresses of electronic mail; those of documentation, of `git@` over SSH, passwords in URLs and names of files are none."""
    for match in _EMAIL.finditer(text):
        domain = match.group(1)
        is_shell = match.group().startswith("git@") and text[match.end() : match.end() + 1] in (":", "/")
        is_password = _IN_URL.search(text[max(0, match.start() - 110) : match.start()])
        if not (is_shell or is_password or _NOBODYS.search(domain) or _FILE.search(domain)):
            yield Span(match.start(), match.end(), "email")


# Each kind with what a text must hold for its pattern to be tried at all: most texts hold none of it.
DETECTORS: dict[Kind, tuple[re.Pattern[str], Callable[[str], Iterable[Span]]]] = {
    "private_key": (re.compile("PRIVATE KEY"), secrets.private_keys),
    "jwt": (re.compile("eyJ"), secrets.tokens),
    "api_key": (secrets.PREFIXES, secrets.api_keys),
    "bearer": (re.compile("earer"), secrets.bearers),
    "password": (re.compile("://|(?i:pass|secret|token|key|credential)"), secrets.passwords),
    "email": (re.compile("@"), emails),
    "iban": (re.compile(r"[A-Z]{2}\d{2}"), numbers.ibans),
    "card": (re.compile(r"\d{4}[ -]?\d{4}"), numbers.cards),
    "ssn": (re.compile(r"\d-\d\d-\d"), numbers.ssns),
    "phone": (re.compile(r"\+\d"), numbers.phones),
    "ip": (re.compile(r"\d\.\d|[0-9a-fA-F]:[0-9a-fA-F:]"), numbers.addresses),
}
"""In the order in which a stretch that two of them find is called after the first."""
_RANKS: dict[str, int] = {kind: rank for rank, kind in enumerate(DETECTORS)}


def find(text: str, kinds: Iterable[Kind]) -> list[Span]:
    """The stretches of these kinds, in order; those that overlap are one, of the kind that `DETECTORS` names first."""
    wanted = set(kinds)
    found: list[Span] = []
    for kind, (hint, detect) in DETECTORS.items():
        if kind in wanted and hint.search(text):
            found += detect(text)
    return merged(found, _RANKS)


def merged(spans: Iterable[Span], ranks: Mapping[str, int]) -> list[Span]:
    """Spans in order, those that overlap as one; of their kinds the one of the smallest rank stands."""
    kept: list[Span] = []
    for span in sorted(spans):
        if kept and span.start < kept[-1].end:
            last = kept.pop()
            kind = min(last.kind, span.kind, key=lambda each: (ranks.get(each, len(ranks)), each))
            kept.append(Span(last.start, max(last.end, span.end), kind))
        else:
            kept.append(span)
    return kept


def mask(text: str, detect: Callable[[str], list[Span]]) -> str:
    """The text with a placeholder for all that `detect` finds, until it finds nothing: a masked text stays as it is.

    More than once, because what stands beside a masked stretch may only then be seen for what it is.
    """
    for _ in range(len(text)):
        spans = detect(text)
        if not spans:
            break
        text = masked(text, spans)
    return text
