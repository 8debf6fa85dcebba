"""Truth recovered against what it costs, one panel for each judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.quality.ways import Outcome


def draw(found: Mapping[str, Sequence[Outcome]], path: Path) -> None:
    """Draw the panels into an SVG file, the same bytes for the same figures; needs matplotlib (`pip install '.[report]'`)."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "planted"
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, len(found), figsize=(4.2 * len(found), 4.6), sharey=True, layout="constrained")
    for panel, (judge, outcomes) in zip(panels, found.items(), strict=True):
        once = outcomes[0].cost
        for number, each in enumerate(outcomes):
            panel.scatter(each.cost / once, each.recovered, color=f"C{number}", s=50, label=each.way, zorder=2)
        panel.set_xscale("log", base=2)
        panel.set_title(f"judge: {judge}")
        panel.set_xlabel("cost beside one call in one order")
        panel.grid(alpha=0.3, zorder=1)
    panels[0].set_ylabel("truth recovered (right - wrong labels)")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
