"""Pairs by the rules that published datasets were binarised with, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from pipeline.select.from_scores import FromScores
from pipeline.select.pairing import answer_with
from pipeline.select.scores import HELPSTEER_ASPECTS, Ties
from pipeline.strategy import Answer, Nothing, Table
from schemas.units import Candidates, UnitKind

Rule = Literal[
    "zephyr", "ultrafeedback", "tulu3", "self_rewarding", "helpsteer2_mean", "helpsteer2_340b", "helpsteer2_70b",
    "fusechat", "modpo_ultrafeedback", "modpo_helpsteer",
]  # fmt: skip
ULTRAFEEDBACK_ASPECTS = ("instruction_following", "honesty", "truthfulness", "helpfulness")
MEAN_OF_FOUR = {"combine": "mean", "aspects": ULTRAFEEDBACK_ASPECTS, "require": "any"}

RULES: Mapping[str, Mapping[str, Any]] = {
    "zephyr": {"combine": "single", "aspects": ("overall",), "pair": "best_random_other"},
    "ultrafeedback": {**MEAN_OF_FOUR, "pair": "best_random_lower"},
    "tulu3": {**MEAN_OF_FOUR, "pair": "best_random_lower"},
    "self_rewarding": {"combine": "single", "aspects": ("additive5",), "pair": "best_worst"},
    "helpsteer2_mean": {"combine": "mean", "aspects": HELPSTEER_ASPECTS, "pair": "best_worst"},
    "helpsteer2_340b": {"combine": "weighted_sum", "weights": "helpsteer2_340b", "pair": "best_worst"},
    "helpsteer2_70b": {"combine": "weighted_sum", "weights": "helpsteer2_70b", "pair": "best_worst"},
    "fusechat": {"combine": "mean", "pair": "within_model", "min_gap": 0.01, "max_gap": 0.10},
    "modpo_ultrafeedback": {"combine": "single", "aspects": ("overall",), "pair": "all_pairs"},
    "modpo_helpsteer": {
        "combine": "weighted_sum", "weights": dict.fromkeys(HELPSTEER_ASPECTS, 1.0), "pair": "all_pairs",
    },
}  # fmt: skip
"""What each rule says in the parameters of `FromScores`; what it leaves out is that strategy's default.

zephyr: the binarised UltraFeedback of arXiv 2310.16944; ultrafeedback: the cleaned one, by the mean of the aspects; tulu3:
arXiv 2411.15124, section 5; self_rewarding: arXiv 2401.10020; helpsteer2: arXiv 2406.08673 and the scripts that binarise
it; fusechat: arXiv 2503.04222, whose window is for ArmoRM; modpo: the pairs that arXiv 2310.03708 trains on, by the overall
score or by the sum of the five attributes.
"""


@dataclass(frozen=True, slots=True)
class Binarise:
    """Pairs of a prompt by the scores of its candidates, as a published rule makes them (`RULES`).

    What a rule does not set can be set here: `aspects` where it names none (`fusechat`), otherwise other names of the same
    number for its aspects in their order; `min_score` and `min_gap`; `ties`, which of several equals is taken. Two with
    the same score are never a pair, whatever the released code of a rule does. `score_gap`, `p_chosen` and `confidence`
    are those of `FromScores`.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    unit: ClassVar[UnitKind] = "candidates"
    makes: ClassVar[Table] = "pairs"
    prompts: ClassVar[tuple[str, ...]] = ()
    calls: ClassVar[int] = 0

    rule: Rule
    aspects: tuple[str, ...] = ()
    min_score: float | None = None
    min_gap: Annotated[float, Field(ge=0)] | None = None
    ties: Ties = "by_id"
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what the rule would overrule, or what it lacks."""
        given = RULES[self.rule]
        names = given.get("aspects", ())
        if self.aspects and "weights" in given:
            raise ValueError(f"rule: {self.rule} weighs the five attributes by name; leave out `aspects`")
        if not names and "weights" not in given and not self.aspects:
            raise ValueError(f"rule: {self.rule} needs `aspects`: the signals that score")
        if names and self.aspects and len(self.aspects) != len(names):
            raise ValueError(f"rule: {self.rule} takes {len(names)} `aspects`, and here are {len(self.aspects)}")
        if self.min_gap is not None and "min_gap" in given:
            raise ValueError(
                f"rule: {self.rule} sets `min_gap` to {given['min_gap']:g}; for another use select/from_scores"
            )
        if self.seed and "random" not in given["pair"] and self.ties != "random":
            raise ValueError(f"rule: {self.rule} draws nothing; leave out `seed`")
        self.spelled_out()

    @property
    def yields(self) -> int:
        """One pair, or as many as the candidates allow."""
        return self.spelled_out().yields

    def __call__(self, unit: Candidates) -> Answer:
        """The pairs of one prompt, or why there is none."""
        found = self.spelled_out().labels(unit)
        return found if isinstance(found, Nothing) else answer_with(unit, *found, f"binarise/{self.rule}")

    def spelled_out(self) -> FromScores:
        """The same as a `FromScores`, each parameter by name."""
        own = {"aspects": self.aspects, "min_gap": self.min_gap, "min_score": self.min_score}
        given = {name: value for name, value in own.items() if value}
        return FromScores(**{**RULES[self.rule], **given, "ties": self.ties, "seed": self.seed})
