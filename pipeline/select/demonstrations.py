"""Pairs of a demonstration and what the model answers itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from pipeline.select.pairing import Label, worded
from pipeline.select.provenance import CERTAIN, rows_by_provenance
from pipeline.select.sources import Source, check_sources, responses_from, some_of, told
from pipeline.strategy import Answer, Nothing, Table
from schemas.units import ResponseGroup, UnitKind


@dataclass(frozen=True, slots=True)
class Demonstrations:
    """A demonstration as chosen, each of the model's own answers as rejected (SPIN, arXiv 2401.01335; IRFT, 2405.17888).

    `demonstrations` are sources in order of preference: the first that has an answer to the prompt gives it, of several
    one is drawn by `seed`. `own` are the sources of the model's own answers, `most` of which are drawn (SPIN and IRFT: 1);
    all of them without a number. An own answer that repeats the demonstration is left out, as in both released codes.

    No judge is asked: the demonstration is right by definition. `score_gap` is 1, `p_chosen` the parameter, `confidence` 1.
    Such a pair holds for the model that answered, and expires when that model moves on; `rejected_model` tells it.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    unit: ClassVar[UnitKind] = "responses"
    makes: ClassVar[Table] = "pairs"
    prompts: ClassVar[tuple[str, ...]] = ()
    calls: ClassVar[int] = 0

    demonstrations: Annotated[tuple[Source, ...], Field(min_length=1)] = ("gold",)
    own: Annotated[tuple[Source, ...], Field(min_length=1)] = ("candidate",)
    most: Annotated[int, Field(ge=1)] | None = None
    p_chosen: Annotated[float, Field(gt=0.5, le=1)] = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse one source on both sides."""
        check_sources("demonstrations", self.demonstrations)
        check_sources("own", self.own)
        if both := [each for each in self.own if each in self.demonstrations]:
            raise ValueError(f"{told(both[0])!r} is among `demonstrations` and among `own`")

    @property
    def yields(self) -> int:
        """So many pairs, or as many as there are own answers."""
        return self.most or 0

    def __call__(self, unit: ResponseGroup) -> Answer:
        """The pairs of one prompt, or why there is none."""
        found = responses_from(worded(unit.responses).values(), (*self.demonstrations, *self.own))
        given = next((each for each in found[: len(self.demonstrations)] if each), None)
        if given is None:
            return Nothing("no_demonstration", f"no answer of {'; '.join(map(told, self.demonstrations))}")
        own = [each for some in found[len(self.demonstrations) :] for each in some]
        if not own:
            return Nothing("no_own_answer", f"no answer of {'; '.join(map(told, self.own))}")
        (shown,) = some_of(given, 1, "demonstrations", self.seed)
        others = [each for each in own if each.text.strip() != shown.text.strip()]
        if not others:
            return Nothing("identical_texts", f"all {len(own)} own answers repeat the demonstration")
        drawn = some_of(others, self.most, "demonstrations", self.seed)
        labels = [Label(shown.response_id, each.response_id, 1.0, self.p_chosen, CERTAIN) for each in drawn]
        return rows_by_provenance(unit, labels, [], "demonstrations")
