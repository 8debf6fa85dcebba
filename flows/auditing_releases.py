"""Auditing a release: its file and its rows measured again, beside its own gates and beside another release."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.audit.release.report import Change, ReleaseReport, compare
from pipeline.land.files import PAIRS, read_release
from pipeline.land.gates import GateResult, check_one
from pipeline.runner.measuring import measure
from schemas.errors import WarehouseError, nearest
from warehouse.address import Address
from warehouse.releases import ReleaseRow, find_release, list_releases
from warehouse.traits import Pairs, auditor


@dataclass(frozen=True, slots=True)
class Audited:
    """What is known of a release, and which gates of its own recipe it does not keep."""

    report: ReleaseReport
    broken: Sequence[GateResult]


def audit_release(address: Address, name: str, *, others: Sequence[str] = ()) -> Audited:
    """Measure a release; raises `WarehouseError`, with the nearest of the names and of `others`, for one that is not there."""
    with auditor(address) as cursor:
        releases = list_releases(cursor)
        if name != "latest" and name not in {row.release for row in releases}:
            known = [*(row.release for row in releases), "latest", *others]
            raise WarehouseError(f"there is no release {name!r}{nearest(name, known)}")
        row = find_release(cursor, name)
        folder = address.root / row.folder
        manifest = read_release(folder)
        steps = [step.fingerprint for step in manifest.fingerprints]
        if not (folder / PAIRS).is_file():
            raise WarehouseError(
                f"the release {row.release!r} has lost its file {str(folder / PAIRS)!r}; build it again under another name"
            )
        report = measure(cursor, Pairs.of_file(folder / PAIRS), row.release, steps)
    return Audited(report, broken_gates(row, report))


def broken_gates(row: ReleaseRow, report: ReleaseReport) -> list[GateResult]:
    """The gates that the recipe of a release set and that its figures, as measured now, do not keep.

    What only its build could count (units that failed, pairs dealt out) is as it was then.
    """
    figures = {**row.figures, **report.values}
    gates = [GateResult.model_validate(gate) for gate in row.gates]
    return [
        result for gate in gates if not (result := check_one(gate.name, gate.wanted, figures, report.vacant)).passed
    ]


def against(address: Address, here: ReleaseReport, name: str) -> tuple[ReleaseReport, list[Change]]:
    """Another release of the same warehouse, and how far the first differs from it."""
    there = audit_release(address, name).report
    return there, compare(here.figures, there.figures)
