"""Checks that compare a short answer with a reference: to the letter, normalised, or as a number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from pipeline.judge.checks.extract import answers, marked_answers
from pipeline.judge.checks.finding import Finding, Found, Subject, no_reference, quote
from pipeline.judge.checks.normalise import normalise
from pipeline.judge.checks.numbers import Decimal, Number, equal, numbers_in
from pipeline.strategy import Nothing


@dataclass(frozen=True, slots=True)
class Exact:
    """The whole response is the reference, but for white space at its ends."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    kind: Literal["exact"] = "exact"
    reference: str | None = None

    def look(self, subject: Subject) -> Found:
        """Compare to the letter."""
        reference = self.reference if self.reference is not None else subject.reference
        if reference is None:
            return no_reference()
        holds = subject.text.strip() == reference.strip()
        sign = "=" if holds else "≠"
        return Finding(holds, f"{quote(subject.text)} {sign} {quote(reference)}")


@dataclass(frozen=True, slots=True)
class Normalised:
    """The answer is the reference but for case, articles, punctuation and white space.

    `where`: `answer` compares what the response marks as its answer, or all of it when it marks nothing; `anywhere` is
    content when the reference occurs in the response as a run of whole words, negated or not.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    kind: Literal["normalised"] = "normalised"
    reference: str | None = None
    where: Literal["answer", "anywhere"] = "answer"

    def look(self, subject: Subject) -> Found:
        """Compare in normal form."""
        reference = self.reference if self.reference is not None else subject.reference
        if reference is None:
            return no_reference()
        wanted = normalise(reference)
        if not wanted:
            return Nothing("bad_reference", "the reference is empty")
        given = [subject.text] if self.where == "anywhere" else answers(subject.text)
        read = [normalise(each) for each in given]
        if self.where == "anywhere":
            holds = f" {wanted} " in f" {read[0]} "
            sign = "contains" if holds else "does not contain"
        else:
            holds = wanted in read
            sign = "=" if holds else "≠"
        chosen = wanted if holds and self.where == "answer" else read[0]
        return Finding(holds, f"{quote(chosen)} {sign} {quote(wanted)}", {"read": read, "wanted": wanted})


@dataclass(frozen=True, slots=True)
class Numeric:
    """The answer is the number of the reference, within `tolerance` of the greater one or within `absolute`.

    The number of a response is the first of its marked answer (after its last `=`), else the last that it says (as with
    GSM8K). Currencies and units are left out, thousands separators, fractions, powers of ten and percent are read;
    `decimal: ","` reads `1.234,5`.
    """

    __pydantic_config__ = ConfigDict(extra="forbid", allow_inf_nan=False)

    kind: Literal["numeric"] = "numeric"
    reference: str | None = None
    tolerance: Annotated[float, Field(ge=0, lt=1)] = 1e-6
    absolute: Annotated[float, Field(ge=0)] = 0.0
    decimal: Decimal = "."

    def look(self, subject: Subject) -> Found:
        """Compare as numbers."""
        reference = self.reference if self.reference is not None else subject.reference
        if reference is None:
            return no_reference()
        wanted = self._number(reference)
        if wanted is None:
            return Nothing("bad_reference", f"no number in {quote(reference)}")
        given = self._number(subject.text)
        if given is None:
            return Finding(False, f"no number in {quote(subject.text)}", {"wanted": wanted.value})
        holds = equal(given, wanted, tolerance=self.tolerance, absolute=self.absolute)
        trace = f"{_shown(given)} {'=' if holds else '≠'} {_shown(wanted)} (tolerance {self.tolerance:g}, {self.absolute:g})"
        return Finding(holds, trace, {"read": given.value, "wanted": wanted.value})

    def _number(self, text: str) -> Number | None:
        for marked in marked_answers(text):
            if found := numbers_in(marked.rpartition("=")[2], self.decimal):
                return found[0]
        return found[-1] if (found := numbers_in(text, self.decimal)) else None


def _shown(number: Number) -> str:
    return f"{number.value:.12g}{'%' if number.is_percent else ''}"
