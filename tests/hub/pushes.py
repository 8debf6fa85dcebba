"""Releases to be pushed, how tests push them, and what is at the hub afterwards.

As a process it is one push of an export that is there, to be killed on the way:

    python -m hub.pushes FOLDER ENDPOINT
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from land.rows import make_release

from pipeline.hub.answers import Hub
from pipeline.hub.client import Client
from pipeline.hub.fake import TOKEN, FakeHub
from pipeline.hub.push import Destination, Pushed, push_export
from pipeline.land.export import export_release
from schemas.errors import PrefmillError

REPO = "mill/pairs"
LAYOUTS = ("conversational", "messages")
TESTS = Path(__file__).parents[1]


def make_export(folder: Path, release: str = "night-1", count: int = 60) -> Path:
    """The export of a small release, in two layouts: `test_push_command` pushes all."""
    make_release(folder / f"{release}-release", count, release=release, release_id=f"rel_{release}")
    export_release(folder / f"{release}-release", folder / release, layouts=LAYOUTS)
    return folder / release


def push(hub: FakeHub, folder: Path, *, token: str = TOKEN, repo: str = REPO, **to: Any) -> Pushed:
    """Push an export in this process."""
    said = to.pop("said", [])
    return push_export(folder, Client(repo, endpoint=hub.endpoint, token=token), Destination(**to), said.append)


def files_at(hub: FakeHub, revision: str, repo: str = REPO) -> dict[str, bytes]:
    """The content of every file of a repository at a revision, but for what the hub itself made."""
    state: Hub = hub.hub
    commit = state.repositories["dataset", repo].resolve(revision)
    return {
        path: state.objects.path(entry.sha256).read_bytes()
        for path, entry in commit.files.items()
        if path != ".gitattributes"
    }


def files_in(folder: Path) -> dict[str, bytes]:
    """The content of every file of a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def commits(hub: FakeHub, repo: str = REPO) -> int:
    """How many commits a repository has, the hub's own first one left out."""
    return len(hub.hub.repositories["dataset", repo].commits) - 1


def edit(hub: FakeHub, changes: dict[str, bytes | None], repo: str = REPO, branch: str = "main") -> None:
    """A commit by somebody else: files with their content, None for those that go."""
    found = hub.hub.repositories["dataset", repo]
    files = dict(found.resolve(branch).files)
    for path, content in changes.items():
        if content is None:
            del files[path]
        else:
            files[path] = hub.hub.small(content)
    found.commit(branch, files, "by hand", None)


def start(folder: Path, endpoint: str) -> subprocess.Popen[str]:
    """A push in a process of its own."""
    paths = os.pathsep.join([str(TESTS.parent), str(TESTS)])
    known = {"PYTHONPATH": paths, "HF_HUB_DISABLE_XET": "1", "HF_TOKEN": TOKEN, "HF_HUB_OFFLINE": "0"}
    return subprocess.Popen(
        [sys.executable, "-m", "hub.pushes", str(folder), endpoint],
        env=os.environ | known,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def hash_of(content: bytes) -> str:
    """The SHA-256 of some bytes."""
    return hashlib.sha256(content).hexdigest()


def main() -> None:
    """Push an export and say what came of it."""
    folder, endpoint = sys.argv[1:]
    try:
        print(asdict(push_export(Path(folder), Client(REPO, endpoint=endpoint), Destination()))["outcome"])
    except PrefmillError as problem:
        sys.exit(str(problem))


if __name__ == "__main__":
    main()
