"""The chances of one mix of principles, drawn from a seed alone: whatever the judges said, the same seed draws the same."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from schemas.fingerprints import derive_seed


@dataclass(frozen=True, slots=True)
class Drawn:
    """What chance decides in one mix.

    `chosen`: the principles that are mixed, in the order they are told; `negated`: which of them stand for their
    opposite. `rule_coin` and `noise_coin` in [0, 1) are held against the shares of the mix; `a_first` deals the sides.
    """

    chosen: tuple[str, ...]
    negated: frozenset[str]
    rule_coin: float
    noise_coin: float
    a_first: bool


def draw(seed: Sequence[int | str], names: Sequence[str], *, stop: float, most: int, negate: float) -> Drawn:
    """The chances of the mix that `seed` names (arXiv 2310.05910; steps 1, 3, 5, 6 and 7 of its released aggregator).

    `names` in any order, each once. All chances are drawn always and in one order, so that none depends on what came
    of another. Only `Random.random` is used, whose values Python promises to keep.
    """
    dice = random.Random(derive_seed("salmon_mix", *seed))
    keys = {name: dice.random() for name in sorted(names)}
    negations = {name: dice.random() < negate for name in sorted(names)}
    count = geometric(dice.random(), stop, most)
    rule_coin, noise_coin, side = dice.random(), dice.random(), dice.random()
    chosen = tuple(sorted(keys, key=lambda name: (keys[name], name))[:count])
    return Drawn(chosen, frozenset(name for name in chosen if negations[name]), rule_coin, noise_coin, side < 0.5)


def geometric(mark: float, stop: float, most: int) -> int:
    """A number K from 1 to `most`, P(K) in proportion to stop · (1 - stop)^(K-1); `mark` in [0, 1) tells which.

    That is the law of a geometric number that is drawn again for as long as it is above `most`.
    """
    go_on = 1.0 - stop
    left = mark * (1.0 - go_on**most)
    mass, count = stop, 1
    while left >= mass and count < most:
        left -= mass
        mass *= go_on
        count += 1
    return count
