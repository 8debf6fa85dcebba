"""The chapters of a report from what was counted: each takes plain rows and says in words what they mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pipeline.audit.release.catalogue import FIGURES
from pipeline.audit.release.report import Change, ReleaseReport
from pipeline.land.facts import FunnelFact
from pipeline.land.manifest import Manifest
from pipeline.land.splits import SPLITS
from pipeline.report.content import Cell, Chart, Section, Table

MOST = 20
ENDED = {"ok": "kept", "none": "dropped", "failed": "failed", "pending": "pending"}
STANDS = {
    "ok": "within what is advised",
    "unclear": "perhaps beyond what is advised",
    "over": "beyond what is advised",
    "told": "",
}


def percent(part: float, whole: float) -> str:
    """A share as words; of nothing there is none."""
    return f"{part / whole:.1%}" if whole else "–"


def funnel(rows: Sequence[FunnelFact], flow: Sequence[tuple[str, int, int]]) -> list[Section]:
    """How documents became pairs, and what every step kept and dropped and why; `flow` is (table, most rows, rows at the end)."""
    if not rows and not flow:
        return []
    charts = []
    if flow:
        charts.append(
            Chart(
                "flow",
                "bars",
                "From documents to pairs",
                f"{flow[0][1]:,} {flow[0][0]} became {flow[-1][2]:,} {flow[-1][0]}.",
                Table("Rows of each table", ["table", "made or read", "left at the end"], flow),
                series=(2,),
                ends=[f"{left:,}" if left == made else f"{left:,} of {made:,}" for _, made, left in flow],
            )
        )
    steps: dict[tuple[int, str], dict[str, int]] = {}
    for row in rows:
        ended = steps.setdefault((row.position, row.step), dict.fromkeys(ENDED, 0))
        ended[row.status] = ended.get(row.status, 0) + row.units
    table: list[Sequence[Cell]] = [
        (f"{at + 1}. {step}", *(ended[status] for status in ENDED))
        for at, ((_, step), ended) in enumerate(sorted(steps.items()))
    ]
    if table:
        worst = max(rows, key=lambda row: (row.units if row.status == "none" else 0, row.step))
        most = (
            f"The most common reason for dropping is {worst.reason!r} in {worst.step}."
            if worst.status == "none"
            else ""
        )
        charts.append(
            Chart(
                "funnel",
                "stack",
                "What each step kept and dropped",
                most or "No step dropped anything.",
                Table("Units of each step by how they ended", ["step", *ENDED.values()], table),
                series=(1, 2, 3, 4),
                axis="units of work",
            )
        )
    reasons = [
        (row.step, ENDED.get(row.status, row.status), row.reason, row.units)
        for row in sorted(rows, key=lambda row: (row.position, -row.units)) if row.status != "ok"
    ]  # fmt: skip
    words = [
        "Each step takes units of work, one for each row that it works on, and keeps them or drops them with a reason."
    ]
    tables = [Table("Why units were dropped", ["step", "ended", "reason", "units"], reasons)] if reasons else []
    return [Section("funnel", "From documents to pairs", words, charts, tables)]


def costs(rows: Sequence[Mapping[str, Any]]) -> list[Section]:
    """Calls, tokens and money by step."""
    if not rows:
        return []
    table = [
        (
            f"{at + 1}. {row['step']}",
            row["units"],
            row["calls"],
            row["tokens_in"],
            row["tokens_out"],
            row["tokens_cached"],
            row["cost"],
        )
        for at, row in enumerate(rows)
    ]
    called = [row for row in rows if row["calls"]]
    money, calls, read, wrote = (
        sum(row[name] or 0 for row in rows) for name in ("cost", "calls", "tokens_in", "tokens_out")
    )
    words = f"All steps together: {calls:,} calls, {read:,} tokens in, {wrote:,} tokens out, cost {money:,.2f} in the unit of "
    words += "the models' prices."
    unit = "cost" if money else "calls"
    title = "Cost by step" if money else "Calls by step"
    charts = []
    if called:
        most = max(called, key=lambda row: float(row[unit] or 0))
        drawn = Table(title, ["step", unit], [(row["step"], row[unit]) for row in called])
        ends = [f"{row[unit]:,.2f}" if money else f"{row[unit]:,}" for row in called]
        charts.append(Chart("cost", "bars", title, f"{most['step']} takes the most.", drawn, ends=ends))
    header = ["step", "units", "calls", "tokens in", "tokens out", "cached", "cost"]
    return [Section("cost", "Cost", [words], charts, [Table("What each step took", header, table)])]


def contents(
    release: Manifest, sources: Sequence[tuple[str, int]], models: Sequence[tuple[str, str, int]]
) -> list[Section]:
    """Splits, licences, sources, languages, and which models wrote which side."""
    sides: dict[str, list[int]] = {}
    for chosen, rejected, n in models:
        sides.setdefault(chosen, [0, 0])[0] += n
        sides.setdefault(rejected, [0, 0])[1] += n
    most = sorted(sides.items(), key=lambda side: (-sum(side[1]), side[0]))[:MOST]
    rows = [(model, chosen, rejected) for model, (chosen, rejected) in most]
    charts = [
        _shares("splits", "Splits", [(name, release.splits.get(name, 0)) for name in SPLITS if release.splits.get(name)]),
        _shares("licences", "Licences of the sources", [(name or "not stated", n) for name, n in _most_first(release.licences)]),
        _shares("sources", "Sources", [(name or "not known", n) for name, n in sources]),
        _shares("languages", "Languages, guessed", [(name or "unclear", n) for name, n in _most_first(release.languages)]),
        Chart(
            "models", "stack", "Who wrote the answers", "How often each model's answer is the chosen one, and the rejected one.",
            Table("Answers by model", ["model", "chosen", "rejected"], rows), series=(1, 2), axis="pairs",
        ) if rows else None,
    ]  # fmt: skip
    couples = Table("Chosen and rejected", ["chosen by", "rejected by", "pairs"], list(models[:MOST]))
    return [
        Section(
            "contents",
            "What is in it",
            (),
            [chart for chart in charts if chart is not None],
            [couples] if models else [],
        )
    ]


def _shares(name: str, title: str, rows: Sequence[tuple[str, int]]) -> Chart | None:
    """Parts of a whole, the rest of a long tail as one."""
    total = sum(n for _, n in rows)
    if not total:
        return None
    shown = list(rows[:MOST])
    if left := rows[MOST:]:
        shown.append((f"{len(left)} others", sum(n for _, n in left)))
    most = max(shown, key=lambda row: row[1])
    table = Table(title, ["", "pairs", "share"], [(label, n, percent(n, total)) for label, n in shown])
    return Chart(
        name, "bars", title, f"Most: {most[0]}, {percent(most[1], total)}.", table,
        ends=[f"{n:,} ({percent(n, total)})" for _, n in shown],
    )  # fmt: skip


def _most_first(sizes: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(sizes.items(), key=lambda item: (-item[1], item[0]))


def trust(release: Manifest, report: ReleaseReport) -> list[Section]:
    """The gates of the recipe, and the figures of the audit with what is advised."""
    gates = [(gate.name, gate.sentence, "passed" if gate.passed else "failed") for gate in release.gates]
    figures = [
        (name, round(found.value, 4), _band(found.low, found.high), FIGURES[name].meaning, STANDS[stands])
        for name, found, stands in report.standings()
    ]
    tables = []
    if gates:
        tables.append(Table("Gates of the recipe", ["gate", "what it found", "verdict"], gates))
    if figures:
        tables.append(
            Table("Figures of the audit", ["figure", "value", "95% interval", "what it is", "how it stands"], figures)
        )
    words = "The audit of a release (prefmill audit) measures more, and says what to do about each figure."
    return [Section("trust", "How far to trust it", [words], (), tables)]


def _band(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{low:.3f} to {high:.3f}"


TOLD = {
    "added": "added", "removed": "removed", "flipped": "label turned round", "relabelled": "same winner, other numbers",
    "text_changed": "same question, other answers", "moved": "in another split",
}  # fmt: skip


def comparison(
    here: Manifest, there: Manifest, kept: int, reasons: Sequence[tuple[str, str, str, str, int]], changes: Iterable[Change]
) -> list[Section]:  # fmt: skip
    """What is other than in another release: pairs by kind and reason (kind, reason, step, detail, pairs), counts, figures."""
    sizes = {kind: sum(row[4] for row in reasons if row[0] == kind) for kind in TOLD}
    became = [("in both", kept), *((TOLD[kind], n) for kind, n in sizes.items())]
    chart = Chart(
        "moved", "bars", "Pairs, next to the other release",
        f"{sizes['added']:,} pairs were added, {sizes['removed']:,} removed, and {sizes['flipped']:,} have the same two answers "
        "with the other label.",
        Table("Pairs by what became of them", ["", "pairs"], became),
    )  # fmt: skip
    counts = [
        (name, one, other, one - other)
        for name, one, other in (
            ("pairs", here.rows, there.rows), ("documents", here.documents, there.documents),
            *((f"pairs in {split}", here.splits.get(split, 0), there.splits.get(split, 0)) for split in SPLITS),
        )
    ]  # fmt: skip
    header = ["", "this release", "the other", "change"]
    figures = [
        (each.name, round(each.here.value, 4), round(each.there.value, 4), f"{each.change.value:+.3f}",
         "differs" if each.is_clear else "not clear")
        for each in changes
    ]  # fmt: skip
    why = [(TOLD.get(kind, kind), reason, step, detail, n) for kind, reason, step, detail, n in reasons[:MOST]]
    tables = [Table("Counts", header, counts)]
    if why:
        tables.append(Table("Why pairs changed", ["what", "reason", "step", "detail", "pairs"], why))
    if figures:
        tables.append(Table("Figures", ["figure", "this release", "the other", "change", "more than chance?"], figures))
    return [
        Section(
            "comparison",
            f"Next to {there.release}",
            [f"The release it is held against is {there.release}."],
            [chart],
            tables,
        )
    ]
