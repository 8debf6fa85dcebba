"""All measures over one set of evidence: a report on every judge in it, and on what they have in common."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.audit import agreement
from pipeline.audit.accuracy import Share
from pipeline.audit.calibration import Bin
from pipeline.audit.evidence import Evidence
from pipeline.audit.figures import PARTS, Case, Figure, plain, votes_of
from pipeline.audit.verdicts import Judged, by_judge, judged_pairs
from pipeline.calibration import Calibration
from schemas.errors import RequestError
from schemas.rows import Vote

FEW_JUDGES = 8


@dataclass(slots=True)
class JudgeReport:
    """One judge under one criterion: its figures, its accuracy by category, its reliability bins and its calibration."""

    judge: str
    criterion: str
    calls: int
    pairs: int
    figures: list[Figure] = field(default_factory=list)
    categories: dict[str, Share] = field(default_factory=dict)
    bins: list[Bin] = field(default_factory=list)
    calibration: Calibration | None = None


@dataclass(slots=True)
class Report:
    """The judges, what they have in common, and what could not be said."""

    judges: list[JudgeReport] = field(default_factory=list)
    between: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for scripts."""
        told = dataclasses.asdict(self)
        for judge, said in zip(self.judges, told["judges"], strict=True):
            said["calibration"] = judge.calibration.model_dump(mode="json") if judge.calibration else None
        return told


def audit(evidence: Evidence, calibrated: Calibration | None = None) -> Report:
    """What the evidence says of every judge in it; with a calibration, what it says after that was applied.

    Measures whose library is not installed are left out, with a note.
    """
    report = Report(notes=list(evidence.notes))
    judges = by_judge(evidence.verdicts)
    judged = {judge: judged_pairs(calls) for judge, calls in judges.items()}
    for (judge, criterion), calls in judges.items():
        mine = judged[judge, criterion]
        others = {name: pairs for (name, other), pairs in judged.items() if other == criterion and name != judge}
        case = Case(evidence, calls, mine, judge, criterion, others, calibrated)
        ratings = sum((score.judge, score.criterion) == (judge, criterion) for score in evidence.scores)
        asked = ratings + sum(not call.from_scores for call in calls)
        about = JudgeReport(judge, criterion, calls=asked, pairs=len(mine))
        for part in PARTS:
            try:
                about.figures += part(case)
            except RequestError as missing:
                report.notes.append(f"left out: {missing}")
        about.categories, about.bins, about.calibration = case.categories, case.bins, case.fitted
        report.judges.append(about)
    try:
        report.between += _between(judged, evidence.people)
    except RequestError as missing:
        report.notes.append(f"left out: {missing}")
    report.notes = list(dict.fromkeys(report.notes))
    return report


def _between(
    judged: Mapping[tuple[str, str], Sequence[Judged]], people: Mapping[str, Mapping[str, Vote]]
) -> Iterator[Figure]:
    """How far judges agree with each other, and people with each other."""
    names: dict[str, dict[str, Vote]] = {}
    for (judge, criterion), pairs in judged.items():
        names[" ".join(filter(None, (judge, criterion)))] = votes_of(pairs)
    told: list[tuple[str, Mapping[str, Mapping[str, Vote]]]] = [("judges", names), ("people", people)]
    for who, votes in told:
        if len(votes) > 1:
            yield from plain(
                f"alpha of {who}",
                agreement.alpha(votes),
                f"Krippendorff's α among {who}: 0 is chance, 1 full agreement",
                len(votes),
            )
    for one, other in _pairs(sorted(names)):
        found = agreement.agreement(names[one], names[other])
        if found:
            yield Figure(
                f"agreement {one} / {other}", found.raw, "the share of pairs on which both say the same", found.n
            )
            yield from plain(f"kappa {one} / {other}", found.kappa, "the same above chance", found.n)


def _pairs(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    few = names[:FEW_JUDGES]
    yield from ((one, other) for at, one in enumerate(few) for other in few[at + 1 :])
