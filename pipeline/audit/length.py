"""How much a judge's verdict is a matter of length and style."""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.audit.accuracy import Share, accuracy, gold_pairs, share
from pipeline.audit.verdicts import SAME, Form, Judged, mean
from pipeline.extras import library
from schemas.fingerprints import derive_seed

MATCHED = 0.9
"""Two answers are of one length when the shorter has at least this share of the longer one's characters."""
FOLDS = 5
STRENGTHS = tuple(10.0**power for power in (-2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2))
BOOTSTRAPS = 100
LEAST_PAIRS = 20


def _sizes(pair: Judged) -> tuple[int, int] | None:
    return (pair.one.forms[0].chars, pair.one.forms[1].chars) if pair.one.forms else None


def longer_chosen(judged: Iterable[Judged]) -> Share | None:
    """The share of decided pairs in which the longer answer was chosen; pairs of equal length are left out."""
    gaps = _winner_gaps(judged)
    return share(sum(gap > 0 for gap in gaps), sum(gap != 0 for gap in gaps))


def longer_is_gold(judged: Iterable[Judged]) -> Share | None:
    """The accuracy of "always the longest", which a judge must beat; equal lengths count one half."""
    pairs = [(pair, sizes) for pair in gold_pairs(judged) if (sizes := _sizes(pair))]
    right = sum(0.5 if a == b else float((pair.gold == "a") == (a > b)) for pair, (a, b) in pairs)
    return share(right, len(pairs))


def accuracy_at_equal_length(judged: Iterable[Judged]) -> Share | None:
    """The accuracy on pairs of about the same length (the shorter at least 0.9 of the longer)."""
    return accuracy(pair for pair in judged if (sizes := _sizes(pair)) and min(sizes) >= MATCHED * max(sizes))


def length_auc(judged: Iterable[Judged]) -> float | None:
    """The area under the curve of the length difference as a predictor of the choice: 0.5 says length tells nothing.

    Each pair stands once from either side, so the names of the candidates do not matter: the probability that the
    winner's lead in length in one pair is above the loser's in another.
    """
    leads = sorted(_winner_gaps(judged))
    if not leads:
        return None
    below = sum(
        bisect.bisect_left(mirrored, lead) + bisect.bisect_right(mirrored, lead)
        for mirrored in [sorted(-each for each in leads)]
        for lead in leads
    )
    return below / (2 * len(leads) ** 2)


def _winner_gaps(judged: Iterable[Judged]) -> list[int]:
    """By how many characters the chosen answer is longer, for each decided pair of known lengths."""
    gaps = []
    for pair in judged:
        sizes = _sizes(pair)
        if sizes and pair.choice in ("a", "b"):
            gaps.append(sizes[0] - sizes[1] if pair.choice == "a" else sizes[1] - sizes[0])
    return gaps


@dataclass(frozen=True, slots=True)
class Battle:
    """One comparison of a model with another: `y` in [0, 1] is the model's win, lengths are in characters."""

    y: float
    ours: int
    theirs: int
    group: str


@dataclass(frozen=True, slots=True)
class LengthControlled:
    """A win rate as judged and at equal length, both in [0, 1]; `weight` of length is in logits, `n` battles."""

    raw: float
    controlled: float
    weight: float
    n: int

    @property
    def is_suspicious(self) -> bool:
        """Whether the two differ by more than 10 points, or a quarter of the way to 0 or 1 (arXiv 2404.04475)."""
        return abs(self.raw - self.controlled) > max(0.1, min(self.raw, 1 - self.raw) / 4)


def length_controlled(battles: Sequence[Battle]) -> LengthControlled | None:
    """The length-controlled win rate of AlpacaEval (arXiv 2404.04475, section 3): what the judge would say at equal length.

    logit P(model wins) = φ·tanh(Δlength / sd(Δlength)) + θ, without another intercept, by L1-penalised logistic
    regression whose strength 5-fold cross-validation over prompts chooses; each battle counts as a win with weight y and
    a loss with weight 1-y. Then Δlength is set to 0. Two parts of the published model are left out, for both need data of
    AlpacaEval's own: the difficulty of each instruction, and the rows of a gamed baseline. None below 20 battles.
    """
    rows = sorted(battles, key=lambda battle: (battle.group, battle.y, battle.ours, battle.theirs))
    if len(rows) < LEAST_PAIRS or len({row.group for row in rows}) < FOLDS:
        return None
    raw = mean([row.y for row in rows])
    gaps = [row.ours - row.theirs for row in rows]
    spread = math.sqrt(mean([(gap - mean(gaps)) ** 2 for gap in gaps]))
    features = [[math.tanh(gap / spread) if spread else 0.0, 1.0] for gap in gaps]
    weight, level = _regress(features, [row.y for row in rows], [row.group for row in rows])
    return LengthControlled(raw, 1 / (1 + math.exp(-level)), weight, len(rows))


def _regress(features: list[list[float]], wins: list[float], groups: list[str]) -> list[float]:
    """The coefficients at the penalty that loses least on prompts that were held out."""
    linear = library("sklearn.linear_model", "the length regression")
    folds = library("sklearn.model_selection", "the length regression").GroupKFold(FOLDS)
    numpy = library("numpy", "the length regression")
    x, y = numpy.array(features), numpy.array(wins)

    def fit(which: Any, strength: float) -> Any:
        rows = numpy.concatenate([x[which], x[which]])
        labels = numpy.repeat([1, 0], len(which))
        weights = numpy.concatenate([y[which], 1 - y[which]])
        there = weights > 0
        if len(set(labels[there])) < 2:
            return None
        model = linear.LogisticRegression(
            l1_ratio=1.0, C=strength, solver="liblinear", fit_intercept=False, random_state=0
        )
        return model.fit(rows[there], labels[there], sample_weight=weights[there])

    def loss(strength: float) -> float:
        total = 0.0
        for train, test in folds.split(x, groups=groups):
            model = fit(train, strength)
            p = numpy.clip(model.predict_proba(x[test])[:, 1] if model else y[train].mean(), 1e-6, 1 - 1e-6)
            total -= float((y[test] * numpy.log(p) + (1 - y[test]) * numpy.log(1 - p)).sum())
        return round(total, 9)

    best = fit(numpy.arange(len(y)), min(STRENGTHS, key=loss))
    if best is None:  # always a win, or always a loss: nothing to regress on
        return [0.0, math.copysign(math.log(2 * len(y)), y.mean() - 0.5)]
    return [float(each) for each in best.coef_[0]]


@dataclass(frozen=True, slots=True)
class Effect:
    """The weight of one trait in a judge's choice, in logits for one standard deviation, with its 90% bootstrap band."""

    value: float
    low: float
    high: float


def style_effects(judged: Iterable[Judged]) -> Mapping[str, Effect] | None:
    """What length, headers, lists and bold words weigh in the choice (style control of Arena-Hard v2).

    Covariates: (length_a - length_b) / (length_a + length_b), and the same of the density of headers, list items and
    bold words, each divided by its root mean square; where gold labels are known, quality is one more, so that a judge
    is not blamed for longer answers that are better. Ridge logistic regression without intercept, 100 bootstrap samples,
    5th to 95th percentile. Deviation: means are not taken off, as swapping a and b must change nothing. None below 20 pairs.
    """
    pairs = sorted(
        (pair for pair in judged if pair.one.forms and pair.choice in ("a", "b")), key=lambda pair: pair.pair_id
    )
    chosen = [pair.choice == "a" for pair in pairs]
    if len(pairs) < LEAST_PAIRS:
        return None
    numpy = library("numpy", "the style regression")
    linear = library("sklearn.linear_model", "the style regression")
    rows = [_traits(*pair.one.forms) for pair in pairs if pair.one.forms]
    names = list(rows[0])
    x = numpy.array([[row[name] for name in names] for row in rows])
    quality = numpy.array([[{"a": 1.0, "b": -1.0}.get(pair.gold or "", 0.0)] for pair in pairs])
    scale = numpy.sqrt((x**2).mean(axis=0))
    x = numpy.hstack([x / numpy.where(scale > 0, scale, 1.0), quality])
    # From either side, so that both outcomes are there and neither name is favoured.
    y = numpy.array(chosen, dtype=int)
    seeds = numpy.random.default_rng(derive_seed("style", len(pairs)))

    def fit(which: Any) -> Any:
        both, outcome = numpy.concatenate([x[which], -x[which]]), numpy.concatenate([y[which], 1 - y[which]])
        return linear.LogisticRegression(C=1.0, fit_intercept=False).fit(both, outcome).coef_[0]

    everything = fit(numpy.arange(len(y)))
    samples = numpy.array([fit(seeds.integers(0, len(y), len(y))) for _ in range(BOOTSTRAPS)])
    low, high = numpy.percentile(samples, [5, 95], axis=0)
    return {
        name: Effect(float(everything[at]), float(low[at]), float(high[at]))
        for at, name in enumerate(names)
        if scale[at] > SAME
    }


def _traits(a: Form, b: Form) -> dict[str, float]:
    """The relative differences of two answers, each in [-1, 1]."""

    def relative(one: float, other: float) -> float:
        return (one - other) / (one + other) if one + other else 0.0

    found = {"length": relative(a.chars, b.chars)}
    for name in ("headers", "lists", "bold"):
        one, other = (getattr(form, name) / max(1, form.chars) for form in (a, b))
        found[name] = relative(one, other)
    return found


def battles_of(judged: Iterable[Judged], model: str) -> list[Battle]:
    """The comparisons of one author's answers with those of others, as the judge saw them."""
    battles = []
    for pair in judged:
        a, b = pair.one.models
        sizes = _sizes(pair)
        if pair.p is None or sizes is None or (a == model) == (b == model):
            continue
        y, ours, theirs = (pair.p, *sizes) if a == model else (1 - pair.p, *sizes[::-1])
        battles.append(Battle(y, ours, theirs, pair.one.group or pair.pair_id))
    return battles
