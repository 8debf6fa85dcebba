"""The memory of a large build on the rehearsal model: 200,000 units from a table of short documents.

Units are counted as the build itself counts them, one for each thing a step has to decide. Peak memory is what the
kernel says of the one process; a small build beside it tells what is there before the first unit.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from benchmarks.documents import write_table
from benchmarks.figures import Figure, Setting, at_least, at_most, told
from benchmarks.processes import Ended, build, must, run

UNITS, UNITS_PER_DOCUMENT = 200_000, 22
MEGABYTES = 600


def measure(setting: Setting) -> Iterator[Figure]:
    """Units, peak memory, time and CPU."""
    room, units = setting.room("memory"), setting.sized(UNITS, 2000)
    write_table(room / "small.jsonl", 10, seed=setting.seed)
    small = _build("small", setting)
    write_table(room / "large.jsonl", units // UNITS_PER_DOCUMENT + 1, seed=setting.seed)
    large = _build("large", setting)
    count = sum(row["units"] for row in json.loads(large.out)["funnel"])
    yield at_least("units of a build on the rehearsal model", count, units)
    yield at_most("… peak memory", large.peak_mb, MEGABYTES, "MB")
    yield told("… of which a small build has", small.peak_mb, "MB")
    yield told("… wall time", large.seconds, "s")
    yield told("… CPU", large.cpu_seconds, "s")
    yield told("… units per CPU second", count / large.cpu_seconds)


def _build(name: str, setting: Setting) -> Ended:
    """The quickstart over one table."""
    room = setting.folder / "memory"
    return must(run(build("quickstart", f"{name}.jsonl", name, "--engine", "rehearsal", "--json"), room))
