"""The audit of a release of 10,000, 100,000 and a million pairs: CPU seconds, peak memory, and whether time is linear.

The pairs are written as a release's file directly, with planted shortcuts whose values must come out again: a tenth of the
held-out prompts is one of `train`, every seventh chosen answer has a list, every twentieth rejected one names itself.
"""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure, Setting, at_most, exactly, told
from benchmarks.processes import must, prefmill, run
from pipeline.land.columns import release_schema
from pipeline.land.files import write_release
from warehouse.address import resolve_address
from warehouse.connection import connect, literal, migrate

SIZES = (10_000, 100_000, 1_000_000)
QUICK = (500, 1_000, 2_000)
MEGABYTES = 1500
PER_DOCUMENT, HELD_OUT = 20, 10
LISTS, NAMED, LEAKS = 7, 20, 10
BATCH = 5000
LINEAR = 1.5
WORDS = 20_000


def measure(setting: Setting) -> Iterator[Figure]:
    """CPU, memory and planted figures for each size; the growth from the last size but one to the last."""
    room = setting.room("release_audit")
    migrate(connect(resolve_address(str(room / "lake"))))
    sizes = SIZES if not setting.is_quick else QUICK
    seconds = []
    must(run(prefmill("audit", "--help"), room))
    _release(room, "warm", 200, setting.seed)
    must(run(_command("warm"), room))  # what is compiled is compiled once for all
    for size in sizes:
        name = f"pairs-{size}"
        _release(room, name, size, setting.seed)
        done = must(run(_command(name), room))
        figures = {each["name"]: each["value"] for each in json.loads(done.out)["figures"]}
        seconds.append(done.cpu_seconds)
        yield told(f"audit of {size:,} pairs, CPU", done.cpu_seconds, "s")
        yield told("… pairs per CPU second", size / done.cpu_seconds)
        yield at_most("… peak memory", done.peak_mb, MEGABYTES, "MB")
        yield exactly("… lists chosen", figures["lists_chosen"], 1.0)
        yield exactly("… rejected that name themselves", figures["identity_share_rejected"], 1 / NAMED)
        yield exactly("… held-out prompts of train", round(figures["shared_prompts"], 3), 1 / LEAKS)
        yield exactly("… the same, near", round(figures["near_duplicates_across_splits"], 3), 1 / LEAKS)
    if not setting.is_quick:
        grown = (seconds[-1] - seconds[0]) / (seconds[-2] - seconds[0])
        wanted = (sizes[-1] - sizes[0]) / (sizes[-2] - sizes[0])
        yield at_most("growth of CPU over growth of pairs, last two sizes", grown / wanted, LINEAR)


def _command(release: str) -> list[str]:
    return prefmill("audit", release, "-w", "lake", "--json")


def _release(room: Path, name: str, count: int, seed: int) -> None:
    """A release in the warehouse: its files, and its row."""
    facts = {
        "release": name, "release_id": "rel_0", "snapshot_id": 0, "code_version": "0", "fingerprints": [], "models": {},
        "recipe_text": "recipe: planted\nsteps:\n  - mine/chunk\n",
    }  # fmt: skip
    write_release(room / "lake" / "releases" / name, _batches(count, seed), facts)
    connection = connect(resolve_address(str(room / "lake")))
    connection.execute(f"""
        INSERT INTO releases BY NAME SELECT {literal(name)} AS release, 'rel_0' AS release_id, 'planted' AS recipe,
            'published' AS status, {count} AS pairs, 1 AS documents, '{{}}' AS splits, '[]' AS gates, '{{}}' AS figures,
            'b' AS build_id, {literal(f"releases/{name}")} AS folder, '' AS manifest_sha256, false AS rehearsal,
            now()::TIMESTAMP AS created_at
    """)
    connection.close()


def _batches(count: int, seed: int) -> Iterator[Any]:
    """Record batches of pairs: Zipfian words, answers of 400 to 1,200 characters, 20 pairs a document."""
    import pyarrow as pa

    draw = random.Random(seed)
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["".join(draw.choices(letters, k=draw.randint(3, 9))) for _ in range(WORDS)]
    heaps = list(itertools.accumulate(1 / (at + 2) for at in range(WORDS)))

    def text(least: int, most: int) -> str:
        return " ".join(draw.choices(words, cum_weights=heaps, k=draw.randint(least, most)))

    stock = [text(60, 180) for _ in range(WORDS)]
    trained: list[str] = []
    for start in range(0, count, BATCH):
        rows = [_row(at, draw, stock, text, trained) for at in range(start, min(count, start + BATCH))]
        yield from pa.Table.from_pylist(rows, schema=release_schema()).to_batches()


def _row(at: int, draw: random.Random, stock: list[str], text: Any, trained: list[str]) -> dict[str, Any]:
    document = at // PER_DOCUMENT
    is_test = document % HELD_OUT == HELD_OUT - 1
    asked = text(20, 30)
    if is_test and at % LEAKS == 0:
        asked = trained[draw.randrange(len(trained))]
    elif not is_test and len(trained) < WORDS:
        trained.append(asked)
    chosen, rejected = (f"{draw.choice(stock)} {text(8, 12)}" for _ in "cr")
    if at % LISTS == 0:
        chosen += "\n- and\n- so on"
    if at % NAMED == 0:
        rejected = f"As an AI, {rejected}"
    return dict.fromkeys(release_schema().names) | {
        "pair_id": f"par_{at:012d}", "split": "test" if is_test else "train", "score_gap": 1.0, "p_chosen": 0.9,
        "confidence": 0.9, "rule": "planted", "principles": [], "flags": [], "passage_ids": [], "rehearsal": False,
        "prompt": [{"role": "user", "content": asked}], "chosen": [{"role": "assistant", "content": chosen}],
        "rejected": [{"role": "assistant", "content": rejected}], "chosen_model": f"model-{at % 3}",
        "rejected_model": f"model-{at % 2}", "chosen_role": "candidate", "rejected_role": "candidate",
        "chosen_id": f"rsp_{at:012d}c", "rejected_id": f"rsp_{at:012d}r", "prompt_id": f"prm_{at:012d}",
        "document_id": f"doc_{document:09d}", "uri": f"shelf{document % 50}/{document}.md",
    }  # fmt: skip
