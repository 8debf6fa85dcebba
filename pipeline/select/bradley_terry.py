"""Labels by Bradley-Terry strengths of the candidates, at equal length and style."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import log
from statistics import fmean
from typing import Annotated, Any, ClassVar

from pydantic import ConfigDict, Field

from pipeline.extras import library
from pipeline.select.pairing import Pairing, SelfVotes, answer_with, choose, duels_of
from pipeline.select.scores import logistic
from pipeline.select.style import FEATURES, Feature, style_difference
from pipeline.select.votes import Duel, Verdict, decide
from pipeline.strategy import Answer, Nothing, Table
from schemas.rows import Response
from schemas.units import Candidates, UnitKind

NEEDED_FOR = "`select/bradley_terry`"

DIGITS = 4
Fit = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BradleyTerry:
    """Pairs of a prompt by the strengths of its candidates, from which the effect of length and style is taken out.

    The fit is a logistic regression over the judged duels of all prompts: of the order-averaged probability on the style
    differences (as in Arena-Hard v2: (a - b)/(a + b) of length and of the densities of headers, lists and bold type) and on
    which models wrote the two, so that a model that writes long and well is not taken for a bias. The answer fits the
    strengths of one prompt's candidates: each comparison is a share of a win for each side, and each compared duel has
    `prior` ties more (half a win for each), so that strengths stay finite. Each strength then loses what its style is
    worth on average against the others.

    `score_gap` is the difference of strengths in log-odds, `p_chosen` = 1 / (1 + e^-gap), `confidence` the share of calls
    on this pair that say the same. `names` are the principles that count, all when empty.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    unit: ClassVar[UnitKind] = "all_candidates"
    makes: ClassVar[Table] = "pairs"
    calls: ClassVar[int] = 0

    covariates: tuple[Feature, ...] = FEATURES
    names: tuple[str, ...] = ()
    pairs: Pairing = "best_worst"
    min_gap: Annotated[float, Field(ge=0)] = 0.0
    prior: Annotated[float, Field(gt=0)] = 1.0
    self_votes: SelfVotes = "drop"

    @property
    def yields(self) -> int:
        """One pair of best and worst; how many other pairs there are depends on the candidates."""
        return 1 if self.pairs == "best_worst" else 0

    def fit(self, units: Iterable[Candidates]) -> dict[str, Any]:
        """What one unit of each style difference adds to the log-odds of winning, by feature."""
        library("evalica", NEEDED_FOR)
        rows: list[tuple[float, list[float], str, str]] = []
        for unit in units:
            responses = {each.response_id: each for each in unit.responses}
            duels = duels_of(unit, self.names, self.self_votes)
            for (a, b), calls in ({} if isinstance(duels, Nothing) else duels).items():
                verdict = decide(calls, "order_mean")
                if isinstance(verdict, Verdict):
                    one, other = responses[a], responses[b]
                    styles = style_difference(one.text, other.text, self.covariates)
                    rows.append((verdict.p, styles, one.model, other.model))
        return {"style": dict(zip(self.covariates, _style_effects(sorted(rows), len(self.covariates)), strict=True))}

    def answer(self, unit: Candidates, fit: Fit) -> Answer:
        """The pairs of one prompt, or why there is none."""
        duels = duels_of(unit, self.names, self.self_votes)
        if isinstance(duels, Nothing):
            return duels
        responses = {each.response_id: each for each in unit.responses}
        verdicts = {duel: decide(calls, "order_mean") for duel, calls in duels.items()}
        judged = {duel: verdict for duel, verdict in verdicts.items() if isinstance(verdict, Verdict)}
        told = {duel: len({call.comparison for call in duels[duel]}) for duel in judged}
        strengths = self._at_equal_style(self._strengths(judged, told), responses, fit["style"])
        adjusted: dict[Duel, Verdict | Nothing] = dict(verdicts)
        for (a, b), verdict in judged.items():
            adjusted[a, b] = replace(verdict, p=logistic(strengths[a] - strengths[b]))
        labels, reasons = choose(adjusted, self.pairs, strengths)
        kept = []
        for label in labels:
            gap = strengths[label.chosen] - strengths[label.rejected]
            if gap < self.min_gap:
                reasons.append(Nothing("gap_too_small", f"strengths differ by {gap:.3f}, under {self.min_gap:g}"))
            else:
                kept.append(replace(label, gap=gap))
        return answer_with(unit, kept, reasons, "bradley_terry", duels)

    def _strengths(self, judged: Mapping[Duel, Verdict], told: Mapping[Duel, int]) -> dict[str, float]:
        """The strengths of the candidates in log-odds, their mean 0; `told` is how many comparisons a duel has had."""
        if not judged:
            return {}
        evalica = library("evalica", NEEDED_FOR)
        xs, ys, winners, weights = [], [], [], []
        for (a, b), verdict in judged.items():
            count = told[a, b]
            shares = (count * verdict.p, count * (1 - verdict.p), self.prior)
            for winner, share in zip((evalica.Winner.X, evalica.Winner.Y, evalica.Winner.Draw), shares, strict=True):
                if share > 0:
                    xs.append(a)
                    ys.append(b)
                    winners.append(winner)
                    weights.append(share)
        result = evalica.bradley_terry(xs, ys, winners, weights=weights, tolerance=1e-10, limit=10_000)
        strengths = {response: log(score) for response, score in result.scores.items()}
        mean = fmean(strengths.values())
        return {response: round(strength - mean, DIGITS) for response, strength in strengths.items()}

    def _at_equal_style(
        self, strengths: Mapping[str, float], responses: Mapping[str, Response], effects: Mapping[Feature, float]
    ) -> dict[str, float]:
        """Each strength less what its style is worth on average against the prompt's other candidates."""
        adjusted = {}
        for one, strength in strengths.items():
            worth = [
                sum(
                    effects[name] * difference
                    for name, difference in zip(
                        self.covariates,
                        style_difference(responses[one].text, responses[other].text, self.covariates),
                        strict=True,
                    )
                )
                for other in strengths
            ]
            adjusted[one] = round(strength - fmean(worth), DIGITS)
        return adjusted


def _style_effects(rows: list[tuple[float, list[float], str, str]], features: int) -> list[float]:
    """The coefficients of the style differences, in log-odds for one unit of each, by a regression without intercept."""
    if not rows or not features:
        return [0.0] * features
    numpy, linear = library("numpy", NEEDED_FOR), library("sklearn.linear_model", NEEDED_FOR)
    places = {model: place for place, model in enumerate(sorted({each for row in rows for each in row[2:]}))}
    styles = numpy.array([row[1] for row in rows], dtype=float)
    scales = numpy.sqrt((styles**2).mean(axis=0))
    scales[scales == 0] = 1.0  # a feature in which nothing differs has no effect, and gets none
    writers = numpy.zeros((len(rows), len(places)))
    for number, (_, _, one, other) in enumerate(rows):
        writers[number, places[one]] += 1
        writers[number, places[other]] -= 1
    design = numpy.hstack([styles / scales, writers])
    won = numpy.array([row[0] for row in rows])
    model = linear.LogisticRegression(fit_intercept=False, max_iter=1000, tol=1e-8)
    model.fit(
        numpy.vstack([design, design]),
        numpy.repeat([1, 0], len(rows)),
        sample_weight=numpy.concatenate([won, 1 - won]),
    )
    return [round(float(each), DIGITS) for each in model.coef_[0][:features] / scales]
