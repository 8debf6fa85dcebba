"""Somebody else's recorded judge outputs as verdicts: each layout is recognised by its columns and read row by row.

What stands first in a record is called a; where a judge was asked in both orders, its second answer has been turned back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import PurePath
from typing import Any

from pipeline.audit.evidence import Evidence, Known, form_of, settled
from pipeline.audit.verdicts import Form, Score, Verdict, choice_of, verdicts_of_scores
from pipeline.preferences.groups import STYLES
from pipeline.preferences.items import LabelledItem
from pipeline.preferences.layouts import read_labelled
from pipeline.preferences.pairs import read_vote
from pipeline.preferences.places import Placed, rows_at
from pipeline.preferences.turns import word_of
from schemas.errors import SourceError, Unanswerable
from schemas.rows import Order, Vote

Row = Mapping[str, Any]
MODEL = re.compile(r"judge_model=([^,/]+?)(?:\.jsonl?)?$")
SHOWN = 5
SWAPPED: dict[Vote, Vote] = {"a": "b", "b": "a", "tie": "tie"}
ORDERS: tuple[Order, Order] = ("ab", "ba")


def read_recorded(place: str, labels: str | None = None, layout: str | None = None) -> Evidence:
    """The evidence in recorded outputs, with gold labels of another file if one is named (joined by the pairs' ids).

    Rows that cannot be read are counted and named in the notes. Raises `SourceError` for a file in no known layout.
    """
    found, bad = Evidence(), []
    read: Callable[[Row, Placed, Evidence], None] | None = None
    total = 0
    for placed in rows_at(place):
        total += 1
        try:
            if placed.row.problem is not None:
                raise placed.row.problem
            read = read or recognise(place, placed.row.values)
            read(placed.row.values, placed, found)
        except Unanswerable as why:
            bad.append(f"{placed.uri}: {why.detail}")
        except (KeyError, TypeError, AttributeError, ValueError, IndexError) as why:
            bad.append(f"{placed.uri}: it is not what its layout says ({type(why).__name__}: {why})")
    if not total:
        raise SourceError(f"{place!r} has no rows")
    if bad:
        found.notes.append(f"{len(bad)} of {total} records could not be read: {'; '.join(bad[:SHOWN])}")
    if labels is not None:
        _join(found, labels, layout)
    if found.scores:
        found.verdicts += verdicts_of_scores(found.scores, _pairs_with_scores(found))
    return found


def recognise(place: str, row: Row) -> Callable[[Row, Placed, Evidence], None]:
    """What reads records of this layout; raises `SourceError` that names the columns found and the layouts known."""
    for columns, read in RECORDS.items():
        if set(columns.split()) <= set(row):
            return read
    raise SourceError(
        f"{place!r} is in no layout of recorded verdicts that is known: its columns are {', '.join(sorted(row)) or 'none'}; "
        f"known are {'; '.join(RECORDS)}"
    )


def _llmbar(row: Row, placed: Placed, found: Evidence) -> None:
    """LLMBar's `result.json`: the last entry of `results` has a winner for each order, already turned back."""
    said = row["results"][-1]
    for order, name in zip(ORDERS, ("swap = False", "swap = True"), strict=True):
        winner = said[name].get("winner")
        raw = said[name].get("completion") or ""
        found.verdicts.append(
            Verdict(
                judge=_named_by_path(placed),
                pair_id=placed.uri,
                order=order,
                choice={"1": "a", "2": "b"}.get(str(winner)),  # type: ignore[arg-type]
                raw=str(raw[0] if isinstance(raw, list) and raw else raw),
                category=_category(placed),
                gold=read_vote(row["label"]),
                forms=(form_of(row["output_1"]), form_of(row["output_2"])),
                group=placed.uri,
            )
        )
    found.known[placed.uri] = Known("llmbar")


def _judgebench(row: Row, placed: Placed, found: Evidence) -> None:
    """JudgeBench's outputs: `judgments` holds a decision for each order, the second as it was shown."""
    model = MODEL.search(placed.uri.partition("#")[0])
    judge = " ".join(filter(None, (word_of(row, "judge_name"), model[1] if model else "")))
    for order, judgment in zip(ORDERS, row["judgments"], strict=False):
        decision = (judgment or {}).get("decision")
        choice = None if decision is None else read_vote(decision)
        found.verdicts.append(
            Verdict(
                judge=judge or PurePath(placed.uri).stem,
                pair_id=word_of(row, "pair_id") or placed.uri,
                order=order,
                choice=SWAPPED[choice] if choice is not None and order == "ba" else choice,
                category=word_of(row, "source"),
                gold=read_vote(row["label"]),
                forms=(form_of(row["response_A"]), form_of(row["response_B"])),
                group=word_of(row, "pair_id") or placed.uri,
            )
        )
    found.known[word_of(row, "pair_id") or placed.uri] = Known("judgebench")


def _rewardbench(row: Row, placed: Placed, found: Evidence) -> None:
    """RewardBench 1's scores, or RM-Bench's where there are three of each: a score for every right and wrong answer."""
    chosen, rejected = (row.get(f"scores_{side}", row.get(f"score_{side}")) for side in ("chosen", "rejected"))
    right, wrong = (each if isinstance(each, list) else [each] for each in (chosen, rejected))
    styled = len(right) == len(wrong) == len(STYLES)
    known = Known("rm_bench" if styled else "rewardbench", word_of(row, "subset", "domain"), word_of(row, "id"))
    texts = [row.get(f"text_{side}", row.get(side)) for side in ("chosen", "rejected")]
    _scored(found, placed, row, known, [*right, *wrong], len(right), STYLES * 2 if styled else ())
    for answer, text in zip("ab", texts, strict=True):
        if isinstance(text, str) and not styled:
            known.forms[f"{placed.uri} {answer}"] = form_of(text)


def _rewardbench2(row: Row, placed: Placed, found: Evidence) -> None:
    """RewardBench 2's scores: the first `num_correct` are of the right answers."""
    known = Known("rewardbench2", word_of(row, "subset"), word_of(row, "id"))
    scores = [each[0] if isinstance(each, list) and len(each) == 1 else each for each in row["scores"]]
    _scored(found, placed, row, known, scores, int(row["num_correct"]), ())


def _scored(
    found: Evidence, placed: Placed, row: Row, known: Known, values: list[Any], right: int, styles: Iterable[str]
) -> None:
    named = list(styles)
    judge = word_of(row, "model", "judge") or _named_by_path(placed)
    for place, value in enumerate(values):
        answer = f"{placed.uri} {chr(ord('a') + place)}" if len(values) < 27 else f"{placed.uri} {place:05}"
        known.models[answer] = ""
        known.scores[answer] = float(place < right)
        known.styles[answer] = named[place] if named else ""
        if value is not None:
            found.scores.append(Score(judge, placed.uri, answer, float(value)))
    found.known[placed.uri] = known


def _alpaca(row: Row, placed: Placed, found: Evidence) -> None:
    """AlpacaEval's annotations: `preference` from 1 (the first output) to 2 (the second); 0 and 1.5 are a draw."""
    said = row["preference"]
    p = None if said is None else 0.5 if float(said) == 0 else 2.0 - float(said)
    if p is not None and not 0 <= p <= 1:
        raise Unanswerable("malformed_row", f"the preference is {said!r}, not between 1 and 2")
    found.verdicts.append(
        Verdict(
            judge=word_of(row, "annotator") or _named_by_path(placed),
            pair_id=placed.uri,
            choice=choice_of(p),
            probability=p,
            raw=str(row.get("raw_completion") or ""),
            category=word_of(row, "dataset"),
            models=(word_of(row, "generator_1"), word_of(row, "generator_2")),
            forms=(form_of(row["output_1"]), form_of(row["output_2"])),
            group=word_of(row, "instruction") or placed.uri,
        )
    )


def _plain(row: Row, placed: Placed, found: Evidence) -> None:
    """Rows of verdicts: `judge`, `pair_id`, and a `choice` (or `vote`) or a `probability` of a; the rest where it is known.

    A row with neither is a reply that could not be read; with `abstained` one that declined.
    """
    said, p = row.get("choice", row.get("vote")), row.get("probability")
    order = row.get("order")
    if order not in (None, *ORDERS):
        raise Unanswerable("malformed_row", f"the order is {order!r}, not ab or ba")
    if p is not None and not 0 <= float(p) <= 1:
        raise Unanswerable("malformed_row", f"the probability is {p!r}, not between 0 and 1")
    forms = None
    if isinstance(row.get("response_a"), str) and isinstance(row.get("response_b"), str):
        forms = (form_of(row["response_a"]), form_of(row["response_b"]))
    elif row.get("chars_a") is not None and row.get("chars_b") is not None:
        forms = (Form(int(row["chars_a"])), Form(int(row["chars_b"])))
    pair = word_of(row, "pair_id")
    found.verdicts.append(
        Verdict(
            judge=word_of(row, "judge"),
            pair_id=pair,
            order=order,
            repeat=int(row.get("repeat") or 0),
            choice=read_vote(said) if said is not None else choice_of(None if p is None else float(p)),
            probability=None if p is None else float(p),
            abstained=bool(row.get("abstained")),
            raw=word_of(row, "raw"),
            criterion=word_of(row, "criterion"),
            category=word_of(row, "category"),
            gold=None if row.get("gold") is None else read_vote(row["gold"]),
            models=(word_of(row, "model_a"), word_of(row, "model_b")),
            forms=forms,
            group=word_of(row, "group") or pair,
        )
    )


RECORDS: dict[str, Callable[[Row, Placed, Evidence], None]] = {
    "input output_1 output_2 label results": _llmbar,
    "response_A response_B label judgments": _judgebench,
    "scores num_correct subset": _rewardbench2,
    "scores_chosen scores_rejected": _rewardbench,
    "score_chosen score_rejected": _rewardbench,
    "output_1 output_2 preference": _alpaca,
    "judge pair_id": _plain,
}
"""The columns that each layout is known by, in the order in which they are tried."""


def _named_by_path(placed: Placed) -> str:
    """The name of a judge that only its file's path tells: what stands below `evaluators`, or the file itself."""
    path = PurePath(placed.uri.partition("#")[0])
    parts = path.parts
    if "evaluators" in parts:
        return "/".join(parts[parts.index("evaluators") + 1 : -1]) or path.stem
    return path.stem


def _category(placed: Placed) -> str:
    """The set that a file below `evaluators` is about, or the folder it was found in."""
    parts = PurePath(placed.uri.partition("#")[0]).parts
    return parts[parts.index("evaluators") - 1] if "evaluators" in parts[1:] else placed.folder


def _pairs_with_scores(found: Evidence) -> dict[tuple[str, str], Verdict]:
    """What is known of the pairs of right and wrong answers."""
    pairs = {}
    for group, known in found.known.items():
        for a in known.scores:
            for b in known.scores:
                if a < b and known.scores[a] != known.scores[b]:
                    forms = (known.forms[a], known.forms[b]) if a in known.forms and b in known.forms else None
                    pairs[a, b] = Verdict(
                        "", f"{a} {b}", category=known.category, gold=known.gold(a, b), forms=forms, group=group
                    )
    return pairs


def _join(found: Evidence, labels: str, layout: str | None) -> None:
    """Give verdicts the gold labels, categories, authors and lengths of labelled pairs with the same ids."""
    items: dict[str, LabelledItem] = {}
    for read in read_labelled(labels, layout):
        if read.item is not None and read.item.item and len(read.item.answers) == 2:
            items[read.item.item] = read.item
    joined, lost = [], 0
    for verdict in found.verdicts:
        item = items.get(verdict.pair_id)
        lost += item is None
        joined.append(verdict if item is None else _with_labels(verdict, item))
    found.verdicts = joined
    if lost:
        found.notes.append(f"{lost} of {len(joined)} verdicts are on pairs that {labels!r} does not name")


def _with_labels(verdict: Verdict, item: LabelledItem) -> Verdict:
    a, b = item.answers
    said = {label.annotator: label.vote for label in item.labels if label.vote is not None and label.name is None}
    scores = {label.about[0]: label.score for label in item.labels if label.score is not None and label.name is None}
    known = Known(scores={str(place): score for place, score in scores.items() if score is not None})
    gold = settled(said) if said else known.gold("0", "1")
    return replace(
        verdict,
        gold=gold if gold is not None else verdict.gold,
        category=item.category or verdict.category,
        models=(a.model, b.model),
        forms=(form_of(a.text), form_of(b.text)),
    )
