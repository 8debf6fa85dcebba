"""Labels from a tournament of all candidates, with a say on what goes round in a circle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import ClassVar, Literal

from pydantic import ConfigDict

from pipeline.select.graph import components, edges_of, three_cycles
from pipeline.select.pairing import (
    Label,
    SelfVotes,
    are_too_few,
    choose,
    commonest,
    duel_of,
    duels_of,
    rows_of,
    texts_differ,
    worded,
)
from pipeline.select.scores import aspects_of, ratings_of
from pipeline.select.votes import Call, Duel, Verdict, decide
from pipeline.strategy import Answer, Nothing, Table
from schemas.units import Candidates, UnitKind

Outcomes = Mapping[Duel, Verdict | Nothing]


@dataclass(frozen=True, slots=True)
class Tournament:
    """Pairs of a prompt by who beats whom, where preferences may go round in a circle (GPM, arXiv 2410.02197).

    `of: votes`: a duel's winner is that of the order-averaged votes of all principles. `of: scores`: of the aspects, the
    response that is rated higher in more of them; "not applicable" has no say. `names` are the principles or aspects that
    count, all when empty. Two candidates of one strongly connected component are a circular pair.

    `cycles: drop` leaves circular pairs out (`cycle`), `keep` makes them like the others. `split` makes them by single
    principles, each of which may be without circles: one label for each principle whose own tournament has none between
    the two; its rule is `tournament/<principle>`, and those of two principles may contradict each other. `score_gap` is
    2·p_chosen - 1, `confidence` the share of calls or aspects that say the same.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    unit: ClassVar[UnitKind] = "candidates"
    makes: ClassVar[Table] = "pairs"
    prompts: ClassVar[tuple[str, ...]] = ()
    calls: ClassVar[int] = 0
    yields: ClassVar[int] = 0

    of: Literal["votes", "scores"] = "votes"
    cycles: Literal["drop", "keep", "split"] = "drop"
    names: tuple[str, ...] = ()
    self_votes: SelfVotes = "drop"

    def __call__(self, unit: Candidates) -> Answer:
        """The pairs of one prompt, or why there is none."""
        if self.of == "votes":
            duels = duels_of(unit, self.names, self.self_votes)
            return duels if isinstance(duels, Nothing) else self._answer(unit, _of_votes(duels), duels)
        return are_too_few(worded(unit.responses)) or self._answer(unit, _of_scores(unit, self.names), {})

    def _answer(self, unit: Candidates, found: Mapping[str, Outcomes], duels: Mapping[Duel, list[Call]]) -> Answer:
        labels, reasons = choose(found[""], "all")
        circular, told = _circles(labels)
        straight = [label for label in labels if self.cycles == "keep" or label.duel not in circular]
        rows = rows_of(unit, straight, "tournament", duels)
        if self.cycles != "keep":
            reasons += [Nothing("cycle", told) for label in labels if label.duel in circular]
        if self.cycles == "split":
            for name in sorted(set(found) - {""}):
                single, _ = choose(found[name], "all")
                own, _ = _circles(single)
                chosen = [label for label in single if label.duel in circular and label.duel not in own]
                rows += rows_of(unit, chosen, f"tournament/{name}", _only(duels, name))
        return rows or commonest(reasons)


def _circles(labels: Iterable[Label]) -> tuple[set[Duel], str]:
    """The circular pairs among some labels, and a sentence about the circles."""
    edges = edges_of((label.chosen, label.rejected) for label in labels)
    rounds = [each for each in components(edges) if len(each) > 1]
    circular = {duel_of(*pair) for each in rounds for pair in combinations(sorted(each), 2)}
    return circular, f"{three_cycles(edges)} cycles of three among {len(edges)} candidates"


def _only(duels: Mapping[Duel, list[Call]], name: str) -> dict[Duel, list[Call]]:
    """The calls under one principle."""
    return {duel: some for duel, calls in duels.items() if (some := [call for call in calls if call.name == name])}


def _of_votes(duels: Mapping[Duel, list[Call]]) -> dict[str, Outcomes]:
    """The outcome of every duel under each principle, and under `""` that of all together."""
    names = sorted({call.name for calls in duels.values() for call in calls})
    by_name = {"": duels} | {name: _only(duels, name) for name in names}
    return {name: {duel: decide(calls, "order_mean") for duel, calls in some.items()} for name, some in by_name.items()}


def _of_scores(unit: Candidates, names: tuple[str, ...]) -> dict[str, Outcomes]:
    """The same by ratings: in each aspect the higher one wins, and of all aspects the one that wins more of them."""
    candidates = worded(unit.responses)
    aspects = aspects_of(each for each in ratings_of(unit.signals, names) if each.response in candidates)
    found: dict[str, dict[Duel, Verdict | Nothing]] = {"": {}}
    for a, b in combinations(sorted(aspects), 2):
        shared = sorted(set(aspects[a]) & set(aspects[b]))
        if not shared or not texts_differ(candidates, (a, b)):
            continue
        sides = {name: (aspects[a][name] > aspects[b][name]) - (aspects[a][name] < aspects[b][name]) for name in shared}
        for name, side in sides.items():
            found.setdefault(name, {})[a, b] = _verdict([side])
        found[""][a, b] = _verdict(list(sides.values()))
    return dict(found)


def _verdict(sides: list[int]) -> Verdict:
    count = len(sides)
    return Verdict(0.5 + sum(sides) / count / 2, sides.count(1) / count, sides.count(-1) / count)
