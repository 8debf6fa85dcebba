"""From verdicts on duels to labelled pairs: which pairs are made, and why some are not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean
from typing import Literal

from pipeline.select.votes import Call, Duel, Verdict, calls_of, without_self_votes
from pipeline.strategy import Answer, Nothing
from schemas.fingerprints import canonical_json
from schemas.rows import PairAnswer, Response, Row
from schemas.units import Candidates

Pairing = Literal["best_worst", "all", "chain"]
Verdicts = Mapping[Duel, Verdict | Nothing]
SelfVotes = Literal["drop", "keep"]


@dataclass(frozen=True, slots=True)
class Label:
    """One response preferred to another: `gap` > 0 in the rule's unit, `p` in (0.5, 1], `confidence` in [0, 1]."""

    chosen: str
    rejected: str
    gap: float
    p: float
    confidence: float

    @property
    def duel(self) -> Duel:
        """Its two responses, the smaller id first."""
        return duel_of(self.chosen, self.rejected)


def duel_of(one: str, other: str) -> Duel:
    """Two responses in the order of their ids."""
    return (one, other) if one < other else (other, one)


def worded(responses: Iterable[Response]) -> dict[str, Response]:
    """The candidates that say anything or call a tool, by id."""
    return {each.response_id: each for each in responses if any(said_by(each))}


def said_by(response: Response) -> tuple[str, str]:
    """What a response says and which tools it calls with what, as two responses are compared."""
    calls = [(call["name"], call["arguments"]) for call in response.tool_calls or ()]
    return response.text.strip(), canonical_json(calls) if calls else ""


def texts_differ(candidates: Mapping[str, Response], duel: Duel) -> bool:
    """Whether both responses of a duel are among the candidates and say different things."""
    one, other = (candidates.get(each) for each in duel)
    return one is not None and other is not None and said_by(one) != said_by(other)


def are_too_few(candidates: Mapping[str, Response]) -> Nothing | None:
    """The reason when there are not two different texts to choose from."""
    if len({said_by(each) for each in candidates.values()}) < 2:
        return Nothing("too_few_candidates", "fewer than two different responses")
    return None


def duels_of(unit: Candidates, names: Iterable[str], self_votes: SelfVotes) -> dict[Duel, list[Call]] | Nothing:
    """The calls on each two candidates with different texts, or why no label can rest on any."""
    candidates = worded(unit.responses)
    if too_few := are_too_few(candidates):
        return too_few
    said = [call for call in calls_of(unit.signals, names) if texts_differ(candidates, call.duel)]
    calls = said if self_votes == "keep" else without_self_votes(said, unit.responses)
    if said and not calls:
        return Nothing("self_judged", f"all {len(said)} votes are of a model on what it wrote itself")
    duels: dict[Duel, list[Call]] = {}
    for call in calls:
        duels.setdefault(call.duel, []).append(call)
    return {duel: duels[duel] for duel in sorted(duels)}


def scores_of(verdicts: Verdicts) -> dict[str, float]:
    """Each response's mean probability of winning, over its duels that have a verdict."""
    won: dict[str, list[float]] = {}
    for (a, b), verdict in verdicts.items():
        if isinstance(verdict, Verdict):
            won.setdefault(a, []).append(verdict.p)
            won.setdefault(b, []).append(1 - verdict.p)
    return {response: fmean(each) for response, each in won.items()}


def choose(
    verdicts: Verdicts, pairs: Pairing, scores: Mapping[str, float] | None = None
) -> tuple[list[Label], list[Nothing]]:
    """The labels that these verdicts make, and why there are not more.

    `all`: every duel that has a winner; its gap is the difference of the two probabilities. `best_worst` and `chain`
    order the responses by `scores` (their mean probability of winning, unless given) and pair the first with the last, or
    each with the next; their own duel decides, and a gap is the difference of scores. Of equals the smaller id is taken.
    """
    if pairs == "all":
        return _sift(_labelled(duel, verdicts[duel]) for duel in sorted(verdicts))
    strength = scores_of(verdicts) if scores is None else scores
    if len(strength) < 2:
        return [], [each for _, each in sorted(verdicts.items()) if isinstance(each, Nothing)]
    ranked = sorted(strength, key=lambda response: (-strength[response], response))
    if pairs == "best_worst":
        last = min(strength, key=lambda response: (strength[response], response))
        return _sift([_direct(verdicts, ranked[0], last, strength)])
    return _sift(_direct(verdicts, one, next_one, strength) for one, next_one in pairwise(ranked))


def _labelled(duel: Duel, verdict: Verdict | Nothing) -> Label | Nothing:
    if isinstance(verdict, Nothing):
        return verdict
    if verdict.p == 0.5:
        return Nothing("tie", "neither response is better")
    chosen, rejected = duel if verdict.p > 0.5 else duel[::-1]
    p, share = verdict.toward(duel, chosen)
    return Label(chosen, rejected, 2 * p - 1, p, share)


def _direct(verdicts: Verdicts, better: str, worse: str, scores: Mapping[str, float]) -> Label | Nothing:
    """The label of two responses ranked one above the other, if their own duel says the same."""
    gap = scores[better] - scores[worse]
    if better == worse or gap <= 0:
        return Nothing("tie", "no candidate scores above another")
    duel = duel_of(better, worse)
    verdict = verdicts.get(duel)
    if verdict is None:
        return Nothing("unjudged", "the two were never compared")
    if isinstance(verdict, Nothing):
        return verdict
    p, share = verdict.toward(duel, better)
    if p <= 0.5:
        return Nothing("tie", "the two were not told apart when they were compared")
    return Label(better, worse, gap, p, share)


def _sift(found: Iterable[Label | Nothing]) -> tuple[list[Label], list[Nothing]]:
    labels: list[Label] = []
    reasons: list[Nothing] = []
    for each in found:
        if isinstance(each, Label):
            labels.append(each)
        else:
            reasons.append(each)
    return labels, reasons


def rows_of(
    unit: Candidates, labels: Iterable[Label], rule: str, duels: Mapping[Duel, list[Call]] | None = None
) -> list[Row]:
    """The labels as rows, each with a judge's reason if the calls on its duel have one that says so."""
    calls = duels or {}
    return [
        PairAnswer(
            prompt_id=unit.prompt.prompt_id,
            chosen_id=label.chosen,
            rejected_id=label.rejected,
            score_gap=label.gap,
            p_chosen=label.p,
            confidence=label.confidence,
            rule=rule,
            rationale=rationale_for(calls.get(label.duel, ()), label),
        )
        for label in sorted(labels, key=lambda label: (label.chosen, label.rejected))
    ]


def answer_with(
    unit: Candidates,
    labels: Iterable[Label],
    reasons: Iterable[Nothing],
    rule: str,
    duels: Mapping[Duel, list[Call]] | None = None,
) -> Answer:
    """The labels as rows, or the commonest of the reasons why there are none."""
    return rows_of(unit, labels, rule, duels) or commonest(reasons)


def commonest(reasons: Iterable[Nothing]) -> Nothing:
    """One reason for several: the commonest, of equals the first in the alphabet, with the detail of its first."""
    given = list(reasons)
    if not given:
        return Nothing("unjudged", "no two candidates were compared")
    tally = Counter(each.reason for each in given)
    reason = min(tally, key=lambda each: (-tally[each], each))
    detail = min(each.detail for each in given if each.reason == reason)
    return Nothing(reason, detail if len(given) == 1 else f"{tally[reason]} of {len(given)} pairs: {detail}")


def rationale_for(calls: Iterable[Call], label: Label) -> str | None:
    """A judge's reason for a label among the calls on its duel: of one that says so, and rather of one that showed the
    chosen response first."""
    for_it = [
        (call.order != ("ab" if label.chosen == call.duel[0] else "ba"), call.signal.signal_id, call.signal.rationale)
        for call in calls
        if call.signal.rationale and (call.p > 0.5 if label.chosen == call.duel[0] else call.p < 0.5)
    ]
    return min(for_it)[2] if for_it else None
