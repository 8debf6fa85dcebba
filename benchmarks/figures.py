"""What a benchmark hands back: figures, each with its goal, and the table of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

COLUMNS = ("figure", "measured", "floor", "ratio", "goal", "met?")


@dataclass(frozen=True, slots=True)
class Setting:
    """How to measure: a folder, small sizes or full ones, a mock server that already runs, if any, and rows of one's own."""

    folder: Path
    is_quick: bool = False
    mock_url: str | None = None
    seed: int = 0
    rows: int = 0

    def sized(self, full: int, quick: int) -> int:
        """The size for this run."""
        return quick if self.is_quick else full

    def room(self, name: str) -> Path:
        """A new folder within the working folder."""
        room = self.folder / name
        room.mkdir(parents=True)
        return room


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the table; `is_met` is None where there is no goal, only something to know."""

    name: str
    measured: str
    floor: str = ""
    ratio: str = ""
    goal: str = ""
    is_met: bool | None = None


def at_least(
    name: str, measured: float, bound: float, unit: str = "", *, floor: float | None = None, ratio: float | None = None
) -> Figure:
    """A figure that must reach `bound`: itself, or with a floor its ratio to that (`ratio`, where it is not the quotient)."""
    value = _ratio(measured, floor, ratio)
    return _figure(
        name, measured, unit, floor, value, f"≥ {_number(bound)}", (measured if value is None else value) >= bound
    )


def at_most(
    name: str, measured: float, bound: float, unit: str = "", *, floor: float | None = None, ratio: float | None = None
) -> Figure:
    """A figure that must not exceed `bound`: itself, or with a floor its ratio to that."""
    value = _ratio(measured, floor, ratio)
    return _figure(
        name, measured, unit, floor, value, f"≤ {_number(bound)}", (measured if value is None else value) <= bound
    )


def exactly(name: str, measured: float, wanted: float, unit: str = "") -> Figure:
    """A figure that must be just `wanted`."""
    return _figure(name, measured, unit, None, None, f"= {_number(wanted)}", measured == wanted)


def told(name: str, measured: float | str, unit: str = "", *, floor: float | None = None) -> Figure:
    """A figure without a goal."""
    if isinstance(measured, str):
        return Figure(name, measured)
    return _figure(name, measured, unit, floor, _ratio(measured, floor, None), "", None)


def table_of(figures: Iterable[Figure]) -> Table:
    """The figures as one table."""
    table = Table()
    for column in COLUMNS:
        table.add_column(
            column, justify="right" if column in ("measured", "floor", "ratio") else "left", overflow="fold"
        )
    for each in figures:
        met = {True: "[green]yes[/green]", False: "[red]no[/red]", None: ""}[each.is_met]
        table.add_row(each.name, each.measured, each.floor, each.ratio, each.goal, met)
    return table


def _ratio(measured: float, floor: float | None, ratio: float | None) -> float | None:
    return ratio if ratio is not None or floor is None else measured / floor


def _figure(
    name: str, measured: float, unit: str, floor: float | None, ratio: float | None, goal: str, is_met: bool | None
) -> Figure:
    said = ["" if value is None else f"{_number(value)} {unit}".strip() for value in (measured, floor)]
    return Figure(name, said[0], said[1], "" if ratio is None else _number(ratio), goal, is_met)


def _number(value: float) -> str:
    """Three digits that matter, and whole numbers whole."""
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
