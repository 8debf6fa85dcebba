"""Measure a response: how long, how repetitive, how marked up it is, and how much of a text it repeats."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from pipeline.judge.checks.finding import WORD
from pipeline.judge.checks.normalise import normalise
from pipeline.strategy import Answer, Nothing, Table
from schemas.rows import Prompt, Row, SignalAnswer
from schemas.tokens import estimate_tokens
from schemas.units import ResponseUnit, UnitKind

EVALUATOR = "measure"
MARKUP = re.compile(
    r"^[ \t]*(?:#{1,6}[ \t]+\S|[-*+•][ \t]+\S|\d{1,3}[.)][ \t]+\S)|\*\*\S[^*\n]*\*\*|__\S[^_\n]*__", re.MULTILINE
)
LENGTH_UNIT = 100
"""Words that count as one in the length incentive of R^3."""

Alone = Literal["characters", "words", "tokens", "trigrams", "unique_trigrams", "length_incentive", "markdown_density"]
Overlap = Literal["rouge1", "token_f1", "coverage"]
Against = Literal["reference", "passage", "question", "evidence"]


def words_in(text: str) -> list[str]:
    """The words of a text in small letters, without punctuation."""
    return [word.lower() for word in WORD.findall(text)]


def ngrams(words: list[str], size: int) -> list[tuple[str, ...]]:
    """Every run of `size` words, in order."""
    return [tuple(words[place : place + size]) for place in range(len(words) - size + 1)]


def unique_trigrams(text: str) -> float | None:
    """Unique trigrams over all trigrams, in (0, 1]: R^3's penalty of repetition. None under three words."""
    found = ngrams(words_in(text), 3)
    return len(set(found)) / len(found) if found else None


def markdown_density(text: str) -> float | None:
    """Headings, list items and bold spans for every 100 words; None without a word."""
    count = len(words_in(text))
    return 100 * len(MARKUP.findall(text)) / count if count else None


def f1(given: list[str], wanted: list[str]) -> float:
    """The harmonic mean of precision and recall of words, each counted as often as it is in both."""
    shared = sum((Counter(given) & Counter(wanted)).values())
    return 2 * shared / (len(given) + len(wanted)) if shared else 0.0


def coverage(text: str, source: str, size: int) -> float | None:
    """The share of a text's n-grams that are in the source too, in [0, 1]; None when it has none."""
    found = ngrams(words_in(text), size)
    known = set(ngrams(words_in(source), size))
    return sum(each in known for each in found) / len(found) if found else None


ALONE: Mapping[Alone, Callable[[str], float | None]] = {
    "characters": lambda text: float(len(text)),
    "words": lambda text: float(len(words_in(text))),
    "tokens": lambda text: float(estimate_tokens(text)),
    "trigrams": lambda text: float(len(ngrams(words_in(text), 3))),
    "unique_trigrams": unique_trigrams,
    "length_incentive": lambda text: len(words_in(text)) / LENGTH_UNIT,
    "markdown_density": markdown_density,
}


@dataclass(frozen=True, slots=True)
class Measure:
    """One signal with a `value` for each measurement of a response; nothing is asked of a model.

    Alone: `characters`, `words`, `tokens` (estimated as bytes / 4), `trigrams`; `unique_trigrams`, unique over all
    trigrams, and `length_incentive`, words / 100, which are RP and LI of R^3 (arXiv 2402.03469); `markdown_density`,
    headings, list items and bold spans for 100 words. Overlap with the text `against`: `rouge1` (F of words),
    `token_f1` (the same in normal form, as SQuAD scores) and `coverage` (the share of the response's runs of `size`
    words that are in that text); the signal is then called `rouge1:reference`, and so on.

    What cannot be measured (two words have no trigram) has no value. A prompt without the text to compare with gives
    none of the overlaps; `no_reference` when nothing else was asked for.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    unit: ClassVar[UnitKind] = "response"
    makes: ClassVar[Table] = "signals"
    prompts: ClassVar[tuple[str, ...]] = ()
    calls: ClassVar[int] = 0

    what: Annotated[tuple[Alone | Overlap, ...], Field(min_length=1)] = ("words", "unique_trigrams", "markdown_density")
    against: Against = "reference"
    size: Annotated[int, Field(ge=1, le=50)] = 3

    def __post_init__(self) -> None:
        if twice := [each for each in self.what if self.what.count(each) > 1]:
            raise ValueError(f"`what` names {twice[0]!r} twice")

    @property
    def yields(self) -> int:
        """One for each measurement."""
        return len(self.what)

    def __call__(self, unit: ResponseUnit) -> Answer:
        """The measurements of one response."""
        text, other = unit.response.text, _text_of(unit.prompt, self.against)
        rows: list[Row] = []
        for what in self.what:
            if what in ALONE:
                rows.append(self._signal(unit, what, ALONE[what](text)))  # type: ignore[index]
            elif other.strip():
                rows.append(self._signal(unit, f"{what}:{self.against}", self._overlap(what, text, other)))
        return rows or Nothing("no_reference", f"the prompt has no {self.against} to compare with")

    def _overlap(self, what: str, text: str, other: str) -> float | None:
        match what:
            case "rouge1":
                return f1(words_in(text), words_in(other))
            case "token_f1":
                return f1(normalise(text).split(), normalise(other).split())
        return coverage(text, other, self.size)

    def _signal(self, unit: ResponseUnit, name: str, value: float | None) -> SignalAnswer:
        return SignalAnswer(
            prompt_id=unit.prompt.prompt_id,
            response_ids=[unit.response.response_id],
            name=name,
            evaluator=EVALUATOR,
            value=value,
        )


def _text_of(prompt: Prompt, against: Against) -> str:
    match against:
        case "reference":
            return prompt.reference or ""
        case "question":
            return prompt.question
    return prompt.facts(against)
