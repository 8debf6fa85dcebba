"""Verdicts as rows, one for each judge call, and what they say together of one pair.

Two candidates of a pair are called a and b by their ids, whatever order they were shown in; so nothing here changes when
the names of the candidates are swapped everywhere.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from schemas.rows import Order, Vote

PROBABILITIES: dict[Vote, float] = {"a": 1.0, "tie": 0.5, "b": 0.0}
SAME = 1e-9
"""Two probabilities closer than this are the same: what is averaged in another order may differ in its last bit."""


@dataclass(frozen=True, slots=True)
class Form:
    """What of an answer can be seen without reading it: length in characters, and how many headers, lists and bold words."""

    chars: int
    headers: int = 0
    lists: int = 0
    bold: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """One call of one judge on one pair.

    `choice` names the candidate (a, b, tie) after unswapping; None is an unreadable reply, or with `abstained` one that
    declined. `probability` is that of a, in [0, 1]. `order` is how the two were shown, `repeat` tells equal calls apart.
    `group` is the prompt, `gold` what is right where that is known. `from_scores`: no call, but two ratings compared.
    """

    judge: str
    pair_id: str
    order: Order | None = None
    repeat: int = 0
    choice: Vote | None = None
    probability: float | None = None
    abstained: bool = False
    raw: str = ""
    criterion: str = ""
    category: str = ""
    gold: Vote | None = None
    answers: tuple[str, str] = ("a", "b")
    models: tuple[str, str] = ("", "")
    forms: tuple[Form, Form] | None = None
    group: str = ""
    from_scores: bool = False

    @property
    def p_a(self) -> float | None:
        """The probability that a is better: as it was given, or that of the choice; None where there is neither."""
        if self.probability is not None:
            return self.probability
        return None if self.choice is None else PROBABILITIES[self.choice]

    @property
    def p_first(self) -> float | None:
        """The probability that the answer shown first is better."""
        if self.p_a is None or self.order is None:
            return None
        return self.p_a if self.order == "ab" else 1 - self.p_a


@dataclass(frozen=True, slots=True)
class Judged:
    """What all calls of one judge say of one pair: `p` of a, averaged within each order and then over the orders."""

    pair_id: str
    p: float | None
    choice: Vote | None
    one: Verdict

    @property
    def gold(self) -> Vote | None:
        """What is right."""
        return self.one.gold

    @property
    def is_right(self) -> bool:
        """Whether the choice is the gold one."""
        return self.choice is not None and self.choice == self.gold


@dataclass(frozen=True, slots=True)
class Score:
    """One rating of one answer by one judge."""

    judge: str
    group: str
    answer: str
    value: float
    repeat: int = 0
    criterion: str = ""


def choice_of(p: float | None) -> Vote | None:
    """The candidate that a probability of a names; one half is a tie."""
    if p is None:
        return None
    return "tie" if abs(p - 0.5) < SAME else "a" if p > 0.5 else "b"


def by_judge(verdicts: Iterable[Verdict]) -> dict[tuple[str, str], list[Verdict]]:
    """The verdicts of each judge under each criterion, in the order of their names."""
    found: dict[tuple[str, str], list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        found[verdict.judge, verdict.criterion].append(verdict)
    return dict(sorted(found.items()))


def judged_pairs(verdicts: Iterable[Verdict]) -> list[Judged]:
    """What one judge says of each pair, in the order of the pairs' ids; an unread pair has no choice."""
    by_pair: dict[str, list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        by_pair[verdict.pair_id].append(verdict)
    judged = []
    for pair_id, calls in sorted(by_pair.items()):
        orders: dict[str, list[float]] = defaultdict(list)
        for call in calls:
            if call.p_a is not None:
                orders[call.order or ""].append(call.p_a)
        p = mean([mean(sorted(each)) for _, each in sorted(orders.items())]) if orders else None
        judged.append(Judged(pair_id, p, choice_of(p), calls[0]))
    return judged


def both_orders(verdicts: Iterable[Verdict]) -> list[tuple[Verdict, Verdict]]:
    """The calls that asked of the same pair in both orders: (shown ab, shown ba), one for each repeat."""
    found: dict[tuple[str, int], dict[str, Verdict]] = defaultdict(dict)
    for verdict in verdicts:
        if verdict.order is not None:
            found[verdict.pair_id, verdict.repeat][verdict.order] = verdict
    return [(calls["ab"], calls["ba"]) for _, calls in sorted(found.items()) if len(calls) == 2]


def verdicts_of_scores(scores: Iterable[Score], pairs: Mapping[tuple[str, str], Verdict]) -> list[Verdict]:
    """Ratings as verdicts: of two answers to one prompt the one with the higher mean rating is the judge's choice.

    `pairs` says what else is known of a pair, by the ids of its answers.
    """
    rated: dict[tuple[str, str, str], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for score in scores:
        rated[score.judge, score.criterion, score.group][score.answer].append(score.value)
    verdicts = []
    for (judge, criterion, group), answers in sorted(rated.items()):
        means = {answer: mean(sorted(values)) for answer, values in answers.items()}
        for a, b in itertools.combinations(sorted(means), 2):
            known = pairs.get((a, b))
            gap = means[a] - means[b]
            choice: Vote = "tie" if abs(gap) < SAME else "a" if gap > 0 else "b"
            verdicts.append(
                Verdict(
                    judge=judge,
                    pair_id=known.pair_id if known else f"{a} {b}",
                    choice=choice,
                    criterion=criterion,
                    category=known.category if known else "",
                    gold=known.gold if known else None,
                    answers=(a, b),
                    models=known.models if known else ("", ""),
                    forms=known.forms if known else None,
                    group=group,
                    from_scores=True,
                )
            )
    return verdicts


def mean(values: Sequence[float]) -> float:
    """The mean of at least one value."""
    return sum(values) / len(values)
