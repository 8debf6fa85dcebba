"""prefmill with a clock on its progress bars: `python -m benchmarks.clocked TIMES build …`, all else as ever.

Writes to the file TIMES, as JSON by step, when (of the epoch) the last unit was on disk: a unit counts as done once its
commit has returned.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import flows.show
from flows.cli import main

if TYPE_CHECKING:
    from pipeline.runner.steps import StepReport


def clock(file: Path) -> None:
    """Have every report of progress noted on its way to the bars."""
    bars, ends = flows.show.progress_bars, dict[str, float]()

    @contextmanager
    def clocked_bars(*args: Any, **options: Any) -> Iterator[Any]:
        with bars(*args, **options) as note:

            def note_time(report: StepReport) -> None:
                if report.done:
                    ends[report.step] = time.time()
                note(report)

            yield note_time
        file.write_text(json.dumps(ends))

    flows.show.progress_bars = clocked_bars


if __name__ == "__main__":
    clock(Path(sys.argv.pop(1)))
    main()
