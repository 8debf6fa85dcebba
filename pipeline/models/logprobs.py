"""Log-probabilities on the wire: those of a whole draw, and those of a choice without the JSON around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from schemas.requests import TokenLogprob

Entry = Mapping[str, Any]
RULED_OUT = -9999.0
"""What servers write for minus infinity, which JSON has no number for: a schema leaves no room for this token."""


def read_tokens(entries: Sequence[Entry]) -> tuple[TokenLogprob, ...]:
    """The tokens of a draw, each with its alternatives."""
    return tuple([_trim(entry, 0, 0) for entry in entries])


def read_span(entries: Sequence[Entry], text: str, start: int, end: int) -> tuple[TokenLogprob, ...]:
    """The tokens of `text[start:end]`, less what they share with its surroundings; none if they do not spell `text`."""
    spelled = [_spell(entry) for entry in entries]
    # There may be more tokens than text: those of hidden reasoning before it, and the one that ends it.
    here = b"".join(spelled).rfind(text.encode())
    if here < 0:
        return ()
    first, last = here + len(text[:start].encode()), here + len(text[:end].encode())
    kept, at = [], 0
    for entry, token in zip(entries, spelled, strict=True):
        head, tail = max(0, first - at), max(0, at + len(token) - last)
        # A token without bytes begins a character that the next one completes.
        if head + tail < len(token) or (not token and first <= at < last):
            kept.append(_trim(entry, head, tail))
        at += len(token)
    return tuple(kept)


def token_after(entries: Sequence[Entry], text: str, end: int) -> TokenLogprob | None:
    """The token that begins where `text[:end]` ends, which says that nothing longer was meant; None if none begins there."""
    spelled = [_spell(entry) for entry in entries]
    at, last = 0, b"".join(spelled).rfind(text.encode()) + len(text[:end].encode())
    for entry, token in zip(entries, spelled, strict=True):
        if at == last and token:
            return _trim(entry, 0, 0)
        at += len(token)
    return None


def _spell(entry: Entry) -> bytes:
    """The bytes of a token, which may be only a part of a character: then its text is an escape of some kind."""
    given = entry.get("bytes")
    return entry["token"].encode() if given is None else bytes(given)


def _trim(entry: Entry, head: int, tail: int) -> TokenLogprob:
    """A token without its first `head` and last `tail` bytes, and its alternatives where they share those."""
    possible = [other for other in entry["top_logprobs"] if other["logprob"] > RULED_OUT]
    alternatives: dict[str, float] = {}
    if not head and not tail:
        for other in possible:
            alternatives.setdefault(other["token"], other["logprob"])
        return TokenLogprob(entry["token"], entry["logprob"], alternatives)
    token = _spell(entry)
    before, after = token[:head], token[len(token) - tail :]
    for other in possible:
        spelled = _spell(other)
        if spelled.startswith(before):
            cut = spelled[head:].removesuffix(after)
            alternatives.setdefault(cut.decode(errors="replace"), other["logprob"])
    return TokenLogprob(token[head : len(token) - tail].decode(errors="replace"), entry["logprob"], alternatives)
