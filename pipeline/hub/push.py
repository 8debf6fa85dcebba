"""An export brought to the hub: look at what is there, plan, upload what differs in one commit, tag it.

Every step can be done again. A push that failed or was killed starts from the beginning and finds done what was done:
files that were uploaded are not sent again, a commit that was made is found by its content, and only the tag that is
missing is set. So is a push that met another one: a commit is made on the head that was looked at, or not at all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from tenacity import RetryCallState, Retrying, retry_if_exception

from pipeline.hub.client import MAIN, Client, Refs, is_network, is_worth_another_try, wait_seconds
from pipeline.hub.heads import put
from pipeline.hub.plan import State, find_differences, make_plan, read_former
from pipeline.hub.refusals import check_rehearsal
from pipeline.land.export import CARD
from pipeline.land.licences import name_licence
from pipeline.land.manifest import MANIFEST, ExportManifest, hash_file, seal, unseal
from schemas.errors import PrefmillError, RequestError

ATTEMPTS, ATTEMPTS_UNHEARD = 8, 2
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a release goes: a branch of a dataset. `private` makes it private if it is made now."""

    branch: str = MAIN
    private: bool = False


@dataclass(frozen=True, slots=True)
class Pushed:
    """What came of a push: `pushed` a commit, only `tagged` one that was there, or found everything `already there`."""

    repo_id: str
    tag: str
    branch: str
    commit: str
    outcome: Literal["pushed", "tagged", "already there"]
    added: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def push_export(folder: Path, client: Client, to: Destination, say: Say = lambda words: None) -> Pushed:
    """Push the export in `folder`, tagged with the name of its release; `say` is told of each new try.

    Raises `RequestError` for what will not do, and `BuildError` for a hub that stays busy.
    """
    # Whoever comes here without the command: this holds in any case.
    check_rehearsal(unseal(ExportManifest, folder).release)
    made = reached = False

    def once() -> Pushed:
        nonlocal made, reached
        client.open()
        is_new = client.create(private=to.private)
        made, reached = made or is_new, True
        if to.private and not made and not client.is_private():
            raise RequestError(
                f"{client.place} is there and public; `--private` is for new datasets: change it in its settings, or take "
                "another name"
            )
        return _push(folder, client, to, is_new=is_new)

    def is_enough(state: RetryCallState) -> bool:
        """A hub that never answered is not waited for as long as one that is busy."""
        problem = state.outcome.exception() if state.outcome else None
        is_away = not reached and problem is not None and is_network(problem)
        return state.attempt_number >= (ATTEMPTS_UNHEARD if is_away else ATTEMPTS)

    def tell(state: RetryCallState) -> None:
        problem = state.outcome.exception() if state.outcome else None
        wait = state.next_action.sleep if state.next_action else 0.0
        if problem is not None:
            say(f"{client.notice(problem)}; trying again in {wait:.0f} s")

    def wait(state: RetryCallState) -> float:
        return wait_seconds(state.outcome.exception() if state.outcome else None, state.attempt_number)

    tries: Retrying = Retrying(
        stop=is_enough,
        wait=wait,
        retry=retry_if_exception(_is_passing),
        before_sleep=tell,
        reraise=True,
    )
    try:
        return tries(once)
    except Exception as problem:
        raise client.explain(problem) from None


def declare_licence(folder: Path, licence: str) -> None:
    """Say in the head of an export's card under which licence its publisher puts the set; the manifest follows."""
    manifest, card = unseal(ExportManifest, folder), folder / CARD
    said: dict[str, Any] = name_licence({licence: 1})
    text = card.read_bytes().decode("utf-8")
    for key in ("license", "license_name"):
        text = put(text, key, said.get(key))
    card.write_bytes(text.encode("utf-8"))
    written = replace_file(manifest, CARD, card)
    (folder / MANIFEST).write_bytes(seal(written).encode("utf-8"))


def replace_file(manifest: ExportManifest, name: str, path: Path) -> ExportManifest:
    """The manifest with another content of one of its files."""
    return manifest.model_copy(update={"files": {**manifest.files, name: hash_file(path)}})


def _is_passing(problem: BaseException) -> bool:
    return not isinstance(problem, PrefmillError) and is_worth_another_try(problem)


def _push(folder: Path, client: Client, to: Destination, *, is_new: bool) -> Pushed:
    """One try."""
    manifest = unseal(ExportManifest, folder)
    release, files = manifest.release.release, manifest.files
    refs = client.refs()
    if release in refs.tags:
        return _confirm(folder, client, to, manifest, refs)
    if to.branch not in refs.branches:
        client.branch(to.branch)
        refs = client.refs()
    head = refs.branches[to.branch]
    state = _look(folder, client, head, is_empty=is_new and len(refs.branches) == 1)
    plan = make_plan(folder, files, state, client.place)
    done = Pushed(client.repo_id, release, to.branch, head, "tagged", tuple(plan.add), plan.delete, plan.notes)
    if not plan.is_empty:
        made = client.commit(plan, f"Release {release}", branch=to.branch, parent=head)
        done = replace(done, commit=made, outcome="pushed")
    client.tag(release, done.commit)
    return done


def _look(folder: Path, client: Client, head: str, *, is_empty: bool) -> State:
    """What is there. A repository that was made a moment ago is not asked: the commit is refused if that has changed."""
    files = {} if is_empty else client.tree(head)
    former = read_former(client.text(head, MANIFEST)) if MANIFEST in files else None
    same = CARD not in files or CARD not in find_differences(folder, {CARD: hash_file(folder / CARD)}, files)
    return State(files, former or {}, None if same else client.text(head, CARD))


def _confirm(folder: Path, client: Client, to: Destination, manifest: ExportManifest, refs: Refs) -> Pushed:
    """The release that is there under its tag, if that has every file of this one. Its README may be somebody's own."""
    release = manifest.release.release
    at = refs.tags[release]
    different = [name for name in find_differences(folder, manifest.files, client.tree(at)) if name != CARD]
    if different:
        raise RequestError(
            f"{client.place} has a tag {release!r} with other content (`{different[0]}` differs); a name is used once: push to "
            "another name, or build a release with another one"
        )
    return Pushed(client.repo_id, release, to.branch, at, "already there")
