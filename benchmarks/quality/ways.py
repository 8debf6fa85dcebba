"""The ways of asking that are compared, each as the steps of a recipe, and what they say of the planted pairs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.quality.world import Planted
from pipeline.binding import BoundStep, bind
from pipeline.models.budget import Allowance
from pipeline.models.pool import ModelPool
from pipeline.runner.asking import Asked
from pipeline.strategy import Nothing
from schemas.fingerprints import identify
from schemas.models import ModelSpec
from schemas.recipe import Recipe, RecipeFile, StepSpec
from schemas.requests import Usage
from schemas.rows import PairAnswer, Signal
from schemas.units import Candidates

CHEAP, DEAR = 0.15, 1.50
"""Prices of a million tokens, in and out alike: what counts is that the dear judge costs ten times as much."""
FAULTS: dict[str, dict[str, float]] = {
    "first": {"position_bias": 0.35, "length_bias": 0.0, "noise": 0.05, "softness": 0.15},
    "long": {"position_bias": 0.05, "length_bias": 0.35, "noise": 0.05, "softness": 0.15},
    "noisy": {"position_bias": 0.05, "length_bias": 0.0, "noise": 0.25, "softness": 0.15},
    "mixed": {"position_bias": 0.2, "length_bias": 0.15, "noise": 0.1, "softness": 0.15},
    "good": {"position_bias": 0.03, "length_bias": 0.03, "noise": 0.02, "softness": 0.05},
}
"""The judges by what they do wrong."""
BEFORE: list[Any] = ["mine/chunk", "mine/qa", "sample/gold"]


@dataclass(frozen=True, slots=True)
class Way:
    """One way of asking: its judging steps, the step that labels, and whether one order alone is asked for."""

    name: str
    judging: tuple[Any, ...]
    labelling: Any
    single_order: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a way made of the pairs: how many it labelled, how many of them rightly, calls and money."""

    way: str
    pairs: int
    labelled: int
    right: int
    calls: int
    cost: float
    confidences: tuple[tuple[float, bool], ...] = ()

    @property
    def coverage(self) -> float:
        """The share of pairs that got a label."""
        return self.labelled / self.pairs

    @property
    def accuracy(self) -> float:
        """The share of labels that name the better answer."""
        return self.right / self.labelled if self.labelled else 0.0

    @property
    def recovered(self) -> float:
        """The truth recovered: right labels less wrong ones, as a share of all pairs; a coin recovers 0."""
        return (2 * self.right - self.labelled) / self.pairs


def pairwise(**params: Any) -> dict[str, Any]:
    """A step of the pairwise judge."""
    return {"judge/pairwise": {"principle": "grounded", **params}}


def ways_for(judge: str) -> list[Way]:
    """The ways of asking this judge, from the cheapest on; jury and cascade bring others in."""
    mean: dict[str, Any] = {"select/from_votes": {"rule": "order_mean"}}
    return [
        Way(
            "one order", (pairwise(model=judge, ties="refused"),), {"select/from_votes": {"orders": "any"}},
            single_order=True,
        ),
        Way(
            "both orders agree", (pairwise(model=judge, ties="refused"),), {"select/from_votes": {"rule": "both_orders"}}
        ),
        Way("soft labels, both orders", (pairwise(model=judge, by="likelihood"),), mean),
        Way("8 votes in each order", (pairwise(model=judge, by="votes", votes=8, temperature=1.0),), mean),
        Way(
            "adaptive votes, at most 8", (pairwise(model=judge, by="votes", votes=8, stop_at=0.95, temperature=1.0),), mean
        ),
        Way("jury of 3, soft labels", (pairwise(models=["first", "long", "noisy"], by="likelihood"),), mean),
        Way(
            "cascade to a dear judge",
            ({"judge/cascade": {"principle": "grounded", "models": [judge, "good"], "policy": POLICY}},),
            {"select/from_votes": {"rule": "order_mean"}},
        ),
        Way("the dear judge, both orders", (pairwise(model="good", ties="refused"),), mean),
    ]  # fmt: skip


POLICY = {"name": "consistent", "kind": "threshold", "keep_at": 1.0}


def specs() -> dict[str, ModelSpec]:
    """The judges as models of a recipe."""
    return {
        name: ModelSpec.model_validate(
            {
                "model": "rehearsal",
                "engine": "rehearsal",
                "options": options,
                "price": {"input": DEAR if name == "good" else CHEAP, "output": DEAR if name == "good" else CHEAP},
            }
        )
        for name, options in FAULTS.items()
    }


def steps_of(way: Way) -> list[BoundStep]:
    """The steps of a way, bound as a recipe binds them; the last one labels."""
    given = [*BEFORE, *way.judging, way.labelling]
    steps = [
        StepSpec(strategy=each)
        if isinstance(each, str)
        else StepSpec(strategy=next(iter(each)), params=next(iter(each.values())))
        for each in given
    ]
    recipe = Recipe(recipe="planted", models=specs(), steps=tuple(steps))
    bound = bind(RecipeFile(recipe, "", Path("planted.yaml"), {}))
    return list(bound.steps[len(BEFORE) :])


async def try_out(way: Way, pairs: Sequence[Planted]) -> Outcome:
    """Ask about all pairs in one way, label them, and hold the labels against the truth."""
    *judging, labelling = steps_of(way)
    pool = ModelPool(specs())
    usage = Usage()
    right = labelled = 0
    confidences = []
    for planted in pairs:
        signals: list[Signal] = []
        for step in judging:
            asked = Asked(pool, step, Allowance(()))
            answer = await asked.drive(step.strategy(planted.unit))
            usage += asked.usage
            rows = [] if isinstance(answer, Nothing) else answer
            signals += [
                Signal(
                    **row.model_dump(), signal_id=identify("signals", step.fingerprint, place), document_id="doc"
                )
                for place, row in enumerate(rows)
            ]
        if way.single_order:
            signals = [each for each in signals if each.order == _order(planted)]
        unit = planted.unit
        label = labelling.strategy(Candidates("grp", unit.prompt, (unit.a, unit.b), tuple(signals)))
        if not isinstance(label, Nothing):
            (pair,) = label
            assert isinstance(pair, PairAnswer)
            is_right = (pair.chosen_id == unit.a.response_id) == planted.a_is_better
            labelled += 1
            right += is_right
            confidences.append((pair.p_chosen, is_right))
    await pool.close()
    share = 0.5 if way.single_order else 1.0
    return Outcome(
        way.name, len(pairs), labelled, right, round(usage.calls * share), usage.cost * share, tuple(confidences)
    )


def _order(planted: Planted) -> str:
    """The order in which one call shows a pair: either, by its id."""
    return "ab" if int(planted.unit.unit_id[-1], 16) % 2 else "ba"


def run(way: Way, pairs: Sequence[Planted]) -> Outcome:
    """`try_out`, to its end."""
    return asyncio.run(try_out(way, pairs))
