"""Labels as imported data has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pydantic import ConfigDict

from pipeline.preferences.rows import PREFERENCE, SCORE, SET
from pipeline.select.from_scores import FromScores
from pipeline.select.pairing import Label, SelfVotes, answer_with, duels_of
from pipeline.select.scores import aspects_of, ratings_of
from pipeline.select.votes import Call, Duel, Verdict, decide
from pipeline.strategy import Answer, Nothing, Table
from schemas.units import Candidates, UnitKind

KEEP: SelfVotes = "keep"


@dataclass(frozen=True, slots=True)
class Preferences:
    """Pairs of an imported row by its own label, not by ours.

    The set's own final vote counts; where it has none, the mean of its annotators' votes. `p_chosen` is the probability
    that the set states, else that mean, which is 1 of one vote; `score_gap` is the margin that it states, else the
    difference of the overall scores, else 2·p_chosen - 1. Two scores that are equal, or a margin of 0, are a tie; scores
    that put the other answer first contradict the vote (`against_scores`). A row of scores alone pairs its best answer
    with its worst (`select/from_scores`, of the score alone).
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    unit: ClassVar[UnitKind] = "candidates"
    makes: ClassVar[Table] = "pairs"
    prompts: ClassVar[tuple[str, ...]] = ()
    calls: ClassVar[int] = 0
    yields: ClassVar[int] = 0

    def __call__(self, unit: Candidates) -> Answer:
        """The pairs of one imported row, or why there is none."""
        duels = duels_of(unit, (PREFERENCE,), KEEP)
        if isinstance(duels, Nothing):
            return duels
        if not duels:
            found = FromScores(combine="single", aspects=(SCORE,)).labels(unit)
            return found if isinstance(found, Nothing) else answer_with(unit, *found, "imported")
        scores = {name: values.get(SCORE) for name, values in aspects_of(ratings_of(unit.signals, (SCORE,))).items()}
        labels: list[Label] = []
        reasons: list[Nothing] = []
        for duel, calls in duels.items():
            label = _label(duel, calls, [scores.get(each) for each in duel])
            (reasons if isinstance(label, Nothing) else labels).append(label)  # type: ignore[arg-type]
        return answer_with(unit, labels, reasons, "imported", duels)


def _label(duel: Duel, calls: list[Call], scores: list[float | None]) -> Label | Nothing:
    """What the calls on two answers say, the set's own before those of its annotators."""
    own = [call for call in calls if call.evaluator.startswith(SET)]
    verdict = decide(own or calls, "order_mean", both=False)
    if isinstance(verdict, Nothing):
        return verdict
    if verdict.p == 0.5:
        return Nothing("tie", "neither response is better")
    chosen, rejected = duel if verdict.p > 0.5 else duel[::-1]
    p, _ = verdict.toward(duel, chosen)
    gap = _gap(verdict, own, scores)
    if gap == 0:
        return Nothing("tie", "its own scores are equal")
    if gap < 0:
        return Nothing("against_scores", f"the set prefers {chosen} and scores {rejected} higher")
    share = decide(calls, "order_mean", both=False)
    return Label(chosen, rejected, gap, p, share.toward(duel, chosen)[1] if isinstance(share, Verdict) else 1.0)


def _gap(verdict: Verdict, own: list[Call], scores: list[float | None]) -> float:
    """How far apart the two are: the margin that is stated, the difference of scores, or 2·p - 1."""
    margins = [call.signal.value for call in own if call.signal.value is not None]
    if margins:
        return margins[0]
    one, other = scores
    if one is not None and other is not None:
        return one - other if verdict.p > 0.5 else other - one
    return abs(2 * verdict.p - 1)
