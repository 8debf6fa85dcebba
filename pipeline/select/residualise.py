"""Labels by what is left of a rating when known confounders are taken out of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import log1p
from statistics import fmean
from typing import Annotated, Any, ClassVar

from pydantic import ConfigDict, Field

from pipeline.extras import library
from pipeline.select.pairing import Label, answer_with, are_too_few, worded
from pipeline.select.scores import Draw, aspects_of, combine, draw_pairs, logistic, ratings_of, share_above
from pipeline.select.style import FEATURES, features_of
from pipeline.strategy import Answer, Nothing, Table
from schemas.errors import RequestError
from schemas.fingerprints import derive_seed
from schemas.rows import Response
from schemas.units import Candidates, UnitKind

NEEDED_FOR = "`select/residualise`"

DIGITS = 6
Fit = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Residualise:
    """Pairs of a prompt by the residual of a ridge regression of the mean rating on `covariates` (DeconfoundLM, arXiv
    2506.00152, which leaves the estimator open).

    A covariate is `length` (log of words), `headers`, `lists` or `bold` (for each word), or the name of a signal that was
    measured for each response. Ratings and covariates are taken as differences from their prompt's mean, so what makes a
    whole prompt easy confounds nothing. Prompts are dealt out to `folds`, and each is corrected by the regression on the
    others (cross-fitting), so no rating explains itself away. `penalty` is ridge's α on standardised covariates.

    `pair` is as in `select/from_scores`, on residuals; `score_gap` is their difference, `p_chosen` =
    1 / (1 + e^(-gap/scale)), `confidence` the share of like ratings that put chosen above rejected. `aspects` are the
    ratings that count; needed, because covariates are ratings too.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    unit: ClassVar[UnitKind] = "all_candidates"
    makes: ClassVar[Table] = "pairs"
    calls: ClassVar[int] = 0

    aspects: Annotated[tuple[str, ...], Field(min_length=1)]
    covariates: Annotated[tuple[str, ...], Field(min_length=1)] = ("length",)
    pair: Draw = "best_worst"
    min_gap: Annotated[float, Field(ge=0)] = 0.0
    scale: Annotated[float, Field(gt=0)] = 1.0
    penalty: Annotated[float, Field(ge=0)] = 1.0
    folds: Annotated[int, Field(ge=2, le=20)] = 5
    seed: int = 0

    @property
    def yields(self) -> int:
        """One pair, or as many as the candidates allow."""
        return 0 if self.pair in ("all_pairs", "within_model") else 1

    def fit(self, units: Iterable[Candidates]) -> dict[str, Any]:
        """For each fold what a unit of each covariate adds to a rating, learned on the other folds."""
        folds: list[list[tuple[float, list[float]]]] = [[] for _ in range(self.folds)]
        seen: set[str] = set()
        for unit in units:
            values, covariates = self._values(unit), self._covariates(unit)
            seen |= {name for each in covariates.values() for name in each}
            whole = sorted(each for each in values if len(covariates[each]) == len(self.covariates))
            if len(whole) > 1:
                centred = _centre(
                    [[values[each], *(covariates[each][name] for name in self.covariates)] for each in whole]
                )
                folds[self._fold(unit)] += [(row[0], row[1:]) for row in centred]
        if seen and (unknown := [name for name in self.covariates if name not in seen]):
            raise RequestError(
                f"`select/residualise`: no response has the covariate {unknown[0]!r}; it is a signal that some earlier step "
                f"measures, or one of {', '.join(FEATURES)}"
            )
        learned = [
            _ridge(sorted(row for other, rows in enumerate(folds) if other != fold for row in rows), self)
            for fold in range(self.folds)
        ]
        return {"folds": learned}

    def answer(self, unit: Candidates, fit: Fit) -> Answer:
        """The pairs of one prompt, or why there is none."""
        candidates = worded(unit.responses)
        if too_few := are_too_few(candidates):
            return too_few
        covariates, effects = self._covariates(unit), fit["folds"][self._fold(unit)]
        residuals = {
            response: round(value - sum(effects[name] * each for name, each in covariates[response].items()), DIGITS)
            for response, value in self._values(unit).items()
            if len(covariates[response]) == len(self.covariates)
        }
        if len(residuals) < 2:
            return Nothing(
                "unjudged", f"{len(residuals)} of {len(candidates)} candidates have a rating and all covariates"
            )
        ratings = ratings_of(unit.signals, self.aspects)
        labels, reasons = [], []
        for better, worse in draw_pairs(residuals, self.pair, candidates, self.seed):
            gap = residuals[better] - residuals[worse]
            if gap <= 0:
                reasons.append(Nothing("tie", "the two have the same residual"))
            elif gap < self.min_gap:
                reasons.append(Nothing("gap_too_small", f"residuals differ by {gap:.3f}, under {self.min_gap:g}"))
            else:
                share = share_above(ratings, better, worse)
                labels.append(Label(better, worse, gap, logistic(gap, self.scale), share))
        return answer_with(unit, labels, reasons, "residualise")

    def _fold(self, unit: Candidates) -> int:
        return derive_seed("residualise", self.seed, unit.prompt.prompt_id) % self.folds

    def _values(self, unit: Candidates) -> dict[str, float]:
        """The mean rating of each candidate that has one of every aspect."""
        candidates = worded(unit.responses)
        aspects = aspects_of(ratings_of(unit.signals, self.aspects))
        means = {response: combine(aspects[response], "mean", self.aspects) for response in sorted(aspects)}
        return {each: mean for each, mean in means.items() if mean is not None and each in candidates}

    def _covariates(self, unit: Candidates) -> dict[str, dict[str, float]]:
        """The covariates that each response has."""
        measured = aspects_of(ratings_of(unit.signals, self.covariates))
        return {each.response_id: self._of(each, measured.get(each.response_id, {})) for each in unit.responses}

    def _of(self, response: Response, measured: Mapping[str, float]) -> dict[str, float]:
        style: dict[str, float] = {str(name): value for name, value in features_of(response.text).items()}
        known = style | {"length": log1p(style["length"])} | dict(measured)
        return {name: known[name] for name in self.covariates if name in known}


def _centre(rows: list[list[float]]) -> list[list[float]]:
    """Every column less its mean."""
    means = [fmean(column) for column in zip(*rows, strict=True)]
    return [[value - mean for value, mean in zip(row, means, strict=True)] for row in rows]


def _ridge(rows: list[tuple[float, list[float]]], strategy: Residualise) -> dict[str, float]:
    """What a unit of each covariate adds, by a ridge regression on standardised covariates; 0 where nothing is known."""
    numpy, linear = library("numpy", NEEDED_FOR), library("sklearn.linear_model", NEEDED_FOR)
    if not rows:
        return dict.fromkeys(strategy.covariates, 0.0)
    values = numpy.array([row[0] for row in rows])
    design = numpy.array([row[1] for row in rows], dtype=float)
    scales = numpy.sqrt((design**2).mean(axis=0))
    scales[scales == 0] = 1.0  # a covariate that never differs within a prompt has no effect, and gets none
    model = linear.Ridge(alpha=strategy.penalty, fit_intercept=False).fit(design / scales, values)
    effects = [round(float(each), DIGITS) for each in model.coef_ / scales]
    return dict(zip(strategy.covariates, effects, strict=True))
