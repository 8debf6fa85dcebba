"""Keep rows that may be used: by the licence of the document, of the models that wrote the answers, and of the judges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from pydantic import ConfigDict

from pipeline.licence_names import check_names, of_output, slug, standing
from pipeline.strategy import Drop, Note, Rows, Said
from schemas.columns import Sifted

Part = Literal["document", "generator", "judge"]
PARTS: dict[Sifted, dict[Part, tuple[str, ...]]] = {
    "documents": {"document": ("licence",)},
    "passages": {"document": ("licence",)},
    "prompts": {"document": ("licence",)},
    "responses": {"document": ("licence",), "generator": ("model",)},
    "pairs": {"document": ("licence",), "generator": ("chosen_model", "rejected_model"), "judge": ("judges",)},
}
AS_DOCUMENT = "document"


@dataclass(frozen=True, slots=True)
class Licences:
    """A row stays when every part of it may be used: its document, the models that wrote its answers, and those that
    judged them. A permissive document under an answer of a model for research only is for research only.

    `allow` and `deny` name licences (`cc-by-4.0`, in any spelling) and classes of them (`permissive`, `share-alike`,
    `non-commercial`, `no-derivatives`, `use-restricted`); `pipeline.licence_names.standing` says what comes of both. A
    row with a part that is denied leaves (`licence_denied`). One of which a licence is not known leaves too
    (`licence_unknown`), or stays with `unknown: keep`.

    `outputs` says under which licence a model's output comes, by the name that it has in the table of responses or
    signals; `*` stands for any signs, and the name that says most counts. `document` means that of the document: for a
    reference answer that was taken from it. Who wrote a question is not kept, and so not asked.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1

    of: Sifted = "pairs"
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    unknown: Literal["drop", "keep"] = "drop"
    outputs: Mapping[str, str] = field(default_factory=dict)
    parts: tuple[Part, ...] = ()
    do: Literal["drop", "flag"] = "drop"

    def __post_init__(self) -> None:
        """Refuse what would do nothing."""
        if not (self.allow or self.deny or self.unknown == "drop"):
            raise ValueError("it denies nothing; give `allow` or `deny`")
        check_names((*self.allow, *self.deny, *self.outputs.values()))
        if both := sorted({*map(slug, self.allow)} & {*map(slug, self.deny)}):
            raise ValueError(f"{both[0]!r} is both in `allow` and in `deny`")
        for part in self.parts:
            if part not in PARTS[self.of]:
                raise ValueError(f"{self.of} have no {part}; their `parts` are {' and '.join(PARTS[self.of])}")
        if self.outputs and not {"generator", "judge"} & set(self._parts):
            raise ValueError("`outputs` gives licences of generators and judges, and none are looked at")

    @property
    def _parts(self) -> tuple[Part, ...]:
        return tuple(part for part in PARTS[self.of] if not self.parts or part in self.parts)

    def sift(self, rows: Rows) -> Iterator[Said]:
        """The rows that must not be used, each with the first part that says so."""
        parts = self._parts
        # The document's licence is read in any case: a model's may be said to be the same.
        columns = list(dict.fromkeys(["id", "licence", *(name for part in parts for name in PARTS[self.of][part])]))
        known: dict[tuple[object, ...], tuple[str, str] | None] = {}
        for batch in rows.read(*columns):
            for row_id, *values in batch:
                key = tuple(tuple(value) if isinstance(value, list) else value for value in values)
                if key not in known:
                    known[key] = self._against(parts, dict(zip(columns[1:], key, strict=True)))
                if (found := known[key]) is None:
                    continue
                reason, detail = found
                yield Note(row_id, f"flag/{reason}", 1.0, detail) if self.do == "flag" else _drop(row_id, reason, detail)

    def _against(self, parts: tuple[Part, ...], row: Mapping[str, object]) -> tuple[str, str] | None:
        """The reason and detail that speak against a row: of a part that is denied before one that is not known."""
        document = row["licence"] if isinstance(row["licence"], str) else None
        allow, deny = frozenset(map(slug, self.allow)), frozenset(map(slug, self.deny))
        unknown = None
        for part in parts:
            for name in sorted({each for column in PARTS[self.of][part] for each in _names(row[column])}):
                licence = document if part == "document" else self._of_model(name, document)
                who = part if part == "document" else f"{part} {name}"
                told = f"{who}: {licence or 'not stated'}"
                match standing(licence, allow, deny):
                    case "denied":
                        return "licence_denied", told
                    case "unknown":
                        unknown = unknown or told
        return ("licence_unknown", unknown) if unknown and self.unknown == "drop" else None

    def _of_model(self, model: str, document: str | None) -> str | None:
        """The licence of a model's output, which may be said to be that of the document."""
        licence = of_output(model, self.outputs)
        return document if licence == AS_DOCUMENT else licence


def _drop(row_id: str, reason: str, detail: str) -> Drop:
    if reason == "licence_unknown":
        return Drop(row_id, "licence_unknown", detail)
    return Drop(row_id, "licence_denied", detail)


def _names(value: object) -> list[str]:
    """The names in a column: of one, of several, or "" where there is none."""
    if isinstance(value, tuple):
        return [str(each) for each in value]
    return [str(value or "")]
