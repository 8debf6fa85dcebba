"""The hub's own client, `huggingface_hub`: the few calls that a push is made of, and its failures as sentences.

`HF_ENDPOINT`, `HF_TOKEN` and whatever else the client reads from the environment hold here too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from json import JSONDecodeError
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from pipeline.extras import library
from pipeline.hub.plan import Plan, RemoteFile
from pipeline.land.markdown import clean
from schemas.errors import BuildError, PrefmillError, RequestError

DATASET = "dataset"
MAIN = "main"
AGAIN = frozenset({408, 409, 412, 429, 500, 502, 503, 504})
"""Statuses after which a push looks again: the hub was busy, or somebody else has changed the repository."""
TIMEOUT_SECONDS = (15.0, 300.0, 300.0, 60.0)
"""To connect, between two pieces read, between two written, and for a free connection."""
NEEDED_FOR = "a push to the hub"


@dataclass(frozen=True, slots=True)
class Refs:
    """Where branches and tags of a repository are."""

    branches: Mapping[str, str]
    tags: Mapping[str, str]


class Client:
    """One dataset on one hub, with one token."""

    def __init__(
        self, repo_id: str, *, endpoint: str | None = None, token: str | None = None, shows_bars: bool = False
    ) -> None:
        hub = library("huggingface_hub", NEEDED_FOR, "hf")
        self._hub, self.repo_id = hub, repo_id
        self.token = token or hub.get_token()
        if not self.token:
            raise RequestError("there is no token for the hub; set HF_TOKEN, or log in with `hf auth login`")
        self._api = hub.HfApi(endpoint=endpoint, token=self.token)
        self._shows_bars = shows_bars

    @property
    def place(self) -> str:
        """The dataset in a sentence."""
        return f"{self.repo_id!r}"

    @property
    def endpoint(self) -> str:
        """The hub, without a name or password that its address may hold."""
        parts = urlsplit(self._api.endpoint)
        return str(urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])))

    def open(self) -> None:
        """Make ready for a try: patience that ends, and bars only where somebody looks at them."""
        self._hub.get_session().timeout = TIMEOUT_SECONDS
        self._hub.utils.logging.set_verbosity_error()
        (self._hub.utils.enable_progress_bars if self._shows_bars else self._hub.utils.disable_progress_bars)()

    def create(self, *, private: bool) -> bool:
        """Make the repository; False if it is there, or if only its owner could make it."""
        try:
            # Where nothing is said about privacy, the settings of the organisation decide.
            self._api.create_repo(self.repo_id, repo_type=DATASET, private=private or None)
        except self._hub.errors.HfHubHTTPError as problem:
            if _status(problem) == 409:
                return False
            if _status(problem) == 403 and self._is_there():
                return False
            raise
        return True

    def is_private(self) -> bool:
        """Whether only its owners can see the repository."""
        return bool(self._api.repo_info(self.repo_id, repo_type=DATASET).private)

    def refs(self) -> Refs:
        """All branches and tags."""
        found = self._api.list_repo_refs(self.repo_id, repo_type=DATASET)
        return Refs(
            {ref.name: ref.target_commit for ref in found.branches}, {ref.name: ref.target_commit for ref in found.tags}
        )

    def tree(self, revision: str) -> dict[str, RemoteFile]:
        """All files at a revision."""
        found = self._api.list_repo_tree(self.repo_id, repo_type=DATASET, revision=revision, recursive=True)
        return {
            each.path: RemoteFile(each.blob_id, each.lfs.sha256 if each.lfs else None)
            for each in found
            if hasattr(each, "blob_id")
        }

    def text(self, revision: str, path: str) -> str:
        """A small file at a revision; bytes that are no UTF-8 come as surrogates, and so can go back unchanged."""
        url = self._hub.hf_hub_url(
            self.repo_id, path, repo_type=DATASET, revision=revision, endpoint=self._api.endpoint
        )
        answer = self._hub.get_session().get(url, headers=self._hub.utils.build_hf_headers(token=self.token))
        self._hub.utils.hf_raise_for_status(answer)
        return bytes(answer.content).decode("utf-8", "surrogateescape")

    def branch(self, name: str) -> None:
        """A new branch at the head of `main`."""
        self._api.create_branch(self.repo_id, repo_type=DATASET, branch=name)

    def commit(self, plan: Plan, title: str, *, branch: str, parent: str) -> str:
        """One commit on top of `parent`, the head of the branch as it was seen; returns its id."""
        deletions = [self._hub.CommitOperationDelete(path_in_repo=path, is_folder=False) for path in plan.delete]
        additions = [
            self._hub.CommitOperationAdd(
                path_in_repo=path, path_or_fileobj=str(what) if isinstance(what, Path) else what
            )
            for path, what in plan.add.items()
        ]
        made = self._api.create_commit(
            self.repo_id,
            [*deletions, *additions],
            commit_message=title,
            repo_type=DATASET,
            revision=branch,
            parent_commit=parent,
        )
        return str(made.oid)

    def tag(self, name: str, commit: str) -> None:
        """Tag a commit."""
        self._api.create_tag(self.repo_id, repo_type=DATASET, tag=name, revision=commit)

    def explain(self, problem: Exception) -> PrefmillError:
        """A failure of the client as one sentence, without the token."""
        if isinstance(problem, PrefmillError):
            return problem
        errors, where = self._hub.errors, f"{self.repo_id!r} on {self.endpoint}"
        found = next((each for each in _causes(problem) if isinstance(each, errors.HfHubHTTPError)), None)
        status = _status(found) if found else 0
        if any(isinstance(each, errors.OfflineModeIsEnabled) for each in _causes(problem)):
            return RequestError("HF_HUB_OFFLINE is set, so nothing can be pushed; unset it")
        if status == 401 and not isinstance(found, errors.RepositoryNotFoundError):
            return RequestError(f"{self.endpoint} does not know this token; set HF_TOKEN to one that it knows")
        if status == 403:
            return RequestError(
                f"this token may not write to {where}; take one that may, or another name ({self._words(found)})"
            )
        if isinstance(found, errors.RepositoryNotFoundError):
            return RequestError(
                f"there is no dataset {where} that this token may see; take another name or another token"
            )
        if status in AGAIN:
            return BuildError(
                f"{where} answered {status} again and again; run it again later: what was uploaded is not sent twice"
            )
        if status:
            return BuildError(f"{where} refused with {status}: {self._words(problem)}")
        if _lacks_xet(problem):
            return RequestError(f"{self.endpoint} does not take uploads by Xet; set HF_HUB_DISABLE_XET=1")
        if is_network(problem):
            return RequestError(
                f"nobody answers at {self.endpoint}; check the network and HF_ENDPOINT, and run it again: "
                "what was uploaded is not sent twice"
            )
        if not isinstance(problem, ValueError | RuntimeError | OSError):
            raise problem  # nothing that the client or the disk says: a mistake of ours
        return BuildError(f"the push to {where} did not work: {self._words(problem)}")

    def notice(self, problem: BaseException) -> str:
        """A failure that is not the end yet, in a few words."""
        status = next((found for each in _causes(problem) if (found := _status(each))), 0)
        return f"{self.endpoint} answered {status}" if status else f"no answer from {self.endpoint}"

    def _is_there(self) -> bool:
        try:
            self.refs()
        except self._hub.errors.HfHubHTTPError:
            return False
        return True

    def _words(self, problem: object) -> str:
        """What a failure says, on one line and without what opens the hub."""
        text = str(getattr(problem, "server_message", None) or problem).replace(str(self.token), "…")
        text = re.sub(r"(Bearer |\bhf_)[\w-]+|(?<=://)[^/\s@]+@", "…", text)
        return clean(text)[:300]


def is_worth_another_try(problem: BaseException) -> bool:
    """Whether the next look may find the hub less busy, or the repository as somebody else has left it."""
    causes = _causes(problem)
    # An answer that is no JSON is the page of a proxy before a hub that is down.
    return any(_status(each) in AGAIN or isinstance(each, JSONDecodeError) for each in causes) or is_network(problem)


def is_network(problem: BaseException) -> bool:
    """Whether no answer came at all. The client's HTTP library was replaced once already: it is known by its names."""
    if _lacks_xet(problem):
        return False
    names = {kind.__name__ for each in _causes(problem) for kind in type(each).__mro__}
    return bool(names & {"TransportError", "ConnectionError"}) and "OfflineModeIsEnabled" not in names


def _lacks_xet(problem: BaseException) -> bool:
    """Whether a hub without Xet was asked for the token of one, which `hf_xet` tells as a failure of the network."""
    return any("/xet-write-token/" in str(each) and "404" in str(each) for each in _causes(problem))


def wait_seconds(problem: BaseException | None, attempt: int) -> float:
    """How long to wait after a failed try (1, 2, …): what the hub says, at most five minutes, else 1, 2, 4 … 30 s."""
    for each in _causes(problem):
        said = getattr(getattr(each, "response", None), "headers", {}).get("Retry-After", "")
        if str(said).isdigit():
            return min(float(said), 300.0)
    return float(min(2 ** (attempt - 1), 30))


def _status(problem: object) -> int:
    return int(getattr(getattr(problem, "response", None), "status_code", 0) or 0)


def _causes(problem: BaseException | None) -> list[BaseException]:
    """A failure and what caused it."""
    found: list[BaseException] = []
    while problem is not None and problem not in found:
        found.append(problem)
        problem = problem.__cause__ or problem.__context__
    return found
