"""Which of several rows that say the same is kept: rules with a name, and the same choice in any order of rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from schemas.columns import Sifted, check_column, is_number
from schemas.fingerprints import derive_seed

Keep = Literal["best", "oldest", "random"]
Rank = tuple[float, str]
BEST: dict[str, str] = {"pairs": "confidence", "responses": "logprob"}
"""What `best` means where a recipe does not say it: the surest label, the likeliest answer."""


def check_keep(of: Sifted, keep: Keep, by: str | None, seed: int) -> None:
    """Raise `ValueError` for a rule whose `by` or `seed` would do nothing, or that cannot rank such rows."""
    if seed and keep != "random":
        raise ValueError(f"`seed` goes with keep: random, and here is keep: {keep}")
    rank_columns(of, keep, by)


def rank_columns(of: Sifted, keep: Keep, by: str | None) -> tuple[str, ...]:
    """The columns that a rule ranks rows by, the id first; raises `ValueError` for a `by` that says nothing."""
    if by is not None:
        if keep != "best":
            raise ValueError(f"`by` goes with keep: best, and here is keep: {keep}")
        check_column(of, by)
        if not is_number(by):
            raise ValueError(f"`by` is {by!r}, which is no number")
    if keep == "random":
        return ("id",)
    if keep == "oldest":
        return ("id", "landed")
    column = by or BEST.get(of)
    if column is None:
        raise ValueError(f"keep: best of {of} needs `by`: the column that says how good a row is")
    return ("id", column)


def rank_of(keep: Keep, seed: int, values: Sequence[Any]) -> Rank:
    """Where a row stands by the values of its `rank_columns`: the smallest is kept; what is missing is last."""
    row_id = str(values[0])
    if keep == "random":
        return derive_seed("keep", seed, row_id), row_id
    value = values[1]
    if value is None:
        return float("inf"), row_id
    return (float(value) if keep == "oldest" else -float(value)), row_id
