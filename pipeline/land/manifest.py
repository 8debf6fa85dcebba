"""What a release or an export says of itself: `manifest.json`, sealed so that no byte of it can change unseen.

`Facts` is what the build knows (names, fingerprints, models, gates). A `Manifest` is those facts, what was counted
while the rows passed, and the hash of every file. It holds no time, path or machine name: one release has one manifest.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, Field, SerializerFunctionWrapHandler, model_serializer

from pipeline.land.facts import (
    AuthorFact,
    Fact,
    FileFact,
    FunnelFact,
    JudgeFact,
    LayoutFact,
    RevokedFact,
    ShareFact,
    StepFact,
)
from pipeline.land.gates import GateResult
from schemas.fingerprints import canonical_json

MANIFEST = "manifest.json"
CHUNK_BYTES = 1 << 20
CAME_LATER = {
    "dealt", "revoked", "votes", "tool_rows", "languages", "left_out", "judges", "funnel", "shortcuts", "output_licences",
}  # fmt: skip
"""Fields of a manifest that the first releases do not have."""

Kind = TypeVar("Kind", bound=BaseModel)


def _measured(figures: dict[str, float | None]) -> dict[str, float | None]:
    """Only the figures that have a value: JSON has no NaN, and a figure that was not measured is not a figure."""
    return {name: value for name, value in figures.items() if value is not None and math.isfinite(value)}


class Known(Fact):
    """What only the build can know. `models` are aliases with the identity (`ModelSpec.identity`) of what they name.

    `dealt` says how documents were shared out, `left_out` counts pairs that no split could take, by reason.
    `output_licences` says under which licence a model's output comes, by its name or a pattern of names; `document`
    stands for that of the source.
    """

    release: str
    release_id: str
    snapshot_id: int | None
    code_version: str
    fingerprints: tuple[StepFact, ...]
    models: dict[str, dict[str, Any]]
    gates: tuple[GateResult, ...] = ()
    figures: Annotated[dict[str, float | None], AfterValidator(_measured)] = Field(default_factory=dict)
    revoked: tuple[RevokedFact, ...] = ()
    dealt: str = ""
    left_out: dict[str, int] = Field(default_factory=dict)
    judges: tuple[JudgeFact, ...] = ()
    funnel: tuple[FunnelFact, ...] = ()
    output_licences: dict[str, str] = Field(default_factory=dict)

    @model_serializer(mode="wrap")
    def _without_what_came_later(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """What there is none of is not written if releases once were without it: their seals hold."""
        content: dict[str, Any] = handler(self)
        return {name: value for name, value in content.items() if value or name not in CAME_LATER}


class Facts(Known):
    """What a build hands over with the rows; `recipe_text` becomes `recipe.yaml`, byte for byte."""

    recipe_text: str


class Manifest(Known):
    """A written release. `licences` and `rules` count rows, the licence "" standing for none stated.

    `votes` are the rows of `votes.parquet`, `tool_rows` the pairs in which tools are called. `languages` counts the chosen
    answers of the first pairs by what their language seems to be; ids are hashes, so these are a random sample.
    """

    kind: Literal["release"] = "release"
    format: Literal[1] = 1
    recipe: str
    about: str = ""
    paper: str = ""
    rows: int
    documents: int
    splits: dict[str, int]
    licences: dict[str, int]
    rules: dict[str, int]
    authors: tuple[AuthorFact, ...]
    rehearsal_rows: int
    longer_chosen_rows: int
    votes: int = 0
    tool_rows: int = 0
    languages: dict[str, int] = Field(default_factory=dict)
    shortcuts: dict[str, ShareFact] = Field(default_factory=dict)
    written_with: dict[str, str]
    files: dict[str, FileFact]


class ExportManifest(Fact):
    """A written export: the manifest of its release as it is, and the hash of every exported file by its path.

    `layouts` are those that are there; `asked` are those that were asked for, empty for all that rows allow.
    """

    kind: Literal["export"] = "export"
    format: Literal[1] = 1
    release: Manifest
    layouts: Annotated[dict[str, LayoutFact], Field(default_factory=dict)]
    asked: tuple[str, ...] = ()
    jsonl: bool = False
    written_with: dict[str, str]
    files: dict[str, FileFact]

    @model_serializer(mode="wrap")
    def _without_what_came_later(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """As of a release: the seals of exports from before there were layouts hold."""
        content: dict[str, Any] = handler(self)
        return {name: value for name, value in content.items() if value or name not in ("layouts", "asked", "jsonl")}


@dataclass(frozen=True, slots=True)
class Damage:
    """One file that is not as its manifest says, and how."""

    file: str
    problem: str


def seal(manifest: BaseModel) -> str:
    """The text of a `manifest.json`: canonical JSON with the hash of all the rest of it under `seal`."""
    content = manifest.model_dump(mode="json")
    return canonical_json(content | {"seal": _digest(content)}) + "\n"


def unseal(kind: type[Kind], folder: Path) -> Kind:
    """The manifest in `folder`; raises `ValueError` or `OSError` if it is not there or not as it was written."""
    text = (folder / MANIFEST).read_bytes().decode("utf-8")
    content = json.loads(text)
    if not isinstance(content, dict):
        raise ValueError("is not a manifest")
    manifest = kind.model_validate({name: value for name, value in content.items() if name != "seal"})
    # Written anew and compared as a whole: this also sees a changed space, which the hash of the content would not.
    if seal(manifest) != text:
        raise ValueError("does not match its seal")
    return manifest


def hash_file(path: Path) -> FileFact:
    """The SHA-256 and the size of a file, read in pieces."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(CHUNK_BYTES):
            digest.update(piece)
            size += len(piece)
    return FileFact(sha256=digest.hexdigest(), bytes=size)


def find_damage(folder: Path, files: Mapping[str, FileFact]) -> list[Damage]:
    """Every file of `files` that is missing or changed, in the order of their names."""
    damages = []
    for name, fact in sorted(files.items()):
        path = folder / name
        if not path.is_file():
            damages.append(Damage(name, "is missing"))
        elif (size := path.stat().st_size) != fact.bytes:
            damages.append(Damage(name, f"has {size} bytes instead of {fact.bytes}"))
        elif hash_file(path) != fact:
            damages.append(Damage(name, "has other content than was written"))
    return damages


def find_strangers(folder: Path, files: Mapping[str, FileFact]) -> list[Damage]:
    """Every file below `folder` that is neither in `files` nor the manifest itself."""
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())
    return [Damage(name, "was not written by prefmill") for name in found if name not in files and name != MANIFEST]


def list_writers() -> dict[str, str]:
    """The libraries whose version can change the bytes of a file."""
    import pyarrow as pa

    return {"pyarrow": pa.__version__}


def _digest(content: dict[str, Any]) -> str:
    """The hash of a manifest's content."""
    return hashlib.sha256(canonical_json(content).encode("utf-8")).hexdigest()
