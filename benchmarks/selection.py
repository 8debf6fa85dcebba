"""Select steps over planted pairs, from 10,000 to a million: CPU seconds of each step, and peak memory of the process.

A child process opens the warehouse, puts all pairs in scope and runs the steps one after the other, each over what the
last one left, through the same plan and ledger as a build. CPU seconds are of the step with all it reads and writes.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from benchmarks.figures import Figure, Setting, at_most, told
from benchmarks.judged_pairs import put_in_scope, write
from benchmarks.processes import must, run
from pipeline.binding import bind
from pipeline.models.pool import ModelPool
from pipeline.runner.steps import StageRunner
from schemas.recipe import read_recipe
from warehouse.address import resolve_address
from warehouse.ledger import Ledger
from warehouse.plan import Plan
from warehouse.store import Store

SIZES = (10_000, 100_000, 1_000_000)
QUICK_SIZES = (500, 1000, 2000)
MEGABYTES = 1500
LINEAR = 1.3
"""The CPU of a pair among a million may be so many times that of one among a hundred thousand."""
BEFORE: list[Any] = ["mine/chunk", "mine/qa", "sample/grid", {"judge/pairwise": {"principle": "helpful"}}, "select/best_worst"]
STEPS: list[Any] = [
    {"select/filter": {"by": "score_gap", "min": 0.05}},
    {"select/filter": {"by": "signal:one", "quantile": {"from": 0.1}, "per": "source"}},
    "select/cyclic",
    {"select/peer": {"judges": ["signal:one", "signal:two"], "noise": 0.1}},
    {"select/filter": {"by": "confidence", "top": 2, "per": "prompt_id"}},
    {"select/cap": {"per": "source", "max_share": 0.2, "keep": "best"}},
    {"select/sample_rows": {"share": 0.9, "per": "source"}},
    {"select/curriculum": {"by": "score_gap", "easiest": "high"}},
]


def measure(setting: Setting) -> Iterator[Figure]:
    """CPU seconds and memory at each size, and whether the one grows as the pairs do."""
    room = setting.room("selection")
    spent: dict[int, dict[str, float]] = {}
    for size in QUICK_SIZES if setting.is_quick else SIZES:
        folder = str(room / f"lake-{size}")
        asyncio.run(write(resolve_address(folder), size))
        ended = must(run([sys.executable, "-m", "benchmarks.selection", folder], room))
        spent[size] = json.loads(ended.out)
        yield told(f"{len(STEPS)} steps over {size:,} pairs, CPU", sum(spent[size].values()), "s")
        yield at_most("… peak memory", ended.peak_mb, MEGABYTES, "MB")
    few, many = sorted(spent)[-2:]
    for step, seconds in spent[many].items():
        yield told(f"… {step}, of {many:,} pairs", seconds, "s")
    total = {size: sum(seconds.values()) for size, seconds in spent.items()}
    yield at_most(f"CPU of a pair among {many:,} beside one among {few:,}", total[many] / many / (total[few] / few), LINEAR)


async def run_steps(folder: Path) -> dict[str, float]:
    """CPU seconds of each step, by its label."""
    recipe = folder.with_suffix(".yaml")
    recipe.write_text(yaml.safe_dump({"recipe": "selection", "steps": [*BEFORE, *STEPS]}), "utf-8")
    steps = bind(read_recipe(recipe)).steps[len(BEFORE) :]
    store = Store.open(resolve_address(str(folder)))
    plan, spent = Plan(store), {}
    try:
        await plan.begin([(place, step.label, step.fingerprint) for place, step in enumerate(steps)])
        await put_in_scope(store)
        runner = StageRunner(plan, Ledger(store), ModelPool({}), "bld-1", asyncio.Event(), lambda report: None)
        for place, step in enumerate(steps):
            started = time.process_time()
            await runner.run_set_wide(place, step)
            spent[step.label] = time.process_time() - started
    finally:
        store.close()
    return spent


if __name__ == "__main__":
    print(json.dumps(asyncio.run(run_steps(Path(sys.argv[1])))))
