"""Keep answers that rest on the text they were to be taken from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from pipeline.claim_shares import supported_share
from pipeline.hygiene.support import overlap, quotes
from pipeline.select.flagging import flagged
from pipeline.strategy import Kept, Nothing, Table
from schemas.rows import Prompt, Response
from schemas.units import PairText, ResponseUnit, UnitKind

Share = Annotated[float, Field(gt=0, le=1)]
MISSING = ("no_evidence", "no_claims")


@dataclass(frozen=True, slots=True)
class Grounded:
    """An answer stays when what it says is in the prompt's texts.

    In this order, each unless it is switched off:

    - `quoted`: the prompt's evidence stands word for word in its context (`evidence_not_quoted`);
    - `min_overlap`: so much of the answer's words stand in `against` (see `pipeline.hygiene.support.overlap`;
      `not_supported`);
    - `min_claims`: of the claims that `judge/claims` took from the answer and judged, so many are supported
      (`claims_not_supported`).

    What cannot be checked because there is nothing to compare with has a reason of its own (`no_evidence`, `no_claims`);
    `missing: keep` lets it pass. Of pairs the chosen answer is looked at, or either: a rejected answer may well be
    rejected because it says what no text says.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    sifts: ClassVar[bool] = True
    prompts: ClassVar[tuple[str, ...]] = ()
    calls: ClassVar[int] = 0
    yields: ClassVar[int] = 1

    of: Literal["responses", "pairs"] = "pairs"
    sides: Literal["chosen", "either"] = "chosen"
    quoted: bool = True
    against: Literal["passage", "evidence", "reference"] = "passage"
    min_overlap: Share | None = 0.5
    min_claims: Share | None = None
    missing: Literal["drop", "keep"] = "drop"
    do: Literal["drop", "flag"] = "drop"

    def __post_init__(self) -> None:
        """Refuse what would do nothing."""
        if self.of == "responses" and self.sides != "chosen":
            raise ValueError("`sides` is for pairs; a response has none")
        if not self.quoted and self.min_overlap is None and self.min_claims is None:
            raise ValueError("it checks nothing; give `quoted`, `min_overlap` or `min_claims`")
        if self.against != "passage" and self.min_overlap is None:
            raise ValueError("`against` is what `min_overlap` compares with, and that is switched off")

    @property
    def unit(self) -> UnitKind:
        """A response or a pair; with the signals about it where claims count."""
        if self.of == "responses":
            return "response" if self.min_claims is None else "judged_response"
        return "pair" if self.min_claims is None else "judged_pair"

    @property
    def makes(self) -> Table:
        """The table it decides on."""
        return self.of

    def __call__(self, unit: ResponseUnit | PairText) -> Kept | Nothing:
        """Whether the row stays, and what is flagged of it."""
        row_id = unit.pair.pair_id if isinstance(unit, PairText) else unit.response.response_id
        findings = [each for each in self._findings(unit) if self.missing == "drop" or each.reason not in MISSING]
        if self.do == "drop" and findings:
            return findings[0]
        return flagged(row_id, findings)

    def _findings(self, unit: ResponseUnit | PairText) -> Iterator[Nothing]:
        """What is wrong, at most one finding for each check and side."""
        if isinstance(unit, ResponseUnit):
            sides = {"": unit.response}
        else:
            sides = {"chosen": unit.chosen} if self.sides == "chosen" else {"chosen": unit.chosen, "rejected": unit.rejected}
        if self.quoted and (finding := _quoted(unit.prompt)):
            yield finding
        for side, response in sides.items():
            before = f"{side}: " if side else ""
            if self.min_overlap is not None and (finding := self._overlap(unit.prompt, response, self.min_overlap)):
                yield Nothing(finding.reason, before + finding.detail)
        for side, response in sides.items():
            if self.min_claims is None:
                continue
            about = [signal for signal in unit.signals if signal.response_ids == [response.response_id]]
            share = supported_share(about, "claim")
            before = f"{side}: " if side else ""
            if share is None:
                yield Nothing("no_claims", f"{before}no claim has a verdict")
            elif share < self.min_claims:
                yield Nothing("claims_not_supported", f"{before}{share:.3f} of the claims, {self.min_claims:g} wanted")

    def _overlap(self, prompt: Prompt, response: Response, least: float) -> Nothing | None:
        facts = prompt.facts(self.against)
        if not facts.strip():
            return Nothing("no_evidence", f"the prompt has no {self.against}")
        share = overlap(response.text, facts)
        if share is None:
            return Nothing("not_supported", "the answer has no words to look for")
        return Nothing("not_supported", f"{share:.3f} of the words, {least:g} wanted") if share < least else None


def _quoted(prompt: Prompt) -> Nothing | None:
    context = prompt.facts("passage")
    if not (prompt.evidence or "").strip() or not context.strip():
        return Nothing("no_evidence", "the prompt has no evidence, or no context to find it in")
    is_there = any(quotes(prompt.evidence or "", each["text"]) for each in prompt.context)
    return None if is_there else Nothing("evidence_not_quoted", "the evidence does not stand in the context")
