"""Everything prefmill raises on purpose.

    PrefmillError
    ├── RequestError          what was asked for is wrong (exit code 2)
    │   ├── RecipeError       a mistake in a recipe, with file and line
    │   ├── SourceError       a source that cannot be found or read at all
    │   ├── WarehouseError    a warehouse address that leads nowhere, or an id that is not in it
    │   └── EngineError       an engine that is not installed, not reachable or refuses us
    ├── BuildError            the request was right, the build did not finish (exit code 1)
    │   ├── Busy              another process is writing to this warehouse
    │   ├── Stopped           the user or the system asked us to stop
    │   ├── Deferred          some units wait for a server that did not answer
    │   └── HeldBack          the release failed a gate
    └── AttemptError          how one unit of work ended, caught by the stage runner
        ├── Transient         may succeed later: no outcome is written
        │   └── Wasted        … but asking again now is another call to be paid for
        └── Unanswerable      will not succeed: an outcome with a reason is written

A `PrefmillError` is shown to people as its one sentence, never as a traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Any


class PrefmillError(Exception):
    """The root of all errors that prefmill raises on purpose."""

    exit_code = 1


class RequestError(PrefmillError):
    """What was asked for is wrong; nothing was started."""

    exit_code = 2


class RecipeError(RequestError):
    """A mistake in a recipe; `file` and `line` (1-based) say where."""

    def __init__(self, message: str, *, file: Path | str | None = None, line: int | None = None) -> None:
        self.message, self.file, self.line = message, file, line
        place = "" if file is None else f"{file}:{line}: " if line else f"{file}: "
        super().__init__(place + message)


class SourceError(RequestError):
    """A source that cannot be found or read at all."""


class WarehouseError(RequestError):
    """A warehouse address that leads nowhere, or an id or release that is not in it."""


class EngineError(RequestError):
    """An engine that is not installed, not reachable, or that refuses our key or model."""


class BuildError(PrefmillError):
    """The request was right, but the build did not finish; run it again."""


class Busy(BuildError):
    """Another process holds the lease of this warehouse."""


class Stopped(BuildError):
    """The user or the system asked the build to stop; finished work is kept."""


class Deferred(BuildError):
    """Some units are still pending because a server did not answer; finished work is kept."""


class HeldBack(BuildError):
    """The release failed a gate: it is kept and named, and `latest` stays where it was."""


class AttemptError(PrefmillError):
    """How one unit of work ended when it did not end well; `usage` is what it had cost by then, if anything."""

    usage: Any = None


class Transient(AttemptError):
    """May succeed later: the unit stays pending and no outcome is written."""


class Wasted(Transient):
    """A call was paid for and brought no reply; asking again is another call, which somebody has to allow."""


class Unanswerable(AttemptError):
    """Will not succeed: the unit gets a `failed` outcome with a stable `reason` code and a text."""

    def __init__(self, reason: str, detail: str = "") -> None:
        self.reason, self.detail = reason, detail
        super().__init__(f"{reason}: {detail}" if detail else reason)


def nearest(name: str, names: Iterable[str]) -> str:
    """`; did you mean \\`x\\`?` for the nearest of `names`, or the list of them when none is near."""
    options = sorted(names)
    close = difflib.get_close_matches(name, options, n=1, cutoff=0.5)
    if close:
        return f"; did you mean `{close[0]}`?"
    return f"; there is: {', '.join(options)}" if options else ""
