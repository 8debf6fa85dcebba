"""The kinds of private data and secrets that are looked for, and what stands in their place in a masked text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

PrivateKind = Literal["email", "ip", "phone", "iban", "card", "ssn"]
SecretKind = Literal["api_key", "private_key", "jwt", "bearer", "password"]
Kind = Literal["email", "ip", "phone", "iban", "card", "ssn", "api_key", "private_key", "jwt", "bearer", "password"]
PRIVATE: tuple[PrivateKind, ...] = get_args(PrivateKind)
SECRETS: tuple[SecretKind, ...] = get_args(SecretKind)
KINDS: tuple[Kind, ...] = (*PRIVATE, *SECRETS)


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Characters `start` to `end` (Python slicing) of a text are of a `kind`; what they say is kept nowhere."""

    start: int
    end: int
    kind: str


def placeholder(kind: str) -> str:
    """What stands for a masked stretch: `<EMAIL>`, `<API_KEY>`; no detector finds anything in it."""
    return f"<{kind.upper()}>"


def masked(text: str, spans: list[Span]) -> str:
    """The text with each span as its placeholder; spans are sorted and do not overlap, as `find` gives them."""
    pieces, here = [], 0
    for span in spans:
        pieces += [text[here : span.start], placeholder(span.kind)]
        here = span.end
    return "".join([*pieces, text[here:]])
