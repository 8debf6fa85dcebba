"""All strategies by their key, `<stage>/<name>`; adding one is a file, a line in its stage and its cases."""

from __future__ import annotations

from typing import Any

from pipeline.judge import JUDGE
from pipeline.land import LAND
from pipeline.mine import MINE
from pipeline.sample import SAMPLE
from pipeline.select import SELECT

STAGES: dict[str, dict[str, type[Any]]] = {
    "mine": MINE,
    "sample": SAMPLE,
    "judge": JUDGE,
    "select": SELECT,
    "land": LAND,
}
STRATEGIES: dict[str, type[Any]] = {
    f"{stage}/{name}": strategy for stage, group in STAGES.items() for name, strategy in group.items()
}
