"""Ratings of single responses: aspects averaged and combined, and pairs drawn from the scores."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, fsum, prod
from statistics import fmean
from typing import Literal

from pipeline.select.votes import counts
from schemas.fingerprints import derive_seed
from schemas.rows import Response, Signal

Combination = Literal["mean", "weighted_sum", "product", "single"]
Draw = Literal["best_worst", "best_random_lower", "best_random_other", "all_pairs", "within_model"]
Ties = Literal["by_id", "random", "skip"]
Require = Literal["all", "any"]

HELPSTEER_ASPECTS = ("helpfulness", "correctness", "coherence", "complexity", "verbosity")
WEIGHTS: dict[str, Mapping[str, float]] = {
    "helpsteer2_340b": dict(zip(HELPSTEER_ASPECTS, (0.30, 0.74, 0.46, 0.47, -0.33), strict=True)),
    "helpsteer2_70b": dict(zip(HELPSTEER_ASPECTS, (0.65, 0.80, 0.45, 0.55, -0.40), strict=True)),
}
"""Weights that turn HelpSteer2's five attributes into one reward (arXiv 2406.08673, reward models of 340B and 70B)."""


@dataclass(frozen=True, slots=True)
class Rating:
    """One value for one response."""

    response: str
    name: str
    evaluator: str
    draw: int
    value: float


def ratings_of(signals: Iterable[Signal], names: Iterable[str] = ()) -> list[Rating]:
    """The ratings of single responses among some signals; "not applicable" and what could not be read are missing."""
    wanted = tuple(names)
    return [
        Rating(signal.response_ids[0], signal.name, signal.evaluator, signal.draw, signal.value)
        for signal in signals
        if len(signal.response_ids) == 1 and signal.value is not None and counts(signal, wanted)
    ]


def without_own_ratings(ratings: Iterable[Rating], responses: Iterable[Response]) -> list[Rating]:
    """The ratings of judges that wrote none of the candidates, or all: others would rate themselves against the rest."""
    writers = [each.model for each in responses]
    return [each for each in ratings if writers.count(each.evaluator) in (0, len(writers))]


def aspects_of(ratings: Iterable[Rating]) -> dict[str, dict[str, float]]:
    """The mean of each response's ratings by aspect: first over the repeats of a judge, then over judges."""
    grouped: dict[str, dict[str, dict[str, list[float]]]] = {}
    for each in ratings:
        by_name = grouped.setdefault(each.response, {})
        by_name.setdefault(each.name, {}).setdefault(each.evaluator, []).append(each.value)
    return {
        response: {name: fmean(fmean(draws) for draws in judges.values()) for name, judges in by_name.items()}
        for response, by_name in grouped.items()
    }


def combine(
    aspects: Mapping[str, float], by: Combination, needed: Sequence[str], weights: Mapping[str, float] | None = None
) -> float | None:
    """One score of several aspects, or None while one that is `needed` is missing, or there is none at all.

    `mean` and `single`: their mean. `weighted_sum`: the sum of weight times value over `weights`, not normalised
    (HelpSteer2). `product`: of values that are 0 or more (arXiv 2402.03469: relevance, length and diversity); a negative
    one has no product.
    """
    if not aspects or any(name not in aspects for name in needed):
        return None
    if by == "weighted_sum":
        return fsum(weight * aspects[name] for name, weight in (weights or {}).items())
    if by == "product":
        values = sorted(aspects.values())
        return prod(values) if values[0] >= 0 else None
    return fmean(aspects.values())


def logistic(gap: float, scale: float = 1.0) -> float:
    """1 / (1 + e^(-gap/scale)): the probability of the better one when its score is `gap` higher."""
    power = gap / scale
    return 1 / (1 + exp(-power)) if power >= 0 else exp(power) / (1 + exp(power))


def score_all(
    ratings: Iterable[Rating],
    names: Sequence[str],
    require: Require,
    by: Combination = "mean",
    weights: Mapping[str, float] | None = None,
) -> dict[str, float]:
    """The score of each response that has one; with `require: all` those alone that have every aspect.

    `names` are the aspects that count, all there are when empty.
    """
    given = list(ratings)
    wanted = tuple(names) or tuple(sorted({each.name for each in given}))
    needed = wanted if require == "all" else ()
    found = {response: combine(aspects, by, needed, weights) for response, aspects in aspects_of(given).items()}
    return {response: score for response, score in found.items() if score is not None}


def passed(signals: Iterable[Signal], checks: Sequence[str], passes_at: float, fails_at: float) -> dict[str, bool]:
    """Which responses pass every one of these checks (True), and which fail one (False); the rest cannot be told.

    The value of a check is its mean over repeats, then judges: at least `passes_at` passes, at most `fails_at` fails.
    """
    found = {}
    for response, values in aspects_of(ratings_of(signals, checks)).items():
        if any(value <= fails_at for value in values.values()):
            found[response] = False
        elif len(values) == len(checks) and all(value >= passes_at for value in values.values()):
            found[response] = True
    return found


def draw_pairs(
    scores: Mapping[str, float],
    by: Draw,
    responses: Mapping[str, Response],
    seed: int,
    *,
    ties: Ties = "by_id",
    may_win: Collection[str] | None = None,
) -> list[tuple[str, str]]:
    """Pairs (better, worse) by score, each with different texts; a pair of equals may be drawn, and is no label.

    `best_worst`: the highest against the lowest. `best_random_lower`: against one drawn among the lower ones (arXiv
    2411.15124, section 5). `best_random_other`: against one drawn among all others (Zephyr), so that an equal may be drawn.
    `all_pairs`: every two. `within_model`: highest against lowest of each model (arXiv 2503.04222). Draws are seeded with
    the ids of the candidates. Of several that share the highest score, or with `best_worst` the lowest, `ties` takes the
    smallest id, draws one, or gives two of them as a pair of equals. Where `may_win` is given, no other is the better one.
    """
    if by == "within_model":
        models = sorted({responses[each].model for each in scores})
        groups = [{each: scores[each] for each in scores if responses[each].model == model} for model in models]
        found = [draw_pairs(each, "best_worst", responses, seed, ties=ties, may_win=may_win) for each in groups]
        return [pair for pairs in found for pair in pairs]
    ranked = sorted(scores, key=lambda each: (-scores[each], each))
    winners = [each for each in ranked if may_win is None or each in may_win]
    if len(ranked) < 2 or not winners:
        return []
    if by == "all_pairs":
        place = {each: number for number, each in enumerate(ranked)}
        pairs = [(one, other) for one in winners for other in ranked if place[other] > place[one]]
        return [(one, other) for one, other in pairs if _differ(responses, one, other)]
    top = [each for each in winners if scores[each] == scores[winners[0]]]
    best, equal = _take(top, responses, ties, (seed, "best", sorted(scores)))
    others = sorted(each for each in ranked if each != best and _differ(responses, best, each))
    if equal is not None or not others:
        return [(best, equal)] if equal is not None else []
    if by == "best_worst":
        lowest = min(scores[each] for each in others)
        low = [each for each in others if scores[each] == lowest]
        worst, equal = _take(low, responses, ties, (seed, "worst", sorted(scores)))
        return [(best, worst)] if equal is None else [(worst, equal)]
    if by == "best_random_lower":
        others = [each for each in others if scores[each] < scores[best]] or others
    return [(best, others[derive_seed("from_scores", seed, sorted(scores)) % len(others)])]


def _take(
    equals: Sequence[str], responses: Mapping[str, Response], ties: Ties, seed: tuple[int, str, list[str]]
) -> tuple[str, str | None]:
    """One of several with the same score, and with `ties: skip` another that says something else, if there is one."""
    first = min(equals)
    if ties == "skip":
        return first, min((each for each in equals if _differ(responses, first, each)), default=None)
    if ties == "random":
        return sorted(equals)[derive_seed("ties", *seed) % len(equals)], None
    return first, None


def _differ(responses: Mapping[str, Response], one: str, other: str) -> bool:
    return responses[one].text.strip() != responses[other].text.strip()


def share_above(
    ratings: Iterable[Rating], better: str, worse: str, weights: Mapping[str, float] | None = None
) -> float:
    """The share of like ratings (one judge, aspect and draw) that put `better` above `worse`; 0 when nobody rated both.

    An aspect of negative weight counts the other way round.
    """
    alike: dict[tuple[str, str, int], dict[str, list[float]]] = {}
    for each in ratings:
        if each.response in (better, worse):
            key = (each.name, each.evaluator, each.draw)
            sign = -1 if (weights or {}).get(each.name, 1) < 0 else 1
            alike.setdefault(key, {}).setdefault(each.response, []).append(sign * each.value)
    both = [each for each in alike.values() if len(each) == 2]
    above = sum(fmean(each[better]) > fmean(each[worse]) for each in both)
    return above / len(both) if both else 0.0
