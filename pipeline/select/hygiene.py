"""Drop or flag responses, and pairs of them, that nobody should learn from whoever judges them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal, get_args

from pydantic import ConfigDict, Field

from pipeline.hygiene import endings, markers
from pipeline.hygiene.language import differ
from pipeline.hygiene.likeness import alike
from pipeline.hygiene.phrases import say
from pipeline.hygiene.repetition import LIMITS, repetition
from pipeline.select.flagging import flagged
from pipeline.strategy import Kept, Nothing, Table
from schemas.errors import nearest
from schemas.rows import Prompt, Response
from schemas.units import PairText, ResponseUnit, UnitKind

Check = Literal[
    "empty", "opener_only", "refusal", "abstention", "self_identification", "cutoff", "chat_markers", "template_slot",
    "truncated", "repetition", "wrong_language", "near_equal",
]  # fmt: skip
CHECKS: tuple[Check, ...] = get_args(Check)
USUAL: tuple[Check, ...] = tuple(each for each in CHECKS if each not in ("abstention", "wrong_language"))
"""Those that are done unless others are asked for: what they find is wrong whatever the question was."""
Share = Annotated[float, Field(gt=0, le=1)]
NEAR_EQUAL = 0.95


@dataclass(frozen=True, slots=True)
class Hygiene:
    """What is wrong with a response by rule alone; each check has its own reason.

    `of: pairs` looks at both answers of a pair (or the side that `sides` names) and says in the detail which it was; the
    pair leaves when one of its answers does not pass. `checks` are done in the order of `CHECKS`, all usual ones when
    empty. `do: flag` keeps the row and notes `flag/<reason>` for each check that it fails.

    `unless: reference` lets a refusal or an abstention pass where the prompt's reference refuses or abstains as well.
    `strict_endings` takes an answer for truncated that ends without a sentence's end, not only one that the token limit
    cut. `near_equal_at` is the Jaccard index of 5-grams of characters from which two answers are the same; it finds
    answers that differ by a word or two, which is what a pair that was made so on purpose looks like as well.
    `repetition_limits` replaces single numbers of `pipeline.hygiene.repetition.LIMITS`.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    sifts: ClassVar[bool] = True
    prompts: ClassVar[tuple[str, ...]] = ()
    calls: ClassVar[int] = 0
    yields: ClassVar[int] = 1

    of: Literal["responses", "pairs"] = "pairs"
    checks: tuple[Check, ...] = ()
    do: Literal["drop", "flag"] = "drop"
    sides: Literal["either", "chosen", "rejected"] = "either"
    unless: Literal["reference", "never"] = "reference"
    strict_endings: bool = False
    near_equal_at: Share = NEAR_EQUAL
    repetition_limits: Mapping[str, Share] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what would do nothing."""
        if self.of == "responses" and self.sides != "either":
            raise ValueError("`sides` is for pairs; a response has none")
        if self.of == "responses" and "near_equal" in self.checks:
            raise ValueError("`near_equal` compares the two answers of a pair; take `of: pairs`")
        if twice := [each for each in self.checks if self.checks.count(each) > 1]:
            raise ValueError(f"`checks` names {twice[0]!r} twice")
        for name in self.repetition_limits:
            if name not in LIMITS:
                raise ValueError(f"`repetition_limits` has no {name!r}{nearest(name, LIMITS)}")
        needed: tuple[tuple[str, bool, tuple[Check, ...]], ...] = (
            ("unless", self.unless != "reference", ("refusal", "abstention")),
            ("strict_endings", self.strict_endings, ("truncated",)),
            ("near_equal_at", self.near_equal_at != NEAR_EQUAL, ("near_equal",)),
            ("repetition_limits", bool(self.repetition_limits), ("repetition",)),
        )
        for parameter, is_set, by in needed:
            if is_set and not set(by) & set(self.wanted):
                raise ValueError(f"`{parameter}` is for {' and '.join(f'`{each}`' for each in by)}, which is not checked")

    @property
    def unit(self) -> UnitKind:
        """A response with its prompt, or a pair with its texts."""
        return "response" if self.of == "responses" else "pair"

    @property
    def makes(self) -> Table:
        """The table it decides on."""
        return self.of

    @property
    def wanted(self) -> tuple[Check, ...]:
        """The checks that are done, in their order."""
        given = self.checks or USUAL
        return tuple(each for each in CHECKS if each in given and (each != "near_equal" or self.of == "pairs"))

    def __call__(self, unit: ResponseUnit | PairText) -> Kept | Nothing:
        """Whether the row stays, and what is flagged of it."""
        findings = self._findings(unit)
        if self.do == "drop":
            return next(findings, None) or Kept()
        row_id = unit.pair.pair_id if isinstance(unit, PairText) else unit.response.response_id
        return flagged(row_id, findings)

    def _findings(self, unit: ResponseUnit | PairText) -> Iterator[Nothing]:
        if isinstance(unit, ResponseUnit):
            sides = {"": unit.response}
        else:
            sides = {"chosen": unit.chosen, "rejected": unit.rejected}
            sides = sides if self.sides == "either" else {self.sides: sides[self.sides]}
        for check in self.wanted:
            if check == "near_equal":
                assert isinstance(unit, PairText)
                share = alike(unit.chosen.text, unit.rejected.text)
                if share >= self.near_equal_at:
                    yield Nothing("near_equal", f"{share:.3f} of their 5-grams of characters are shared")
                continue
            for side, response in sides.items():
                if finding := self._look(check, unit.prompt, response):
                    yield Nothing(finding.reason, f"{side}: {finding.detail}" if side else finding.detail)

    def _look(self, check: Check, prompt: Prompt, response: Response) -> Nothing | None:
        """What one check finds in one answer, or None."""
        text, found = response.text, None
        match check:
            case "empty":
                found = Nothing("empty", "nothing but blanks") if endings.is_empty(text) else None
            case "opener_only":
                found = Nothing("opener_only", repr(text.strip()[:60])) if endings.is_opener(text) else None
            case "refusal" if said := self._declined("refusal", prompt, text):
                found = Nothing("refusal", said)
            case "abstention" if said := self._declined("abstention", prompt, text):
                found = Nothing("abstention", said)
            case "self_identification" if said := say("identity", text):
                found = Nothing("self_identification", said)
            case "cutoff" if said := say("cutoff", text):
                found = Nothing("cutoff", said)
            case "chat_markers" if said := markers.chat_marker(text):
                found = Nothing("chat_markers", said)
            case "template_slot" if said := markers.template_slot(text):
                found = Nothing("template_slot", said)
            case "truncated":
                found = self._truncated(response)
            case "repetition" if over := repetition(text, {**LIMITS, **self.repetition_limits}):
                found = Nothing("repetition", f"{over[0]} {over[1]:.3f}")
            case "wrong_language" if languages := differ(prompt.question, text):
                found = Nothing("wrong_language", f"{languages[1]} to a question in {languages[0]}")
        return found

    def _declined(self, topic: Literal["refusal", "abstention"], prompt: Prompt, text: str) -> str | None:
        said = say(topic, text)
        right = prompt.reference if self.unless == "reference" else None
        is_right = said and right and (say("refusal", right) or say("abstention", right))
        return None if is_right else said

    def _truncated(self, response: Response) -> Nothing | None:
        if response.finish_reason == "length":
            return Nothing("truncated", "cut by the token limit")
        is_cut = self.strict_endings and endings.has_no_end(response.text)
        return Nothing("truncated", f"ends with {response.text.rstrip()[-30:]!r}") if is_cut else None
