"""Labels by Dawid and Skene's model of a jury: each judge's vote counts as much as the jury's agreement says it should."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import exp, log
from typing import Annotated, Any, ClassVar

from pydantic import ConfigDict, Field

from pipeline.extras import library
from pipeline.select.pairing import Pairing, SelfVotes, answer_with, choose, duels_of
from pipeline.select.votes import Call, Verdict
from pipeline.strategy import Answer, Nothing, Table
from schemas.rows import Vote
from schemas.units import Candidates, UnitKind

NEEDED_FOR = "`select/dawid_skene`"

DIGITS = 6
LEAST = 0.01
"""No judge is taken to be never wrong: one vote cannot outweigh all others."""
MIRROR: dict[str, str] = {"a": "b", "b": "a", "tie": "tie", "ab": "ba", "ba": "ab"}
SIDES: tuple[Vote, ...] = ("a", "b", "tie")
Fit = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DawidSkene:
    """Pairs of a prompt by the votes of a jury, weighed by what each judge is worth (Dawid and Skene 1979).

    The fit takes judges for workers and duels for tasks, over all prompts: it learns from the agreement of the jury how
    often each judge says what when the truth is what. A judge under one principle in one order is a worker of its own, so a
    judge that follows the order is found out; each duel is also told with its two responses the other way round, so it
    does not matter who is called a. The answer is the posterior of one duel under that.

    `p_chosen` is the posterior probability that chosen is better, a true tie counting half; a duel that is likeliest a
    tie makes no pair. `confidence` is the share of calls that say the same, `judges` the quorum. `names` are the
    principles that count, all when empty.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    unit: ClassVar[UnitKind] = "all_candidates"
    makes: ClassVar[Table] = "pairs"
    calls: ClassVar[int] = 0

    names: tuple[str, ...] = ()
    pairs: Pairing = "best_worst"
    judges: Annotated[int, Field(ge=1)] = 2
    self_votes: SelfVotes = "drop"

    @property
    def yields(self) -> int:
        """One pair of best and worst; how many other pairs there are depends on the candidates."""
        return 1 if self.pairs == "best_worst" else 0

    def fit(self, units: Iterable[Candidates]) -> dict[str, Any]:
        """The share of each true side, and for each judge the probability of what it says under each, [said][truth]."""
        pandas, aggregation = library("pandas", NEEDED_FOR), library("crowdkit.aggregation", NEEDED_FOR)
        rows = []
        for unit in units:
            duels = duels_of(unit, self.names, self.self_votes)
            for (a, b), calls in ({} if isinstance(duels, Nothing) else duels).items():
                for call in calls:
                    side = _side(call)
                    rows.append((f"{a} {b}", _worker(call, call.order), side))
                    rows.append((f"{b} {a}", _worker(call, call.order and MIRROR[call.order]), MIRROR[side]))
        if not rows:
            return {"sides": dict.fromkeys(SIDES, 1 / 3), "judges": {}}
        model = aggregation.DawidSkene(n_iter=100, tol=1e-6)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # crowd-kit is told by pandas of keywords that will go
            model.fit(pandas.DataFrame(sorted(rows), columns=["task", "worker", "label"]))
        errors: dict[str, dict[str, dict[str, float]]] = {}
        for (worker, said), truths in model.errors_.iterrows():
            errors.setdefault(worker, {})[said] = {truth: float(share) for truth, share in truths.items()}
        sides = {side: float(share) for side, share in model.priors_.items()}
        return {
            "sides": {side: _both(sides.get(side, 0.0), sides.get(MIRROR[side], 0.0)) for side in SIDES},
            "judges": {worker: _symmetric(errors, worker) for worker in sorted(errors)},
        }

    def answer(self, unit: Candidates, fit: Fit) -> Answer:
        """The pairs of one prompt, or why there is none."""
        duels = duels_of(unit, self.names, self.self_votes)
        if isinstance(duels, Nothing):
            return duels
        labels, reasons = choose({duel: self._verdict(calls, fit) for duel, calls in duels.items()}, self.pairs)
        return answer_with(unit, labels, reasons, "dawid_skene", duels)

    def _verdict(self, calls: list[Call], fit: Fit) -> Verdict | Nothing:
        if (present := len({call.evaluator for call in calls})) < self.judges:
            return Nothing("no_quorum", f"{present} judges, {self.judges} are needed")
        posterior = _posterior(calls, fit)
        if posterior["tie"] >= max(posterior["a"], posterior["b"]):
            return Nothing("tie", "the jury most likely sees no difference")
        first = sum(call.p > 0.5 for call in calls) / len(calls)
        second = sum(call.p < 0.5 for call in calls) / len(calls)
        return Verdict(posterior["a"] + posterior["tie"] / 2, first, second)


def _side(call: Call) -> str:
    return "a" if call.p > 0.5 else "b" if call.p < 0.5 else "tie"


def _worker(call: Call, order: str | None) -> str:
    return f"{call.evaluator} {call.name} {order or '-'}"


def _both(one: float, other: float) -> float:
    """The mean of a share and its mirror image, which only rounding tells apart."""
    return round((one + other) / 2, DIGITS)


def _symmetric(errors: Mapping[str, Mapping[str, Mapping[str, float]]], worker: str) -> dict[str, dict[str, float]]:
    """P(said | truth) of a judge in one order, the same as that of the mirrored votes in the other order."""
    stem, _, order = worker.rpartition(" ")
    mirrored = errors.get(f"{stem} {MIRROR.get(order, order)}", {})
    return {
        said: {
            truth: _both(
                errors[worker].get(said, {}).get(truth, 0.0),
                mirrored.get(MIRROR[said], {}).get(MIRROR[truth], 0.0),
            )
            for truth in SIDES
        }
        for said in SIDES
    }


def _posterior(calls: Iterable[Call], fit: Fit) -> dict[str, float]:
    """The probability of each true side given what was said, with judges taken to err independently."""
    given = sorted((_worker(call, call.order), _side(call)) for call in calls)
    logs = {}
    for truth in SIDES:
        prior = fit["sides"].get(truth, 0.0)
        if prior > 0:
            said = [max(LEAST, fit["judges"][worker][side][truth]) for worker, side in given]
            logs[truth] = log(prior) + sum(log(each) for each in said)
    most = max(logs.values())
    masses = {truth: exp(each - most) for truth, each in logs.items()}
    total = sum(masses.values())
    return {truth: masses.get(truth, 0.0) / total for truth in SIDES}
