"""The chapters of a report on how good the labels are: how sure, how much is length, and how the judges judged."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.audit.accuracy import wilson
from pipeline.report.content import Chart, Section, Table
from pipeline.report.sections import percent

MOST = 20


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
    words = ["As the judges and the rule gave them; unless a gold set was asked, nobody has checked them."]
    words += [
        f"All {bins[0][2]:,} pairs have a {name} of {bins[0][0]:.4g}."
        for name, bins in (("score gap", gaps), ("confidence", sure), ("probability of chosen", p))
        if len(bins) == 1
    ]
    return [Section("labels", "How sure the labels are", words, [chart for chart in charts if chart is not None])]


def _histogram(
    name: str, title: str, meaning: str, axis: str, bins: Sequence[tuple[float, float, int]]
) -> Chart | None:
    if len(bins) < 2:
        return None
    table = Table(
        f"{title}: pairs by bin", ["from", "to", "pairs"], [(f"{low:.4g}", f"{high:.4g}", n) for low, high, n in bins]
    )
    most = max(bins, key=lambda each: each[2])
    what = f"{meaning}; most often between {most[0]:.3g} and {most[1]:.3g}, in {most[2]:,} of {sum(n for *_, n in bins):,} pairs."
    return Chart(name, "columns", title, what, table, series=(2,), axis=axis)


def lengths(spread: Sequence[tuple[float, int]], ratios: Sequence[tuple[float, int, int]]) -> list[Section]:
    """Length and the label: `spread` is (lower end of log2(chosen / rejected), pairs), `ratios` are (lower end of
    shorter / longer, pairs, those in which the longer one was chosen)."""
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
        )
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
            )
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
            )
        )
    if places:
        asked = [(_judge(name, who), same, first, second) for name, who, _, same, first, second in places[:MOST]]
        charts.append(
            Chart(
                "positions",
                "stack",
                "The place of an answer",
                "Pairs asked in both orders: the same verdict, or one that leans to the answer shown first or second.",
                Table(
                    "Verdicts over both orders", ["judge", "same", "leans to the first", "leans to the second"], asked
                ),
                series=(1, 2, 3),
                axis="pairs asked in both orders",
            )
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
