"""A release's audit in the terminal: the figures by theme, with what each means and what is to be done."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from pipeline.audit.release.catalogue import FIGURES, SPECS, THEMES
from pipeline.audit.release.figures import Measured, Standing, standing
from pipeline.audit.release.probe import Gram
from pipeline.audit.release.report import Change, ReleaseReport, Row

STYLES = {"ok": "green", "unclear": "yellow", "over": "red", "told": ""}
TITLES = {
    "length": "length",
    "form": "form",
    "words": "words, without the prompt",
    "models": "who wrote the answers",
    "judges": "how the judges judged",
    "labels": "how right the labels are",
    "splits": "what held-out pairs share with the splits before theirs",
    "coverage": "what the release is made of",
}
BEHIND = {
    "model_win_rate": "model",
    "source_share": "source",
    "topic_share": "topic",
    "language_share": "language (a guess)",
}
LONGEST_GRAM = 40


def release_tables(report: ReleaseReport) -> Iterator[RenderableType]:
    """The tables of a report, theme by theme."""
    known = {name: (found, stands) for name, found, stands in report.standings()}
    for theme in THEMES:
        names = [spec.name for spec in SPECS if spec.theme == theme]
        there = {name: known[name] for name in names if name in known}
        if there:
            yield _figures(f"{TITLES[theme]} · {report.release}, {report.pairs:,} pairs", there)
            yield _sentences(there)
        yield from (_rows(name, report.tables[name]) for name in names if report.tables.get(name))
        if theme == "words" and report.probe:
            for side in ("chosen", "rejected"):
                yield _grams(side, getattr(report.probe, side))
    for note in report.notes:
        yield Text(note, style="yellow")


def change_table(changes: Sequence[Change], here: str, there: str) -> RenderableType:
    """Two releases, figure by figure."""
    table = _table(f"{here} beside {there}", "figure", here, there, "change", "interval", "")
    for each in changes:
        known = each.change
        band = "" if known.low is None or known.high is None else f"{known.low:+.3f} to {known.high:+.3f}"
        table.add_row(
            each.name,
            *(_value(found, standing(each.name, found)) for found in (each.here, each.there)),
            f"{known.value:+.3f}",
            band,
            "differs" if each.is_clear else "",
        )
    return table


def _figures(title: str, there: dict[str, tuple[Measured, Standing]]) -> Table:
    table = _table(title, "figure", "value", "interval", "n", "advised")
    for name, (found, stands) in there.items():
        spec = FIGURES[name]
        band = "" if found.low is None or found.high is None else f"{found.low:.3f} to {found.high:.3f}"
        sign = "≥" if spec.side == "min" else "≤"
        bound = "" if spec.bound is None else f"{sign} {spec.bound:g}"
        if spec.is_two_sided and spec.bound is not None:
            bound = f"{1 - spec.bound:g} to {spec.bound:g}"
        table.add_row(name, _value(found, stands), band, f"{found.n:,}", bound)
    return table


def _sentences(there: dict[str, tuple[Measured, Standing]]) -> Text:
    """Below a table, in the width of the terminal: what each figure means, and what is to be done where it is out of bounds."""
    text = Text()
    for name, (_, stands) in there.items():
        text.append(f"{name}", style="bold").append(f": {FIGURES[name].meaning}\n")
        if stands in ("over", "unclear"):
            text.append(f"  {_advice(name, stands)}\n", style=STYLES[stands])
    return text


def _value(found: Measured, stands: Standing) -> Text:
    """A value in the colour of how it stands."""
    return Text(f"{found.value:.3f}", style=STYLES[stands])


def _advice(name: str, stands: Standing) -> str:
    """What to do about a figure that is beyond its bound."""
    remedy = FIGURES[name].remedy
    return f"perhaps, for the interval reaches the bound: {remedy}" if stands == "unclear" else remedy


def _rows(name: str, rows: Iterable[Row]) -> Table:
    table = _table("", BEHIND[name], "share", "n")
    for row in rows:
        table.add_row(escape(row.name) or "(none)", f"{row.value:.3f}", f"{row.n:,}")
    return table


def _grams(side: str, grams: Iterable[Gram]) -> Table:
    table = _table(f"what speaks for {side}", "n-gram", "weight", "in chosen", "in rejected")
    for gram in grams:
        table.add_row(
            escape(gram.text[:LONGEST_GRAM]), f"{gram.weight:+.2f}", f"{gram.chosen:.1%}", f"{gram.rejected:.1%}"
        )
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=escape(title) or None, title_justify="left")
    words = ("figure", "what it means, and what to do", "n-gram", "", *BEHIND.values())
    for name in columns:
        table.add_column(
            escape(name), justify="left" if name in words else "right", overflow="fold", no_wrap=name not in words
        )
    return table
