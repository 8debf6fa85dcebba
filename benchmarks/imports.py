"""How long `prefmill --help` takes, and what it imports to say so."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator

from benchmarks.figures import Figure, Setting, at_most, told
from benchmarks.processes import must, prefmill, run

STARTS = 5
SLOWEST = 8


def measure(setting: Setting) -> Iterator[Figure]:
    """Wall and CPU time of the whole process beside a bare interpreter's, and the packages it imports."""
    room = setting.room("imports")
    starts = [must(run(prefmill("--help"), room)) for _ in range(STARTS + 1)][1:]
    bare = statistics.median(must(run([sys.executable, "-c", "pass"], room)).seconds for _ in range(STARTS))
    yield at_most("prefmill --help, median of 5", statistics.median(each.seconds for each in starts), 0.6, "s")
    yield told("… CPU, which others do not lengthen", statistics.median(each.cpu_seconds for each in starts), "s")
    yield told("… of which the bare interpreter", bare, "s")
    _, *words = prefmill("--help")
    log = must(run([sys.executable, "-X", "importtime", *words], room)).err
    names, seconds = _read(log)
    yield told("… modules imported", len(names))
    yield told(
        "… of which ours",
        ", ".join(
            sorted(
                name
                for name in names
                if name.partition(".")[0] in ("schemas", "prompts", "warehouse", "pipeline", "flows")
            )
        ),
    )
    slowest = sorted(seconds, key=seconds.__getitem__, reverse=True)[:SLOWEST]
    yield told(
        "… slowest packages, itself alone", ", ".join(f"{name} {1000 * seconds[name]:.0f} ms" for name in slowest)
    )


def _read(log: str) -> tuple[list[str], dict[str, float]]:
    """The modules of an import log, and the time each package took without what it imports of others."""
    names: list[str] = []
    seconds: dict[str, float] = {}
    for line in log.splitlines():
        taken, _, name = line.removeprefix("import time:").rpartition("|")
        if taken and (name := name.strip()) and (own := taken.partition("|")[0].strip()).isdigit():
            names.append(name)
            package = name.partition(".")[0]
            seconds[package] = seconds.get(package, 0.0) + int(own) / 1e6
    return names, seconds
