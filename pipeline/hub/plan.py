"""What one commit has to change for a repository to hold an export, and whose the other files in it are.

The manifest of the release that was pushed before says which files are prefmill's. A `README.md` that is not as that
manifest says is somebody's own: it stays, and the card goes to `RELEASE_CARD.md`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.hub.heads import merge_configs
from pipeline.hub.repositories import git_oid
from pipeline.land.export import CARD
from pipeline.land.facts import FileFact
from pipeline.land.manifest import MANIFEST
from pipeline.land.markdown import clean
from schemas.errors import RequestError

OWN_CARD = "RELEASE_CARD.md"


class _Former(BaseModel):
    """As much of a pushed manifest as any version of it has."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    kind: str
    files: dict[str, FileFact]


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file in a repository: git's id of it, and its SHA-256 where it is in large file storage."""

    oid: str
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class State:
    """A repository at a commit; `former` are prefmill's files by the manifest there, `readme` is its text if not ours."""

    files: Mapping[str, RemoteFile]
    former: Mapping[str, FileFact] = field(default_factory=dict)
    readme: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be added or replaced (files, or text), what deleted, and what people are to be told."""

    add: Mapping[str, Path | bytes]
    delete: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether the repository is as it is to be."""
        return not self.add and not self.delete


def read_former(text: str) -> dict[str, FileFact] | None:
    """The files that a pushed manifest speaks of; None if it is no manifest of an export."""
    try:
        former = _Former.model_validate_json(text)
    except ValidationError:
        return None
    return former.files if former.kind == "export" else None


def find_differences(folder: Path, files: Mapping[str, FileFact], there: Mapping[str, RemoteFile]) -> list[str]:
    """The files of an export that a repository has not, or has otherwise; the manifest among them."""
    return [
        name for name in sorted([*files, MANIFEST]) if not _is_same(folder / name, files.get(name), there.get(name))
    ]


def make_plan(folder: Path, files: Mapping[str, FileFact], state: State, place: str) -> Plan:
    """The change that brings a repository to the export in `folder`.

    Raises `RequestError` where a file of the export would take the place of one that prefmill did not write.
    """
    known = {*state.former, MANIFEST, CARD, OWN_CARD} if state.former else {CARD, OWN_CARD}
    different = find_differences(folder, files, state.files)
    if strangers := [name for name in different if name in state.files and name not in known]:
        raise RequestError(
            f"{place} holds `{clean(strangers[0])}`, which prefmill did not write; move it there, "
            "or push to another name or `--revision`"
        )
    add: dict[str, Path | bytes] = {name: folder / name for name in different}
    gone = {name for name in state.former if name not in files and name != CARD}
    delete = {name for name in gone if name in state.files}
    notes: list[str] = []
    if state.readme is not None and not _is_ours(state):
        notes.append(
            f"{place} has a `{CARD}` of somebody's own, which stays; the card of this release is in `{OWN_CARD}`"
        )
        del add[CARD]
        _keep_readme(folder, state, gone, add, notes)
    elif OWN_CARD in state.files and state.former:
        delete.add(OWN_CARD)
    return Plan(add, tuple(sorted(delete)), tuple(notes))


def _keep_readme(folder: Path, state: State, gone: set[str], add: dict[str, Path | bytes], notes: list[str]) -> None:
    """Put the card beside somebody's README, and into that README's head what loading the layouts takes."""
    card = (folder / CARD).read_bytes()
    there = state.files.get(OWN_CARD)
    if there is None or there.oid != git_oid(card):
        add[OWN_CARD] = folder / CARD
    theirs = state.readme or ""
    merged = merge_configs(theirs, card.decode("utf-8"), gone)
    if merged is None:
        notes.append(f"the head of that `{CARD}` is not readable, so the layouts do not load by their names")
    elif merged != theirs:
        add[CARD] = merged.encode("utf-8", "surrogateescape")
        notes.append(f"only `configs` in the head of that `{CARD}` was brought up to date, so that each layout loads")


def _is_ours(state: State) -> bool:
    """Whether the README there is as the former manifest says."""
    fact = state.former.get(CARD)
    return fact is not None and fact == _fact((state.readme or "").encode("utf-8", "surrogateescape"))


def _fact(content: bytes) -> FileFact:
    return FileFact(sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))


def _is_same(path: Path, fact: FileFact | None, there: RemoteFile | None) -> bool:
    if there is None:
        return False
    if there.sha256 is not None:
        return there.sha256 == (fact.sha256 if fact else _fact(path.read_bytes()).sha256)
    return there.oid == git_oid(path.read_bytes())
