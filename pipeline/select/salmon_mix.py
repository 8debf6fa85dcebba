"""Mix principles, some of them negated, into labels that hold under what was mixed."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from pipeline.select.both_orders import Couple, Shares, shares_by_principle
from pipeline.select.drawing import Drawn, draw
from pipeline.select.overrides import Side, in_script_of, without_disclaimer
from pipeline.strategy import Answer, Nothing, Table
from prompts.principles import Principle
from schemas.conditions import MixedPrinciple, PairCondition
from schemas.rows import PairAnswer, Row
from schemas.units import Candidates, UnitKind

DIGITS = 12
"""Significant digits that are kept of a reckoned figure: fewer than machines agree on."""
Share = Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True, slots=True)
class SalmonMix:
    """Labels of each two candidates under several draws of principles, from verdicts that are already there (SALMON).

    Every principle needs a verdict in both orders. Its margin in an order is log P(a) - log P(b), P clipped to
    [`epsilon`, 1 - `epsilon`]; its score is the mean margin of both orders over the principle's `normaliser`, or 0 if
    the orders disagree (arXiv 2310.05910, as released: divided by the variance of all its margins, not by their
    deviation). In each of `passes` mixes, K principles (geometric with `stop`, K ≤ `most`) are drawn, each is negated
    with probability `negate`, and by `decision` the strongest of them, their sum or their votes name the better one; 0
    names none. `rules` may then set another label, and noise flips it: with probability `noise`, `noise_factor` times
    that after a rule. A principle whose margins are all the same has no scale and scores 0.

    A pair's `condition` and `rationale` tell the principles that its label holds under. `score_gap` is the deciding
    score; `p_chosen` is what a label of its kind deserves: the mean probability that the deciding principles give it, 1
    after a rule, less what noise takes from both; `confidence` is the share of the mixed principles on its side. Neither
    tells whether noise has struck: `condition` does.
    Another `seed` draws other mixes from the same verdicts.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    unit: ClassVar[UnitKind] = "all_candidates"
    makes: ClassVar[Table] = "pairs"

    principles: Annotated[tuple[Principle, ...], Field(min_length=1)]
    seed: int = 0
    passes: Annotated[int, Field(ge=1, le=1000)] = 4
    stop: Annotated[float, Field(ge=0.001, le=1)] = 0.2
    most: Annotated[int, Field(ge=1)] = 8
    negate: Share = 0.5
    normaliser: Literal["variance", "std", "none"] = "variance"
    decision: Literal["dominant", "sum", "vote"] = "dominant"
    epsilon: Annotated[float, Field(gt=0, lt=0.5)] = 1e-6
    rules: tuple[Literal["disclaimer", "script"], ...] = ("disclaimer",)
    disclaimers: tuple[str, ...] = ("as an AI language model",)
    disclaimer_share: Share = 0.5
    noise: Annotated[float, Field(ge=0, le=0.5)] = 0.10
    noise_factor: Annotated[float, Field(ge=0)] = 2.5

    def __post_init__(self) -> None:
        names = [each.name for each in self.principles]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"`principles` names {twice[0]!r} twice")
        if self.noise * self.noise_factor > 0.5:
            raise ValueError("noise · noise_factor is above 0.5: more labels would be wrong than right after a rule")

    def fit(self, units: Iterable[Candidates]) -> Mapping[str, Any]:
        """The scale of each principle: what its scores are divided by, 0 where all margins are the same.

        The variance is that of all margins of both orders about their mean, over their number.
        """
        if self.normaliser == "none":
            return {"scales": {principle.name: 1.0 for principle in self.principles}}
        margins = {principle.name: array("d") for principle in self.principles}
        for unit in units:
            for by_name in shares_by_principle(unit.signals, margins).values():
                for name, shares in by_name.items():
                    margins[name].extend(margins_of(shares, self.epsilon))
        variances = {name: variance(values) for name, values in margins.items()}
        if self.normaliser == "std":
            return {"scales": {name: rounded(math.sqrt(value)) for name, value in variances.items()}}
        return {"scales": {name: rounded(value) for name, value in variances.items()}}

    def answer(self, unit: Candidates, fit: Mapping[str, Any]) -> Answer:
        """Up to `passes` labels of each two candidates that were judged under all principles."""
        names = [principle.name for principle in self.principles]
        found = shares_by_principle(unit.signals, names)
        texts = {response.response_id: response.text for response in unit.responses}
        judged = {
            couple: by_name
            for couple, by_name in found.items()
            if len(by_name) == len(names) and _are_two(texts.get(couple[0], ""), texts.get(couple[1], ""))
        }
        if not judged:
            return Nothing("unjudged", "no two candidates have verdicts under all principles in both orders")
        pairs: list[Row] = []
        for (a, b), by_name in judged.items():
            scores = {name: self._score(by_name[name], fit["scales"][name]) for name in names}
            for number in range(self.passes):
                seed = (self.seed, unit.prompt.prompt_id, a, b, number)
                drawn = draw(seed, names, stop=self.stop, most=self.most, negate=self.negate)
                pair = self._label(unit.prompt.prompt_id, (a, b), scores, by_name, drawn)
                override = self._override(unit.prompt.question, texts[a], texts[b], drawn)
                if pair is not None and override != "neither":
                    pairs.append(pair.row(self, override, drawn, number))
        return pairs or Nothing("no_preference", "no draw of principles tells the candidates apart")

    def _score(self, shares: Shares, scale: float) -> float:
        """The score of one principle, > 0 for candidate a; 0 where the orders disagree."""
        one, other = margins_of(shares, self.epsilon)
        agree = (one > 0 and other > 0) or (one < 0 and other < 0)
        return rounded((one + other) / 2 / scale) if agree and scale > 0 else 0.0

    def _label(
        self,
        prompt_id: str,
        couple: Couple,
        scores: Mapping[str, float],
        shares: Mapping[str, Shares],
        drawn: Drawn,
    ) -> _Label | None:
        """What the drawn principles say of two candidates; None where they say nothing."""
        signed = {name: -scores[name] if name in drawn.negated else scores[name] for name in drawn.chosen}
        deciding, total = decide(signed, self.decision)
        if total == 0:
            return None
        means = {name: sum(shares[name]) / 2 for name in deciding}
        beliefs = [1 - mean if name in drawn.negated else mean for name, mean in means.items()]
        return _Label(prompt_id, couple, signed, deciding, total, sum(beliefs) / len(beliefs))

    def _override(self, question: str, a: str, b: str, drawn: Drawn) -> tuple[str, Side] | Literal["neither"] | None:
        """The last rule that sets the label, with the side it takes; `neither` where the two are to be left out."""
        found: tuple[str, Side] | None = None
        if "disclaimer" in self.rules and drawn.rule_coin < self.disclaimer_share:
            side = without_disclaimer(a, b, self.disclaimers)
            found = ("disclaimer", side) if side else None
        if "script" in self.rules:
            fits = in_script_of(question, a, b)
            if fits == "neither":
                return "neither"
            found = ("script", fits) if fits else found
        return found

    def told(self, drawn: Drawn) -> str:
        """The drawn principles in words, one line each, as an annotator would be told them."""
        by_name = {principle.name: principle for principle in self.principles}
        return "\n".join(f"- {_words(by_name[name], name in drawn.negated)}" for name in drawn.chosen)


@dataclass(frozen=True, slots=True)
class _Label:
    """What some principles say of two candidates: a total above 0 is for a; `belief` is the probability of a."""

    prompt_id: str
    couple: Couple
    signed: Mapping[str, float]
    deciding: Sequence[str]
    total: float
    belief: float

    def row(self, mix: SalmonMix, override: tuple[str, Side] | None, drawn: Drawn, number: int) -> PairAnswer:
        """The pair, after rules and noise."""
        side: Side = "a" if self.total > 0 else "b"
        certainty = max(0.5, self.belief if side == "a" else 1 - self.belief)
        noise = mix.noise
        if override is not None:
            side, certainty, noise = override[1], 1.0, mix.noise * mix.noise_factor
        flipped = drawn.noise_coin < noise
        a_wins = (side == "a") != flipped
        agreeing = sum((score > 0) if side == "a" else (score < 0) for score in self.signed.values())
        principles: list[MixedPrinciple] = [
            {"name": name, "negated": name in drawn.negated, "score": score} for name, score in self.signed.items()
        ]
        text = mix.told(drawn)
        condition: PairCondition = {
            "kind": "principles",
            "text": text,
            "principles": principles,
            "dominant": self.deciding[0] if mix.decision == "dominant" else None,
            "draw": number,
            "override": override[0] if override else None,
            "flipped": flipped,
            "chosen_first": a_wins == drawn.a_first,
        }
        a, b = self.couple
        return PairAnswer(
            prompt_id=self.prompt_id,
            chosen_id=a if a_wins else b,
            rejected_id=b if a_wins else a,
            score_gap=abs(self.total),
            p_chosen=rounded((1 - noise) * certainty + noise * (1 - certainty)),
            confidence=agreeing / len(self.signed),
            rule="salmon_mix",
            rationale=text,
            condition=condition,
        )


def margins_of(shares: Shares, epsilon: float) -> Shares:
    """log P(a) - log P(b) in both orders, P clipped to [epsilon, 1 - epsilon]; above 0 where a is preferred."""

    def log_clipped(share: float) -> float:
        return math.log(min(max(share, epsilon), 1 - epsilon))

    one, other = (rounded(log_clipped(share) - log_clipped(1 - share)) for share in shares)
    return one, other


def variance(values: Sequence[float]) -> float:
    """The mean squared distance from the mean, exactly 0 where all are the same; the order of values does not matter."""
    if not values or min(values) == max(values):
        return 0.0
    mean = math.fsum(values) / len(values)
    return math.fsum((value - mean) ** 2 for value in values) / len(values)


def decide(signed: Mapping[str, float], decision: Literal["dominant", "sum", "vote"]) -> tuple[Sequence[str], float]:
    """The principles that decide and what they say together: above 0 for a, 0 for neither.

    `dominant`: the one of the largest |score|, the first of the draw among equals. `sum`: all scores. `vote`: the number
    of principles for a less the number for b.
    """
    if decision == "dominant":
        name = max(signed, key=lambda each: abs(signed[each]))
        return [name], signed[name]
    deciding = [name for name, score in signed.items() if score != 0]
    if decision == "sum":
        return deciding, rounded(math.fsum(signed.values()))
    return deciding, float(sum(1 if signed[name] > 0 else -1 for name in deciding))


def rounded(value: float) -> float:
    """A figure to so many digits that it is the same on any machine."""
    return float(f"{value:.{DIGITS}g}")


def _words(principle: Principle, negated: bool) -> str:
    """What is asked for: a principle that is put the other way round describes the worse answer by its definition."""
    return principle.negation if negated != principle.inverted else principle.definition


def _are_two(a: str, b: str) -> bool:
    """Whether two texts can make a pair: neither is blank, and they differ."""
    return bool(a.strip() and b.strip()) and a.strip() != b.strip()
