"""Pair the best candidate of a prompt with its worst, on votes freed of position bias."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import ConfigDict, Field

from pipeline.strategy import Answer, Nothing, Table
from schemas.rows import PairAnswer, Signal
from schemas.units import Candidates, UnitKind

Duel = tuple[str, str]
Verdict = tuple[float, float]


@dataclass(frozen=True, slots=True)
class BestWorst:
    """One pair for each prompt: the candidate that wins most comparisons against the one that wins least.

    A comparison counts only when both orders were asked and name the same winner (or both say tie); one that changes
    with the order is set aside, and signals whose name begins with `control/` are not looked at. A candidate's score is
    its share of points (win 1, tie ½) in [0, 1] over the comparisons that count. The pair is made only if best and worst
    were compared and that comparison counts and says best; so a tie (`tie`) and a judge that contradicts itself
    (`order_inconsistent`) leave outcomes, not pairs.

    `score_gap` is the difference of the two scores, `p_chosen` the mean probability of best against worst over orders
    (arXiv 2309.00267, section 2.1) and judges, `confidence` the share of the prompt's comparisons that count.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 2
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
        signals = [signal for signal in unit.signals if not signal.is_control]
        duels = _verdicts(signals)
        if not duels:
            return Nothing("unjudged", "no comparison has a verdict in both orders")
        counted = {duel: kept for duel, verdicts in duels.items() if (kept := _agreed(verdicts))}
        scores = _scores(counted)
        if len(scores) < 2:
            return Nothing("order_inconsistent", f"all {len(duels)} comparisons change with the order")
        best = min(scores, key=lambda response: (-scores[response], response))
        worst = min(scores, key=lambda response: (scores[response], response))
        gap = scores[best] - scores[worst]
        if gap <= 0:
            return Nothing("tie", "no candidate scores above another")
        if gap < self.min_gap:
            return Nothing("gap_too_small", f"score gap {gap:.3f} is under {self.min_gap:g}")
        return self._pair(unit, signals, duels, counted, best, worst, gap)

    def _pair(
        self,
        unit: Candidates,
        signals: Iterable[Signal],
        duels: Mapping[Duel, list[Verdict]],
        counted: Mapping[Duel, list[float]],
        best: str,
        worst: str,
        gap: float,
    ) -> Answer:
        won = [*counted.get((best, worst), []), *(1 - lost for lost in counted.get((worst, best), []))]
        p_chosen = sum(won) / len(won) if won else 0.5
        if p_chosen <= 0.5:
            was_compared = (best, worst) in duels or (worst, best) in duels
            reason = "tie" if won else "order_inconsistent" if was_compared else "unjudged"
            return Nothing(reason, "best and worst were not told apart when they were compared")
        return [
            PairAnswer(
                prompt_id=unit.prompt.prompt_id,
                chosen_id=best,
                rejected_id=worst,
                score_gap=gap,
                p_chosen=p_chosen,
                confidence=_count(counted) / _count(duels),
                rule="best_worst",
                rationale=_reason_for(signals, best, worst),
            )
        ]


def _verdicts(signals: Iterable[Signal]) -> dict[Duel, list[Verdict]]:
    """P(a) in both orders for each pair (a, b), once for each judge, principle and draw that was asked in both."""
    orders: dict[tuple[Duel, str, str, int], dict[str, float]] = defaultdict(dict)
    for signal in signals:
        is_vote = signal.order is not None and signal.probability is not None and not signal.abstained
        if is_vote and len(signal.response_ids) == 2:
            a, b = signal.response_ids
            asked = ((a, b), signal.name, signal.evaluator, signal.draw)
            orders[asked][str(signal.order)] = float(signal.probability or 0.0)
    duels: dict[Duel, list[Verdict]] = defaultdict(list)
    for (duel, *_), by_order in sorted(orders.items()):
        if len(by_order) == 2:
            duels[duel].append((by_order["ab"], by_order["ba"]))
    return duels


def _agreed(verdicts: Iterable[Verdict]) -> list[float]:
    """The mean P(a) over both orders, of those verdicts whose orders name the same winner."""
    return [(ab + ba) / 2 for ab, ba in verdicts if _points(ab) == _points(ba)]


def _points(probability: float) -> float:
    """1 for a win, ½ for a tie, 0 for a loss."""
    return 0.5 if probability == 0.5 else float(probability > 0.5)


def _scores(counted: Mapping[Duel, list[float]]) -> dict[str, float]:
    """Each candidate's share of points over the comparisons that count."""
    points: dict[str, list[float]] = defaultdict(list)
    for (a, b), probabilities in counted.items():
        points[a] += map(_points, probabilities)
        points[b] += [1 - _points(probability) for probability in probabilities]
    return {response: sum(won) / len(won) for response, won in points.items()}


def _count(duels: Mapping[Duel, list[Any]]) -> int:
    return sum(len(verdicts) for verdicts in duels.values())


def _reason_for(signals: Iterable[Signal], best: str, worst: str) -> str | None:
    """The judge's reason from the call that showed the best candidate first, if it gave one."""
    for signal in signals:
        shown = signal.response_ids if signal.order == "ab" else signal.response_ids[::-1]
        if list(shown) == [best, worst]:
            return signal.rationale
    return None
