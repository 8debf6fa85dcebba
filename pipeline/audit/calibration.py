"""Whether a judge is right as often as it is sure, and how to make it so."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.audit.accuracy import gold_pairs
from pipeline.audit.verdicts import SAME, Judged, mean
from pipeline.calibration import Calibration
from pipeline.extras import library
from prompts.words import SUFFIXES
from schemas.errors import RequestError
from schemas.fingerprints import derive_seed

BINS = 10
FOLDS = 5
LEAST_PAIRS = 10


@dataclass(frozen=True, slots=True)
class Bin:
    """The pairs whose confidence lies between `low` and `high`: how sure the judge was, and how often it was right."""

    low: float
    high: float
    confidence: float
    accuracy: float
    n: int


Sure = tuple[float, float]
"""The probability that a is better, and 1.0 or 0.0 for what is so."""


def sureness(judged: Iterable[Judged]) -> list[Sure]:
    """(p of a, whether a is better) of the pairs with a gold choice that the judge read."""
    return [(pair.p, float(pair.gold == "a")) for pair in gold_pairs(judged) if pair.p is not None]


def reliability(sure: Iterable[Sure], bins: int = BINS) -> list[Bin]:
    """Reliability bins of equal width over the confidence max(p, 1-p) in [0.5, 1]; empty ones are left out.

    At p = 0.5 the judge is right half the time, whatever is so.
    """
    found: list[list[tuple[float, float]]] = [[] for _ in range(bins)]
    for p, is_a in sure:
        confidence = max(p, 1 - p)
        right = 0.5 if abs(p - 0.5) < SAME else float((p > 0.5) == bool(is_a))
        found[min(bins - 1, int((confidence - 0.5) * 2 * bins + 1e-9))].append((confidence, right))
    width = 0.5 / bins
    made = []
    for at, pairs in enumerate(found):
        if pairs:
            confidence, right = (mean(sorted(each)) for each in zip(*pairs, strict=True))
            made.append(Bin(0.5 + at * width, 0.5 + (at + 1) * width, confidence, right, len(pairs)))
    return made


def expected_error(bins: Sequence[Bin]) -> float | None:
    """The expected calibration error (arXiv 1706.04599, equation 3): the mean |accuracy - confidence|, bins by their size."""
    total = sum(each.n for each in bins)
    return sum(each.n * abs(each.accuracy - each.confidence) for each in bins) / total if total else None


def fit_calibration(name: str, sure: Sequence[Sure]) -> Calibration | None:
    """The isotonic regression of what is so on what the judge said (Zadrozny and Elkan 2002), from either side of each pair.

    None below 10 pairs.
    """
    if len(sure) < LEAST_PAIRS:
        return None
    both = sorted((round(p, 9), is_a) for q, so in sure for p, is_a in ((q, so), (1 - q, 1 - so)))
    isotonic = library("sklearn.isotonic", "the calibration")
    model = isotonic.IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip")
    model.fit([p for p, _ in both], [is_a for _, is_a in both])
    # Of points that rounding made one, the last stands.
    points = {round(float(x), 6): round(float(y), 6) for x, y in zip(model.X_thresholds_, model.y_thresholds_, strict=True)}
    return Calibration(name=name, x=tuple(points), y=tuple(points.values()))


def error_after(sure: Sequence[Sure]) -> float | None:
    """The calibration error that is left on pairs the calibration was not fitted to: 5 folds, dealt by a seed."""
    # From the side of the choice, so that the folds do not depend on which candidate is called a.
    rows = sorted((round(max(p, 1 - p), 9), float(abs(p - 0.5) < SAME or (p > 0.5) == bool(is_a))) for p, is_a in sure)
    folds = [derive_seed("calibration", at) for at in range(len(rows))]
    ranks = {at: rank for rank, at in enumerate(sorted(range(len(rows)), key=folds.__getitem__))}
    held: list[Sure] = []
    for fold in range(FOLDS):
        fitted = fit_calibration("", [row for at, row in enumerate(rows) if ranks[at] % FOLDS != fold])
        if fitted is None:
            return None
        held += [(fitted.apply(p), is_a) for at, (p, is_a) in enumerate(rows) if ranks[at] % FOLDS == fold]
    return expected_error(reliability(held))


def save_calibration(calibration: Calibration, path: Path) -> None:
    """Write a calibration as JSON: `{"name": …, "x": […], "y": […]}`."""
    if path.suffix not in SUFFIXES:
        raise RequestError(f"{str(path)!r}: a calibration is kept in a file that ends in .json, so that a recipe can name it")
    content = {"name": calibration.name, "x": list(calibration.x), "y": list(calibration.y)}
    try:
        path.write_text(json.dumps(content) + "\n", encoding="utf-8")
    except OSError as problem:
        raise RequestError(f"{str(path)!r} cannot be written: {problem.strerror}") from None


def load_calibration(path: Path) -> Calibration:
    """Read what `save_calibration` wrote; raises `RequestError` for anything else."""
    return Calibration.load(path.name, path.parent)
