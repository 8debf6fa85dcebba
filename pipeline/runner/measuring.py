"""Measure a release: the questions to the warehouse, and the figures that their answers make.

The pairs are those of a written file or of a build's scope; what is measured is what is wanted, for a probe or the verdicts
of a million pairs take time.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial

import duckdb

from pipeline.audit.phrases import PHRASES
from pipeline.audit.release.catalogue import FIGURES, Part
from pipeline.audit.release.coverage import effective_number, largest_share
from pipeline.audit.release.figures import Measured, share_of
from pipeline.audit.release.intervals import interval_of_area
from pipeline.audit.release.jury import jury
from pipeline.audit.release.languages import languages_of
from pipeline.audit.release.near import cut_by_splits
from pipeline.audit.release.probe import END, START, run_probe
from pipeline.audit.release.report import ReleaseReport, Row
from schemas.errors import RequestError
from schemas.fingerprints import derive_seed
from warehouse import release_figures as ask
from warehouse.traits import Pairs, make_traits

EVERYTHING: tuple[Part, ...] = ("traits", "near", "sample", "probe", "judges", "gold", "topics")
SAMPLE = 10_000
"""So many pairs are read for words: the interval of an area is then 0.01 to either side."""
LEAST_BATTLES = 20


def parts_of(figures: Collection[str]) -> tuple[Part, ...]:
    """What must be measured for these figures, in the order of `EVERYTHING`."""
    wanted = {FIGURES[name].part for name in figures}
    return tuple(part for part in EVERYTHING if part in wanted)


def measure(
    cursor: duckdb.DuckDBPyConnection,
    pairs: Pairs,
    release: str,
    steps: Sequence[str],
    parts: Collection[Part] = EVERYTHING,
) -> ReleaseReport:
    """The figures of a release; `steps` are the fingerprints whose verdicts are its own.

    A part whose library is not installed is left out, with a note.
    """
    report = ReleaseReport(release, make_traits(cursor, pairs, PHRASES))
    if not report.pairs:
        report.notes.append("the release holds no pair, so there is nothing to measure")
        return report
    if "traits" in parts:
        _traits(report, cursor)
        _splits(report, cursor)
        _coverage(report, cursor)
    if "near" in parts:
        _near(report, cursor, pairs)
    if "topics" in parts:
        _topics(report, cursor)
    if "judges" in parts:
        _judges(report, cursor, pairs, steps)
    if "gold" in parts:
        _gold(report, cursor, pairs)
    if {"sample", "probe"} & set(parts):
        _sampled(report, cursor, pairs, parts)
    return report


def _traits(report: ReleaseReport, cursor: duckdb.DuckDBPyConnection) -> None:
    """Length, form and phrases, and who wins."""
    counted = ask.counts(cursor)
    report.add("longer_chosen", share_of(counted["longer"], counted["unequal"]))
    report.add("lists_chosen", share_of(counted["chosen_list"], counted["one_list"]))
    for kind in ("refusal", "identity"):
        for side in ("chosen", "rejected"):
            report.add(f"{kind}_share_{side}", share_of(counted[f"{kind}_{side}"], report.pairs))
    for trait, gap in (("length", ask.LENGTH_GAP), ("markdown", ask.MARKDOWN_GAP)):
        for name, matched in ((f"{trait}_auc", False), (f"{trait}_auc_matched", True)):
            found = ask.area(cursor, gap, matched=matched)
            report.add(name, _area(found) if found else None)
    rows = ask.wins(cursor)
    report.add_table("model_win_rate", [Row(model, won / fought, fought) for model, won, fought in rows])
    often = [(won / fought, won, fought) for _, won, fought in rows if fought >= LEAST_BATTLES]
    _, won, fought = max(often, default=(0, 0, 0))
    report.add("model_win_rate", share_of(won, fought))


def _area(found: ask.Area) -> Measured:
    return interval_of_area(found.value, found.pairs, found.documents, found.squares)


def _splits(report: ReleaseReport, cursor: duckdb.DuckDBPyConnection) -> None:
    """What held-out pairs share with the splits before theirs."""
    found = ask.held_out(cursor)
    for name, part in (("leakage", "any"), *((f"shared_{part}", part) for part in ("prompts", "documents", "answers"))):
        report.add(name, share_of(found[part], found["pairs"]))


def _near(report: ReleaseReport, cursor: duckdb.DuckDBPyConnection, pairs: Pairs) -> None:
    """Prompts that are nearly the same, in two splits."""
    ranks, counts = ask.make_questions(cursor, pairs)
    texts, read = ask.all_questions(cursor), partial(ask.questions_at, cursor)
    try:
        report.add("near_duplicates_across_splits", cut_by_splits(texts, ranks, counts, read))
    except RequestError as missing:
        report.notes.append(f"left out: {missing}")


def _coverage(report: ReleaseReport, cursor: duckdb.DuckDBPyConnection) -> None:
    """The sources and the documents."""
    sources = ask.sizes(cursor, "source")
    _spread(report, "source_share", "effective_sources", sources)
    report.add_table("source_share", _rows(sources))
    _spread(report, "document_share", "effective_documents", ask.sizes(cursor, "document_id"))


def _topics(report: ReleaseReport, cursor: duckdb.DuckDBPyConnection) -> None:
    """The tags of the prompts, where they have any."""
    topics = ask.topics(cursor)
    _spread(report, "topic_share", "effective_topics", topics)
    if topics:
        report.add_table("topic_share", _rows(topics))


def _spread(report: ReleaseReport, share: str, number: str, counts: Sequence[tuple[str, int]]) -> None:
    report.add(share, largest_share(counts))
    report.add(number, effective_number(counts))


def _rows(counts: Sequence[tuple[str, int]]) -> list[Row]:
    """Counts as rows of a table, with their shares."""
    total = sum(n for _, n in counts)
    return [Row(name, n / total, n) for name, n in counts]


def _judges(report: ReleaseReport, cursor: duckdb.DuckDBPyConnection, pairs: Pairs, steps: Sequence[str]) -> None:
    """Where judges look first, how often they change their mind, and what their disagreement says of the labels."""
    if not ask.make_verdicts(cursor, pairs, steps):
        return
    found = ask.positions(cursor)
    report.add("first_position_wins", share_of(found["first"], found["decided"]))
    report.add("order_flips", share_of(found["flipped"], found["asked"]))
    if said := jury(ask.juries(cursor)):
        report.add("jury_agreement", said.agreement)
        report.add("voter_error", said.voter_error)
        report.add("label_noise", said.label_noise)


def _gold(report: ReleaseReport, cursor: duckdb.DuckDBPyConnection, pairs: Pairs) -> None:
    """The labels beside what people say, and beside the rule that the longer answer is better."""
    found = ask.gold(cursor, pairs)
    report.add("label_accuracy", share_of(found["right"], int(found["pairs"])))
    report.add("always_longest", share_of(found["longest"], int(found["pairs"])))


def _sampled(report: ReleaseReport, cursor: duckdb.DuckDBPyConnection, pairs: Pairs, parts: Collection[Part]) -> None:
    """What only a sample of the texts is read for."""
    rows = list(ask.sample(cursor, pairs, SAMPLE, derive_seed("audit"), start=START, end=END))
    if "sample" in parts:
        languages = languages_of(chosen for _, chosen, _ in rows)
        _spread(report, "language_share", "effective_languages", languages)
        report.add_table("language_share", _rows(languages))
    if "probe" not in parts:
        return
    try:
        report.probe = run_probe(rows)
    except RequestError as missing:
        report.notes.append(f"left out: {missing}")
    if report.probe:
        report.add("probe_auc", report.probe.auc)
        report.add("probe_auc_matched", report.probe.matched)
    if len(rows) < report.pairs:
        report.notes.append(
            f"words and languages are those of {len(rows):,} of the pairs, drawn by a hash of their ids"
        )
