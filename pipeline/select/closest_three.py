"""Labels from ordinal annotations: the three that agree most, their rounded mean, and its sign."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from pipeline.select.pairing import Label, answer_with, are_too_few, duels_of, texts_differ, worded
from pipeline.select.scores import Rating, logistic, ratings_of, share_above
from pipeline.select.strength import closest_three, round_half_out, spread, strengths_of
from pipeline.strategy import Answer, Nothing, Table
from schemas.units import Candidates, UnitKind


@dataclass(frozen=True, slots=True)
class ClosestThree:
    """Pairs by HelpSteer's rule: take the three annotations that agree most, drop if they spread over `max_spread`,
    round their mean, drop 0.

    `of: strength` reads signed strengths of pairs (`strength.strengths_of`; arXiv 2410.01257), `of: score` ratings of
    single responses (arXiv 2406.08673), where the difference of two rounded means is the strength. An annotation is one
    judge's one draw; fewer than three make nothing (`too_few_annotations`). `names` are the criteria that count, all when
    empty. `score_gap` is the strength, the weight m of the scaled Bradley-Terry loss; `p_chosen` is
    1 / (1 + e^(-strength/scale)), `confidence` the share of all annotations, dropped ones included, that say the same.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    unit: ClassVar[UnitKind] = "candidates"
    makes: ClassVar[Table] = "pairs"
    prompts: ClassVar[tuple[str, ...]] = ()
    calls: ClassVar[int] = 0
    yields: ClassVar[int] = 0

    of: Literal["strength", "score"] = "strength"
    names: tuple[str, ...] = ()
    max_spread: Annotated[float, Field(ge=0)] = 2.0
    scale: Annotated[float, Field(gt=0)] = 1.0

    def __call__(self, unit: Candidates) -> Answer:
        """The pairs of one prompt, or why there is none."""
        candidates = worded(unit.responses)
        if too_few := are_too_few(candidates):
            return too_few
        found = self._by_strength(unit) if self.of == "strength" else self._by_score(unit)
        labels = [each for each in found if isinstance(each, Label) and texts_differ(candidates, each.duel)]
        reasons = [each for each in found if isinstance(each, Nothing)]
        duels = duels_of(unit, self.names, "keep")
        return answer_with(
            unit, labels, reasons, f"closest_three/{self.of}", None if isinstance(duels, Nothing) else duels
        )

    def _by_strength(self, unit: Candidates) -> list[Label | Nothing]:
        found: list[Label | Nothing] = []
        for (a, b), strengths in sorted(strengths_of(unit.signals, self.names).items()):
            strength = self._agreed(strengths)
            if isinstance(strength, Nothing):
                found.append(strength)
            elif strength == 0:
                found.append(Nothing("tie", "the mean of the closest three rounds to 0"))
            else:
                side = 1 if strength > 0 else -1
                share = sum(side * each > 0 for each in strengths) / len(strengths)
                chosen, rejected = (a, b) if side > 0 else (b, a)
                found.append(Label(chosen, rejected, abs(strength), logistic(abs(strength), self.scale), share))
        return found

    def _by_score(self, unit: Candidates) -> list[Label | Nothing]:
        ratings = ratings_of(unit.signals, self.names)
        by_response: dict[str, list[Rating]] = {}
        for each in ratings:
            by_response.setdefault(each.response, []).append(each)
        agreed = {
            response: self._agreed([each.value for each in by_response[response]]) for response in sorted(by_response)
        }
        scores = {response: score for response, score in agreed.items() if not isinstance(score, Nothing)}
        found: list[Label | Nothing] = [score for score in agreed.values() if isinstance(score, Nothing)]
        ranked = sorted(scores, key=lambda response: (-scores[response], response))
        for place, better in enumerate(ranked):
            for worse in ranked[place + 1 :]:
                gap = scores[better] - scores[worse]
                if gap == 0:
                    found.append(Nothing("tie", "the two have the same score"))
                else:
                    share = share_above(ratings, better, worse)
                    found.append(Label(better, worse, gap, logistic(gap, self.scale), share))
        return found

    def _agreed(self, values: list[float]) -> int | Nothing:
        """The rounded mean of the closest three."""
        if len(values) < 3:
            return Nothing("too_few_annotations", f"{len(values)} annotations, three are needed")
        nearest = closest_three(values)
        if nearest is None:
            return Nothing("tie", "no three annotations are closer than three others on the opposite side")
        if spread(nearest) > self.max_spread:
            return Nothing("spread_too_large", f"the closest three spread over {spread(nearest):g} points")
        return round_half_out(fmean(nearest))
