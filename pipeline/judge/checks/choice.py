"""Checks of answers that are one of few: an option of a multiple choice, yes or no."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from pipeline.judge.checks.extract import EMPHASIS, marked_answers
from pipeline.judge.checks.finding import Finding, Found, Subject, no_reference, quote
from pipeline.judge.checks.normalise import normalise
from pipeline.strategy import Nothing

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
OPTION = re.compile(
    r"^[ \t]*[-*]?[ \t]*(?:\((?P<closed>[A-Za-z])\)|(?P<open>[A-Z])[.):])[ \t]+(?P<text>\S[^\n]*)$", re.MULTILINE
)
LEADING = re.compile(
    r"^\s*(?:option\s+|choice\s+)?(?:\((?P<closed>[A-Za-z])\)|(?P<open>[A-Z])(?:[.):,]|\s*$|\s+(?=[-–—(])))",
    re.IGNORECASE,
)
NAMED = re.compile(r"\b(?:option|choice)\s+\(?(?P<letter>[A-Z])\b", re.IGNORECASE)
WORDS = re.compile(r"\w+")
NEGATION = re.compile(r"\b(?:not|never|cannot)\b|n['’]t\b", re.IGNORECASE)


def options_of(question: str) -> dict[str, str]:
    """The options that a question lists, by letter: lines such as `A) …`, `(b) …`, `C. …`, from A on without a gap."""
    found: dict[str, str] = {}
    for match in OPTION.finditer(question):
        letter = (match["closed"] or match["open"]).upper()
        if letter == LETTERS[len(found) % 26]:
            found[letter] = match["text"].strip()
    return found if len(found) > 1 else {}


def choose(text: str, options: Mapping[str, str]) -> tuple[str | None, str]:
    """The letter of the option that a response takes, and how it was told; None when it takes none, or several.

    A marked answer counts first, then a letter at the beginning, then an option named by its letter, then the one option
    whose text is said (an option within a longer one that is said too does not count).
    """
    letters = "".join(options) or LETTERS
    for said, where in [*((marked, "marked") for marked in marked_answers(text)), (EMPHASIS.sub("", text), "leading")]:
        match = LEADING.match(said)
        letter = (match["closed"] or match["open"]).upper() if match else ""
        if letter and letter in letters:
            return letter, where
        if where == "marked" and (chosen := _told(said, options)):
            return chosen, "marked text"
    named = {match["letter"].upper() for match in NAMED.finditer(text)} & set(letters)
    if len(named) == 1:
        return named.pop(), "named"
    chosen = _told(text, options)
    return chosen, "text" if chosen else "no single option"


def _told(text: str, options: Mapping[str, str]) -> str | None:
    """The one option whose text occurs in another."""
    said = f" {normalise(text)} "
    forms = {letter: normalise(option) for letter, option in options.items()}
    hits = [letter for letter, form in forms.items() if form and f" {form} " in said]
    longest = [
        letter
        for letter in hits
        if not any(other != letter and f" {forms[letter]} " in f" {forms[other]} " for other in hits)
    ]
    return longest[0] if len(longest) == 1 else None


@dataclass(frozen=True, slots=True)
class MultipleChoice:
    """The response takes the right option (arXiv 2309.14525, appendix: the gold letter first, or the phrase of that option).

    `options` are in the order of their letters; none: those that the question lists. The reference is a letter or an
    option's text. Without options only letters can be told.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    kind: Literal["multiple_choice"] = "multiple_choice"
    reference: str | None = None
    options: Annotated[tuple[str, ...], Field(max_length=26)] = ()

    def look(self, subject: Subject) -> Found:
        """Find the option that was taken."""
        reference = self.reference if self.reference is not None else subject.reference
        if reference is None:
            return no_reference()
        options = dict(zip(LETTERS, self.options, strict=False)) or options_of(subject.question)
        right = self._letter_of(reference, options)
        if right is None:
            return Nothing("bad_reference", f"{quote(reference)} is none of the options")
        chosen, how = choose(subject.text, options)
        holds = chosen == right
        took = f"took {chosen} ({how})" if chosen else f"took no option ({how})"
        return Finding(holds, f"{took}; right is {right}", {"read": chosen, "wanted": right, "options": options})

    def _letter_of(self, reference: str, options: Mapping[str, str]) -> str | None:
        wanted = normalise(reference)
        exact = [letter for letter, text in options.items() if normalise(text) == wanted]
        if len(exact) == 1:
            return exact[0]
        match = LEADING.match(reference.strip())
        letter = (match["closed"] or match["open"]).upper() if match else ""
        return letter if letter and letter in ("".join(options) or LETTERS) else None


@dataclass(frozen=True, slots=True)
class YesNo:
    """The response says yes where the reference does, and no where it does; other words for them can be given.

    The parameters are not called `yes` and `no`, because YAML takes those words for truth values.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    kind: Literal["yes_no"] = "yes_no"
    reference: str | None = None
    positive: Annotated[tuple[str, ...], Field(min_length=1)] = ("yes", "true", "correct")
    negative: Annotated[tuple[str, ...], Field(min_length=1)] = ("no", "false", "incorrect")

    def look(self, subject: Subject) -> Found:
        """Find out what was said."""
        reference = self.reference if self.reference is not None else subject.reference
        if reference is None:
            return no_reference()
        wanted = self._said(reference)
        if wanted is None:
            return Nothing("bad_reference", f"{quote(reference)} is neither yes nor no")
        given = self._said(subject.text)
        trace = f"says {given or 'neither yes nor no'}; right is {wanted}"
        return Finding(given == wanted, trace, {"read": given, "wanted": wanted})

    def _said(self, text: str) -> str | None:
        """What the marked answer begins with, else what the response begins with, else the only one of both it says.

        The last of these only where nothing is negated.
        """
        kinds = {
            word.casefold(): kind for kind, words in (("yes", self.positive), ("no", self.negative)) for word in words
        }
        spoken: list[Sequence[str]] = [WORDS.findall(each.casefold()) for each in [*marked_answers(text), text]]
        for words in spoken:
            if words and words[0] in kinds:
                return kinds[words[0]]
        if NEGATION.search(text):
            return None  # "it is not true" says true, and means the contrary
        said = {kinds[word] for word in spoken[-1] if word in kinds}
        return said.pop() if len(said) == 1 else None
