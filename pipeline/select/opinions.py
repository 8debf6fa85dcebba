"""What one judge, or all judges of a principle, say of the label of a pair."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import exp
from typing import Literal

from pydantic import ConfigDict
from typing_extensions import TypedDict

from pipeline.select.scores import aspects_of, ratings_of
from pipeline.select.votes import Call, calls_of, counts, decide
from pipeline.strategy import Nothing
from schemas.rows import Pair, Signal
from schemas.units import PairText

Orders = Literal["both_orders", "order_mean"]


class Judge(TypedDict, total=False):
    """Whose word it is: signals under a `name` (a principle, an aspect), of an `evaluator` (a model), or both at once."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[misc]
    name: str
    evaluator: str


@dataclass(frozen=True, slots=True)
class Opinion:
    """P(chosen is better), and the shares of verdicts that agree with the label and that are against it.

    `gap` is what `p` rests on: 2·p - 1, in [-1, 1], or the difference of two ratings where there are no verdicts.
    """

    p: float
    gap: float
    agree: float
    against: float

    @property
    def side(self) -> int:
        """1 for the label, -1 against it, 0 for neither."""
        return (self.gap > 0) - (self.gap < 0)


def said_by(judge: Judge, signals: Iterable[Signal]) -> list[Signal]:
    """The signals that are this judge's word."""
    name, evaluator = judge.get("name"), judge.get("evaluator")
    return [
        signal
        for signal in signals
        if counts(signal) and name in (None, signal.name) and evaluator in (None, signal.evaluator)
    ]


def calls_on(pair: Pair, signals: Iterable[Signal], names: Iterable[str] = ()) -> list[Call]:
    """The verdicts on the two responses of a pair."""
    duel = tuple(sorted((pair.chosen_id, pair.rejected_id)))
    return [call for call in calls_of(signals, names) if call.duel == duel]


def opinion_of(judge: Judge, each: PairText, orders: Orders) -> Opinion | Nothing:
    """What a judge says of a pair's label, or why it says nothing.

    Its verdicts on the two responses count, as `decide` puts them together. Where it did not compare them, its ratings
    under its name do: chosen's mean less rejected's, and P(chosen) is the sigmoid of that, which is a probability if they
    are rewards of a Bradley-Terry model (Skywork-Reward-V2, arXiv 2507.01352) and a mere sign otherwise.
    """
    signals, pair = said_by(judge, each.signals), each.pair
    if calls := calls_on(pair, signals):
        verdict = decide(calls, orders)
        if isinstance(verdict, Nothing):
            return verdict
        p, agree = verdict.toward(calls[0].duel, pair.chosen_id)
        return Opinion(p, 2 * p - 1, agree, verdict.toward(calls[0].duel, pair.rejected_id)[1])
    ratings = aspects_of(ratings_of(signals))
    chosen, rejected = (ratings.get(each, {}).get(judge.get("name", "")) for each in (pair.chosen_id, pair.rejected_id))
    if chosen is None or rejected is None:
        return Nothing("unjudged", f"no verdict of {called(judge)} on the two responses, and no rating of each")
    gap = chosen - rejected
    return Opinion(_sigmoid(gap), gap, float(gap > 0), float(gap < 0))


def called(judge: Judge) -> str:
    """A judge in a sentence."""
    return " under ".join(judge[key] for key in ("evaluator", "name") if key in judge)


def _sigmoid(x: float) -> float:
    return 1 / (1 + exp(-x)) if x >= 0 else exp(x) / (1 + exp(x))
