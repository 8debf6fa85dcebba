"""Measure how hard a pair is to learn for a model whose log-probabilities of both responses are known."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log1p
from statistics import fmean
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from pipeline.strategy import Answer, Nothing, Table
from schemas.rows import Row, SignalAnswer
from schemas.units import PairText, UnitKind


@dataclass(frozen=True, slots=True)
class Difficulty:
    """Two signals about a pair, for each model that scored both its responses (arXiv 2405.19534).

    `difficulty/c` is log pi(rejected) - log pi(chosen), in nats: 0 or less where the reference model ranks the pair right
    already, the more the harder. `difficulty/required_loss` is -log sigmoid(beta * c): a policy trained with DPO on that
    reference ranks the pair right if and only if its loss on it is no more than this, so the smaller the harder. It asks
    nothing: `judge/log_likelihood` with the reference model comes before it.

    `evaluators` are the models that count, all when empty. `per_token` takes means over tokens in place of sums, which
    orders pairs with length left out of it; the bound on the loss holds for sums alone, so there is none then, and `beta`
    of the training does nothing.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    unit: ClassVar[UnitKind] = "judged_pair"
    makes: ClassVar[Table] = "signals"
    prompts: ClassVar[tuple[str, ...]] = ()
    calls: ClassVar[int] = 0

    evaluators: tuple[str, ...] = ()
    beta: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    per_token: bool = False

    def __post_init__(self) -> None:
        if self.per_token and self.beta is not None:
            raise ValueError("`beta` does nothing with `per_token`: the loss is of sums, not of means; leave one out")

    @property
    def yields(self) -> int:
        """One or two for each model; how many those are nobody knows unless they are named."""
        return len(self.evaluators) * (1 if self.per_token else 2)

    def __call__(self, unit: PairText) -> Answer:
        """The signals of one pair, or why there are none."""
        name = "log_likelihood_per_token" if self.per_token else "log_likelihood"
        likely: dict[str, dict[str, list[float]]] = {}
        for signal in unit.signals:
            is_counted = not self.evaluators or signal.evaluator in self.evaluators
            if signal.name == name and signal.value is not None and len(signal.response_ids) == 1 and is_counted:
                by_response = likely.setdefault(signal.evaluator, {})
                by_response.setdefault(signal.response_ids[0], []).append(signal.value)
        pair, rows = unit.pair, list[Row]()
        for evaluator, by_response in sorted(likely.items()):
            if pair.chosen_id in by_response and pair.rejected_id in by_response:
                chosen, rejected = (fmean(sorted(by_response[each])) for each in (pair.chosen_id, pair.rejected_id))
                c = rejected - chosen
                rows.append(self._signal(unit, "difficulty/c", evaluator, c))
                if not self.per_token:
                    loss = required_loss(c, 0.1 if self.beta is None else self.beta)
                    rows.append(self._signal(unit, "difficulty/required_loss", evaluator, loss))
        return rows or Nothing("no_log_likelihood", f"no model has `{name}` of both responses")

    def _signal(self, unit: PairText, name: str, evaluator: str, value: float) -> SignalAnswer:
        pair = unit.pair
        return SignalAnswer(
            prompt_id=pair.prompt_id,
            response_ids=[pair.chosen_id, pair.rejected_id],
            name=name,
            evaluator=evaluator,
            value=value,
        )


def required_loss(c: float, beta: float) -> float:
    """The largest DPO loss at which the pair is ranked right: -log sigmoid(beta * c), in nats, 0 or more."""
    x = -beta * c
    return x + log1p(exp(-x)) if x > 0 else log1p(exp(x))
