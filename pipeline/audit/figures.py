"""The figures of one judge: each measure with its interval and what it means in plain words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.audit import accuracy as right
from pipeline.audit import agreement, best_of, calibration, length, position
from pipeline.audit.evidence import Evidence
from pipeline.audit.verdicts import Judged, Verdict, mean
from pipeline.calibration import Calibration
from pipeline.preferences.groups import STYLES
from schemas.rows import Vote

MOST_AUTHORS = 5


@dataclass(frozen=True, slots=True)
class Figure:
    """One number: its name, value, 95% interval where it has one, what it is of, and what it means."""

    name: str
    value: float
    meaning: str
    n: int | None = None
    low: float | None = None
    high: float | None = None


@dataclass(slots=True)
class Case:
    """One judge under one criterion: its calls, what it says of each pair, and what the others say of them.

    The last three are filled in as its figures are made.
    """

    evidence: Evidence
    calls: Sequence[Verdict]
    judged: Sequence[Judged]
    judge: str
    criterion: str
    others: Mapping[str, Sequence[Judged]]
    calibrated: Calibration | None
    categories: dict[str, right.Share] = field(default_factory=dict)
    bins: list[calibration.Bin] = field(default_factory=list)
    fitted: Calibration | None = None


def _share(name: str, found: right.Share | None, meaning: str) -> list[Figure]:
    return [Figure(name, found.value, meaning, found.n, found.low, found.high)] if found else []


def plain(name: str, value: float | None, meaning: str, n: int | None = None) -> list[Figure]:
    return [] if value is None else [Figure(name, value, meaning, n)]


def _accuracy(case: Case) -> list[Figure]:
    case.categories = right.by_category(case.judged)
    figures = _share("accuracy", right.accuracy(case.judged), "how often its choice is the gold one; a tie is not")
    if len(case.categories) > 1:
        figures += plain(
            "accuracy_macro",
            right.macro(case.categories),
            "the same, every category counting alike",
            len(case.categories),
        )
    figures += _share(
        "coverage", right.coverage(case.judged), "pairs on which it decides: read, and no tie over all calls"
    )
    return figures


def _benchmarks(case: Case) -> Iterator[Figure]:
    """The rules of the sets that the evidence is from."""
    sets = case.evidence.datasets
    if "judgebench" in sets and (bench := right.judgebench(case.calls)):
        yield from _share(
            "judgebench", bench.accuracy, "JudgeBench: right counts +1 and wrong -1 over both orders, sum > 0"
        )
        yield Figure(
            "judgebench_inconsistent",
            bench.inconsistent,
            "JudgeBench: another verdict in the other order",
            bench.accuracy.n,
        )
        yield Figure("judgebench_tie", bench.tie, "JudgeBench: right and wrong cancel, or no verdict", bench.accuracy.n)
    if "llmbar" in sets and (bar := right.llmbar(case.calls)):
        yield from _share("llmbar", bar.accuracy, "LLMBar: accuracy averaged over the two orders")
        yield Figure("llmbar_both", bar.both, "LLMBar: right in both orders", bar.accuracy.n)
        yield Figure("llmbar_agreement", bar.agreement, "LLMBar: the same verdict in both orders", bar.accuracy.n)
    if "rewardbench" in sets:
        for section, value in right.rewardbench_sections(case.calls).items():
            yield Figure(f"rewardbench {section}", value, "RewardBench: mean over the section's pairs, math-prm as 984")
    groups = list(groups_of(case.evidence, case.judge, case.criterion, case.judged))
    if "rewardbench2" in sets:
        single = [group for group in groups if group.category.lower() != best_of.TIES]
        if best := best_of.best_of(single):
            yield Figure(
                "rewardbench2",
                best.score,
                "RewardBench 2: the right one of four scores highest; chance is 0.25",
                best.n,
            )
            yield Figure(
                "rewardbench2_errors", best.errors, "prompts with an unscored answer, which earn chance", best.n
            )
        tied = [group for group in groups if group.category.lower() == best_of.TIES]
        yield from plain(
            "rewardbench2_ties",
            best_of.ties(tied),
            "RewardBench 2: right answers above wrong ones, and alike",
            len(tied),
        )
    if "rm_bench" in sets and (rm := best_of.rm_bench(groups, STYLES)):
        words = {
            "easy": "the right answer is the fancier one",
            "normal": "both in one style",
            "hard": "the wrong one is fancier",
        }
        for level, meaning in words.items():
            yield Figure(f"rm_bench_{level}", getattr(rm, level), f"RM-Bench: {meaning}", rm.n)
        yield Figure("rm_bench", rm.overall, "RM-Bench: the mean of the three", rm.n)


def groups_of(evidence: Evidence, judge: str, criterion: str, judged: Iterable[Judged]) -> Iterator[best_of.Group]:
    """The prompts with the judge's score of every answer: its ratings, or how often each wins where it compared them."""
    rated: dict[str, dict[str, list[float]]] = {}
    for score in evidence.scores:
        if (score.judge, score.criterion) == (judge, criterion):
            rated.setdefault(score.group, {}).setdefault(score.answer, []).append(score.value)
    scores = {
        group: {each: mean(sorted(values)) for each, values in answers.items()} for group, answers in rated.items()
    }
    scores = scores or best_of.win_rates(judged)
    for group, known in sorted(evidence.known.items()):
        if known.scores and group in scores:
            there = scores[group]
            yield best_of.Group(
                group,
                {answer: there.get(answer) for answer in known.models},
                known.right,
                known.category,
                known.item,
                known.styles,
            )


def _position(case: Case) -> list[Figure]:
    place = position.position(case.calls)
    replies = position.replies(call for call in case.calls if not call.from_scores)
    figures = _share("position_consistency", place.consistency, "PC: the same verdict when the order is swapped")
    figures += plain(
        "preference_fairness",
        place.fairness,
        "PF: below 0 it leans to the answer shown first, above to the second",
        place.judged,
    )
    figures += _share("same_position", place.same_position, "it picked the same place in both orders")
    stable = position.stability(case.calls)
    if stable:
        figures += plain(
            "repetition_stability", stable[0], "RS: share of the commonest verdict over equal calls", stable[1]
        )
    figures += _share("readable", replies.readable, "replies that say a verdict, or that they decline one")
    figures += _share("abstained", replies.abstained, "calls on which it declined")
    figures += _share("ties", replies.ties, "verdicts that are a tie")
    return figures


def _length(case: Case) -> Iterator[Figure]:
    yield from _share(
        "longer_chosen", length.longer_chosen(case.judged), "decided pairs in which it chose the longer answer"
    )
    yield from _share(
        "always_longest", length.longer_is_gold(case.judged), "the accuracy of always taking the longest: the floor"
    )
    yield from _share(
        "accuracy_equal_length",
        length.accuracy_at_equal_length(case.judged),
        "accuracy where both answers are about as long",
    )
    yield from plain(
        "length_auc", length.length_auc(case.judged), "how well length alone tells its choice; 0.5 is not at all"
    )
    for name, effect in (length.style_effects(case.judged) or {}).items():
        yield Figure(
            f"style {name}",
            effect.value,
            f"weight of more {name} in its choice (logits per sd, 90% band)",
            None,
            effect.low,
            effect.high,
        )
    for author in _authors(case.judged):
        found = length.length_controlled(length.battles_of(case.judged, author))
        if found:
            doubt = "; they differ suspiciously" if found.is_suspicious else ""
            yield Figure(f"win_rate {author}", found.raw, "how often this author's answers win", found.n)
            yield Figure(
                f"win_rate_lc {author}", found.controlled, f"the same at equal length (AlpacaEval-LC){doubt}", found.n
            )


def _authors(judged: Iterable[Judged]) -> list[str]:
    """The authors with the most comparisons with others."""
    counts: dict[str, int] = {}
    for pair in judged:
        a, b = pair.one.models
        if a != b:
            for author in (a, b):
                counts[author] = counts.get(author, 0) + 1
    named = [author for author in counts if author not in ("", "unknown")]
    return sorted(named, key=lambda author: (-counts[author], author))[:MOST_AUTHORS]


def _agreement(case: Case) -> Iterator[Figure]:
    votes = votes_of(case.judged)
    gold: dict[str, Vote] = {pair.pair_id: pair.gold for pair in case.judged if pair.gold is not None}
    both = agreement.agreement(votes, gold)
    if both:
        yield from plain(
            "kappa", both.kappa, "Cohen's κ with the gold labels: 0 is chance, 1 is full agreement", both.n
        )
        ordinal = agreement.agreement(votes, gold, weights="quadratic")
        yield from plain(
            "kappa_quadratic", ordinal.kappa if ordinal else None, "the same, a tie being half way", both.n
        )
        yield Figure("base_rate", both.base_rate, "what always saying the commonest gold label would agree", both.n)
    own = agreement.self_preference(case.judge, case.judged, case.others)
    if own:
        yield Figure("own_wins", own.own, "how often its own answers win in its eyes", own.n)
        yield Figure("own_wins_elsewhere", own.others, f"how often they win by {own.against}", own.n)
        yield Figure("self_preference", own.excess, "the difference; 0 is fair", own.n)


def _calibration(case: Case) -> Iterator[Figure]:
    sure = calibration.sureness(case.judged)
    if not sure:
        return
    case.bins = calibration.reliability(sure)
    yield from plain(
        "calibration_error",
        calibration.expected_error(case.bins),
        "ECE: how far confidence is from accuracy, on average",
        len(sure),
    )
    if case.calibrated is not None:
        after = calibration.reliability((case.calibrated.apply(p), is_a) for p, is_a in sure)
        yield from plain(
            "calibration_error_applied",
            calibration.expected_error(after),
            f"ECE after the calibration {case.calibrated.name!r}",
            len(sure),
        )
    case.fitted = calibration.fit_calibration(" ".join(filter(None, (case.judge, case.criterion))), sure)
    yield from plain(
        "calibration_error_fitted",
        calibration.error_after(sure),
        "ECE with an isotonic calibration, on pairs it was not fitted to",
        len(sure),
    )


def votes_of(judged: Iterable[Judged]) -> dict[str, Vote]:
    return {pair.pair_id: pair.choice for pair in judged if pair.choice is not None}


PARTS: tuple[Callable[[Case], Iterable[Figure]], ...] = (
    _accuracy,
    _benchmarks,
    _position,
    _length,
    _agreement,
    _calibration,
)
"""What is said of every judge, in this order."""
