"""How far a judge agrees with itself: over the two orders of a pair, and over several votes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from prompts.policies import Verdict
from schemas.rows import Vote


def verdict_of(votes: Sequence[Vote]) -> Verdict:
    """What votes on one pair say together: the candidate with more of them; `tie` when none has any, else `split`."""
    counts = Counter(votes)
    if counts["a"] != counts["b"]:
        return "a" if counts["a"] > counts["b"] else "b"
    return "split" if counts["a"] else "tie"


def order_agreement(ab: Sequence[Vote], ba: Sequence[Vote]) -> float:
    """How often a vote in one order equals one in the other, over all their combinations, in [0, 1].

    With one vote each it is 1 or 0: position consistency of a single pair (arXiv 2406.07791).
    """
    first, second = Counter(ab), Counter(ba)
    return sum(first[vote] * second[vote] for vote in first) / (len(ab) * len(ba))


def modal_share(votes: Sequence[Vote]) -> float:
    """The share of the commonest vote, in (0, 1]: self-consistency (arXiv 2203.11171) over both orders alike."""
    return max(Counter(votes).values()) / len(votes)
