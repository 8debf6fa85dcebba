"""Keys, tokens and passwords: by the shapes that their issuers give them, or by the name they are assigned to."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections import Counter
from collections.abc import Iterator
from math import log2

from pipeline.private.kinds import Span

_ALONE = r"(?<![A-Za-z0-9_])"
_END = r"(?![A-Za-z0-9_])"
_API_KEY = re.compile(
    _ALONE
    + "(?:"
    + "|".join(
        [
            r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}",  # Amazon
            r"gh[pousr]_[A-Za-z0-9]{36,251}|github_pat_[A-Za-z0-9_]{60,251}",
            r"glpat-[A-Za-z0-9_-]{20,64}",  # GitLab
            r"sk-(?=[A-Za-z0-9_-]{0,40}?(?=[A-Za-z]*\d)[A-Za-z0-9]{16})[A-Za-z0-9_-]{20,250}",  # OpenAI, Anthropic and others
            r"hf_[A-Za-z0-9]{30,60}|api_org_[A-Za-z0-9]{30,60}",  # Hugging Face
            r"xox[abeoprs]-[A-Za-z0-9-]{10,250}|xapp-\d-[A-Za-z0-9-]{20,250}",  # Slack
            r"AIza[A-Za-z0-9_-]{35}|GOCSPX-[A-Za-z0-9_-]{28}|ya29\.[A-Za-z0-9_-]{20,250}",  # Google
            r"[sr]k_(?:live|test)_[A-Za-z0-9]{16,250}|whsec_[A-Za-z0-9]{24,64}",  # Stripe
            r"npm_[A-Za-z0-9]{36}|pypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{50,250}",
            r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}",  # SendGrid
            r"\d{8,10}:AA[A-Za-z0-9_-]{33}",  # Telegram
            r"dop_v1_[a-f0-9]{64}|shpat_[a-fA-F0-9]{32}|nvapi-[A-Za-z0-9_-]{60,70}|gsk_[A-Za-z0-9]{52}",
        ]
    )
    + ")"
    + _END
)
PREFIXES = re.compile(
    r"A[KSBC][IC]A|AIza|gh[pousr]_|github_pat|glpat|sk-|hf_|api_org|xox|xapp|GOCSPX|ya29|[sr]k_[lt]|whsec|npm_|pypi-"
    r"|SG\.|:AA|dop_v1|shpat|nvapi|gsk_|hooks\.slack|(?i:aws)"
)
"""One of these is in every text that holds an API key."""
_HOOK = re.compile(r"https://hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/_-]{20,90}")
_AWS_SECRET = re.compile(r"(?i:aws.{0,20}?(?:secret|key).{0,20}?[:=]\s*[\"']?)([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])")

_PRIVATE_KEY = re.compile(
    r"-----BEGIN (?P<of>[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?)-----"
    r"(?:.{0,20000}?-----END (?P=of)-----|(?:(?:\s|\\n){0,4}[A-Za-z0-9+/=]{16,}){1,400})",
    re.DOTALL,
)
_SHORTEST_PRIVATE_KEY = 96
_JWT = re.compile(_ALONE + r"(eyJ[A-Za-z0-9_-]{8,2000})\.eyJ[A-Za-z0-9_-]{8,8000}\.[A-Za-z0-9_-]{16,2000}(?![A-Za-z0-9_])")
_BEARER = re.compile(r"\b[Bb]earer\s{1,3}([A-Za-z0-9._~+/-]{20,2000}={0,2})")
_IN_URL = re.compile(r"\b[a-z][a-z0-9+.-]{1,20}://[^\s/:@\"'<>]{1,100}:([^\s/@\"'<>]{3,200})@(?=[\w\[])")
_ASSIGNED = re.compile(
    r"(?i:\b[\w.-]{0,40}(?:password|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key|credential)s?)"
    r"[\"']?\s{0,3}(?:=|:|:=|=>)\s{0,3}(?P<quote>[\"'])(?P<value>[^\"'\s]{12,200})(?P=quote)"
)
_PLACEHOLDER = re.compile(
    r"[<{\[%$]|x{4}|\*{3}|\.{3}|…|example|placeholder|change.?me|dummy|redacted|your|my[_-]|sample|insert|replace|secret"
    r"|password|passwd|token|0123456789|123456789",
    re.IGNORECASE,
)
LEAST_ENTROPY_BITS = 3.0
"""Bits a character, over the characters of the value: words are mostly under it, random keys over it."""


def api_keys(text: str) -> Iterator[Span]:
    """Keys with the prefix of their issuer, and secret keys of Amazon by their name; `…EXAMPLE` of a manual is none."""
    for match in _API_KEY.finditer(text):
        if not match.group().endswith("EXAMPLE") and "xxxx" not in match.group().lower():
            yield Span(match.start(), match.end(), "api_key")
    for match in _HOOK.finditer(text):
        yield Span(match.start(), match.end(), "api_key")
    for match in _AWS_SECRET.finditer(text):
        if entropy(match.group(1)) >= LEAST_ENTROPY_BITS and not match.group(1).endswith("EXAMPLEKEY"):
            yield Span(match.start(1), match.end(1), "api_key")


def private_keys(text: str) -> Iterator[Span]:
    """Blocks of a private key in PEM or PGP armour; of one that is cut off, all that is there."""
    for match in _PRIVATE_KEY.finditer(text):
        if len(match.group()) >= _SHORTEST_PRIVATE_KEY:
            yield Span(match.start(), match.end(), "private_key")


def tokens(text: str) -> Iterator[Span]:
    """JSON web tokens (RFC 7519) whose header can be read and names an algorithm."""
    for match in _JWT.finditer(text):
        if _names_algorithm(match.group(1)):
            yield Span(match.start(), match.end(), "jwt")


def _names_algorithm(header: str) -> bool:
    try:
        read = json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))
    except (ValueError, binascii.Error):
        return False
    return isinstance(read, dict) and "alg" in read


def bearers(text: str) -> Iterator[Span]:
    """What follows the word Bearer (RFC 6750) and looks drawn at random."""
    for match in _BEARER.finditer(text):
        if looks_random(match.group(1)):
            yield Span(match.start(1), match.end(1), "bearer")


def passwords(text: str) -> Iterator[Span]:
    """Passwords in addresses (`scheme://user:password@host`), and quoted values of what is called a secret."""
    for match in _IN_URL.finditer(text):
        if not _PLACEHOLDER.search(match.group(1)) and match.group(1).casefold() not in ("pass", "pwd", "pw"):
            yield Span(match.start(1), match.end(1), "password")
    for match in _ASSIGNED.finditer(text):
        if looks_random(match["value"]):
            yield Span(match.start("value"), match.end("value"), "password")


def looks_random(value: str) -> bool:
    """Whether a value is a key rather than a word: letters and digits, no stand-in, and enough entropy."""
    has_both = any(sign.isdigit() for sign in value) and any(sign.isalpha() for sign in value)
    return has_both and not _PLACEHOLDER.search(value) and entropy(value) >= LEAST_ENTROPY_BITS


def entropy(value: str) -> float:
    """Shannon entropy in bits a character of the characters of a value; 0 of an empty one."""
    counts = Counter(value).values()
    return -sum(count / len(value) * log2(count / len(value)) for count in counts)
