"""How texts are sketched and how sketches are looked up: the one value that all functions here share."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from pipeline.likeness.normalise import NORMALISATION

SKETCH = 1
"""The version of shingles and signatures: sketches of different versions cannot be compared."""

SLOTS = 126
WIDEST_ROWS = 8  # a band's key is one 64-bit number
SURE = 0.998
SLACK = 5.0


@dataclass(frozen=True, slots=True)
class MinHash:
    """Sketches of `bands` × `rows` slots of 8 bits, over n-grams of `n` code points, for likeness from `threshold` on.

    Two texts become a candidate pair when all slots of one band are equal: `chance` says how likely that is. Scripts that
    write a syllable or a word with one sign (Han, kana, Hangul, Yi) have `dense_n` instead of `n`, see `sketch`.
    """

    threshold: float = 0.8
    bands: int = 21
    rows: int = 6
    n: int = 5
    dense_n: int = 2

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1:
            raise ValueError(f"threshold is {self.threshold:g}, but likeness is over 0 and at most 1")
        if not 1 <= self.rows <= WIDEST_ROWS or self.bands < 1:
            raise ValueError(
                f"{self.bands} bands of {self.rows} rows: there must be a band, of 1 to {WIDEST_ROWS} rows"
            )
        if not 1 <= self.dense_n <= self.n <= 64:
            raise ValueError(f"n-grams of {self.n} and {self.dense_n} (dense): 1 <= dense_n <= n <= 64 is needed")

    @classmethod
    def at(cls, threshold: float, *, n: int = 5, dense_n: int = 2) -> MinHash:
        """The longest bands within 126 slots that bring a pair at the threshold together with a chance of .998 or more.

        21 bands of 6 at .8; libraries that balance both kinds of error instead find 40 % of such pairs (9 × 13).
        """
        specs = (cls(threshold, SLOTS // rows, rows, n, dense_n) for rows in range(WIDEST_ROWS, 0, -1))
        return next((spec for spec in specs if spec.chance(threshold) >= SURE), cls(threshold, SLOTS, 1, n, dense_n))

    @property
    def width(self) -> int:
        """Bytes in a sketch."""
        return self.bands * self.rows

    @property
    def identity(self) -> dict[str, int | float]:
        """All that decides about a sketch: sketches may be kept and compared as long as this is the same.

        The threshold is not in it: it says which pairs are looked at, not what a sketch is.
        """
        return {
            "sketch": SKETCH,
            "normalisation": NORMALISATION,
            "bands": self.bands,
            "rows": self.rows,
            "n": self.n,
            "dense_n": self.dense_n,
        }

    def chance(self, jaccard: float) -> float:
        """The chance that two texts of this likeness share a band: 1 - (1 - s^rows)^bands, s as of `agreement`.

        Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, section 3.4.2.
        """
        return 1 - (1 - agreement(jaccard) ** self.rows) ** self.bands

    @property
    def least_equal(self) -> float:
        """The slots of a candidate pair that must be equal: 5 standard errors under what the threshold lets expect."""
        expected = agreement(self.threshold)
        return self.width * (expected - SLACK * sqrt(expected * (1 - expected) / self.width))


def agreement(jaccard: float) -> float:
    """The share of equal slots to expect of two sketches: of the others one in 256 is equal by chance.

    Li and König, b-bit minwise hashing (arXiv 0910.3349), theorem 1, for sets that are small beside the space they are from.
    """
    return jaccard + (1 - jaccard) / 256
