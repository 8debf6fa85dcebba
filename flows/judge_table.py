"""A judge's audit in the terminal: one line for each figure, with what it means."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from pipeline.audit.figures import Figure
from pipeline.audit.table import JudgeReport, Report


def report_tables(report: Report) -> Iterator[RenderableType]:
    """The tables of a report, one judge after another."""
    for judge in report.judges:
        name = " · ".join(filter(None, (judge.judge, judge.criterion)))
        yield _figures(f"{name}: {judge.pairs:,} pairs, {judge.calls:,} calls", judge.figures)
        if len(judge.categories) > 1:
            yield _categories(judge)
        if judge.bins:
            yield _bins(judge)
    if report.between:
        yield _figures("between judges, and between people", report.between)
    for note in report.notes:
        yield Text(note, style="yellow")


def _figures(title: str, figures: Iterable[Figure]) -> Table:
    table = _table(title, "figure", "value", "interval", "n", "what it means")
    for figure in figures:
        band = "" if figure.low is None or figure.high is None else f"{figure.low:.3f} to {figure.high:.3f}"
        count = "" if figure.n is None else f"{figure.n:,}"
        table.add_row(escape(figure.name), f"{figure.value:.3f}", band, count, escape(figure.meaning))
    return table


def _categories(judge: JudgeReport) -> Table:
    table = _table("accuracy by category", "category", "accuracy", "interval", "n")
    for name, share in judge.categories.items():
        table.add_row(
            escape(name or "(none)"), f"{share.value:.3f}", f"{share.low:.3f} to {share.high:.3f}", f"{share.n:,}"
        )
    return table


def _bins(judge: JudgeReport) -> Table:
    table = _table("how sure it was, and how often it was right", "between", "confidence", "accuracy", "n")
    for each in judge.bins:
        table.add_row(
            f"{each.low:.2f} to {each.high:.2f}", f"{each.confidence:.3f}", f"{each.accuracy:.3f}", f"{each.n:,}"
        )
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=escape(title), title_justify="left")
    for name in columns:
        is_number = name in ("value", "interval", "n", "confidence", "accuracy")
        table.add_column(name, justify="right" if is_number else "left", overflow="fold", no_wrap=is_number)
    return table
