"""Charts as SVG inside a page: drawn by matplotlib, coloured by the page's own style, the same bytes for the same numbers.

matplotlib writes colours and ids of its own; here each colour that it is given stands for a variable of the style sheet, so that
one drawing serves the light page, the dark one and paper.
"""

from __future__ import annotations

import io
import logging
import re
import warnings
from collections.abc import Sequence
from typing import Any

from pipeline.extras import library
from pipeline.land.markdown import clean
from pipeline.report.content import Cell, Chart

COLOURS = {
    "#010101": "var(--ink)", "#020202": "var(--line)", "#030303": "var(--quiet)", "#040401": "var(--plot-1)",
    "#040402": "var(--plot-2)", "#040403": "var(--plot-3)", "#040404": "var(--plot-4)",
}  # fmt: skip
INK, LINE, QUIET = "#010101", "#020202", "#030303"
SERIES = ("#040401", "#040402", "#040403", "#040404")
HATCHES = ("", "////", "....", "xxxx")  # what colour tells, form tells too
WIDTH = 5.0
ROW = 0.28
LONGEST_LABEL = 26
MOST_ROWS = 24

SETTINGS = {
    "svg.fonttype": "none", "font.family": "DejaVu Sans", "font.size": 9, "text.parse_math": False, "text.color": INK,
    "axes.edgecolor": LINE, "axes.labelcolor": QUIET, "axes.linewidth": 0.8, "axes.spines.top": False, "hatch.linewidth": 0.5,
    "axes.spines.right": False, "axes.axisbelow": True, "xtick.color": LINE, "ytick.color": LINE, "xtick.labelcolor": QUIET,
    "ytick.labelcolor": INK, "grid.color": LINE, "grid.linewidth": 0.6, "figure.facecolor": "none", "axes.facecolor": "none",
    "savefig.facecolor": "none", "legend.frameon": False, "legend.fontsize": 8, "axes.unicode_minus": True,
}  # fmt: skip


def draw(chart: Chart) -> str:
    """One chart as an `svg` element; raises `RequestError` where matplotlib is not installed."""
    matplotlib = library("matplotlib", "a report", "report")
    figures = library("matplotlib.figure", "a report", "report")
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    with matplotlib.rc_context(SETTINGS | {"svg.hashsalt": chart.name}), warnings.catch_warnings():
        # A sign that matplotlib's font does not have is still right in the page, whose fonts are the reader's.
        warnings.simplefilter("ignore")
        rows = list(chart.table.rows)[:MOST_ROWS]
        height = {"columns": 2.6, "matrix": 1.5 + 0.36 * len(rows)}.get(chart.kind, 0.75 + ROW * len(rows))
        figure = figures.Figure(figsize=(WIDTH, height), layout="constrained")
        _KINDS[chart.kind](chart, figure.add_subplot(), rows)
        drawn = io.StringIO()
        figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return _for_page(drawn.getvalue(), chart.name)


def _bars(chart: Chart, axes: Any, rows: Sequence[Sequence[Cell]]) -> None:
    """Bars that lie one below another, with words at their ends."""
    values = [float(row[chart.series[0]] or 0) for row in rows]
    places = range(len(rows))
    axes.barh(places, values, color=SERIES[0], height=0.66)
    longest = max([*values, 1e-9])
    for place, value, words in zip(places, values, chart.ends or [f"{value:,.0f}" for value in values], strict=False):
        axes.text(value + longest * 0.015, place, _label(words), va="center", fontsize=8, color=QUIET)
    axes.set_xlim(0, longest * 1.32)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    _label_rows(axes, rows)


def _stack(chart: Chart, axes: Any, rows: Sequence[Sequence[Cell]]) -> None:
    """Bars in parts; each part has a pattern of its own beside its colour."""
    ends = [0.0] * len(rows)
    for at, column in enumerate(chart.series):
        values = [float(row[column] or 0) for row in rows]
        axes.barh(
            range(len(rows)), values, left=ends, height=0.66, color=SERIES[at % 4], hatch=HATCHES[at % 4], edgecolor="none",
            label=_label(str(chart.table.header[column])),
        )  # fmt: skip
        ends = [end + value for end, value in zip(ends, values, strict=True)]
    axes.set_xlim(0, max([*ends, 1e-9]) * 1.02)
    axes.grid(axis="x")
    axes.legend(
        loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=len(chart.series), handlelength=1.2, columnspacing=1.0
    )
    axes.locator_params(axis="x", nbins=5)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.12g}")
    axes.set_xlabel(chart.axis)
    _label_rows(axes, rows)


def _columns(chart: Chart, axes: Any, rows: Sequence[Sequence[Cell]]) -> None:
    """Columns side by side, for bins; every few of them are labelled."""
    axes.bar(range(len(rows)), [float(row[chart.series[0]] or 0) for row in rows], color=SERIES[0], width=0.9)
    step = max(1, -(-len(rows) // 6))
    axes.set_xticks(range(0, len(rows), step), [_label(str(row[0]), 12) for row in rows[::step]])
    axes.tick_params(length=0)
    axes.tick_params(axis="y", labelcolor=QUIET)
    axes.grid(axis="y")
    axes.locator_params(axis="y", nbins=5)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.12g}")
    axes.set_xlabel(chart.axis)
    if chart.middle is not None:
        axes.axvline(chart.middle, color=INK, linewidth=1, linestyle="--")


def _points(chart: Chart, axes: Any, rows: Sequence[Sequence[Cell]]) -> None:
    """A share with its interval in each row."""
    for place, row in enumerate(rows):
        value, low, high = (float(cell or 0) for cell in row[1:4])
        axes.plot([low, high], [place, place], color=SERIES[0], linewidth=2.2, alpha=0.5, solid_capstyle="round")
        axes.plot([value], [place], "o", color=SERIES[0], markersize=6)
    if chart.middle is not None:
        axes.axvline(chart.middle, color=INK, linewidth=1, linestyle="--")
    axes.set_xlim(-0.02, 1.02)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0%", "25%", "50%", "75%", "100%"])
    axes.grid(axis="x")
    axes.set_xlabel(chart.axis)
    _label_rows(axes, rows)


def _matrix(chart: Chart, axes: Any, rows: Sequence[Sequence[Cell]]) -> None:
    """A square of shares: the larger, the darker, and each written out."""
    for down, row in enumerate(rows):
        for right, cell in enumerate(row[1:]):
            if isinstance(cell, int | float):
                axes.add_patch(_square(right, down, max(0.04, min(1.0, float(cell)) * 0.5)))
                axes.text(right, down, f"{cell:.0%}", ha="center", va="center", fontsize=8)
    axes.set_xlim(-0.5, len(rows) - 0.5)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.set_xticks(range(len(rows)), [_label(str(row[0]), 18) for row in rows], rotation=30, ha="right", color=INK)
    axes.tick_params(length=0)
    _label_rows(axes, rows)


def _square(right: int, down: int, opacity: float) -> Any:
    """One cell of a matrix."""
    patches = library("matplotlib.patches", "a report", "report")
    return patches.Rectangle((right - 0.47, down - 0.47), 0.94, 0.94, facecolor=SERIES[0], alpha=opacity, linewidth=0)


def _label_rows(axes: Any, rows: Sequence[Sequence[Cell]]) -> None:
    """Name the rows from the top down."""
    axes.set_yticks(range(len(rows)), [_label(str(row[0])) for row in rows])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(rows) - 0.45, -0.55)


_KINDS = {"bars": _bars, "stack": _stack, "columns": _columns, "points": _points, "matrix": _matrix}


def _label(text: str, longest: int = LONGEST_LABEL) -> str:
    """A word from a recipe or a source as matplotlib may have it: one line, no signs that nobody sees, not too long."""
    line = clean(text) or "–"
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def _for_page(svg: str, name: str) -> str:
    """matplotlib's file as an element of a page: no head, no metadata, no ids but those referred to, the page's colours."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<style type="text/css">.*?</style>', "", svg, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->\s*", "", svg, flags=re.DOTALL)
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', svg))
    svg = re.sub(r' id="([^"]*)"', lambda found: f' id="{name}-{found[1]}"' if found[1] in used else "", svg)
    svg = re.sub(r'(href="#|url\(#)', rf"\g<1>{name}-", svg)
    svg = re.sub(
        r'<svg [^>]*?viewBox="([^"]*)"[^>]*>', r'<svg viewBox="\1" aria-hidden="true" focusable="false">', svg, count=1
    )
    # Hatches are written in the colour of an edge, which is none here.
    svg = re.sub(r"font: ([\d.]+)px '[^;\"]*", r"font-size: \1px", svg)
    for colour, variable in COLOURS.items():
        svg = svg.replace(colour, variable)
    return svg.strip()
