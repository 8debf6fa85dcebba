"""From stored rows to verdicts: what a build's judges said, beside what people or a set's own labels say."""

from __future__ import annotations

import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pipeline.audit.verdicts import SAME, Form, Score, Verdict, choice_of, mean, verdicts_of_scores
from pipeline.preferences.items import GOLD
from schemas.rows import Vote

HEADER = re.compile(r"^ {0,3}#{1,6}\s", re.MULTILINE)
LIST_ITEM = re.compile(r"^\s*(?:[-*+]|\d+[.)])\s", re.MULTILINE)
BOLD = re.compile(r"\*\*[^*\n]+\*\*|__[^_\n]+__")


@dataclass(slots=True)
class Known:
    """What is known of the answers to one prompt, by their ids."""

    dataset: str = ""
    category: str = ""
    item: str = ""
    models: dict[str, str] = field(default_factory=dict)
    forms: dict[str, Form] = field(default_factory=dict)
    styles: dict[str, str] = field(default_factory=dict)
    scores: dict[str, float] = field(default_factory=dict)
    votes: dict[tuple[str, str], Vote] = field(default_factory=dict)

    def gold(self, a: str, b: str) -> Vote | None:
        """Which of two answers is better: as a vote says, or by their scores."""
        if (a, b) in self.votes:
            return self.votes[a, b]
        if a not in self.scores or b not in self.scores:
            return None
        gap = self.scores[a] - self.scores[b]
        return "tie" if abs(gap) < SAME else "a" if gap > 0 else "b"

    @property
    def right(self) -> frozenset[str]:
        """The answers with a score of 1, where a set says which are right."""
        return frozenset(answer for answer, score in self.scores.items() if score == 1.0)


@dataclass(slots=True)
class Evidence:
    """All that a judge is audited by: its calls, what is known of each prompt, and the votes of people by annotator."""

    verdicts: list[Verdict] = field(default_factory=list)
    scores: list[Score] = field(default_factory=list)
    known: dict[str, Known] = field(default_factory=dict)
    people: dict[str, dict[str, Vote]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def datasets(self) -> set[str]:
        """The sets that the prompts are from."""
        return {known.dataset for known in self.known.values() if known.dataset}


def form_of(text: str) -> Form:
    """What of an answer can be seen without reading it."""
    counts = (len(pattern.findall(text)) for pattern in (HEADER, LIST_ITEM, BOLD))
    return Form(len(text), *counts)


def gather(
    answers: Iterable[Mapping[str, Any]], signals: Iterable[Mapping[str, Any]], labels: Iterable[Mapping[str, Any]]
) -> Evidence:
    """The evidence in rows of responses (with the tags of their prompts), signals (with their step) and labels."""
    found = Evidence()
    for row in answers:
        known = found.known.setdefault(row["prompt_id"], Known())
        tags = dict(tag.split(":", 1) for tag in row["tags"] or () if ":" in tag)
        known.dataset, known.category = tags.get("labelled", ""), tags.get("category", "")
        known.item = tags.get("item", "")
        known.models[row["response_id"]] = row["model"]
        known.forms[row["response_id"]] = form_of(row["text"])
        known.styles[row["response_id"]] = str(row["strategy"] or "").removeprefix("labelled").strip()
    _add_labels(found, labels)
    _add_signals(found, list(signals))
    return found


def _add_labels(found: Evidence, labels: Iterable[Mapping[str, Any]]) -> None:
    """Overall labels as gold: the set's own, or else what most people say."""
    votes: dict[str, dict[tuple[str, str], dict[str, Vote]]] = defaultdict(lambda: defaultdict(dict))
    scores: dict[str, dict[str, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for row in labels:
        if row["name"] is not None or row["prompt_id"] not in found.known:
            continue
        if row["vote"] is not None and len(row["response_ids"]) == 2:
            a, b = row["response_ids"]
            votes[row["prompt_id"]][a, b][row["annotator"]] = row["vote"]
            if row["annotator"] != GOLD:
                found.people.setdefault(row["annotator"], {})[pair_id(a, b)] = row["vote"]
        elif row["score"] is not None:
            scores[row["prompt_id"]][row["response_ids"][0]][row["annotator"]] = row["score"]
    for prompt, pairs in votes.items():
        found.known[prompt].votes = {pair: settled(said) for pair, said in pairs.items()}
    for prompt, answers in scores.items():
        found.known[prompt].scores = {
            answer: said.get(GOLD, mean(sorted(said.values()))) for answer, said in answers.items()
        }


def settled(said: Mapping[str, Vote]) -> Vote:
    """The gold vote; without one what more people say than anything else, and a tie where no side has more."""
    if GOLD in said:
        return said[GOLD]
    counts = Counter(said.values())
    if counts["a"] == counts["b"]:
        return "tie"
    side: Vote = "a" if counts["a"] > counts["b"] else "b"
    return side if counts[side] > counts["tie"] else "tie"


def _add_signals(found: Evidence, signals: list[Mapping[str, Any]]) -> None:
    steps: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in signals:
        steps[row["evaluator"], row["name"]].add(row["step"])
    for row in signals:
        known = found.known.get(row["prompt_id"])
        judge, criterion = row["evaluator"], row["name"]
        if len(steps[judge, criterion]) > 1:  # the same judge asked in two ways is audited in each of them
            criterion = f"{criterion} ({row['step']})"
        ids = row["response_ids"]
        if known is None or any(each not in known.models for each in ids):
            continue
        if len(ids) == 2 and (row["vote"] is not None or row["value"] is None):
            found.verdicts.append(verdict_of(row, judge, criterion, known))
        elif len(ids) == 1 and row["value"] is not None:
            found.scores.append(Score(judge, row["prompt_id"], ids[0], row["value"], row["draw"] or 0, criterion))
    found.verdicts += verdicts_of_scores(found.scores, _pairs_of(found.known))


def verdict_of(row: Mapping[str, Any], judge: str, criterion: str, known: Known) -> Verdict:
    """One signal on two answers as a verdict."""
    a, b = row["response_ids"]
    return replace(
        _about(row["prompt_id"], known, a, b),
        judge=judge,
        criterion=criterion,
        order=row["order"],
        repeat=row["draw"] or 0,
        choice=row["vote"] or choice_of(row["probability"]),
        probability=row["probability"],
        abstained=bool(row["abstained"]),
        raw=row["raw"] or "",
    )


def _about(prompt_id: str, known: Known, a: str, b: str) -> Verdict:
    """All that is known of a pair, with no judge's verdict in it."""
    return Verdict(
        judge="",
        pair_id=pair_id(a, b),
        category=known.category,
        gold=known.gold(a, b),
        answers=(a, b),
        models=(known.models[a], known.models[b]),
        forms=(known.forms[a], known.forms[b]),
        group=prompt_id,
    )


def _pairs_of(known: Mapping[str, Known]) -> dict[tuple[str, str], Verdict]:
    return {
        (a, b): _about(prompt_id, each, a, b)
        for prompt_id, each in known.items()
        for a, b in itertools.combinations(sorted(each.models), 2)
    }


def pair_id(a: str, b: str) -> str:
    """The name of a pair of answers, whoever judged it."""
    return f"{a} {b}"
