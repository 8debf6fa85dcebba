"""Drop, mask or flag rows with private data or secrets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pydantic import ConfigDict

from pipeline.private.find import find, mask, merged
from pipeline.private.kinds import KINDS, SECRETS, Kind, Span
from pipeline.private.presidio import Presidio
from pipeline.strategy import Answer, Kept, Note, Nothing, Table
from schemas.columns import Sifted
from schemas.rows import PassageAnswer, Prompt, PromptAnswer, ResponseAnswer
from schemas.units import DocumentUnit, PairText, PassageUnit, PromptUnit, ResponseUnit, UnitKind

UNITS: dict[Sifted, UnitKind] = {
    "documents": "document", "passages": "passage", "prompts": "prompt", "responses": "response", "pairs": "pair",
}  # fmt: skip
Textual = DocumentUnit | PassageUnit | PromptUnit | ResponseUnit | PairText


@dataclass(frozen=True, slots=True)
class PrivateData:
    """Private data (mail and IP addresses, telephone numbers, bank accounts, cards, social security numbers) and secrets
    (API keys, private keys, tokens, passwords).

    `kinds` are looked for by patterns with checks, all when empty; with `presidio` Microsoft's Presidio looks as well.
    `do: mask` puts a row in place of the old one in which each stretch is a placeholder such as `<EMAIL>`. Documents and
    pairs cannot be masked: mask the passages, prompts and responses they are made of, before anything else is. Prompts
    have all their texts looked at and masked: turns, context, reference, evidence, analysis, condition.

    A detail or flag says which kinds were found, how many and where, and never what they say.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    sifts: ClassVar[bool] = True
    prompts: ClassVar[tuple[str, ...]] = ()
    calls: ClassVar[int] = 0
    yields: ClassVar[int] = 1

    of: Sifted = "pairs"
    do: Literal["drop", "mask", "flag"] = "drop"
    kinds: tuple[Kind, ...] = ()
    presidio: Presidio | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be done."""
        if self.do == "mask" and self.of == "documents":
            raise ValueError("documents cannot be masked: their passages would no longer be parts of them; mask the passages")
        if self.do == "mask" and self.of == "pairs":
            raise ValueError("pairs cannot be masked: mask the prompts before they are answered, and the responses")
        if twice := [each for each in self.kinds if self.kinds.count(each) > 1]:
            raise ValueError(f"`kinds` names {twice[0]!r} twice")

    @property
    def unit(self) -> UnitKind:
        """The row that is looked at."""
        return UNITS[self.of]

    @property
    def makes(self) -> Table:
        """The table it decides on."""
        return self.of

    @property
    def rewrites(self) -> bool:
        """Whether a row may be replaced by a masked one."""
        return self.do == "mask"

    def __call__(self, unit: Textual) -> Answer:
        """Whether the row stays as it is, leaves, or is replaced."""
        found = [(place, span.kind) for place, text in texts_of(unit) for span in self._find(text)]
        if not found:
            return Kept()
        if self.do == "mask":
            return [self._masked(unit)]
        secret, private = ([each for each in found if (each[1] in SECRETS) is is_one] for is_one in (True, False))
        if self.do == "drop":
            return Nothing("secret" if secret else "private_data", _told(found))
        said = (("secret", secret), ("private_data", private))
        return Kept(tuple(Note(_row_id(unit), f"flag/{name}", float(len(some)), _told(some)) for name, some in said if some))

    def _find(self, text: str) -> list[Span]:
        spans = find(text, self.kinds or KINDS)
        if self.presidio is None:
            return spans
        ranks: dict[str, int] = {kind: rank for rank, kind in enumerate(KINDS)}
        return merged([*spans, *self.presidio.find(text)], ranks)

    def _mask(self, text: str | None) -> str | None:
        return None if text is None else mask(text, self._find)

    def _masked(self, unit: Textual) -> PassageAnswer | PromptAnswer | ResponseAnswer:
        """The row with a placeholder for each stretch; a likelihood is that of the old text, and so not known."""
        if isinstance(unit, PassageUnit):
            values = unit.passage.model_dump(include=set(PassageAnswer.model_fields))
            return PassageAnswer(**values | {name: self._mask(values[name]) for name in ("text", "heading")})
        if isinstance(unit, ResponseUnit):
            values = unit.response.model_dump(include=set(ResponseAnswer.model_fields))
            return ResponseAnswer(**values | {"text": self._mask(values["text"]), "logprob": None})
        assert isinstance(unit, PromptUnit)
        values = unit.prompt.model_dump(include=set(PromptAnswer.model_fields))
        changed: dict[str, Any] = {name: self._mask(values[name]) for name in ("reference", "evidence", "analysis")}
        changed["messages"] = [each | {"content": self._mask(each["content"])} for each in values["messages"]]
        changed["context"] = [each | {"text": self._mask(each["text"])} for each in values["context"]]
        if values["condition"]:
            changed["condition"] = values["condition"] | {"text": self._mask(values["condition"]["text"])}
        return PromptAnswer(**values | changed | {"parent_id": unit.prompt.prompt_id})


def texts_of(unit: Textual) -> Iterator[tuple[str, str]]:
    """All texts of a row, each with where it stands."""
    match unit:
        case DocumentUnit():
            yield from (("title", unit.document.title), ("text", unit.document.text))
        case PassageUnit():
            yield from (("heading", unit.passage.heading), ("text", unit.passage.text))
        case PromptUnit():
            yield from _texts_of_prompt(unit.prompt)
        case ResponseUnit():
            yield "text", unit.response.text
        case PairText():
            yield from _texts_of_prompt(unit.prompt)
            yield from (("chosen", unit.chosen.text), ("rejected", unit.rejected.text))
            yield "rationale", unit.pair.rationale or ""
            yield "condition", (unit.pair.condition or {"text": ""})["text"]


def _texts_of_prompt(prompt: Prompt) -> Iterator[tuple[str, str]]:
    yield from (("messages", message["content"]) for message in prompt.messages)
    yield from (("context", each["text"]) for each in prompt.context)
    yield from (("reference", prompt.reference or ""), ("evidence", prompt.evidence or ""), ("analysis", prompt.analysis or ""))
    yield "condition", (prompt.condition or {"text": ""})["text"]


def _row_id(unit: Textual) -> str:
    return unit.pair.pair_id if isinstance(unit, PairText) else unit.unit_id


def _told(found: list[tuple[str, str]]) -> str:
    """Kinds, counts and places: `2 email in messages, 1 iban in chosen`."""
    return ", ".join(f"{count} {kind} in {place}" for (place, kind), count in Counter(found).items())
