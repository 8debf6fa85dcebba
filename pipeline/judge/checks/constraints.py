"""Checks of instructions that can be verified, of the kind that IFEval collected (arXiv 2311.07911)."""

from __future__ import annotations

import functools
import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from pipeline.judge.checks.finding import WORD, Finding, Found, Subject, no_reference
from pipeline.strategy import Nothing

SENTENCE_END = re.compile(r"(?<=[.!?])[\"'”’)\]]*\s+|(?<=[。！？])")
PARAGRAPH = re.compile(r"\n[ \t]*\n|\n[ \t]*(?:\*\*\*|---)[ \t]*\n")
BULLET = re.compile(r"^[ \t]*[-*+•][ \t]+\S", re.M)
NUMBERED = re.compile(r"^[ \t]*\d{1,3}[.)][ \t]+\S", re.M)
HEADING = re.compile(r"^#{1,6}[ \t]+\S", re.M)
HIGHLIGHT = re.compile(r"\*\*\S[^*\n]*\*\*|(?<![*\w])\*[^\s*][^*\n]*\*(?!\*)")
PLACEHOLDER = re.compile(r"\[[^\[\]\n]+\]")
TITLE = re.compile(r"<<[^\n<>]*\S[^\n<>]*>>")
CODE_BLOCK = re.compile(r"^[ \t]*```.*?^[ \t]*```[ \t]*$", re.M | re.S)
TABLE = re.compile(r"^[ \t]*\|?[ \t]*:?-{3,}:?[ \t]*(?:\|[ \t]*:?-{3,}:?[ \t]*)*\|?[ \t]*$", re.M)
QUOTES = {'"': '"', "“": "”", "„": "“", "«": "»"}

Countable = Literal[
    "words", "sentences", "paragraphs", "characters", "lines", "bullets", "numbered", "headings", "highlights",
    "placeholders", "capital_words", "code_blocks", "tables", "commas", "questions", "exclamations",
]  # fmt: skip
COUNTS: Mapping[Countable, Callable[[str], int]] = {
    "words": lambda text: len(WORD.findall(text)),
    "sentences": lambda text: sum(WORD.search(part) is not None for part in SENTENCE_END.split(text)),
    "paragraphs": lambda text: sum(bool(part.strip()) for part in PARAGRAPH.split(text)),
    "characters": lambda text: len(text.strip()),
    "lines": lambda text: sum(bool(line.strip()) for line in text.splitlines()),
    "bullets": lambda text: len(BULLET.findall(text)),
    "numbered": lambda text: len(NUMBERED.findall(text)),
    "headings": lambda text: len(HEADING.findall(text)),
    "highlights": lambda text: len(HIGHLIGHT.findall(text)),
    "placeholders": lambda text: len(PLACEHOLDER.findall(text)),
    "capital_words": lambda text: sum(word.isupper() and len(word) > 1 for word in WORD.findall(text)),
    "code_blocks": lambda text: len(CODE_BLOCK.findall(text)),
    "tables": lambda text: len(TABLE.findall(text)),
    "commas": lambda text: sum(text.count(sign) for sign in ",，、،"),
    "questions": lambda text: text.count("?") + text.count("？"),
    "exclamations": lambda text: text.count("!") + text.count("！"),
}

Form = Literal["lowercase", "uppercase", "json", "title", "quoted", "repeats_question"]
FORMS: Mapping[Form, Callable[[str, str], bool]] = {
    "lowercase": lambda text, _: text == text.lower(),
    "uppercase": lambda text, _: text == text.upper(),
    "json": lambda text, _: _is_json(text),
    "title": lambda text, _: TITLE.search(text) is not None,
    "quoted": lambda text, _: len(text.strip()) > 1 and text.strip()[-1] == QUOTES.get(text.strip()[0]),
    "repeats_question": lambda text, question: bool(question.strip()) and text.strip().startswith(question.strip()),
}


def _is_json(text: str) -> bool:
    text = re.sub(r"^```(?:json)?\s*\n(.*)\n```$", r"\1", text.strip(), flags=re.S)
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


@dataclass(frozen=True, slots=True)
class Range:
    """How often something may be there: at least, at most, or both."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    least: Annotated[int, Field(ge=0)] = 0
    most: Annotated[int, Field(ge=0)] | None = None

    def __post_init__(self) -> None:
        if self.least == 0 and self.most is None:
            raise ValueError("give `least`, `most` or both")
        if self.most is not None and self.most < self.least:
            raise ValueError(f"`most` is {self.most}, less than `least`, {self.least}")

    def judge(self, count: int, what: str) -> tuple[bool, str]:
        """Whether a count is in the range, and the sentence that says so."""
        wanted = f"{self.least} or more" if self.most is None else f"{self.least} to {self.most}"
        return self.least <= count and (self.most is None or count <= self.most), f"{count} {what}, {wanted} wanted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Count(Range):
    """So many words, sentences, bullets …"""

    kind: Countable

    def hold(self, text: str, question: str) -> tuple[bool, str]:
        """Whether it holds, and what was counted."""
        return Range.judge(self, COUNTS[self.kind](text), self.kind.replace("_", " "))


@dataclass(frozen=True, slots=True, kw_only=True)
class Frequency(Range):
    """A word, or a letter, is there so often; case does not matter."""

    kind: Literal["keyword_count", "letter_count"]
    of: Annotated[str, Field(min_length=1)]

    def hold(self, text: str, question: str) -> tuple[bool, str]:
        """Whether it holds, and what was counted."""
        count = _occurrences(self.of, text) if self.kind == "keyword_count" else text.lower().count(self.of.lower())
        return Range.judge(self, count, f"times {self.of!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """All of these words are there, or none of them; whole words, whatever their case."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    kind: Literal["keywords", "forbidden"]
    words: Annotated[tuple[str, ...], Field(min_length=1)]

    def hold(self, text: str, question: str) -> tuple[bool, str]:
        """Whether it holds, and which words are to blame."""
        there = [word for word in self.words if _occurrences(word, text)]
        blamed = there if self.kind == "forbidden" else [word for word in self.words if word not in there]
        verb = "there" if self.kind == "forbidden" else "missing"
        return not blamed, f"{', '.join(map(repr, blamed)) or 'none'} {verb}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrase:
    """The response begins or ends with this text, or has a postscript that is opened by it; white space around is free."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    kind: Literal["starts_with", "ends_with", "postscript"]
    text: Annotated[str, Field(min_length=1)]

    def hold(self, text: str, question: str) -> tuple[bool, str]:
        """Whether it holds."""
        given, wanted = text.strip(), self.text.strip()
        match self.kind:
            case "starts_with":
                return given.startswith(wanted), f"begins {given[: len(wanted)]!r}"
            case "ends_with":
                return given.endswith(wanted), f"ends {given[-len(wanted) :]!r}"
        opened = re.search(rf"^[ \t]*{re.escape(wanted)}[ \t]*\S", text, re.M | re.I)
        return opened is not None, "a postscript" if opened else "no postscript"


@dataclass(frozen=True, slots=True, kw_only=True)
class OneOf:
    """The response is one of these texts, or holds exactly one of them."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    kind: Literal["one_of"]
    options: Annotated[tuple[str, ...], Field(min_length=2)]

    def hold(self, text: str, question: str) -> tuple[bool, str]:
        """Whether it holds, and which options are there."""
        there = [option for option in self.options if option in text]
        return len(there) == 1, f"{len(there)} of the options are there"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The response is so many non-empty parts with a separator between them (`******` between two answers, say)."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    kind: Literal["parts"]
    separator: Annotated[str, Field(min_length=1)]
    count: Annotated[int, Field(ge=2)]

    def hold(self, text: str, question: str) -> tuple[bool, str]:
        """Whether it holds, and how many parts there are."""
        parts = [part.strip() for part in text.split(self.separator)]
        return len(parts) == self.count and all(parts), f"{len(parts)} parts, {self.count} wanted"


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstWord:
    """The paragraph of this number (from 1) begins with this word."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    kind: Literal["first_word"]
    word: Annotated[str, Field(min_length=1)]
    paragraph: Annotated[int, Field(ge=1)] = 1

    def hold(self, text: str, question: str) -> tuple[bool, str]:
        """Whether it holds, and what it begins with."""
        parts = [part.strip() for part in PARAGRAPH.split(text) if part.strip()]
        if len(parts) < self.paragraph:
            return False, f"{len(parts)} paragraphs"
        found = WORD.search(parts[self.paragraph - 1])
        first = found.group() if found else ""
        return first.casefold() == self.word.casefold(), f"paragraph {self.paragraph} begins {first!r}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shaped:
    """The response has a form: all in small or capital letters, JSON, with a `<<title>>`, in quotes, after the question."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    kind: Form

    def hold(self, text: str, question: str) -> tuple[bool, str]:
        """Whether it holds."""
        holds = FORMS[self.kind](text, question)
        return holds, f"{'is' if holds else 'is not'} so"


Constraint = Annotated[
    Count | Frequency | Vocabulary | Phrase | OneOf | Parts | FirstWord | Shaped, Field(discriminator="kind")
]


@functools.lru_cache(maxsize=256)
def _word_pattern(word: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(word)}(?!\w)", re.IGNORECASE)


def _occurrences(word: str, text: str) -> int:
    return len(_word_pattern(word).findall(text))


def _variants(text: str) -> Iterator[str]:
    """A response as IFEval's loose reading takes it: without its first line, its last, its asterisks, or any of these."""
    lines = text.split("\n")
    for without_first, without_last, without_stars in itertools.product((False, True), repeat=3):
        variant = "\n".join(lines[without_first : len(lines) - without_last]).strip()
        yield variant.replace("*", "") if without_stars else variant


@dataclass(frozen=True, slots=True)
class Constraints:
    """The response keeps to every instruction; they come from `constraints`, else as JSON from the prompt's reference.

    `loose` accepts a response that would keep to one of them without its first line, its last line or its asterisks.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    kind: Literal["constraints"] = "constraints"
    constraints: tuple[Constraint, ...] = ()
    loose: bool = False

    def look(self, subject: Subject) -> Found:
        """Look at one instruction after the other."""
        constraints = self.constraints
        if not constraints:
            if subject.reference is None:
                return no_reference()
            try:
                constraints = READER.validate_json(subject.reference, strict=True)
            except ValidationError as problem:
                first = problem.errors(include_url=False)[0]
                return Nothing("bad_reference", f"{'.'.join(map(str, first['loc'])) or 'reference'}: {first['msg']}")
        said: list[dict[str, Any]] = []
        for each in constraints:
            holds, why = each.hold(subject.text, subject.question)
            if not holds and self.loose:
                variants = [variant for variant in _variants(subject.text) if variant]
                holds = any(each.hold(variant, subject.question)[0] for variant in variants)
            said.append({"kind": each.kind, "holds": holds, "why": why})
        trace = "; ".join(f"{one['kind']} {'holds' if one['holds'] else 'fails'} ({one['why']})" for one in said)
        return Finding(all(one["holds"] for one in said), trace, {"constraints": said})


READER: TypeAdapter[tuple[Constraint, ...]] = TypeAdapter(Annotated[tuple[Constraint, ...], Field(min_length=1)])
