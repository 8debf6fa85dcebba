"""How the rehearsal model errs, and the dice it throws."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field


class Options(BaseModel):
    """How the rehearsal model errs; all are probabilities.

    `misquote`: a mined evidence has a word changed. `noise`: the judge says the opposite of what it sees.
    `position_bias`: the judge takes the answer shown first without looking.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    misquote: Annotated[float, Field(ge=0, le=1)] = 0.03
    noise: Annotated[float, Field(ge=0, le=1)] = 0.03
    position_bias: Annotated[float, Field(ge=0, le=1)] = 0.06


class Dice:
    """Numbers in [0, 1) that depend on their seeds and nothing else."""

    def __init__(self, *seeds: Any) -> None:
        self._seed = repr(seeds).encode()
        self._rolls = 0

    def roll(self) -> float:
        """The next number."""
        self._rolls += 1
        digest = hashlib.blake2b(self._seed + self._rolls.to_bytes(4, "big"), digest_size=7).digest()
        return int.from_bytes(digest, "big") / 2**56


Played = str | Mapping[str, float]
"""What a function plays: the words of a reply, or how likely each option of a choice is (they sum to 1)."""
Play = Callable[[Mapping[str, Any], Dice, Options], Played]
"""Plays one prompt from the variables of a request."""
