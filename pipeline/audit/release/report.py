"""The figures of a release, what stands behind them, and how they differ from those of another."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.audit.release.catalogue import FIGURES, SPECS
from pipeline.audit.release.figures import Measured, Standing, standing
from pipeline.audit.release.intervals import difference
from pipeline.audit.release.probe import Probe

SHOWN = 10


@dataclass(frozen=True, slots=True)
class Row:
    """One part of a figure: a model, a source, a topic, a language, with what is counted of it."""

    name: str
    value: float
    n: int


@dataclass(slots=True)
class ReleaseReport:
    """What was measured of one release; `tables` are the largest rows behind a figure, `notes` what could not be said.

    `vacant` are figures that were looked for and have no case in these pairs; a jury that was not asked is no such case.
    """

    release: str
    pairs: int
    figures: dict[str, Measured] = field(default_factory=dict)
    tables: dict[str, list[Row]] = field(default_factory=dict)
    probe: Probe | None = None
    notes: list[str] = field(default_factory=list)
    vacant: set[str] = field(default_factory=set)

    def add(self, name: str, found: Measured | None) -> None:
        """Note a figure that was measured; one without a case is missing, and is no 0."""
        if found is not None:
            self.figures[name] = found.rounded()
        elif FIGURES[name].part in ("traits", "near"):
            self.vacant.add(name)

    def add_table(self, name: str, rows: Sequence[Row]) -> None:
        """Note what stands behind a figure, as far as people read."""
        self.tables[name] = list(rows[:SHOWN])

    @property
    def values(self) -> dict[str, float]:
        """The figures as gates see them, in the order of the catalogue."""
        return {spec.name: self.figures[spec.name].value for spec in SPECS if spec.name in self.figures}

    def standings(self) -> Iterator[tuple[str, Measured, Standing]]:
        """Every figure with how it stands to the bound that is advised, in the order of the catalogue."""
        for spec in SPECS:
            if found := self.figures.get(spec.name):
                yield spec.name, found, standing(spec.name, found)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for scripts."""
        told = [
            {"name": name, "theme": FIGURES[name].theme, **dataclasses.asdict(found), "bound": FIGURES[name].bound}
            | {"standing": stands, "meaning": FIGURES[name].meaning, "remedy": FIGURES[name].remedy}
            for name, found, stands in self.standings()
        ]
        tables = {name: [dataclasses.asdict(row) for row in rows] for name, rows in self.tables.items()}
        probe = dataclasses.asdict(self.probe) if self.probe else None
        grams = {side: probe[side] for side in ("chosen", "rejected")} if probe else None
        return {
            "release": self.release, "pairs": self.pairs, "figures": told, "tables": tables, "ngrams": grams,
            "notes": self.notes,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """One figure of two releases, and the difference with its interval; `is_clear` when that is without 0."""

    name: str
    here: Measured
    there: Measured
    change: Measured

    @property
    def is_clear(self) -> bool:
        """Whether the two differ by more than chance explains."""
        low, high = self.change.low, self.change.high
        return low is not None and high is not None and not low <= 0 <= high


def compare(here: Mapping[str, Measured], there: Mapping[str, Measured]) -> list[Change]:
    """The figures that both releases have, in the order of the catalogue: what the first has more than the second."""
    return [
        Change(spec.name, here[spec.name], there[spec.name], difference(here[spec.name], there[spec.name]).rounded())
        for spec in SPECS
        if spec.name in here and spec.name in there
    ]
