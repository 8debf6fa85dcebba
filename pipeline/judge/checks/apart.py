"""Checks that are worked out in the cage, because a pattern, a schema, algebra or code may never come to an end."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline.judge.checks.extract import boxed, code_in, json_in
from pipeline.judge.checks.finding import Finding, Found, Subject, no_reference, quote
from pipeline.judge.checks.normalise import normalise
from pipeline.strategy import Nothing
from schemas.errors import RequestError
from schemas.requests import CAGE, Asking, Json, Request

READER_MEMORY_MIB = 1024
SHOWN_OUTPUT = 400
Seconds = Annotated[int, Field(ge=1, le=120)]


class Read(BaseModel):
    """What a tool in the cage made of a text: `ended` says why it gave no answer, `holds` is None when it could not read."""

    model_config = ConfigDict(extra="forbid")
    holds: bool | None = None
    detail: str
    found: str = ""
    ended: Literal["", "time", "died"] = ""


class Ran(BaseModel):
    """What became of code: the error of each test that was run, in order ("" for none), and how it all ended."""

    model_config = ConfigDict(extra="forbid")
    errors: list[str]
    ended: Literal["done", "broken", "time", "died", "exited"]
    detail: str
    output: str


def _reading(program: str, seconds: int, job: Mapping[str, Any]) -> Request:
    limits = {"seconds": seconds, "memory_mib": READER_MEMORY_MIB}
    return Request(program, {**job, **limits}, CAGE, Json(Read))


def _unread(read: Read) -> Nothing:
    """A tool that gave up says nothing about the response."""
    return Nothing("check_gave_up", read.detail)


@dataclass(frozen=True, slots=True)
class Regex:
    """The response matches a regular expression (Python's), anywhere or as a `whole`.

    With `group` what that group found has to be the reference, in normal form: so an answer is cut out by a pattern.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    pattern: str
    kind: Literal["regex"] = "regex"
    whole: bool = False
    ignore_case: bool = False
    group: Annotated[int, Field(ge=1)] | None = None
    reference: str | None = None
    seconds: Seconds = 2

    def __post_init__(self) -> None:
        try:
            groups = re.compile(self.pattern).groups
        except (re.error, RecursionError, OverflowError) as problem:
            raise ValueError(f"`pattern` is no regular expression: {problem}") from None
        if self.group is not None and self.group > groups:
            raise ValueError(f"`pattern` has {groups} groups, so there is no group {self.group}")
        if self.reference is not None and self.group is None:
            raise ValueError("`reference` is compared with a group of the pattern; say which with `group`")

    def look(self, subject: Subject) -> Asking[Found]:
        """Search in the cage."""
        reference = self.reference if self.reference is not None else subject.reference
        if self.group is not None and reference is None:
            return no_reference()
        flags = int(re.MULTILINE | (re.IGNORECASE if self.ignore_case else 0))
        job = {
            "pattern": self.pattern, "flags": flags, "whole": self.whole, "group": self.group or 0, "text": subject.text,
        }  # fmt: skip
        (completion,) = yield [_reading("cage/pattern", self.seconds, job)]
        read: Read = completion.data
        if read.ended or read.holds is None:
            return _unread(read)
        if self.group is None or not read.holds:
            return Finding(read.holds, read.detail, {"read": read.found})
        wanted, given = normalise(reference or ""), normalise(read.found)
        holds = given == wanted
        return Finding(
            holds, f"{quote(given)} {'=' if holds else '≠'} {quote(wanted)}", {"read": given, "wanted": wanted}
        )


@dataclass(frozen=True, slots=True)
class JsonSchema:
    """The response is JSON that follows a schema (the draft that its `$schema` names, else 2020-12).

    JSON in a fenced block counts, unless `bare`: then the response is nothing else.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    schema: dict[str, Any]
    kind: Literal["json_schema"] = "json_schema"
    bare: bool = False
    seconds: Seconds = 5

    def __post_init__(self) -> None:
        try:
            from jsonschema import Draft202012Validator
            from jsonschema.exceptions import SchemaError
            from jsonschema.validators import validator_for
        except ImportError:
            raise RequestError("checking JSON needs `jsonschema`; pip install 'prefmill[verify]'") from None
        try:
            validator_for(self.schema, default=Draft202012Validator).check_schema(self.schema)
        except SchemaError as problem:
            raise ValueError(f"`schema` is no JSON schema: {problem.json_path}: {problem.message}") from None

    def look(self, subject: Subject) -> Asking[Found]:
        """Validate in the cage."""
        text = subject.text.strip() if self.bare else json_in(subject.text)
        (completion,) = yield [_reading("cage/schema", self.seconds, {"schema": self.schema, "text": text})]
        read: Read = completion.data
        if read.ended or read.holds is None:
            return _unread(read)
        return Finding(read.holds, read.detail, {"read": text[:SHOWN_OUTPUT]})


@dataclass(frozen=True, slots=True)
class Maths:
    """The answer equals the reference as mathematics (`1/2`, `\\frac{2}{4}` and `0.5` are one); by math-verify.

    The library finds the answer in the response: what is boxed first, then what is marked or last. Numbers are compared
    to `decimals` places; `strict` keeps sets, intervals and tuples apart.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    kind: Literal["maths"] = "maths"
    reference: str | None = None
    decimals: Annotated[int, Field(ge=0, le=15)] = 6
    strict: bool = True
    seconds: Seconds = 10

    def look(self, subject: Subject) -> Asking[Found]:
        """Compare in the cage."""
        reference = self.reference if self.reference is not None else subject.reference
        if reference is None:
            return no_reference()
        if len(PROSE.findall(reference)) >= MOST_PROSE and _as_maths(reference) != reference:
            return Nothing("bad_reference", f"{quote(reference)} is a sentence, not a formula")
        job = {
            "reference": _as_maths(reference), "text": subject.text, "decimals": self.decimals, "strict": self.strict,
        }  # fmt: skip
        (completion,) = yield [_reading("cage/maths", self.seconds, job)]
        read: Read = completion.data
        if read.ended:
            return _unread(read)
        if read.holds is None:
            return Nothing("bad_reference", read.detail)
        return Finding(read.holds, read.detail, {"read": read.found})


PROSE = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{4,}")
MOST_PROSE = 3
"""So many words make a reference a sentence; algebra would take their letters for a product of unknowns."""


def _as_maths(reference: str) -> str:
    """A reference as the library reads it best: between dollars, unless it marks its formula itself."""
    return reference if "$" in reference or boxed(reference) is not None else f"${reference.strip()}$"


@dataclass(frozen=True, slots=True)
class Code:
    """The code of the response passes every unit test; it is run in the cage, for at most `seconds` of processor time.

    Tests are Python: every `assert` at the top level is one test, what stands between them prepares it. They come from
    `tests`, else from the prompt's reference. `entry_point` names the function that a test suite in the manner of
    HumanEval is given: a `check(candidate)` that it defines is then called with it.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    kind: Literal["code"] = "code"
    tests: str | None = None
    entry_point: Annotated[str, Field(pattern=r"^[^\W\d]\w*$")] | None = None
    seconds: Seconds = 5
    memory_mib: Annotated[int, Field(ge=64, le=8192)] = 512

    def __post_init__(self) -> None:
        if self.tests is not None and isinstance(split := self._split(self.tests), str):
            raise ValueError(f"`tests` are no tests: {split}")

    def look(self, subject: Subject) -> Asking[Found]:
        """Run in the cage."""
        given = self.tests if self.tests is not None else subject.reference
        if given is None:
            return no_reference()
        tests = self._split(given)
        if isinstance(tests, str):
            return Nothing("bad_reference", tests)
        job = {
            "code": code_in(subject.text, "python"), "tests": tests,
            "seconds": self.seconds, "memory_mib": self.memory_mib,
        }  # fmt: skip
        (completion,) = yield [Request("cage/code", job, CAGE, Json(Ran))]
        ran: Ran = completion.data
        checks = [number for number, test in enumerate(tests) if not test.startswith(PREPARING)]
        passed = sum(number < len(ran.errors) and not ran.errors[number] for number in checks)
        holds = ran.ended == "done" and not any(ran.errors)
        trace = f"{passed} of {len(checks)} tests pass" + ("" if holds else f"; {_first_failure(tests, ran)}")
        return Finding(holds, trace, {"errors": ran.errors, "ended": ran.ended, "output": ran.output[:SHOWN_OUTPUT]})

    def _split(self, source: str) -> list[str] | str:
        """The tests one by one, or why they cannot be used."""
        source = code_in(source, "python")
        try:
            body = ast.parse(source).body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as problem:
            return f"not Python: {problem}"
        parts = [("" if isinstance(node, ast.Assert) else PREPARING) + ast.unparse(node) for node in body]
        if self.entry_point is not None and any(
            isinstance(node, ast.FunctionDef) and node.name == "check" for node in body
        ):
            parts.append(f"check({self.entry_point})")
        return parts if any(not part.startswith(PREPARING) for part in parts) else "no `assert` at the top level"


PREPARING = "# before the tests\n"
"""Marks the parts of a test suite that prepare a test and are none."""


def _first_failure(tests: list[str], ran: Ran) -> str:
    """The first thing that went wrong."""
    for test, error in zip(tests, ran.errors, strict=False):
        if error:
            return f"{quote(test.removeprefix(PREPARING))} failed: {error}"
    where = "the code itself" if not ran.errors or ran.ended == "broken" else f"after {len(ran.errors)} of its parts"
    return f"{where}: {ran.detail or json.dumps(ran.ended)}"
