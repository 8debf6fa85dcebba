"""How much a judge's verdict depends on which answer it is shown first, and on asking again."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.audit.accuracy import Share, share
from pipeline.audit.verdicts import Verdict, both_orders, mean


@dataclass(frozen=True, slots=True)
class Position:
    """How the pairs asked about in both orders came out; `first` and `second` are the same place picked twice."""

    consistent: int
    primacy: int
    recency: int
    missing: int
    first: int
    second: int

    @property
    def judged(self) -> int:
        """The pairs with a verdict in both orders."""
        return self.consistent + self.primacy + self.recency

    @property
    def consistency(self) -> Share | None:
        """PC (arXiv 2406.07791, section 2.2): the share of judged pairs with the same verdict in both orders."""
        return share(self.consistent, self.judged)

    @property
    def fairness(self) -> float | None:
        """PF (arXiv 2406.07791, section 2.2), in [-1, 1]: below 0 the judge leans to the first answer, above to the second.

        With p primacy and q recency pairs among n: (q·q/(p+q) - p·p/(p+q)) / n, and 0 where it never leans.
        """
        p, q = self.primacy, self.recency
        if not self.judged:
            return None
        return (q * q - p * p) / ((p + q) * self.judged) if p + q else 0.0

    @property
    def same_position(self) -> Share | None:
        """The share of judged pairs for which the same place was picked in both orders (arXiv 2309.00267, section 3.4)."""
        return share(self.first + self.second, self.judged)


def position(verdicts: Iterable[Verdict]) -> Position:
    """Class every pair that was asked about in both orders.

    Same candidate or two ties: consistent. Otherwise primacy where the first place gained by it, recency where the
    second did; a verdict that is missing makes neither.
    """
    classes: Counter[str] = Counter()
    first = second = 0
    for shown_ab, shown_ba in both_orders(verdicts):
        ab, ba = shown_ab.choice, shown_ba.choice
        if ab is None or ba is None:
            classes["missing"] += 1
        elif ab == ba:
            classes["consistent"] += 1
        elif ab == "a" or ba == "b":
            classes["primacy"] += 1
        else:
            classes["recency"] += 1
        first += (ab, ba) == ("a", "b")
        second += (ab, ba) == ("b", "a")
    return Position(classes["consistent"], classes["primacy"], classes["recency"], classes["missing"], first, second)


def stability(verdicts: Iterable[Verdict]) -> tuple[float, int] | None:
    """RS (arXiv 2406.07791, section 2.2): the mean share of the most frequent verdict over equal calls, and how many questions.

    Only questions asked at least twice in the same order count; verdicts that are missing do not.
    """
    repeats: dict[tuple[str, str | None], Counter[str]] = defaultdict(Counter)
    for verdict in verdicts:
        if verdict.choice is not None:
            repeats[verdict.pair_id, verdict.order][verdict.choice] += 1
    shares = sorted(max(votes.values()) / votes.total() for votes in repeats.values() if votes.total() > 1)
    return (mean(shares), len(shares)) if shares else None


@dataclass(frozen=True, slots=True)
class Replies:
    """What became of a judge's calls: readable (a verdict, or said to be none), abstained, and ties among verdicts."""

    readable: Share | None
    abstained: Share | None
    ties: Share | None


def replies(verdicts: Iterable[Verdict]) -> Replies:
    """The extraction success rate (arXiv 2406.07791), the abstention rate and the tie rate of a judge's calls."""
    calls = list(verdicts)
    said = [call for call in calls if call.choice is not None]
    declined = sum(call.abstained and call.choice is None for call in calls)
    return Replies(
        share(len(said) + declined, len(calls)),
        share(declined, len(calls)),
        share(sum(call.choice == "tie" for call in said), len(said)),
    )
