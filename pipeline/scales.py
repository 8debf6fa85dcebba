"""Scores of a scale on another one."""

from __future__ import annotations


def rescale(score: float, least: int, most: int) -> float:
    """A score of the scale `least` to `most` as a reward from -1 to 1: 2 · (s - least) / (most - least) - 1.

    Direct RLAIF (arXiv 2309.00267, section 2.2) says "rescaled to [-1, 1]"; this is the linear map. A score in between, as
    an expected one is, stays where it is between them.
    """
    return 2 * (score - least) / (most - least) - 1
