"""Published preference data taken in: reading rows alone, and whole imports of two sizes, so that the growth is seen.

The rows are of the shape of `ultrafeedback_binarized`: some 1.8 kB each, whole conversations and a score for each side.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from benchmarks.figures import Figure, Setting, at_most, exactly, told
from benchmarks.hygiene import VOCABULARY
from benchmarks.processes import must, prefmill, run

READ, SMALL, LARGE = 100_000, 5_000, 20_000
READING_SECONDS = 60
LINEAR = 1.3
TIED = 20
"""Every so many rows have equal scores, and make no pair."""


def measure(setting: Setting) -> Iterator[Figure]:
    """CPU seconds of reading, and of imports; every row must have become a pair or a tie."""
    room = setting.room("preferences")
    count = setting.sized(READ, 2000)
    _write(room / "read.jsonl", count, setting.seed)
    ended = must(run([sys.executable, "-c", "from benchmarks.preferences import read; read('read.jsonl')"], room))
    yield at_most(f"{count:,} rows read into documents, CPU", ended.cpu_seconds, READING_SECONDS, "s")
    yield exactly("… rows read", json.loads(ended.out), count)
    yield told("… peak memory", ended.peak_mb, "MB")
    seconds = []
    for size in (setting.sized(SMALL, 500), setting.sized(LARGE, 2000)):
        _write(room / f"{size}.jsonl", size, setting.seed)
        ended = must(run(prefmill("import", f"{size}.jsonl", "-w", f"lake-{size}", "--direct", "--json"), room))
        seconds.append(ended.cpu_seconds)
        yield told(f"import of {size:,} rows to a release, CPU", ended.cpu_seconds, "s")
        yield exactly("… pairs", json.loads(ended.out)["release"]["pairs"], size - size // TIED)
        yield told("… peak memory", ended.peak_mb, "MB")
    if not setting.is_quick:
        yield at_most("growth of CPU over growth of rows", seconds[1] / seconds[0] / (LARGE / SMALL), LINEAR)


def read(place: str) -> None:
    """Read all rows of a file into documents, and say how many there were."""
    from pipeline.preferences.source import preference_items

    print(sum(item.read().text is not None for item in preference_items(place)))


def _write(path: Path, count: int, seed: int) -> None:
    draw = random.Random(seed)
    words = VOCABULARY.split()

    def text(least: int, most: int) -> str:
        return " ".join(draw.choices(words, k=draw.randint(least, most)))

    with path.open("wb") as file:
        for number in range(count):
            asked = {"role": "user", "content": f"{number}: {text(20, 60)}?"}
            row: dict[str, Any] = {"prompt": asked["content"], "prompt_id": str(number), "source": "mills"}
            for side, score in (("chosen", 8.0), ("rejected", 8.0 if number % TIED == 0 else 3.5)):
                row[side] = [asked, {"role": "assistant", "content": text(80, 200)}]
                row[f"score_{side}"] = score
            file.write(orjson.dumps(row) + b"\n")
