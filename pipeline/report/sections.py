"""The chapters of a report from what was counted: each takes plain rows and says in words what they mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pipeline.audit.accuracy import wilson
from pipeline.audit.release.catalogue import FIGURES
from pipeline.audit.release.report import Change, ReleaseReport
from pipeline.land.facts import FunnelFact
from pipeline.land.manifest import Manifest
from pipeline.land.splits import SPLITS
from pipeline.report.content import Chart, Section, Table

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
            )  # fmt: skip
        )
    steps: dict[tuple[int, str], dict[str, int]] = {}
    for row in rows:
        ended = steps.setdefault((row.position, row.step), dict.fromkeys(ENDED, 0))
        ended[row.status] = ended.get(row.status, 0) + row.units
    table = [
        (f"{at + 1}. {step}", *(ended[status] for status in ENDED))
        for at, ((_, step), ended) in enumerate(sorted(steps.items()))
    ]
    if table:
        worst = max(rows, key=lambda row: (row.units if row.status == "none" else 0, row.step))
        words = (
            f"The most common reason for dropping is {worst.reason!r} in {worst.step}."
            if worst.status == "none"
            else ""
        )
        charts.append(
            Chart(
                "funnel",
                "stack",
                "What each step kept and dropped",
                words or "No step dropped anything.",
                Table("Units of each step by how they ended", ["step", *ENDED.values()], table),
                series=(1, 2, 3, 4),
                axis="units of work",
            )  # fmt: skip
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


def labels(
    gaps: Sequence[tuple[float, float, int]],
    sure: Sequence[tuple[float, float, int]],
    p: Sequence[tuple[float, float, int]],
) -> list[Section]:
    """How far apart the two answers are and how sure the labels; each is (low, high, pairs)."""
    charts = [
        _histogram(
            "gaps", "Score gaps", "How far apart chosen and rejected are", "score_gap, in the unit of the rule", gaps
        ),
        _histogram("confidence", "Confidence", "How sure the labels are, from 0 to 1", "confidence", sure),
        _histogram(
            "p-chosen", "Probability of chosen", "How probable it is that chosen is the better one", "p_chosen", p
        ),
    ]
    words = "As the judges and the rule gave them; unless a gold set was asked, nobody has checked them."
    return [Section("labels", "How sure the labels are", [words], [chart for chart in charts if chart is not None])]


def _histogram(
    name: str, title: str, meaning: str, axis: str, bins: Sequence[tuple[float, float, int]]
) -> Chart | None:
    if not bins:
        return None
    table = Table(
        f"{title}: pairs by bin", ["from", "to", "pairs"], [(f"{low:.4g}", f"{high:.4g}", n) for low, high, n in bins]
    )
    if len(bins) == 1:
        only = Table(table.title, ["value", "pairs"], [(f"{bins[0][0]:.4g}", bins[0][2])])
        return Chart(name, "bars", title, f"{meaning}: all {bins[0][2]:,} pairs have {bins[0][0]:.4g}.", only)
    most = max(bins, key=lambda each: each[2])
    what = f"{meaning}; most often between {most[0]:.3g} and {most[1]:.3g}, in {most[2]:,} of {sum(n for *_, n in bins):,} pairs."
    return Chart(name, "columns", title, what, table, series=(2,), axis=axis)


def lengths(spread: Sequence[tuple[float, int]], ratios: Sequence[tuple[float, int, int]]) -> list[Section]:
    """Length and the label: `spread` is (lower end of log2(chosen / rejected), pairs), `ratios` (shorter/longer, pairs, longer chosen)."""
    if not spread or not sum(n for _, n in spread):
        return []
    rows = [(f"×{2**low:.2g}", f"×{2 ** (low + 0.5):.2g}", n) for low, n in spread]
    pairs, longer = sum(n for _, n, _ in ratios), sum(won for *_, won in ratios)
    charts = [
        Chart(
            "lengths",
            "columns",
            "Length of chosen next to rejected",
            f"In {percent(longer, pairs)} of the pairs of unequal length the chosen answer is the longer one; the dashed line is "
            "equal length.",
            Table("Pairs by how many times as long chosen is", ["from", "to", "pairs"], rows),
            series=(2,),
            middle=5.5,
            axis="chosen, so many times as long as rejected (characters)",
        )  # fmt: skip
    ]
    if ratios:
        bands = [(f"{low:.0%} to {low + 0.1:.0%}", won / n, *wilson(won, n), n) for low, n, won in ratios]
        charts.append(
            Chart(
                "length-ratio",
                "points",
                "How often the longer answer is chosen",
                "By how much of the longer answer the shorter one has, with 95% intervals; at 50% length tells nothing.",
                Table("Longer answer chosen", ["shorter / longer", "longer chosen", "low", "high", "pairs"], bands),
                middle=0.5,
                axis="share in which the longer one was chosen",
            )  # fmt: skip
        )
    return [Section("length", "Length", ["A model learns length where length tells the label."], charts)]


def judges(
    places: Sequence[tuple[str, str, int, int, int, int]], won: Sequence[tuple[str, str, int, int, int, int]],
    agreed: Sequence[tuple[str, str, int, int]],
) -> list[Section]:  # fmt: skip
    """Principles, positions and agreement, as `warehouse.telling` counts them."""
    charts, tables = [], []
    if won:
        rows = [
            (_judge(name, who), (up + 0.5 * even) / n, *wilson(up + 0.5 * even, n), up, even, down)
            for name, who, n, up, even, down in won[:MOST]
        ]
        charts.append(
            Chart(
                "principles",
                "points",
                "Win rates of the principles",
                "How often the verdict under each principle is for the chosen answer; an even verdict counts one half.",
                Table(
                    "Verdicts for and against the label",
                    ["principle and judge", "for the label", "low", "high", "for", "even", "against"],
                    rows,
                ),
                middle=0.5,
                axis="share of verdicts for the chosen answer",
            )  # fmt: skip
        )
    if places:
        rows = [(_judge(name, who), same, first, second) for name, who, _, same, first, second in places[:MOST]]
        charts.append(
            Chart(
                "positions",
                "stack",
                "The place of an answer",
                "Pairs asked in both orders: the same verdict, or one that leans to the answer shown first or second.",
                Table(
                    "Verdicts over both orders", ["judge", "same", "leans to the first", "leans to the second"], rows
                ),
                series=(1, 2, 3),
                axis="pairs asked in both orders",
            )  # fmt: skip
        )
        shares = [(_judge(name, who), n, percent(same, n), percent(f, f + s)) for name, who, n, same, f, s in places]
        header = ["judge", "asked in both orders", "same verdict", "of the others, to the first"]
        tables.append(Table("Position consistency", header, shares))
    names = sorted({one for one, *_ in agreed} | {other for _, other, *_ in agreed})
    if len(names) > 1:
        charts.append(_agreement(names, agreed))
    if not charts:
        return [Section("judges", "Judges", ["No verdicts on pairs are kept with this release."])]
    words = ["A verdict that changes with the order of the answers says more about the judge than about the answers."]
    return [Section("judges", "Judges", words, charts, tables)]


def _agreement(names: Sequence[str], agreed: Sequence[tuple[str, str, int, int]]) -> Chart:
    shares = {(one, other): same / n for one, other, n, same in agreed if n}
    matrix = [(name, *(shares.get((name, other), shares.get((other, name))) for other in names)) for name in names]
    apart = [(share, couple) for couple, share in shares.items() if couple[0] != couple[1]]
    what = "No two judges decided on the same pair."
    if apart:
        share, (one, other) = min(apart)
        what = f"{one} and {other} agree least: on {share:.0%} of the pairs on which both decided."
    return Chart(
        "agreement",
        "matrix",
        "How far judges agree",
        what,
        Table("Share of pairs on which two agree", ["judge", *names], matrix),
    )


def _judge(name: str, who: str) -> str:
    return f"{name} ({who})"


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
    called = [row for row in table if row[2]]
    money, tokens = (sum(row[at] or 0 for row in table) for at in (6, 3))
    words = f"All steps together: {sum(row[2] or 0 for row in table):,} calls, {tokens:,} tokens in, "
    words += f"{sum(row[4] or 0 for row in table):,} tokens out, cost {money:,.2f} in the unit of the models' prices."
    by, unit = (6, "cost") if money else (2, "calls")
    title = "Cost by step" if money else "Calls by step"
    charts = []
    if called:
        most = max(called, key=lambda row: row[by] or 0)
        drawn = Table(title, ["step", unit], [(row[0], row[by]) for row in called])
        ends = [f"{row[by]:,.2f}" if money else f"{row[by]:,}" for row in called]
        charts.append(Chart("cost", "bars", title, f"{most[0]} takes the most.", drawn, ends=ends))
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
    rows = sorted(((model, *each) for model, each in sides.items()), key=lambda row: (-row[1] - row[2], row[0]))[:MOST]
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
        name, "bars", title, f"The largest is {most[0]} with {percent(most[1], total)}.", table,
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
    words = "`prefmill audit` measures more, and says what to do about each figure."
    return [Section("trust", "How far to trust it", [words], (), tables)]


def _band(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{low:.3f} to {high:.3f}"


def comparison(here: Manifest, there: Manifest, moved: Mapping[str, int], changes: Iterable[Change]) -> list[Section]:
    """What is other than in another release: pairs, counts, and the figures side by side."""
    rows = [
        ("in both", moved["kept"]),
        ("added", moved["added"]),
        ("removed", moved["removed"]),
        ("label turned", moved["flipped"]),
    ]
    chart = Chart(
        "moved", "bars", "Pairs, next to the other release",
        f"{moved['added']:,} pairs were added, {moved['removed']:,} removed, and {moved['flipped']:,} have the same two answers with "
        "the other label.",
        Table("Pairs by what became of them", ["", "pairs"], rows),
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
    tables = [Table("Counts", header, counts)]
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
