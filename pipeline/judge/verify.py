"""Check a response without asking a model: against a reference, a pattern, a schema, unit tests or instructions."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Annotated, ClassVar

import orjson
from pydantic import ConfigDict, Field

from pipeline.judge.checks.apart import Code, JsonSchema, Maths, Regex
from pipeline.judge.checks.choice import MultipleChoice, YesNo
from pipeline.judge.checks.compare import Exact, Normalised, Numeric
from pipeline.judge.checks.constraints import Constraints
from pipeline.judge.checks.finding import Finding, Subject
from pipeline.strategy import Answer, Nothing, Table
from schemas.requests import Asking
from schemas.rows import SignalAnswer
from schemas.units import ResponseUnit, UnitKind

EVALUATOR = "verify"
LONGEST_RATIONALE = 2000


Check = Annotated[
    Exact | Normalised | Numeric | MultipleChoice | YesNo | Regex | JsonSchema | Maths | Code | Constraints,
    Field(discriminator="kind"),
]


@dataclass(frozen=True, slots=True)
class Verify:
    """One verdict on one response by a check that no model takes part in: `value` is 1 when it holds and 0 when not.

    `rationale` is the trace, what was read and what it was compared with (after the tool traces of Themis), `raw` the
    same for machines. A response that says nothing never passes. Where there is nothing to compare with (`no_reference`,
    `bad_reference`), or a tool gave up (`check_gave_up`), there is no verdict.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    unit: ClassVar[UnitKind] = "response"
    makes: ClassVar[Table] = "signals"
    prompts: ClassVar[tuple[str, ...]] = ()
    calls: ClassVar[int] = 0
    yields: ClassVar[int] = 1

    check: Check
    name: Annotated[str, Field(min_length=1, max_length=100)] | None = None

    def __call__(self, unit: ResponseUnit) -> Asking[Answer]:
        """The one signal of a response."""
        subject = Subject(unit.response.text, unit.prompt.question, unit.prompt.reference)
        looked = self.check.look(subject)
        found = (yield from looked) if isinstance(looked, Generator) else looked
        if isinstance(found, Nothing):
            return found
        if not unit.response.text.strip():
            found = Finding(False, "the response is empty")
        return [
            SignalAnswer(
                prompt_id=unit.prompt.prompt_id,
                response_ids=[unit.response.response_id],
                name=self.name or self.check.kind,
                evaluator=EVALUATOR,
                value=float(found.holds),
                rationale=found.trace[:LONGEST_RATIONALE],
                raw=orjson.dumps(dict(found.detail)).decode() if found.detail else "",
            )
        ]
