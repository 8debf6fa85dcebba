"""An export of a million pairs with short answers: pairs per second, CPU seconds and peak memory, beside Arrow's own copy.

The floor is pyarrow reading the release's Parquet and writing it again with the same settings: no layout, no check, no hash.
"""

from __future__ import annotations

import itertools
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure, Setting, at_least, at_most, told
from benchmarks.processes import Ended, must, run
from pipeline.land.columns import release_schema
from pipeline.land.files import PAIRS, write_release

PAIRS_PER_SECOND, MEGABYTES = 50_000, 1500
PER_DOCUMENT, HELD_OUT, PER_PROMPT = 20, 10, 2
BATCH, WORDS, STOCK = 5000, 20_000, 20_000

EXPORT = """
import sys
from pathlib import Path
from pipeline.land.export import export_release
export_release(Path(sys.argv[1]), Path(sys.argv[2]), layouts=sys.argv[3:])
"""
COPY = """
import sys
from pathlib import Path
import pyarrow.parquet as pq
from pipeline.land.parquet import PairFile
with pq.ParquetFile(sys.argv[1]) as source, PairFile(Path(sys.argv[2]), source.schema_arrow) as target:
    for group in range(source.num_row_groups):
        target.add(source.read_row_group(group))
"""


def measure(setting: Setting) -> Iterator[Figure]:
    """The default export, the first layout alone, the same as JSON nobody asked for; then the floor."""
    room = setting.room("export")
    count = setting.sized(1_000_000, 3_000)
    release = room / "release"
    _release(release, count, setting.seed)
    size = (release / PAIRS).stat().st_size
    yield told("pairs", count)
    yield told("their Parquet", size / 1e6, "MB")
    must(_python(room, COPY, release / PAIRS, room / "warm.parquet"))  # the file is in the cache for all from here on
    copied = must(_python(room, COPY, release / PAIRS, room / "copy.parquet"))
    yield told("Arrow's copy of it", copied.seconds, "s")
    for name, layouts in (("conversational alone", ["conversational"]), ("all layouts", [])):
        done = must(_python(room, EXPORT, release, room / "export", *layouts))
        written = sum(path.stat().st_size for path in (room / "export").rglob("*") if path.is_file())
        yield at_least(f"{name}: pairs per second", count / done.seconds, PAIRS_PER_SECOND)
        yield told("… seconds", done.seconds, "s", floor=copied.seconds)
        yield told("… CPU", done.cpu_seconds, "s", floor=copied.cpu_seconds)
        yield at_most("… peak memory", done.peak_mb, MEGABYTES, "MB")
        yield told("… written", written / 1e6, "MB")
        must(run(["rm", "-r", str(room / "export")], room))


def _python(room: Path, code: str, *arguments: Path | str) -> Ended:
    return run([sys.executable, "-c", code, *map(str, arguments)], room)


def _release(folder: Path, count: int, seed: int) -> None:
    """The files of a release."""
    facts = {
        "release": "made", "release_id": "rel_0", "snapshot_id": 0, "code_version": "0", "fingerprints": [], "models": {},
        "recipe_text": "recipe: planted\nsteps:\n  - mine/chunk\n",
    }  # fmt: skip
    write_release(folder, _batches(count, seed), facts)


def _batches(count: int, seed: int) -> Iterator[Any]:
    """Record batches of pairs: Zipfian words, prompts of 100 to 250 characters, answers of 150 to 650, two pairs a prompt."""
    import pyarrow as pa

    draw = random.Random(seed)
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["".join(draw.choices(letters, k=draw.randint(3, 9))) for _ in range(WORDS)]
    heaps = list(itertools.accumulate(1 / (at + 2) for at in range(WORDS)))

    def text(least: int, most: int) -> str:
        return " ".join(draw.choices(words, cum_weights=heaps, k=draw.randint(least, most)))

    stock = [text(20, 90) for _ in range(STOCK)]
    for start in range(0, count, BATCH):
        rows = [_row(at, draw, stock, text) for at in range(start, min(count, start + BATCH))]
        yield from pa.Table.from_pylist(rows, schema=release_schema()).to_batches()


def _row(at: int, draw: random.Random, stock: list[str], text: Any) -> dict[str, Any]:
    document, prompt = at // PER_DOCUMENT, at // PER_PROMPT
    asked = random.Random(prompt).choice(stock)[:200]
    chosen, rejected = (f"{text(4, 6)}. {draw.choice(stock)}" for _ in "cr")
    return dict.fromkeys(release_schema().names) | {
        "pair_id": f"par_{at:012d}", "split": "test" if document % HELD_OUT == 0 else "train", "score_gap": 1.0,
        "p_chosen": 0.9, "confidence": 0.9, "rule": "planted", "principles": ["helpful"], "flags": [],
        "prompt": [{"role": "user", "content": asked}], "chosen": [{"role": "assistant", "content": chosen}],
        "rejected": [{"role": "assistant", "content": rejected}], "chosen_model": f"model-{at % 3}",
        "rejected_model": f"model-{at % 2}", "chosen_role": "candidate", "rejected_role": "candidate",
        "chosen_id": f"rsp_{at:012d}c", "rejected_id": f"rsp_{at:012d}r", "prompt_id": f"prm_{prompt:012d}",
        "document_id": f"doc_{document:09d}", "uri": f"shelf{document % 50}/{document}.md", "title": f"Page {document}",
        "licence": "CC-BY-4.0", "passage_ids": [f"psg_{document:09d}"], "context": [{"role": "passage", "text": asked}],
        "passages": [{"passage_id": f"psg_{document:09d}", "start": 0, "end": 900, "heading": "Mill"}],
        "sha256": f"{document:064x}", "media_type": "text/markdown", "tags": [], "rehearsal": False,
        "chosen_strategy": "sample/grid", "rejected_strategy": "sample/grid",
    }  # fmt: skip
