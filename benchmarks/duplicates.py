"""Near and exact duplicates: the engine from Parquet to clusters, on texts with planted truth (`near_texts`).

100,000 texts are quick; the goals are for a million (`--rows 1000000`), and for the memory of five (`--rows 5000000`).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure, Setting, at_least, at_most, told
from benchmarks.processes import Ended, must, run

ROWS, QUICK_ROWS = 100_000, 5000
NIGHT, MANY = 10_000, 1_000_000


def measure(setting: Setting) -> Iterator[Figure]:
    """Throughput, memory, recall and precision from scratch; then what one night more takes."""
    import numpy

    from benchmarks import near_truth

    folder, rows = setting.room("duplicates"), setting.rows or setting.sized(ROWS, QUICK_ROWS)
    texts = must(_python(folder, "near_texts", str(rows), str(folder), str(setting.seed)))
    yield told("texts with planted duplicates", rows)
    yield told("… bytes of a text", float(texts.out), "B")
    _task(folder, "warm")

    exact = _task(folder, "exact")
    yield _speed(rows, "exact: texts per CPU second", rows / _parts(exact)["exact"], 400_000)
    yield told("… with a key that may be kept (md5)", rows / _parts(_task(folder, "lasting"))["exact"])
    yield told("… peak memory", exact.peak_mb, "MB")

    whole = _task(folder, "scratch")
    yield _speed(rows, "near: texts per CPU second, whole process", rows / whole.cpu_seconds, 40_000)
    yield at_most("… peak memory", whole.peak_mb, 4000, "MB")
    yield from (told(f"… of which {part}", seconds, "CPU s") for part, seconds in _parts(whole).items())
    kept = {name: numpy.load(folder / f"{name}.npy") for name in ("ids", "roots", "joined")}
    yield told("… rows that leave", len(kept["joined"]))
    where = near_truth.places(folder, ("texts.parquet",), kept["ids"])
    yield from _recalls("recall", near_truth.recall(folder, "truth.parquet", where, kept["roots"]))
    sample, share = near_truth.precision(folder, kept["joined"])
    yield at_least(f"… precision, {sample:,} rows that leave", share, 0.999)

    night = _task(folder, "night")
    parts = _parts(night)
    work = sum(seconds for part, seconds in parts.items() if part not in ("start", "loading"))
    yield at_most(f"+ {NIGHT:,}: CPU without start-up", work, 1, "s")
    yield told("… whole process", night.cpu_seconds, "CPU s")
    yield told("… peak memory", night.peak_mb, "MB")
    yield from (told(f"… of which {part}", seconds, "CPU s") for part, seconds in parts.items())
    ids, roots = (numpy.load(folder / f"night_{name}.npy") for name in ("ids", "roots"))
    where = near_truth.places(folder, ("texts.parquet", "night.parquet"), ids)
    yield from _recalls("recall of the night", near_truth.recall(folder, "night_truth.parquet", where, roots))


def _speed(rows: int, name: str, measured: float, goal: float) -> Figure:
    """A figure with a goal where there are enough texts that starting up does not count."""
    return at_least(name, measured, goal) if rows >= MANY else told(name, measured)


def _recalls(name: str, recalls: Iterator[tuple[str, int, float]]) -> Iterator[Figure]:
    for band, count, share in recalls:
        said = f"… {name}, likeness {band}, {count:,} pairs"
        yield at_least(said, share, 0.999) if band == "0.8 to 1" else told(said, share)


def _task(folder: Path, task: str) -> Ended:
    return must(_python(folder, "near_engine", task, str(folder)))


def _python(folder: Path, module: str, *words: str) -> Ended:
    return run([sys.executable, "-m", f"benchmarks.{module}", *words], folder)


def _parts(ended: Ended) -> dict[str, Any]:
    parts: dict[str, Any] = json.loads(ended.out)
    return parts
