"""How the rehearsal model errs, and the dice it throws."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field


class Options(BaseModel):
    """How the rehearsal model errs; all but the last are probabilities.

    `misquote`: a mined evidence has a word changed. `noise`: the judge says the opposite of what it sees.
    `position_bias`: the judge takes the answer shown first without looking; `length_bias`: the longer one.
    `softness`: how unsure the judge is, as the gap in support that moves its log-odds by 1; at 0 it is certain.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    misquote: Annotated[float, Field(ge=0, le=1)] = 0.03
    noise: Annotated[float, Field(ge=0, le=1)] = 0.03
    position_bias: Annotated[float, Field(ge=0, le=1)] = 0.06
    length_bias: Annotated[float, Field(ge=0, le=1)] = 0.0
    softness: Annotated[float, Field(ge=0, le=10)] = 0.1


class Dice:
    """Numbers in [0, 1) that depend on their seeds and nothing else; greedy ones pick what is likeliest."""

    def __init__(self, *seeds: Any, is_greedy: bool = False) -> None:
        self._seed = repr(seeds).encode()
        self._is_greedy = is_greedy
        self._rolls = 0

    def roll(self) -> float:
        """The next number."""
        self._rolls += 1
        digest = hashlib.blake2b(self._seed + self._rolls.to_bytes(4, "big"), digest_size=7).digest()
        return int.from_bytes(digest, "big") / 2**56

    def pick(self, shares: Mapping[str, float]) -> str:
        """One of these options, by its share (they sum to 1); the likeliest one where decoding is greedy."""
        likely = {option: share for option, share in sorted(shares.items()) if share > 0}
        likeliest = max(likely, key=lambda option: likely[option])
        if self._is_greedy:
            return likeliest
        mark = self.roll()
        for option, share in likely.items():
            mark -= share
            if mark < 0:
                return option
        return likeliest


Played = str | Mapping[str, float]
"""What a function plays: the words of a reply, or how likely each option of a choice is (they sum to 1)."""
Play = Callable[[Mapping[str, Any], Dice, Options], Played]
"""Plays one prompt from the variables of a request."""
