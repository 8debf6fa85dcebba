"""Measure what is named, or everything, and print one table: `python -m benchmarks [name …] [--quick]`.

Exit code 1 when a goal is missed, 2 for a benchmark that does not exist.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from benchmarks.figures import Figure, Setting, table_of, told
from schemas.errors import nearest

BENCHMARKS = {
    "imports": "what `prefmill --help` takes and imports",
    "judge_calls": "judge calls through the whole build beside a bare client",
    "faults": "calls to a server that refuses, fails and cuts",
    "kills": "builds that are killed and run again",
    "incremental": "calls that a change takes beside those it requires",
    "memory": "a build of 200,000 units",
    "duplicates": "near and exact duplicates among texts with planted truth",
    "hygiene": "answers through the rules of hygiene, and texts through the detectors of private data",
    "selection": "select steps over 10,000, 100,000 and 1,000,000 pairs",
    "decontamination": "1.1M runs of evaluation items looked for in 100,000 texts",
    "preferences": "published preference data taken in",
    "diff": "two releases of a million pairs held against each other",
    "release_audit": "the audit of releases of 10,000, 100,000 and a million pairs",
    "semantic": "semantic duplicates, density and diversity of 100,000 vectors (needs numba)",
    "push": "calls of a push of 100,000 pairs beside those of the client's own uploads (needs datasets)",
    "vllm_sampling": "the sampling step beside one bare LLM.chat (needs vLLM)",
}
WIDTH = 140
NEEDS = {
    "vllm_sampling": "vllm",
    "duplicates": "numba",
    "decontamination": "numba",
    "semantic": "numba",
    "push": "datasets",
}


def main() -> int:
    """Run the benchmarks that were asked for."""
    arguments = parse_arguments()
    wide = None if sys.stdout.isatty() else WIDTH
    console, progress = Console(width=wide), Console(stderr=True, width=wide, highlight=False)
    folder = Path(tempfile.mkdtemp(prefix="prefmill-bench-", dir=arguments.folder))
    setting = Setting(folder, arguments.quick, arguments.mock_url, arguments.seed, arguments.rows)
    figures = [each for name in arguments.names or BENCHMARKS for each in measure(name, setting, progress)]
    console.print(table_of(figures))
    if not arguments.keep:
        shutil.rmtree(folder, ignore_errors=True)
    return int(any(figure.is_met is False for figure in figures))


def measure(name: str, setting: Setting, progress: Console) -> Iterator[Figure]:
    """The figures of one benchmark as they come; one that breaks off says so and lets the others be."""
    started = time.perf_counter()
    load = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    progress.print(f"{name}: {BENCHMARKS[name]} ({load})", markup=False)
    if name in NEEDS and importlib.util.find_spec(NEEDS[name]) is None:
        yield told(name, f"skipped: {NEEDS[name]} is not installed")
        return
    try:
        for figure in importlib.import_module(f"benchmarks.{name}").measure(setting):
            beside = f"({figure.ratio} of {figure.floor})" if figure.floor else ""
            progress.print(f"  {figure.name}: {figure.measured} {beside} {figure.goal}", markup=False)
            yield figure
    except Exception as problem:
        traceback.print_exc()
        yield Figure(name, "broke off", goal=str(problem)[:80], is_met=False)
    progress.print(f"  {time.perf_counter() - started:.0f} s")


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    about = "\n".join(f"  {name:14} {what}" for name, what in BENCHMARKS.items())
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", epilog=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="name", help="which ones; all by default")
    parser.add_argument("--quick", action="store_true", help="small sizes: to see that they run, not for figures")
    parser.add_argument("--mock-url", help="a mock server that already runs, such as http://127.0.0.1:8399/v1")
    parser.add_argument("--seed", type=int, default=0, help="another seed: other documents and other moments")
    parser.add_argument("--rows", type=int, default=0, help="how many texts `duplicates` takes; 100,000 by default")
    parser.add_argument("--folder", type=Path, help="where to work; the system's folder for temporary files by default")
    parser.add_argument("--keep", action="store_true", help="leave the warehouses there")
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.names if name not in BENCHMARKS]:
        parser.error(f"there is no benchmark {unknown[0]!r}{nearest(unknown[0], BENCHMARKS)}")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
