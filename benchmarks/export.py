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
from benchmarks.processes import Ended, apart, must, run
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
    """The floor; the first layout alone; all that the rows allow, which is the default."""
    room = setting.room("export")
    count = setting.sized(1_000_000, 3_000)
    release = room / "release"
    apart(_release, release, count, setting.seed)
    size = (release / PAIRS).stat().st_size
    yield told("pairs", count)
    yield told("their Parquet", size / 1e6, "MB")
    must(_python(room, COPY, release / PAIRS, room / "warm.parquet"))  # the file is in the cache for all from here on
    copied = must(_python(room, COPY, release / PAIRS, room / "copy.parquet"))
    yield told("Arrow's copy of it", copied.seconds, "s")
    for name, layouts in (("conversational alone", ["conversational"]), ("all layouts", [])):
        done = must(_python(room, EXPORT, release, room / "export", *layouts))
        written = sum(path.stat().st_size for path in (room / "export").rglob("*") if path.is_file())
        speed = f"{name}: pairs per second"
        is_told = setting.is_quick  # starting Python takes longer than writing a few rows
        yield told(speed, count / done.seconds) if is_told else at_least(speed, count / done.seconds, PAIRS_PER_SECOND)
        yield told("… seconds", done.seconds, "s", floor=copied.seconds)
        yield told("… pairs per CPU second", count / done.cpu_seconds)
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
    """Tables of pairs: Zipfian words, prompts of 100 to 250 characters, answers of 150 to 700, two pairs a prompt."""
    draw = random.Random(seed)
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["".join(draw.choices(letters, k=draw.randint(3, 9))) for _ in range(WORDS)]
    heaps = list(itertools.accumulate(1 / (at + 2) for at in range(WORDS)))

    def texts(least: int, most: int) -> list[str]:
        return [" ".join(draw.choices(words, cum_weights=heaps, k=draw.randint(least, most))) for _ in range(STOCK)]

    questions, openings, stock = texts(16, 40), texts(4, 6), texts(20, 100)
    for start in range(0, count, BATCH):
        size = min(count, start + BATCH) - start
        asked = [question for question in draw.choices(questions, k=size) for _ in range(PER_PROMPT)][:size]
        answers = [
            [
                f"{opening}. {text}"
                for opening, text in zip(draw.choices(openings, k=size), draw.choices(stock, k=size), strict=True)
            ]
            for _ in "cr"
        ]
        yield from _table(range(start, start + size), asked, *answers).to_batches()


def _table(places: range, asked: list[str], chosen: list[str], rejected: list[str]) -> Any:
    """Pairs with these numbers, column by column."""
    import pyarrow as pa

    stored, documents = release_schema(), [at // PER_DOCUMENT for at in places]
    columns: dict[str, Any] = {
        "pair_id": [f"par_{at:012d}" for at in places],
        "split": ["test" if document % HELD_OUT == 0 else "train" for document in documents],
        "prompt": [[{"role": "user", "content": text}] for text in asked],
        "chosen": [[{"role": "assistant", "content": text}] for text in chosen],
        "rejected": [[{"role": "assistant", "content": text}] for text in rejected],
        "chosen_model": [f"model-{at % 3}" for at in places],
        "rejected_model": [f"model-{at % 2}" for at in places],
        "chosen_id": [f"rsp_{at:012d}c" for at in places],
        "rejected_id": [f"rsp_{at:012d}r" for at in places],
        "prompt_id": [f"prm_{at // PER_PROMPT:012d}" for at in places],
        "document_id": [f"doc_{document:09d}" for document in documents],
        "uri": [f"shelf{document % 50}/{document}.md" for document in documents],
        "title": [f"Page {document}" for document in documents],
        "sha256": [f"{document:064x}" for document in documents],
        "passage_ids": [[f"psg_{document:09d}"] for document in documents],
        "passages": [
            [{"passage_id": f"psg_{document:09d}", "start": 0, "end": 900, "heading": "Mill"}] for document in documents
        ],
    }
    same = {
        "score_gap": 1.0, "p_chosen": 0.9, "confidence": 0.9, "rule": "planted", "principles": ["helpful"], "flags": [],
        "chosen_role": "candidate", "rejected_role": "candidate", "licence": "CC-BY-4.0", "media_type": "text/markdown",
        "tags": [], "rehearsal": False, "chosen_strategy": "sample/grid", "rejected_strategy": "sample/grid",
    }  # fmt: skip
    return pa.table(
        [pa.array(columns.get(each.name, [same.get(each.name)] * len(places)), each.type) for each in stored], stored
    )
