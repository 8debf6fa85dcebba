"""What the hub on loopback keeps: repositories of commits, branches and tags, and the bytes of files by their SHA-256."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from pipeline.land.licences import HUB_LICENCES

MAIN = "main"
SHA256 = re.compile(r"[0-9a-f]{64}")
REPO_ID = re.compile(r"[\w-][\w.-]{0,95}/[\w-][\w.-]{0,95}")
WHEN = "2020-01-01T00:00:00.000Z"
"""Every commit is of this moment: the same pushes give the same answers."""
LFS_NAMES = re.compile(r".*\.(parquet|arrow|gz|zst|zip|bin|npy|png|jpe?g|gif|webp|pdf|safetensors)")
LFS_BYTES = 10_000_000
HEAD = re.compile(r"---\r?\n(.*?\n)---(?:\r?\n|$)", re.DOTALL)


class Refusal(Exception):
    """What the hub says no to: an HTTP status, its own code for it (`X-Error-Code`), and words."""

    def __init__(self, status: int, message: str, code: str = "") -> None:
        self.status, self.message, self.code = status, message, code
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Account:
    """Who holds a token: the namespaces (`*`: all) that it may read and, if `can_write`, write."""

    name: str
    organisations: tuple[str, ...] = ()
    can_write: bool = True

    def owns(self, namespace: str) -> bool:
        """Whether a namespace is this account's or one of its organisations'."""
        return namespace == self.name or namespace in self.organisations or "*" in self.organisations


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a commit: bytes, git's id of what git keeps (for a large file: of its pointer), and the SHA-256."""

    size: int
    oid: str
    sha256: str
    is_lfs: bool

    def shown(self, path: str) -> dict[str, Any]:
        """As the hub tells it in a tree."""
        lfs = {"lfs": {"oid": self.sha256, "size": self.size, "pointerSize": len(_pointer(self.sha256, self.size))}}
        return {"type": "file", "path": path, "size": self.size, "oid": self.oid} | (lfs if self.is_lfs else {})


@dataclass(frozen=True, slots=True)
class Commit:
    """A state of all files, and the state before it."""

    oid: str
    parent: str
    title: str
    files: Mapping[str, Entry]


class Objects:
    """The bytes of files in a folder, each under its SHA-256; nothing is kept under a hash that it does not have."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, sha256: str) -> Path:
        """Where an object is, or would be; raises `Refusal` (422) for what is no hash, as it must be no path either."""
        if not SHA256.fullmatch(sha256):
            raise Refusal(422, f"{sha256!r} is no SHA-256")
        return self.folder / sha256

    def part(self, sha256: str, number: int) -> Path:
        """Where a part of an object that is being uploaded is."""
        return self.folder / f"{self.path(sha256).name}.{number}"

    def has(self, sha256: str) -> bool:
        """Whether the bytes are there."""
        return self.path(sha256).is_file()

    def add(self, content: bytes) -> str:
        """Keep these bytes; returns their hash."""
        sha256 = hashlib.sha256(content).hexdigest()
        self.path(sha256).write_bytes(content)
        return sha256

    def adopt(self, parts: Iterable[Path], sha256: str, size: int | None = None) -> None:
        """Make one object of uploaded parts; raises `Refusal` (400) if they are not what was announced."""
        digest, whole = hashlib.sha256(), self.folder / f"{sha256}.whole"
        with whole.open("wb") as file:
            for part in parts:
                content = part.read_bytes()
                digest.update(content)
                file.write(content)
        if digest.hexdigest() != sha256 or (size is not None and whole.stat().st_size != size):
            whole.unlink()
            raise Refusal(400, f"the content uploaded is not {sha256}")
        whole.rename(self.path(sha256))


@dataclass(slots=True)
class Repository:
    """A repository of a kind (`model`, `dataset`, `space`) with its history."""

    repo_id: str
    kind: str
    private: bool = False
    gated: str | bool = False
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def resolve(self, revision: str) -> Commit:
        """The commit that a branch, tag or id names; raises `Refusal` (404)."""
        oid = self.branches.get(revision) or self.tags.get(revision) or revision
        if oid not in self.commits:
            raise Refusal(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return self.commits[oid]

    def entry(self, revision: str, path: str) -> tuple[Commit, Entry]:
        """A file at a revision; raises `Refusal` (404)."""
        commit = self.resolve(revision)
        if path not in commit.files:
            raise Refusal(404, "Entry not found", "EntryNotFound")
        return commit, commit.files[path]

    def commit(self, branch: str, files: Mapping[str, Entry], title: str, parent: str | None) -> Commit:
        """Put a new state on top of a branch; raises `Refusal` (412) if `parent` is not its head any more."""
        head = self.branches.get(branch, "")
        if self.commits and not head:
            raise Refusal(404, f"Invalid rev id: {branch}", "RevisionNotFound")
        if parent is not None and parent != head:
            raise Refusal(412, "A commit has happened since. Please refresh and try again.")
        tree = {path: entry.oid for path, entry in sorted(files.items())}
        oid = hashlib.sha1(json.dumps([self.repo_id, head, title, tree]).encode()).hexdigest()
        self.commits[oid] = made = Commit(oid, head, title, dict(sorted(files.items())))
        self.branches[branch] = oid
        return made

    def point(self, refs: dict[str, str], name: str, at: str) -> None:
        """A new branch or tag; raises `Refusal` (409) if there is one of that name."""
        if name in refs:
            raise Refusal(409, f"Reference {name} already exists")
        refs[name] = self.resolve(at).oid


def git_oid(content: bytes) -> str:
    """The id that git gives to a file's content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def lfs_entry(sha256: str, size: int) -> Entry:
    """A large file, of which git keeps a pointer."""
    return Entry(size, git_oid(_pointer(sha256, size)), sha256, is_lfs=True)


def is_large(path: str, size: int, sample: bytes) -> bool:
    """Whether a file goes to large file storage: by its name, its size, or because it does not begin as text."""
    return bool(LFS_NAMES.fullmatch(path)) or size > LFS_BYTES or b"\0" in sample


def check_head(readme: str) -> list[str]:
    """What is wrong with the YAML head of a README, as the hub would say it."""
    if not (found := HEAD.match(readme)):
        return []
    try:
        head = yaml.safe_load(found[1])
    except yaml.YAMLError as problem:
        return [f"YAML: {str(problem).splitlines()[0]}"]
    if not isinstance(head, dict):
        return ["the metadata must be a mapping"]
    licence = head.get("license", [])
    unknown = [name for name in (licence if isinstance(licence, list) else [licence]) if name not in HUB_LICENCES]
    names = [config.get("config_name") for config in head.get("configs") or [] if isinstance(config, dict)]
    return [
        *(f'"license" must be one of the known licenses, not {name!r}' for name in unknown),
        *(
            f'"config_name" {name!r} is there twice'
            for name in sorted({str(name) for name in names if names.count(name) > 1})
        ),
    ]


def _pointer(sha256: str, size: int) -> bytes:
    """What git keeps of a large file (git-lfs, `docs/spec.md`)."""
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()
