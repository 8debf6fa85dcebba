"""Scores in replies: the shapes that ask for them, and how they are read.

A shape tells engines that constrain decoding which numbers there are. Servers that do not keep to it may say anything:
what is no number of the scale is then read as missing, never as the nearest one, and not asked for again.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema, create_model

NOT_APPLICABLE = "N/A"
REASON_LENGTH = 600
WHOLE = re.compile(r"\s*(\d{1,3})\s*")
NOTHING = re.compile(r"\s*(?:n\s*/\s*a|n\.a\.|na|not applicable)\s*\.?\s*", re.IGNORECASE)

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Score:
    """What a judge said: a number of the scale, that none applies (`abstained`), or nothing that can be read."""

    value: float | None
    abstained: bool = False


def read_score(said: object, least: int, most: int) -> Score:
    """The score that a reply names: a whole number of the scale as a number or as its digits, or "N/A".

    Anything else is missing: 7 on a scale of five, 3.5, "4/5", true, an empty text.
    """
    if isinstance(said, str):
        if NOTHING.fullmatch(said):
            return Score(None, abstained=True)
        digits = WHOLE.fullmatch(said)
        said = int(digits[1]) if digits and digits[1].isascii() else None
    if isinstance(said, bool) or not isinstance(said, int | float) or not math.isfinite(said):
        return Score(None)
    return Score(float(said) if said == int(said) and least <= said <= most else None)


@functools.cache
def score_reply(
    least: int, most: int, *, not_applicable: bool = False, before: str = "", length: int = REASON_LENGTH
) -> type[BaseModel]:
    """The reply `{<before>: text, score: number}`; the text comes first, so that the score can follow from it."""
    name = f"Score{least}To{most}{'OrNone' * not_applicable}{f'After{before.title()}{length}' * bool(before)}"
    fields: dict[str, Any] = {before: (Annotated[str, Field(max_length=length)], ...)} if before else {}
    fields["score"] = (Annotated[Any, WithJsonSchema(number_schema(least, most, not_applicable))], ...)
    return create_model(name, __config__=ConfigDict(extra="ignore"), **fields)


@functools.cache
def scores_reply(
    names: tuple[str, ...], least: int, most: int, *, not_applicable: bool = False, explain: bool = False
) -> type[BaseModel]:
    """The reply `{<name>: score, …}`, or `{<name>: {reason: text, score: number}, …}` where a reason is wanted.

    A name that is left out is None, one too many is passed over: neither spoils what is said of the others.
    """
    entry = number_schema(least, most, not_applicable)
    if explain:
        reason = {"type": "string", "maxLength": REASON_LENGTH}
        entry = {"type": "object", "properties": {"reason": reason, "score": entry}}
    title = f"{''.join(names)}{least}To{most}{'OrNone' * not_applicable}{'WithReasons' * explain}"
    fields: dict[str, Any] = {name: (Annotated[Any, WithJsonSchema(entry)], None) for name in names}
    return create_model(f"ScoresOf{title}", __config__=ConfigDict(extra="ignore"), **fields)


def read_entry(entry: object, least: int, most: int) -> tuple[Score, str | None]:
    """One entry of several scores, with its reason if it gives one."""
    if isinstance(entry, Mapping):
        reason = entry.get("reason")
        return read_score(entry.get("score"), least, most), reason if isinstance(reason, str) else None
    return read_score(entry, least, most), None


def number_schema(least: int, most: int, not_applicable: bool) -> Schema:
    """The JSON schema of a score, in the kind that OpenAI's strict mode takes: one type for each list of values."""
    number: Schema = {"type": "integer", "enum": list(range(least, most + 1))}
    return {"anyOf": [number, {"type": "string", "enum": [NOT_APPLICABLE]}]} if not_applicable else number
