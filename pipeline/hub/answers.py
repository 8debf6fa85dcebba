"""Who may do what on the hub on loopback, and what it answers about whole repositories."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.hub.repositories import (
    MAIN,
    REPO_ID,
    WHEN,
    Account,
    Entry,
    Objects,
    Refusal,
    Repository,
    git_oid,
)

KINDS = {"models": "model", "datasets": "dataset", "spaces": "space"}
PAGE = 1000
ATTRIBUTES = b"*.parquet filter=lfs diff=lfs merge=lfs -text\n"


@dataclass(frozen=True, slots=True)
class Request:
    """A call: its path without the query, the query, the headers in lower case, the body, and the hub's own address."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    endpoint: str

    @property
    def content(self) -> dict[str, Any]:
        """The body as JSON."""
        return json.loads(self.body or b"{}")  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: JSON, or a file from which `start` to `stop` is sent."""

    content: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    file: Path | None = None


class Hub:
    """All repositories and who may do what with them. One call at a time: the server holds a lock."""

    def __init__(self, folder: Path, accounts: Mapping[str, Account], part_bytes: int | None = None) -> None:
        self.objects = Objects(folder)
        self.accounts = dict(accounts)
        self.part_bytes = part_bytes
        self.repositories: dict[tuple[str, str], Repository] = {}

    # --- who may ----------------------------------------------------------------------------------------------------

    def account(self, request: Request) -> Account | None:
        """Who asks; None without a token. Raises `Refusal` (401) for a token that nobody holds."""
        _, _, token = request.headers.get("authorization", "").partition(" ")
        if token and token not in self.accounts:
            raise Refusal(401, "Invalid credentials in Authorization header")
        return self.accounts.get(token)

    def readable(self, request: Request, parts: Mapping[str, str]) -> Repository:
        """The repository that a call is about, if whoever asks may see it."""
        who, repo_id = self.account(request), parts["repo"]
        found = self.repositories.get((KINDS[parts["kinds"] or "models"], repo_id))
        if found is None or (found.private and not (who and who.owns(repo_id.partition("/")[0]))):
            raise Refusal(404 if who else 401, "Repository not found", "RepoNotFound")
        return found

    def writable(self, request: Request, parts: Mapping[str, str]) -> Repository:
        """The same, if whoever asks may change it."""
        found = self.readable(request, parts)
        self.must_write(self.account(request), found.repo_id.partition("/")[0])
        return found

    def must_write(self, who: Account | None, namespace: str) -> None:
        """Raise `Refusal` unless an account may write to a namespace."""
        if who is None:
            raise Refusal(401, "Invalid username or password.")
        if not (who.can_write and who.owns(namespace)):
            raise Refusal(403, f'You don\'t have the rights to write to the namespace "{namespace}"')

    # --- repositories -----------------------------------------------------------------------------------------------

    def whoami(self, request: Request, parts: Mapping[str, str]) -> Answer:
        """Who a token belongs to."""
        if (who := self.account(request)) is None:
            raise Refusal(401, "Invalid username or password.")
        return Answer({"type": "user", "name": who.name, "orgs": [{"name": name} for name in who.organisations]})

    def create(self, request: Request, parts: Mapping[str, str]) -> Answer:
        """A new repository, with the first commit that the hub makes itself."""
        wanted, who = request.content, self.account(request)
        namespace = wanted.get("organization") or (who.name if who else "")
        repo_id, kind = f"{namespace}/{wanted['name']}", wanted.get("type", "model")
        self.must_write(who, namespace)
        if not REPO_ID.fullmatch(repo_id) or kind not in KINDS.values():
            raise Refusal(400, f"Invalid repo name: {repo_id}")
        prefix = "" if kind == "model" else f"{kind}s/"
        place = {"url": f"{request.endpoint}/{prefix}{repo_id}", "name": repo_id}
        if (kind, repo_id) in self.repositories:
            return Answer(place | {"error": f"You already created this {kind} repo"}, 409)
        made = Repository(repo_id, kind, wanted.get("visibility") == "private")
        made.commit(MAIN, {".gitattributes": self.small(ATTRIBUTES)}, "initial commit", None)
        self.repositories[kind, repo_id] = made
        return Answer(place)

    def settings(self, request: Request, parts: Mapping[str, str]) -> Answer:
        """Change who may see a repository."""
        found, wanted = self.writable(request, parts), request.content
        found.private = wanted.get("visibility", "private" if wanted.get("private", found.private) else "") == "private"
        found.gated = wanted.get("gated", found.gated)
        return Answer({"private": found.private, "gated": found.gated})

    def info(self, request: Request, parts: Mapping[str, str]) -> Answer:
        """A repository at a revision."""
        found = self.readable(request, parts)
        commit = found.resolve(parts.get("rev") or MAIN)
        return Answer({
            "_id": git_oid(found.repo_id.encode())[:24], "id": found.repo_id, "author": found.repo_id.partition("/")[0],
            "sha": commit.oid, "private": found.private, "gated": found.gated, "disabled": False, "tags": [],
            "lastModified": WHEN, "createdAt": WHEN, "downloads": 0, "likes": 0,
            "siblings": [{"rfilename": path} for path in commit.files],
        })  # fmt: skip

    def refs(self, request: Request, parts: Mapping[str, str]) -> Answer:
        """All branches and tags."""
        found = self.readable(request, parts)
        kinds = {"branches": ("heads", found.branches), "tags": ("tags", found.tags)}
        shown = {
            kind: [{"name": name, "ref": f"refs/{folder}/{name}", "targetCommit": oid} for name, oid in refs.items()]
            for kind, (folder, refs) in kinds.items()
        }
        return Answer({**shown, "converts": [], "pullRequests": []})

    def branch(self, request: Request, parts: Mapping[str, str]) -> Answer:
        """A new branch at a revision, `main` by default."""
        found = self.writable(request, parts)
        found.point(found.branches, parts["name"], request.content.get("startingPoint") or MAIN)
        return Answer({})

    def tag(self, request: Request, parts: Mapping[str, str]) -> Answer:
        """A new tag at a revision."""
        found = self.writable(request, parts)
        found.point(found.tags, request.content["tag"], parts["rev"])
        return Answer({})

    def untag(self, request: Request, parts: Mapping[str, str]) -> Answer:
        """Remove a tag."""
        self.writable(request, parts).tags.pop(parts["name"], None)
        return Answer({})

    def small(self, content: bytes) -> Entry:
        """Keep a file that git keeps itself."""
        return Entry(len(content), git_oid(content), self.objects.add(content), is_lfs=False)
