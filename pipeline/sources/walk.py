"""A folder, file by file, in the same order everywhere."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

SKIPPED = ("__pycache__", "node_modules")


def walk_folder(folder: Path) -> Iterator[Path]:
    """The files below a folder, sorted by the parts of their paths; and folders that are saved datasets, or that cannot
    be listed, as they are.

    Hidden files and folders are left out. A folder that links make reachable twice is entered once, so no loop is
    endless.
    """
    waiting: list[Path] = [folder]
    entered: set[tuple[int, int]] = set()
    while waiting:
        path = waiting.pop()
        if not os.path.isdir(path):
            yield path
            continue
        try:
            status = os.stat(path)
            names = sorted(os.listdir(path), reverse=True)
        except OSError:
            yield path
            continue
        if (status.st_dev, status.st_ino) in entered:
            continue
        entered.add((status.st_dev, status.st_ino))
        if is_saved_dataset(path):
            yield path
        else:
            waiting.extend(path / name for name in names if not name.startswith(".") and name not in SKIPPED)


def is_saved_dataset(path: Path) -> bool:
    """Whether a folder is what `datasets` writes with `save_to_disk`."""
    if os.path.isfile(path / "dataset_dict.json"):
        return True
    return os.path.isfile(path / "dataset_info.json") and os.path.isfile(path / "state.json")
