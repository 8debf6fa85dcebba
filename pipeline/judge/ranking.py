"""Rankings in replies: from best to worst with ties, held against the scores that came with them."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema, create_model

from pipeline.judge.scores import scores_reply

THOUGHT_LENGTH = 1500

Ranking = Sequence[Sequence[str]]
"""Groups of names from best to worst; those of one group are tied."""


@functools.cache
def listwise_reply(names: tuple[str, ...], least: int, most: int) -> type[BaseModel]:
    """The reply `{thought: text, scores: {<name>: score, …}, ranking: [[best, …], …, [worst, …]]}`."""
    named = {"type": "string", "enum": list(names)}
    ranking = {"type": "array", "items": {"type": "array", "items": named}}
    fields: dict[str, Any] = {
        "thought": (Annotated[str, Field(max_length=THOUGHT_LENGTH)], ...),
        "scores": (scores_reply(names, least, most), ...),
        "ranking": (Annotated[Any, WithJsonSchema(ranking)], ...),
    }
    return create_model(f"ListOf{''.join(names)}{least}To{most}", __config__=ConfigDict(extra="ignore"), **fields)


def read_order(said: object) -> Ranking:
    """The groups that a reply names; a bare name is a group of one, and what is no list of names names none."""
    if not isinstance(said, list):
        return []
    groups = [[each] if isinstance(each, str) else each for each in said]
    read = [[str(name).strip() for name in group] for group in groups if isinstance(group, list)]
    return [group for group in read if group]


def mean_ranks(order: Ranking) -> dict[str, float]:
    """The rank of every name, 1 for the best; tied names share the mean of the places they fill."""
    ranks: dict[str, float] = {}
    for group in order:
        place = len(ranks)
        ranks |= dict.fromkeys(group, place + (len(group) + 1) / 2)
    return ranks


def disagreement(scores: Mapping[str, float | None], order: Ranking) -> str:
    """What a reply contradicts itself in, as a sentence; empty when scores and order agree.

    Every name that was shown has a score and is named once. None stands before one with a higher score, and names that
    are tied have one score; equal scores may be told apart by the order.
    """
    named = [name for group in order for name in group]
    if unscored := [name for name in scores if scores[name] is None]:
        return f"{unscored[0]} has no score of the scale"
    if missing := [name for name in scores if name not in named]:
        return f"{missing[0]} is not in the order"
    if unknown := [name for name in named if name not in scores]:
        return f"the order names {unknown[0]!r}, which was not shown"
    if twice := [name for name in scores if named.count(name) > 1]:
        return f"the order names {twice[0]} twice"
    known = {name: score for name, score in scores.items() if score is not None}
    lowest: tuple[float, str] | None = None
    for group in order:
        values = sorted((known[name], name) for name in group)
        (least, worst), (most, best) = values[0], values[-1]
        if least != most:
            return f"{best} and {worst} are tied but scored {most:g} and {least:g}"
        if lowest and most > lowest[0]:
            return f"{lowest[1]} stands before {best} but is scored {lowest[0]:g} to {most:g}"
        lowest = (least, worst)
    return ""
