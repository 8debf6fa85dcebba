"""Try every way of asking on judges with planted faults: `python -m benchmarks.quality [--pairs N] [--to FOLDER]`.

Writes `planted.md` (the tables) and `planted.svg` (truth recovered against calls) into the folder. Nothing is timed: what
is counted is calls and money, so the result is the same on any machine.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import track

from benchmarks.quality.plot import draw
from benchmarks.quality.ways import FAULTS, Outcome, run, ways_for
from benchmarks.quality.world import planted_pairs

HERE = Path(__file__).parent
JUDGES = ("first", "long", "noisy", "mixed")
ABOUT = {
    "first": "takes the answer shown first in 35 % of calls",
    "long": "takes the longer answer in 35 % of calls",
    "noisy": "says the opposite of what it sees in 25 % of calls",
    "mixed": "shown first 20 %, longer 15 %, the opposite 10 %",
}


def main() -> int:
    """Measure, and write the tables and the plot."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=1000, help="how many planted pairs")
    parser.add_argument("--seed", type=int, default=0, help="another seed, other pairs")
    parser.add_argument("--to", type=Path, default=HERE, help="the folder for planted.md and planted.svg")
    arguments = parser.parse_args()
    pairs = list(planted_pairs(arguments.pairs, arguments.seed))
    found: dict[str, list[Outcome]] = {judge: [] for judge in JUDGES}
    work = [(judge, way) for judge in JUDGES for way in ways_for(judge)]
    for judge, way in track(work, "asking", console=Console(stderr=True)):
        found[judge].append(run(way, pairs))
    arguments.to.mkdir(parents=True, exist_ok=True)
    (arguments.to / "planted.md").write_text(page_of(found, arguments.pairs, arguments.seed), encoding="utf-8")
    draw(found, arguments.to / "planted.svg")
    print(page_of(found, arguments.pairs, arguments.seed))
    return 0


def page_of(found: dict[str, list[Outcome]], pairs: int, seed: int) -> str:
    """The tables as a page."""
    lines: list[str] = [
        "# Truth recovered by each way of asking",
        "",
        f"{pairs} planted pairs (seed {seed}); made by `python -m benchmarks.quality`. *Recovered* is right labels less",
        "wrong ones, as a share of all pairs: a coin recovers 0, the truth 1. *Cost* is beside asking the judge once in one",
        "order; the dear judge costs ten times as much per token as the others. Draws of one request share its prompt and",
        "its call; adaptive votes are a request each, so compare their calls with 16, which is what 8 votes in each order",
        "would take one by one. The jury is `first`, `long` and `noisy`, in every table the same.",
        "",
        "![truth recovered against calls](planted.svg)",
    ]
    for judge, outcomes in found.items():
        once = outcomes[0].cost
        lines += ["", f"## The judge `{judge}`: {ABOUT[judge]}", ""]
        lines += ["| way of asking | coverage | accuracy | recovered | calls per pair | cost |", "|---|---|---|---|---|---|"]
        lines += [
            f"| {each.way} | {each.coverage:.3f} | {each.accuracy:.3f} | {each.recovered:.3f} "
            f"| {each.calls / each.pairs:.2f} | {each.cost / once:.1f} |"
            for each in outcomes
        ]
    faults = ", ".join(f"`{name}` {options}" for name, options in FAULTS.items()).replace("'", "")
    return "\n".join([*lines, "", f"The judges: {faults}.", ""])


if __name__ == "__main__":
    sys.exit(main())
