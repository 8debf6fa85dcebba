"""A folder that appears whole under its final name, or not at all: after a kill, a full disk, or a race.

Everything is written into a hidden workspace beside the target and renamed at the end:

    .prefmill-3f9c…-<pid>-<n>.part/     locked for as long as its writer lives
        new/                            becomes the target
        old/                            what stood at the target, while it is being replaced

The next writer of the same target clears the workspaces whose writer is gone, and puts `old/` back if that writer was
killed between the two renames. Where the file system has no locks, nothing is cleared: better litter than a loss.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import BuildError, RequestError

OCCUPIED = (errno.ENOTEMPTY, errno.EEXIST)
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True, slots=True)
class Stage:
    """A folder under way: write into `folder`, then give it its final name."""

    workspace: Path
    target: Path

    @property
    def folder(self) -> Path:
        """Where to write."""
        return self.workspace / "new"

    def publish(self) -> bool:
        """Rename to the target; False, with nothing changed, if something else is there already."""
        try:
            os.rename(self.folder, self.target)
        except OSError as problem:
            if problem.errno in OCCUPIED:
                return False
            raise
        _sync(self.target.parent)
        return True

    def replace(self) -> None:
        """Rename to the target, moving aside what is there; of two writers at once the later one stays."""
        aside = self.workspace / "old"
        while not self.publish():
            shutil.rmtree(aside, ignore_errors=True)
            with suppress(FileNotFoundError):
                os.rename(self.target, aside)


@contextmanager
def stage(target: Path) -> Iterator[Stage]:
    """A `Stage` for `target`, an absolute path; whatever was not published is gone when the context ends.

    A failure of the disk becomes one sentence; errors of ours pass through.
    """
    try:
        _check_place(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        _sweep(target)
        workspace, lock = _open_workspace(target)
        try:
            (workspace / "new").mkdir()
            yield Stage(workspace, target)
        finally:
            _clear(workspace, target)
            if lock is not None:
                os.close(lock)
    except OSError as problem:
        raise _explain(problem, target) from None


def sync_tree(folder: Path) -> None:
    """Bring every file and folder below `folder`, and itself, to the disk."""
    for path in sorted(folder.rglob("*")):
        _sync(path)
    _sync(folder)


def _check_place(target: Path) -> None:
    """Refuse a target that cannot be renamed over."""
    if target.exists() and not target.is_dir():
        raise RequestError(f"{str(target)!r} is a file; name a folder")
    if os.path.ismount(target):
        raise RequestError(f"{str(target)!r} is a mount point, which cannot be replaced; name a folder in it")
    if target == Path.cwd():
        raise RequestError(f"{str(target)!r} is the current folder, which cannot be replaced; name a folder in it")


def _prefix(target: Path) -> str:
    """What the workspaces of `target` begin with; a hash, because the name may be as long as a name can be."""
    return f".prefmill-{hashlib.blake2b(os.fsencode(target.name), digest_size=8).hexdigest()}-"


def _open_workspace(target: Path) -> tuple[Path, int | None]:
    """A new workspace, locked where the file system can."""
    number = 0
    while True:
        workspace = target.parent / f"{_prefix(target)}{os.getpid()}-{number}.part"
        number += 1
        try:
            workspace.mkdir()
        except FileExistsError:
            continue
        lock = _lock(workspace, wait=True)
        # Between `mkdir` and the lock another writer may have taken it for an abandoned one.
        if lock is not None or workspace.exists():
            return workspace, lock


def _lock(folder: Path, *, wait: bool) -> int | None:
    """An open handle that locks `folder`; None if it is in use, gone, or cannot be locked here."""
    try:
        import fcntl

        handle = os.open(folder, os.O_RDONLY)
    except (ImportError, OSError):
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        if os.path.samestat(os.fstat(handle), os.stat(folder)):
            return handle
    except OSError:
        pass
    os.close(handle)
    return None


def _sweep(target: Path) -> None:
    """Clear the workspaces of `target` that nobody holds any more."""
    for workspace in sorted(target.parent.glob(f"{_prefix(target)}*.part")):
        lock = _lock(workspace, wait=False)
        if lock is None:
            continue
        _clear(workspace, target)
        os.close(lock)


def _clear(workspace: Path, target: Path) -> None:
    """Remove a workspace, after putting back what it holds of a target that is not there."""
    with suppress(OSError):
        os.rename(workspace / "old", target)
    shutil.rmtree(workspace, ignore_errors=True)


def _explain(problem: OSError, target: Path) -> BuildError | RequestError:
    """A failure of the disk as one sentence."""
    if problem.errno in FULL:
        return BuildError(f"no space is left to write {str(target)!r}; nothing is half written, free some and retry")
    what = problem.strerror or str(problem)
    return RequestError(f"writing {str(target)!r} did not work ({what}); mend that or name another folder")


def _sync(path: Path) -> None:
    """Bring one file or folder to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
