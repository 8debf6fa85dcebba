"""Rows of a release as examples to read: texts cut, verdicts in both orders, and the way back to the document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.report.content import Dropped, Example, Said, Shelf, Table
from pipeline.report.page import fold

MOST_VERDICTS = 24
SHORT = 600
WORDS = 400
SHELVES = {
    "best": ("Best", "The largest products of confidence and score gap."),
    "closest": ("Closest", "The smallest score gaps: pairs on which people may well say otherwise."),
    "flagged": ("Flagged", "Pairs that a filter has marked and kept."),
}


def make_shelves(
    picked: Mapping[str, Sequence[str]], rows: Mapping[str, Mapping[str, Any]], verdicts: Sequence[Mapping[str, Any]]
) -> list[Shelf]:
    """Shelves of examples from ids by kind, the rows behind them, and everything said of their prompts; empty ones are left out."""
    shelves = []
    for kind, ids in picked.items():
        title, words = SHELVES[kind]
        examples = [_example(rows[each], verdicts) for each in ids if each in rows]
        if examples:
            shelves.append(Shelf(kind, title, words, examples))
    return shelves


def make_dropped(rows: Sequence[Mapping[str, Any]]) -> list[Dropped]:
    """What was dropped, by step and reason."""
    return [
        Dropped(
            row["step"], row["reason"] if row["status"] == "none" else f"failed: {row['reason']}", row["units"],
            [
                (each["subject_id"], each["detail"], fold(each.get("text") or each["subject_id"], shown=SHORT), each.get("uri") or "")
                for each in row["examples"]
            ],
        )
        for row in rows
    ]  # fmt: skip


def _example(row: Mapping[str, Any], verdicts: Sequence[Mapping[str, Any]]) -> Example:
    sides = {row["chosen_id"]: "chosen", row["rejected_id"]: "rejected"}
    about = [
        each for each in verdicts
        if each["prompt_id"] == row["prompt_id"] and each["response_ids"] and set(each["response_ids"]) <= set(sides)
    ]  # fmt: skip
    return Example(
        name=row["pair_id"],
        question=[(turn["role"], _fold(turn["said"])) for turn in row["prompt"]],
        chosen=_fold(row["chosen"]),
        rejected=_fold(row["rejected"]),
        chosen_by=_author(row, "chosen"),
        rejected_by=_author(row, "rejected"),
        facts=_facts(row),
        verdicts=_verdicts(about, sides),
        rationale=_fold(row["rationale"]) if row["rationale"]["text"] else None,
        evidence=_fold(row["evidence"]) if row["evidence"]["text"] else None,
        places=_places(row),
    )


def _fold(text: Mapping[str, Any]) -> Said:
    return fold(text["text"] or "", text["chars"])


def _author(row: Mapping[str, Any], side: str) -> str:
    """Who wrote an answer, as what, and how."""
    how = row.get(f"{side}_strategy")
    return f"by {row[f'{side}_model']} as {row[f'{side}_role']}" + (f", {how}" if how else "")


def _facts(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    told = [
        ("score gap", f"{row['score_gap']:.4g}"),
        *((name, f"{row[column]:.3g}") for name, column in (("p(chosen)", "p_chosen"), ("confidence", "confidence"))
          if row[column] is not None),
        ("rule", row["rule"]), ("split", row["split"]), ("principles", ", ".join(row["principles"] or [])),
        ("flags", ", ".join(row["flags"] or [])), ("licence", row["licence"] or ""),
    ]  # fmt: skip
    return [(name, value) for name, value in told if value]


def _verdicts(about: Sequence[Mapping[str, Any]], sides: Mapping[str, str]) -> Table | None:
    """What was said of the two answers, each line with the order in which they were shown."""
    if not about:
        return None
    rows = []
    for each in about[:MOST_VERDICTS]:
        shown = [sides[response] for response in each["response_ids"]]
        if each["order"] == "ba":
            shown.reverse()
        of = dict(zip("ab", (sides[response] for response in each["response_ids"]), strict=False))
        said = of.get(each["vote"] or "", each["vote"]) or ("declined" if each["abstained"] else None)
        number = each["value"] if each["value"] is not None else each["probability"]
        words = (each["rationale"] or "")[:WORDS]
        rows.append((each["name"], each["evaluator"], " then ".join(shown), said, number, words))
    header = ["principle", "judge", "shown", "verdict", "number", "why"]
    return Table("Verdicts in the order in which the answers were shown", header, rows)


def _places(row: Mapping[str, Any]) -> list[str]:
    """The document and the characters of it that the prompt rests on."""
    spans = [
        f"characters {span['start']:,} to {span['end']:,}" + (f", {span['heading']}" if span["heading"] else "")
        for span in row.get("passages") or []
    ]
    title = f"{row['title']}, " if row["title"] else ""
    return [f"{title}{row['uri']}" + (f": {'; '.join(spans[:4])}" if spans else "")]
