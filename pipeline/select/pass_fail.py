"""Pairs of an answer that passes a check and one that fails it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from math import gcd, lcm
from statistics import fmean
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from pipeline.select.pairing import Label, answer_with, are_too_few, texts_differ, worded
from pipeline.select.scores import Rating, aspects_of, passed, ratings_of, score_all, share_above
from pipeline.strategy import Answer, Nothing, Table
from schemas.fingerprints import derive_seed
from schemas.rows import Response
from schemas.units import Candidates, UnitKind

Which = Literal["random", "highest", "lowest", "shortest", "longest"]
BY_SCORE = ("highest", "lowest")


@dataclass(frozen=True, slots=True)
class PassFail:
    """Chosen from the candidates that pass every one of `checks`, rejected from those that fail one.

    The value of a check is its mean over repeats, then judges: at least `passes_at` passes, at most `fails_at` fails, and
    what lies between, or has no verdict, cannot be told and is left out. `chosen` and `rejected` say in which order the
    answers of a side are taken: by score (`by`: the mean of these ratings; an answer without them is left out), by length
    in characters, or at random. The first pair is the first of both sides; after it both sides take turns, so that each
    answer is used as often as any other, up to `most` pairs. `within: model` pairs the answers of each model by themselves,
    and `min_gap` and `max_gap` bound how much higher chosen is by score; a pair outside is not replaced by another. So
    FuseChat-3.0 pairs its mathematics (arXiv 2503.04222: the correct answer of the highest reward against the wrong one of
    the lowest, of one model, 0.01 ≤ gap ≤ 0.10).

    `score_gap` is the mean difference over the checks that the rejected answer fails, 1 where they say 0 or 1; `p_chosen`
    is the parameter, what the checks are worth; `confidence` is the share of like verdicts (one check, judge and draw)
    that put chosen above rejected.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    unit: ClassVar[UnitKind] = "candidates"
    makes: ClassVar[Table] = "pairs"
    prompts: ClassVar[tuple[str, ...]] = ()
    calls: ClassVar[int] = 0

    checks: Annotated[tuple[str, ...], Field(min_length=1)]
    most: Annotated[int, Field(ge=1)] | None = 1
    within: Literal["prompt", "model"] = "prompt"
    chosen: Which = "random"
    rejected: Which = "random"
    by: tuple[str, ...] = ()
    min_gap: float | None = None
    max_gap: float | None = None
    passes_at: float = 1.0
    fails_at: float = 0.0
    p_chosen: Annotated[float, Field(gt=0.5, le=1)] = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what would do nothing, and verdicts that would be both."""
        sides = (self.chosen, self.rejected)
        is_scored = self.min_gap is not None or self.max_gap is not None or any(each in BY_SCORE for each in sides)
        if is_scored != bool(self.by):
            raise ValueError("`by` goes with highest, lowest, `min_gap` or `max_gap`, which need it")
        if self.fails_at >= self.passes_at:
            raise ValueError(f"`fails_at` {self.fails_at:g} is not under `passes_at` {self.passes_at:g}")
        if self.min_gap is not None and self.max_gap is not None and self.max_gap < self.min_gap:
            raise ValueError("`max_gap` is under `min_gap`")
        if self.seed and "random" not in sides:
            raise ValueError("`seed` draws nothing unless `chosen` or `rejected` is random")
        if twice := [name for name in self.checks if self.checks.count(name) > 1]:
            raise ValueError(f"`checks` names {twice[0]!r} twice")

    @property
    def yields(self) -> int:
        """So many pairs, or as many as the candidates allow."""
        return 0 if self.most is None or self.within == "model" else self.most

    def __call__(self, unit: Candidates) -> Answer:
        """The pairs of one prompt, or why there is none."""
        candidates = worded(unit.responses)
        if too_few := are_too_few(candidates):
            return too_few
        told = passed(unit.signals, self.checks, self.passes_at, self.fails_at)
        scores = score_all(ratings_of(unit.signals, self.by), self.by, "all") if self.by else {}
        known = {each: candidates[each] for each in told if each in candidates and (not self.by or each in scores)}
        if len(known) < 2:
            return Nothing("unjudged", f"{len(known)} of {len(candidates)} candidates can be told to pass or fail")
        models = sorted({each.model for each in known.values()}) if self.within == "model" else [None]
        labels: list[Label] = []
        reasons: list[Nothing] = []
        verdicts = [each for each in ratings_of(unit.signals, self.checks) if each.response in known]
        for model in models:
            group = {name: each for name, each in known.items() if model is None or each.model == model}
            found = self._pair_up(group, told, scores, verdicts)
            labels += [each for each in found if isinstance(each, Label)]
            reasons += [each for each in found if isinstance(each, Nothing)]
        return answer_with(unit, labels, reasons, "pass_fail")

    def _pair_up(
        self,
        group: Mapping[str, Response],
        told: Mapping[str, bool],
        scores: Mapping[str, float],
        verdicts: Sequence[Rating],
    ) -> list[Label | Nothing]:
        """The labels of candidates that may be paired with each other, and why some are not made."""
        passing = self._in_order(self.chosen, [group[each] for each in group if told[each]], scores)
        failing = self._in_order(self.rejected, [group[each] for each in group if not told[each]], scores)
        if not failing:
            return [Nothing("all_pass", f"all {len(passing)} candidates pass")]
        if not passing:
            return [Nothing("all_fail", f"all {len(failing)} candidates fail")]
        turns = (turn for turn in take_turns(passing, failing) if texts_differ(group, turn))
        taken = [self._label(*turn, scores, verdicts) for turn in islice(turns, self.most)]
        return taken or [Nothing("identical_texts", "the two responses say the same")]

    def _in_order(self, which: Which, side: Sequence[Response], scores: Mapping[str, float]) -> list[str]:
        """The ids of one side in the order in which they are taken; of equals the smaller id first."""

        def place(each: Response) -> float:
            match which:
                case "random":
                    return float(derive_seed("pass_fail", self.seed, each.response_id))
                case "highest":
                    return -scores[each.response_id]
                case "lowest":
                    return scores[each.response_id]
                case "shortest":
                    return float(len(each.text))
                case "longest":
                    return -float(len(each.text))

        return [each.response_id for each in sorted(side, key=lambda each: (place(each), each.response_id))]

    def _label(self, one: str, other: str, scores: Mapping[str, float], verdicts: Sequence[Rating]) -> Label | Nothing:
        if self.by:
            lead = scores[one] - scores[other]
            if self.min_gap is not None and lead < self.min_gap:
                return Nothing("gap_too_small", f"score gap {lead:.3f} is under {self.min_gap:g}")
            if self.max_gap is not None and lead > self.max_gap:
                return Nothing("gap_too_large", f"score gap {lead:.3f} is over {self.max_gap:g}")
        values = aspects_of(verdicts)
        failed = [name for name, value in values[other].items() if value <= self.fails_at]
        gap = fmean(values[one][name] - values[other][name] for name in failed)
        return Label(one, other, gap, self.p_chosen, share_above(verdicts, one, other))


def take_turns(ones: Sequence[str], others: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Every one with every other, each combination once, so that all have been used equally often as early as can be.

    The first pair is the first of both.
    """
    rounds = range(gcd(len(ones), len(others)))
    turns = range(lcm(len(ones), len(others)))
    return ((ones[turn % len(ones)], others[(turn + shift) % len(others)]) for shift in rounds for turn in turns)
