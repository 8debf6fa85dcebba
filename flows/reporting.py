"""A release as one HTML page: what is asked of the warehouse and of the release's files, and where the page is written."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import duckdb

from pipeline.audit.release.report import ReleaseReport, compare
from pipeline.extras import demand
from pipeline.land.files import PAIRS, VOTES, read_release
from pipeline.land.manifest import Manifest
from pipeline.report import sections
from pipeline.report.content import Page, Section
from pipeline.report.examples import make_dropped, make_shelves
from pipeline.report.page import MARK, render_page
from pipeline.runner.measuring import measure
from schemas.errors import RequestError, WarehouseError
from warehouse import telling, telling_examples
from warehouse.address import Address
from warehouse.releases import ReleaseRow, find_release, list_releases
from warehouse.telling import Written
from warehouse.traits import auditor

Progress = Callable[[str], None]
HEAD = 2000


def write_report(
    address: Address,
    release: str,
    to: Path | None,
    progress: Progress,
    *,
    against: str | None = None,
    overwrite: bool = False,
) -> Path:
    """Write the report of a release to `to`, or `RELEASE.html` here; returns the file.

    It is held against the release before it of the same recipe, or against the one named. Raises `RequestError` if a file that is
    no report would be lost or matplotlib is missing, `WarehouseError` for a release that is not there.
    """
    demand(["matplotlib"], "a report", "report")
    with auditor(address) as cursor:
        row = find_release(cursor, release)
        other = find_release(cursor, against) if against else _before(cursor, row)
        if other is not None and other.release == row.release:
            raise RequestError(f"{against!r} is the release {row.release!r} itself; hold it against another one")
        target = (to or Path(f"{row.release}.html")).absolute()
        check_target(target, overwrite=overwrite)
        page = make_page(cursor, address, row, other, progress)
    text = render_page(page, progress)
    _write(target, text)
    return target


def check_target(target: Path, *, overwrite: bool) -> None:
    """Raise `RequestError` unless a report may be written to this file."""
    if target.is_dir():
        raise RequestError(f"{str(target)!r} is a folder; name a file, as in `--to report.html`")
    if not target.parent.is_dir():
        raise RequestError(f"the folder {str(target.parent)!r} is not there; make it, or name another file with `--to`")
    if target.exists() and not overwrite:
        with target.open("rb") as file:
            head = file.read(HEAD)
        if f'name="generator" content="{MARK}"'.encode() not in head:
            raise RequestError(
                f"{str(target)!r} is no report of prefmill; add `--overwrite`, or name another file with `--to`"
            )


def make_page(
    cursor: duckdb.DuckDBPyConnection, address: Address, row: ReleaseRow, other: ReleaseRow | None, progress: Progress
) -> Page:
    """Everything that the page says of a release, with `other` beside it."""
    release, files = _open(address, row)
    steps = [step.fingerprint for step in release.fingerprints]
    progress(f"measuring {row.release}")
    audit = _measure(cursor, files, row, steps)
    progress("counting verdicts")
    said = telling.gather(cursor, files)
    chapters = _chapters(cursor, release, files, row, audit)
    progress("picking examples")
    picked = telling_examples.pick(cursor, files)
    pairs = telling_examples.read_pairs(cursor, files, sorted({each for ids in picked.values() for each in ids}))
    verdicts = telling_examples.read_verdicts(cursor, files, sorted({each["prompt_id"] for each in pairs.values()}))
    dropped = telling_examples.dropped(cursor, steps, row.build_id)
    if other is not None:
        progress(f"comparing with {other.release}")
        chapters += _comparison(cursor, address, release, files, audit, other)
    return Page(
        release=release.release, release_id=release.release_id, lead=_lead(release), warnings=_warnings(release, row),
        facts=_facts(release, said), sections=chapters, shelves=make_shelves(picked, pairs, verdicts), dropped=make_dropped(dropped),
    )  # fmt: skip


def _open(address: Address, row: ReleaseRow) -> tuple[Manifest, Written]:
    """The manifest and the files of a release; raises `WarehouseError` if they are gone."""
    folder = address.root / row.folder
    release = read_release(folder)
    if not (folder / PAIRS).is_file():
        raise WarehouseError(
            f"the release {row.release!r} has lost its file {str(folder / PAIRS)!r}; build it again under another name"
        )
    votes = folder / VOTES
    return release, Written(folder / PAIRS, votes if votes.is_file() else None)


def _measure(cursor: duckdb.DuckDBPyConnection, files: Written, row: ReleaseRow, steps: list[str]) -> ReleaseReport:
    return measure(cursor, files.rows, row.release, steps, ("traits", "judges"))


def _before(cursor: duckdb.DuckDBPyConnection, row: ReleaseRow) -> ReleaseRow | None:
    """The release of the same recipe that was made just before; held ones are no measure, and neither are withdrawn ones."""
    older = [
        each
        for each in list_releases(cursor, row.recipe)
        if (each.created_at, each.release) < (row.created_at, row.release)
    ]
    return next((each for each in older if each.status == "published"), None)


def _chapters(
    cursor: duckdb.DuckDBPyConnection, release: Manifest, files: Written, row: ReleaseRow, audit: ReleaseReport
) -> list[Section]:
    """All chapters but the comparison, in the order of the page."""
    steps = [step.fingerprint for step in release.fingerprints]
    models = telling.counted(cursor, files, "chosen_model", "rejected_model")
    return [
        *sections.funnel(release.funnel, telling.flow(cursor, row.build_id)),
        *sections.labels(*(telling.histogram(cursor, files, name) for name in ("score_gap", "confidence", "p_chosen"))),
        *sections.lengths(telling.lengths(cursor), telling.longer_by_ratio(cursor)),
        *sections.judges(telling.positions(cursor), telling.principles(cursor), telling.agreement(cursor)),
        *sections.contents(release, telling.sources(cursor), [(one, two, n) for one, two, n in models]),
        *sections.trust(release, audit),
        *sections.costs(telling.costs(cursor, steps, row.build_id)),
    ]


def _comparison(
    cursor: duckdb.DuckDBPyConnection,
    address: Address,
    release: Manifest,
    files: Written,
    audit: ReleaseReport,
    other: ReleaseRow,
) -> list[Section]:
    """The chapter on another release. It comes last, for it fills the tables of traits anew."""
    there, others = _open(address, other)
    steps = [step.fingerprint for step in there.fingerprints]
    changes = compare(audit.figures, _measure(cursor, others, other, steps).figures)
    return sections.comparison(release, there, telling_examples.moved(cursor, files, others), changes)


def _lead(release: Manifest) -> str:
    return (
        f"{release.rows:,} preference pairs from {release.documents:,} documents, made by prefmill {release.code_version} with the "
        f"recipe {release.recipe}." + (f" {release.about}" if release.about else "")
    )


def _warnings(release: Manifest, row: ReleaseRow) -> list[str]:
    """What a reader must know first: rehearsal rows, gates that were not passed, a release that was taken back."""
    told = []
    if release.rehearsal_rows:
        told.append(
            f"Do not train on this: {release.rehearsal_rows:,} of {release.rows:,} pairs are rehearsal data. A rule-based "
            "stand-in, not a model, wrote or judged them; they show that a recipe runs, and nothing else."
        )
    failed = [gate.name for gate in release.gates if not gate.passed]
    if failed:
        told.append(f"This release is held back: it did not pass {', '.join(failed)}.")
    if row.status == "withdrawn":
        told.append("This release was withdrawn" + (f": {row.withdrawn_note}" if row.withdrawn_note else "."))
    return told


def _facts(release: Manifest, said: int) -> list[tuple[str, str]]:
    """The figures at the head of the page."""
    splits = " / ".join(f"{n:,}" for n in release.splits.values())
    longer = f"{release.longer_chosen_rows / release.rows:.0%}" if release.rows else "–"
    return [
        ("pairs", f"{release.rows:,}"), ("documents", f"{release.documents:,}"), (" / ".join(release.splits), splits),
        ("verdicts on pairs", f"{said:,}"), ("chosen is longer", longer), ("steps", str(len(release.fingerprints))),
    ]  # fmt: skip


def _write(target: Path, text: str) -> None:
    """Put the whole page in its place at once; raises `RequestError` with the system's reason."""
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(text.encode("utf-8", errors="replace"))
            Path(name).chmod(0o644)
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as problem:
        raise RequestError(
            f"{str(target)!r} cannot be written: {problem.strerror}; name another file with `--to`"
        ) from None
