"""The plots of a dataset card: small SVG files, made from a release's own files, the same bytes on every machine.

They are bars with words beside them, so no measure of a font is needed: a library that sets type would give other bytes with
every version of it. Colours are attributes and there is no style sheet, because the hub shows images under a strict policy.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2

from pipeline.land.columns import last_texts
from pipeline.land.files import PAIRS, VOTES
from pipeline.land.manifest import Manifest
from pipeline.land.markdown import clean
from pipeline.land.splits import SPLITS

if TYPE_CHECKING:
    import pyarrow as pa

FOLDER = "images"
NEEDS = ("score_gap", "chosen", "rejected")
"""The columns of `pairs.parquet` that `Counts.add` looks at."""
WIDTH, LEFT, LONGEST_BAR, ROW, TOP = 720, 230, 360, 26, 44
MOST_BARS, LONGEST_LABEL, GAP_BINS = 12, 30, 12
MAIN, WARNING, QUIET = "#2f6fb0", "#c2571a", "#7b8794"
SKIPPED = ("control/", "cascade/")  # what measures a judge, and made no label

# Upper ends of (chosen / rejected), in characters; the last band has none.
RATIOS = (
    (0.5, "less than half as long"), (0.8, "shorter"), (0.95, "a little shorter"), (1 / 0.95, "as long (within 5%)"),
    (1.25, "a little longer"), (2.0, "longer"), (float("inf"), "more than twice as long"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its label, its length in [0, 1] of the longest that there can be, and what is written at its end."""

    label: str
    share: float
    words: str
    colour: str = MAIN


@dataclass(slots=True)
class Counts:
    """What the plots need of the rows of a release, gathered in one pass: 8 bytes a pair, and a few counters."""

    gaps: list[pa.Array] = field(default_factory=list)
    ratios: Counter[int] = field(default_factory=Counter)
    agreement: Counter[tuple[str, str, bool]] = field(default_factory=Counter)

    def add(self, rows: pa.Table) -> None:
        """Count some rows of `pairs.parquet`, with at least the columns `NEEDS`."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if not rows.num_rows:
            return
        self.gaps.extend(rows["score_gap"].chunks)
        sizes = [pc.cast(pc.utf8_length(last_texts(rows[side])), pa.float64()) for side in ("chosen", "rejected")]
        ratios = pc.divide(*sizes)
        before = 0
        for band, (end, _) in enumerate(RATIOS):
            upto = rows.num_rows if end == float("inf") else pc.sum(pc.less(ratios, end)).as_py()
            self.ratios[band] += upto - before
            before = upto

    def add_votes(self, batches: Iterable[pa.Table]) -> None:
        """Count how often each two judges agree; tables of `votes.parquet` in its order, which is that of the prompts."""
        for votes in _whole_prompts(batches):
            self._compare(_choices(votes))

    def _compare(self, choices: pa.Table) -> None:
        """Count the pairs of answers that two judges both decided on, and those where they say the same."""
        import pyarrow.compute as pc

        judges = sorted(pc.unique(choices["judge"]).to_pylist())
        of_judge = {judge: choices.filter(pc.equal(choices["judge"], judge)).select(["key", "p"]) for judge in judges}
        for at, one in enumerate(judges):
            for other in judges[at + 1 :]:
                both = of_judge[one].join(
                    of_judge[other], "key", join_type="inner", right_suffix="_other", use_threads=False
                )
                same = pc.equal(pc.greater(both["p"], 0.5), pc.greater(both["p_other"], 0.5))
                right = pc.sum(same).as_py() or 0
                self.agreement[one, other, True] += right
                self.agreement[one, other, False] += both.num_rows - right


def draw_plots(release_folder: Path, release: Manifest) -> dict[str, bytes]:
    """All plots of a written release by their paths in an export; reads its files once, a row group at a time."""
    counts = Counts()
    for rows in _groups(release_folder / PAIRS, NEEDS):
        counts.add(rows)
    if VOTES in release.files:
        needed = ("prompt_id", "response_ids", "name", "evaluator", "order", "vote", "probability")
        counts.add_votes(_groups(release_folder / VOTES, needed))
    return plots(counts, release)


def plots(counts: Counts, release: Manifest) -> dict[str, bytes]:
    """The plots of what was counted, by their paths in an export; one that has nothing to show is not there."""
    drawn = {
        "score_gaps": ("How far apart chosen and rejected are", _gaps(counts), "score_gap, in the unit of the rule; pairs"),
        "lengths": ("How long chosen is, next to rejected", _lengths(counts), "in characters; pairs"),
        "splits": ("Splits", _parts({name: release.splits.get(name, 0) for name in SPLITS}), "pairs"),
        "licences": ("Licences of the sources", _parts(_most_first(release.licences)), "pairs"),
        "judge_order": (
            "Judges that say the same in both orders", _orders(release),
            "share of the pairs that were asked in both orders; below 80% the place of an answer counts too much",
        ),
        "judge_agreement": (
            "How often two judges agree", _agreements(counts), "share of the pairs that both have decided",
        ),
    }  # fmt: skip
    return {
        f"{FOLDER}/{name}.svg": _draw(title, bars, note).encode("utf-8")
        for name, (title, bars, note) in drawn.items()
        if bars
    }


ALTERNATIVES = {
    "score_gaps": "Bar chart of the score gaps",
    "lengths": "Bar chart of the length of the chosen answer next to the rejected one",
    "splits": "Bar chart of the splits",
    "licences": "Bar chart of the licences of the sources",
    "judge_order": "Bar chart of how often each judge says the same in both orders",
    "judge_agreement": "Bar chart of how often each two judges agree",
}
"""The text alternative of each plot; its figures are in the tables of the card and in the `desc` of the file."""


def markdown_of(paths: Iterable[str]) -> dict[str, str]:
    """For each plot by its name the line that shows it in the card."""
    names = {path: Path(path).stem for path in sorted(paths)}
    return {name: f"![{ALTERNATIVES[name]}]({path})" for path, name in names.items()}


def _gaps(counts: Counts) -> list[Bar]:
    """A histogram of the score gaps over bins of one width; one bar where all are the same."""
    import pyarrow as pa
    import pyarrow.compute as pc

    gaps = pa.chunked_array(counts.gaps, pa.float64())
    if not len(gaps):
        return []
    low, high = (pc.min_max(gaps)[end].as_py() for end in ("min", "max"))
    if low == high:
        return _parts({f"{low:.3g}": len(gaps)})
    width = (high - low) / GAP_BINS
    found = pc.value_counts(pc.min_element_wise(pc.floor(pc.divide(pc.subtract(gaps, low), width)), GAP_BINS - 1.0))
    sizes = {int(entry["values"]): entry["counts"] for entry in found.to_pylist()}
    return _parts({
        f"{low + at * width:.3g} to {low + (at + 1) * width:.3g}": sizes.get(at, 0) for at in range(GAP_BINS)
    })  # fmt: skip


def _lengths(counts: Counts) -> list[Bar]:
    return _parts({words: counts.ratios[band] for band, (_, words) in enumerate(RATIOS)}) if counts.ratios else []


def _parts(sizes: Mapping[str, int]) -> list[Bar]:
    """Counts as bars with their share; what no people would read is one bar."""
    total, longest = sum(sizes.values()), max(sizes.values(), default=0)
    if not total:
        return []
    shown = list(sizes.items())
    if len(shown) > MOST_BARS + 1:
        others = shown[MOST_BARS:]
        shown = [*shown[:MOST_BARS], (f"{len(others)} others", sum(count for _, count in others))]
        longest = max(count for _, count in shown)
    return [Bar(_label(name), count / longest, f"{count:,} ({count / total:.1%})") for name, count in shown]


def _most_first(sizes: Mapping[str, int]) -> dict[str, int]:
    return {name or "not stated": count for name, count in sorted(sizes.items(), key=lambda item: (-item[1], item[0]))}


def _orders(release: Manifest) -> list[Bar]:
    """How often each judge that was asked in both orders says the same, the most asked first."""
    asked = sorted(
        (judge for judge in release.judges if judge.asked_twice), key=lambda j: (-j.asked_twice, j.evaluator, j.name)
    )
    return [
        _share(f"{judge.evaluator}: {judge.name}", judge.consistent, judge.asked_twice, 0.8)
        for judge in asked[:MOST_BARS]
    ]


def _agreements(counts: Counts) -> list[Bar]:
    couples = sorted({(one, other) for one, other, _ in counts.agreement})
    sizes = {couple: (counts.agreement[*couple, True], counts.agreement[*couple, False]) for couple in couples}
    most = sorted((item for item in sizes.items() if sum(item[1])), key=lambda item: (-sum(item[1]), item[0]))
    short = _distinctive({judge for couple in couples for judge in couple})
    return [
        _share(" / ".join(short[judge] for judge in couple), same, same + other, 0.6)
        for couple, (same, other) in most[:MOST_BARS]
    ]


def _distinctive(judges: Iterable[str]) -> dict[str, str]:
    """Judges by what tells them apart: their criteria alone where all are one model, their models alone under one criterion."""
    parts = {judge: judge.rpartition(": ")[::2] for judge in judges}
    for alone in (1, 0):
        if len({part[1 - alone] for part in parts.values()}) == 1 and len({p[alone] for p in parts.values()}) == len(
            parts
        ):
            return {judge: part[alone] for judge, part in parts.items()}
    return {judge: judge for judge in parts}


def _share(label: str, part: int, whole: int, least: float) -> Bar:
    """A share of its own whole; one below `least` stands out, and says so in more than its colour."""
    is_low = part / whole < least
    words = f"{part / whole:.1%} of {whole:,}" + (" (low)" if is_low else "")
    return Bar(_label(label), part / whole, words, WARNING if is_low else MAIN)


def _label(text: str) -> str:
    line = clean(text) or "–"
    return line if len(line) <= LONGEST_LABEL else f"{line[: LONGEST_LABEL - 1]}…"


def _draw(title: str, bars: Sequence[Bar], note: str) -> str:
    """One bar chart as SVG."""
    placed = [
        {"label": bar.label, "words": bar.words, "colour": bar.colour if bar.share else QUIET, "y": TOP + at * ROW}
        | {"length": max(1, round(bar.share * LONGEST_BAR))}
        for at, bar in enumerate(bars)
    ]
    height = TOP + len(bars) * ROW + 34
    return _template().render(title=title, note=note, bars=placed, width=WIDTH, height=height, left=LEFT)


@functools.cache
def _template() -> jinja2.Template:
    """The drawing itself. Words of sources stand in it, so everything is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True,
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    return environment.get_template("bars.svg")


def _groups(path: Path, columns: Sequence[str]) -> Iterator[pa.Table]:
    """Some columns of the row groups of a Parquet file, one in memory at a time."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path, pre_buffer=False) as file:
        for group in range(file.num_row_groups):
            yield file.read_row_group(group, columns=list(columns), use_threads=False)


def _whole_prompts(batches: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The same rows in tables that end where a prompt ends."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kept: pa.Table | None = None
    for batch in batches:
        if not batch.num_rows:
            continue
        rows = pa.concat_tables([kept, batch]) if kept is not None else batch
        first_of_last = pc.index(rows["prompt_id"], rows["prompt_id"][-1]).as_py()
        kept = rows.slice(first_of_last)
        if first_of_last:
            yield rows.slice(0, first_of_last)
    if kept is not None:
        yield kept


def _choices(votes: pa.Table) -> pa.Table:
    """What each judge says of each two answers: `key`, `judge`, and `p`, the mean over both orders, never one half."""
    import pyarrow as pa
    import pyarrow.compute as pc

    skipped = functools.reduce(pc.or_, [pc.starts_with(votes["name"], start) for start in SKIPPED])
    votes = votes.filter(pc.and_(pc.equal(pc.list_value_length(votes["response_ids"]), 2), pc.invert(skipped)))
    said = pc.index_in(votes["vote"], pa.array(["b", "tie", "a"]))
    p = pc.coalesce(votes["probability"], pc.divide(pc.cast(said, pa.float64()), 2.0))
    table = pa.table({
        "key": pc.binary_join(votes["response_ids"], "|"),
        "judge": pc.binary_join_element_wise(votes["evaluator"], votes["name"], ": "),
        "order": pc.fill_null(votes["order"], ""),
        "p": p,
    }).filter(pc.is_valid(p))  # fmt: skip
    by_order = table.group_by(["key", "judge", "order"], use_threads=False).aggregate([("p", "mean")])
    means = by_order.group_by(["key", "judge"], use_threads=False).aggregate([("p_mean", "mean")])
    means = means.select(["key", "judge", "p_mean_mean"]).rename_columns(["key", "judge", "p"])
    return means.filter(pc.greater(pc.abs(pc.subtract(means["p"], 0.5)), 1e-9))
