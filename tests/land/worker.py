"""A process that writes a release or exports one, and may be told to die or to run out of disk on the way.

python -m land.worker '{"release": "/tmp/r", "batch": 100}'
python -m land.worker '{"release": "/tmp/r", "export": "/tmp/e", "die": ["fsync", 3, "before"]}'
"""

from __future__ import annotations

import json
import os
import resource
import sys
from pathlib import Path
from typing import Any

from pipeline.land.export import export_release
from schemas.errors import PrefmillError

from .rows import make_release

DEAD = 9


def die_at(name: str, number: int, when: str) -> None:
    """Make the `number`th call of `os.<name>` the last thing this process does."""
    original, calls = getattr(os, name), [0]

    def call(*args: Any, **kwargs: Any) -> Any:
        calls[0] += 1
        if calls[0] == number and when == "before":
            os._exit(DEAD)
        result = original(*args, **kwargs)
        if calls[0] == number:
            os._exit(DEAD)
        return result

    setattr(os, name, call)


def main(order: dict[str, Any]) -> None:
    """Do one order."""
    if "die" in order:
        die_at(*order["die"])
    if "bytes" in order:
        resource.setrlimit(resource.RLIMIT_FSIZE, (order["bytes"], order["bytes"]))
    release = Path(order["release"])
    if "export" in order:
        layouts = order.get("layouts")
        export_release(release, Path(order["export"]), overwrite=order.get("overwrite", False), layouts=layouts)
    else:
        make_release(release, batch=order.get("batch", 1000))


if __name__ == "__main__":
    try:
        main(json.loads(sys.argv[1]))
    except PrefmillError as error:
        sys.exit(f"{type(error).__name__}: {error}")
