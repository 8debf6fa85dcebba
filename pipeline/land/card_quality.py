"""What the card of a release says of its labels: its gates, its judges, and what can be learnt of it without reading it."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.audit.release.catalogue import FIGURES as AUDITED
from pipeline.audit.release.catalogue import Spec
from pipeline.audit.release.figures import Measured, share_of, standing
from pipeline.land.facts import JudgeFact
from pipeline.land.manifest import Manifest
from pipeline.land.markdown import short_table, table

COUNTED = ("pairs", "documents")  # gates see them as figures; the summary has said them
FIGURES = {
    "position_consistency": "share of judged comparisons with the same verdict in both orders",
    "failed_share": "share of units of work that failed for good",
    "pending_share": "share of units of work that were still to do",
}
STANDS = {"ok": "within", "unclear": "perhaps beyond", "over": "beyond", "told": ""}


def quality(release: Manifest, measured: Mapping[str, float | None]) -> str:
    """Gates and figures, the rules behind the labels, the judges, and the shortcuts."""
    parts = [_figures(measured), short_table(["rule behind the label", "pairs"], sorted(release.rules.items()))]
    gates = [gate for gate in release.gates if gate.value is not None or not gate.passed]
    if gates:
        rows = [(gate.name, gate.sentence, "passed" if gate.passed else "failed") for gate in gates]
        parts.append(table(["gate", "what it found", "verdict"], rows))
    parts += ["### The judges", _judges(release)]
    parts += ["### What can be learnt without reading", _shortcuts(release)]
    return "\n\n".join(parts)


def _figures(measured: Mapping[str, float | None]) -> str:
    meanings = {name: spec.meaning for name, spec in AUDITED.items()} | FIGURES
    found = {name: value for name, value in measured.items() if name not in COUNTED and value is not None}
    rows = [(name, value, meanings.get(name, "")) for name, value in sorted(found.items())]
    return table(["figure", "value", "what it is"], rows) if rows else "No figures of the judge were recorded."


def _judges(release: Manifest) -> str:
    """A line for each judge and criterion: consistency, coverage, ties, accuracy and calibration where there is gold."""
    if not release.judges:
        return "No judge compared two answers, or the release is from before its judges were counted."
    rows = [
        (
            judge.evaluator, judge.name, judge.pairs, _share(judge.consistent, judge.asked_twice), _lean(judge),
            _share(judge.verdicts, judge.calls), _share(judge.ties, judge.verdicts), _share(judge.right, judge.checked),
            "–" if judge.error is None else f"{judge.error:.3f}",
        )
        for judge in release.judges
    ]  # fmt: skip
    header = ["judge", "criterion", "pairs", "same in both orders", "leans to", "coverage", "ties", "accuracy", "calibration"]
    return "\n\n".join([
        short_table(header, rows),
        "*Same in both orders*: pairs with one verdict whichever answer was shown first; a judge that contradicts itself *leans "
        "to* the place that it went with more often. *Coverage*: calls that gave a verdict that could be read. *Accuracy* and "
        "*calibration* (expected calibration error) are over verdicts on pairs with a gold label; – where there is none. "
        "Shares have 95% intervals.",
    ])  # fmt: skip


def _share(part: int, n: int) -> str:
    """A share with its interval."""
    found = share_of(part, n)
    return "–" if found is None else _told(found)


def _told(found: Measured) -> str:
    band = "" if found.low is None or found.high is None else f" ({found.low:.3f} to {found.high:.3f})"
    return f"{found.value:.3f}{band}"


def _lean(judge: JudgeFact) -> str:
    if judge.first == judge.second:
        return "–"
    return "the first" if judge.first > judge.second else "the second"


def _shortcuts(release: Manifest) -> str:
    """Length, lists, refusals and names, with the bounds that prefmill advises."""
    rows = []
    for name, share in release.shortcuts.items():
        found, spec = share_of(share.part, share.n), AUDITED[name]
        if found is not None:
            rows.append((name, _told(found), share.n, _bound(spec), STANDS[standing(name, found)], spec.meaning))
    part = release.longer_chosen_rows / release.rows if release.rows else 0.0
    longer = f"In {part:.1%} of the pairs the chosen answer is the longer one."
    if not rows:
        return longer
    header = ["figure", "value", "of", "advised", "stands", "what it is"]
    more = "Words, near duplicates across splits and label noise: `prefmill audit RELEASE`."
    return "\n\n".join([longer, table(header, rows), more])


def _bound(spec: Spec) -> str:
    """The bound that is advised, in words of a table."""
    if spec.bound is None:
        return ""
    return f"{1 - spec.bound:g} to {spec.bound:g}" if spec.is_two_sided else f"≤ {spec.bound:g}"
