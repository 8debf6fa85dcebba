"""How far judges, people and gold labels agree, and whether a judge favours its own answers."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pipeline.audit.verdicts import Judged, mean
from pipeline.extras import library
from schemas.rows import Vote

ORDINAL: dict[Vote, int] = {"b": 0, "tie": 1, "a": 2}


@dataclass(frozen=True, slots=True)
class Agreement:
    """How two raters agree on `n` things: the raw share, κ above chance, and what the commoner answer alone would reach."""

    raw: float
    kappa: float | None
    base_rate: float
    n: int


def agreement(
    one: Mapping[str, Vote], other: Mapping[str, Vote], *, weights: Literal["quadratic"] | None = None
) -> Agreement | None:
    """The agreement of two raters on what both rated; `quadratic` counts a tie as half way between a and b.

    Cohen's κ (1960; weighted: 1968) as scikit-learn has it; None where chance alone agrees always.
    """
    both = sorted(set(one) & set(other))
    if not both:
        return None
    ours, theirs = ([ORDINAL[votes[each]] for each in both] for votes in (one, other))
    commonest = max(Counter(theirs).values()) / len(both)
    raw = mean([float(x == y) for x, y in zip(ours, theirs, strict=True)])
    return Agreement(raw, kappa(ours, theirs, weights=weights), commonest, len(both))


def kappa(one: Sequence[int], other: Sequence[int], *, weights: Literal["quadratic"] | None = None) -> float | None:
    """Cohen's κ of two raters of the same things; None where both always say the same one thing."""
    if len(set(one) | set(other)) < 2:
        return None
    metrics = library("sklearn.metrics", "Cohen's kappa")
    return float(metrics.cohen_kappa_score(one, other, weights=weights))


def alpha(
    ratings: Mapping[str, Mapping[str, float | str]], *, distance: Literal["nominal", "interval", "ordinal"] = "nominal"
) -> float | None:
    """Krippendorff's α (2018) of any number of raters, each with a rating of some of the things; None where none are shared.

    1 is full agreement, 0 what chance gives. Ratings that are missing are no disagreement.
    """
    things = Counter(thing for rated in ratings.values() for thing in rated)
    shared = sorted(thing for thing, count in things.items() if count > 1)
    values = {rated[thing] for rated in ratings.values() for thing in shared if thing in rated}
    if len(values) < 2:
        return None
    evalica, pandas = library("evalica", "Krippendorff's alpha"), library("pandas", "Krippendorff's alpha")
    table = pandas.DataFrame([[ratings[rater].get(thing) for thing in shared] for rater in sorted(ratings)])
    return float(evalica.alpha(table, distance=distance).alpha)


@dataclass(frozen=True, slots=True)
class SelfPreference:
    """How often a judge's own answers win in its eyes and in those of others (or of the gold labels), on `n` pairs."""

    own: float
    others: float
    n: int
    against: str

    @property
    def excess(self) -> float:
        """By how much it favours itself; 0 is fair."""
        return self.own - self.others


def self_preference(
    judge: str, judged: Iterable[Judged], others: Mapping[str, Sequence[Judged]]
) -> SelfPreference | None:
    """The self-preference of a judge (arXiv 2410.21819, section 3): its win rate for its own answers above that of others.

    On pairs of which the judge wrote exactly one answer. The other judges' mean is compared on the pairs they judged
    too; where there is none, the gold labels are. None where it judged nothing of its own.
    """
    elsewhere: dict[str, list[float]] = defaultdict(list)
    for name, pairs in sorted(others.items()):
        if name != judge:
            for pair in pairs:
                if pair.p is not None:
                    elsewhere[pair.pair_id].append(pair.p)
    seen: dict[str, list[tuple[float, float]]] = {"other judges": [], "gold labels": []}
    for pair in judged:
        is_a, is_b = (model == judge for model in pair.one.models)
        if is_a == is_b or pair.p is None:
            continue
        if pair.pair_id in elsewhere:
            p = mean(sorted(elsewhere[pair.pair_id]))
            seen["other judges"].append((pair.p, p) if is_a else (1 - pair.p, 1 - p))
        if pair.gold in ("a", "b"):
            p = float(pair.gold == "a")
            seen["gold labels"].append((pair.p, p) if is_a else (1 - pair.p, 1 - p))
    for against, wins in seen.items():
        if wins:
            own, other = (mean(sorted(each)) for each in zip(*wins, strict=True))
            return SelfPreference(own, other, len(wins), against)
    return None
