"""Pair the best candidate of a prompt with its worst, on votes freed of position bias."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from pipeline.strategy import Answer, Nothing, Table
from schemas.rows import PairAnswer, Signal
from schemas.units import Candidates, UnitKind

Duel = tuple[str, str]


@dataclass(frozen=True, slots=True)
class BestWorst:
    """One pair for each prompt: the candidate that wins most comparisons against the one that wins least.

    A comparison counts only when both orders were asked and name the same winner (or both say tie); one that changes
    with the order is set aside. A candidate's score is its share of points (win 1, tie ½) in [0, 1] over the comparisons
    that count. The pair is made only if best and worst were compared and that comparison counts and says best; so a tie
    (`tie`) and a judge that contradicts itself (`order_inconsistent`) leave outcomes, not pairs.

    `score_gap` is the difference of the two scores, `p_chosen` the mean probability over both orders of best against worst
    (arXiv 2309.00267, section 2.1), `confidence` the share of all comparisons of the prompt that count.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    unit: ClassVar[UnitKind] = "candidates"
    makes: ClassVar[Table] = "pairs"
    prompts: ClassVar[tuple[str, ...]] = ()
    calls: ClassVar[int] = 0
    yields: ClassVar[int] = 1

    min_gap: Annotated[float, Field(ge=0, le=1)] = 0.0

    def __call__(self, unit: Candidates) -> Answer:
        """The one pair of a prompt, or why there is none."""
        if len({response.text for response in unit.responses}) < 2:
            return Nothing("too_few_candidates", "fewer than two different responses")
        duels = _probabilities(unit.signals)
        if not duels:
            return Nothing("unjudged", "no comparison has a verdict in both orders")
        counted = {duel: sum(both) / len(both) for duel, both in duels.items() if len(set(both)) == 1}
        scores = _scores(counted)
        if len(scores) < 2:
            return Nothing("order_inconsistent", f"all {len(duels)} comparisons change with the order")
        ranked = sorted(scores, key=lambda response: (-scores[response], response))
        best, worst = ranked[0], ranked[-1]
        gap = scores[best] - scores[worst]
        if gap <= 0:
            return Nothing("tie", "no candidate scores above another")
        if gap < self.min_gap:
            return Nothing("gap_too_small", f"score gap {gap:.3f} is under {self.min_gap:g}")
        return self._pair(unit, duels, counted, best, worst, gap)

    def _pair(
        self,
        unit: Candidates,
        duels: Mapping[Duel, list[float]],
        counted: Mapping[Duel, float],
        best: str,
        worst: str,
        gap: float,
    ) -> Answer:
        p_chosen = counted.get((best, worst), 1 - counted.get((worst, best), 0.5))
        if p_chosen <= 0.5:
            was_compared = (best, worst) in duels or (worst, best) in duels
            is_tie = (best, worst) in counted or (worst, best) in counted
            reason = "tie" if is_tie else "order_inconsistent" if was_compared else "unjudged"
            return Nothing(reason, "best and worst were not told apart when they were compared")
        return [
            PairAnswer(
                prompt_id=unit.prompt.prompt_id,
                chosen_id=best,
                rejected_id=worst,
                score_gap=gap,
                p_chosen=p_chosen,
                confidence=len(counted) / len(duels),
                rule="best_worst",
                rationale=_reason_for(unit.signals, best, worst),
            )
        ]


def _probabilities(signals: Iterable[Signal]) -> dict[Duel, list[float]]:
    """P(a) in both orders for each pair (a, b) asked in both; a missing vote leaves the pair out."""
    orders: dict[Duel, dict[str, float]] = defaultdict(dict)
    for signal in signals:
        if (
            signal.order is not None
            and signal.probability is not None
            and not signal.abstained
            and len(signal.response_ids) == 2
        ):
            a, b = signal.response_ids
            orders[a, b][signal.order] = signal.probability
    return {duel: [by_order["ab"], by_order["ba"]] for duel, by_order in orders.items() if len(by_order) == 2}


def _scores(counted: Mapping[Duel, float]) -> dict[str, float]:
    """Each candidate's share of points over the comparisons that count."""
    points: dict[str, list[float]] = defaultdict(list)
    for (a, b), probability in counted.items():
        points[a].append(probability)
        points[b].append(1 - probability)
    return {response: sum(won) / len(won) for response, won in points.items()}


def _reason_for(signals: Iterable[Signal], best: str, worst: str) -> str | None:
    """The judge's reason from the call that showed the best candidate first, if it gave one."""
    for signal in signals:
        shown = signal.response_ids if signal.order == "ab" else signal.response_ids[::-1]
        if list(shown) == [best, worst]:
            return signal.rationale
    return None
