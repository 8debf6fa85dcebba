"""What rows of published preference data say besides the texts and labels of their layout: scores, margins, tools, licences.

An audit of a judge asks for the labels of a set alone; an import keeps what else is known, so that nothing of it is lost
and none of it becomes a label that nobody gave.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipeline.preferences.items import Label, LabelledItem
from pipeline.preferences.turns import Row, malformed, number_of, tools_of, word_of

SCORES = (
    ("score_chosen", "score_rejected"),
    ("chosen_score", "rejected_score"),
    ("chosen_rating", "rejected_rating"),
    ("chosen-rating", "rejected-rating"),
    ("score_a", "score_b"),
)
"""Columns with a score for each of two answers, the first of which is `chosen` or `a`."""
MARGINS = ("margin", "score_gap")
"""Columns that say by how much chosen is better, as reward models are trained with (Llama 2, arXiv 2307.09288, section 3.2.2)."""
PROBABILITIES = ("p_chosen",)
RATIONALES = ("rationale",)
LICENCES = ("licence", "license")
LONGEST = 200
"""Longer texts are no tags."""
_NOT_TAGS = """
id pair_id prompt_id chosen_id rejected_id document_id signal_id category subset system model tools uri title rule
confidence weight curriculum_rank label_smoothing rehearsal chosen_model rejected_model chosen_role rejected_role
chosen_strategy rejected_strategy chosen_policy rejected_policy evidence reference sha256 media_type aspect
model_a model_b winner
"""
NOT_TAGS = frozenset(_NOT_TAGS.split())
"""Columns that are read as something else, or say of our own rows what is true of them in another warehouse alone."""
READ = frozenset([*(each for pair in SCORES for each in pair), *MARGINS, *PROBABILITIES, *RATIONALES, *LICENCES])


def with_what_is_beside(item: LabelledItem, rows: Sequence[Row], used: frozenset[str] = frozenset()) -> LabelledItem:
    """An item with what else its rows say; `used` are the columns that its layout has read.

    A score for each side is a label of its own; a margin is the strength of the vote, and one of 0 makes it a tie. What
    is short and not nested is kept as `column:value`. Raises `Unanswerable` for a margin that says the opposite of the label.
    """
    row = rows[0]
    labels = list(item.labels)
    if len(rows) == 1 and len(item.answers) == 2:
        labels = [_told(label, row) for label in labels]
        labels += _scores(row, labels)
    texts = {turn["content"] for turn in item.messages} | {answer.text for answer in item.answers}
    said = [
        f"{name}:{value}"
        for name, value in row.items()
        if name not in used and _is_tag(name, value) and value not in texts
    ]
    more = {
        "item": item.item or word_of(row, "pair_id"),
        "tools": tools_of(row.get("tools")),
        "said": tuple(sorted(said)),
    }
    return item.model_copy(update={"labels": labels, **more})


def licence_of(row: Row) -> str | None:
    """The licence that a row states."""
    return word_of(row, *LICENCES) or None


def _told(label: Label, row: Row) -> Label:
    """The set's own vote with its margin, its probability and the reason for it."""
    if label.vote not in ("a", "b") or label.name is not None or label.strength is not None:
        return label
    more: dict[str, Any] = {}
    for name in MARGINS:
        if row.get(name) is not None:
            margin = number_of(row[name], name)
            if margin < 0:
                raise malformed(f"its `{name}` is {margin:g}, which prefers the rejected answer")
            more = {"strength": margin} if margin else {"strength": margin, "vote": "tie"}
            break
    if (probability := row.get(PROBABILITIES[0])) is not None and "vote" not in more:
        more["probability"] = number_of(probability, PROBABILITIES[0])
        if not 0.5 < more["probability"] <= 1:
            raise malformed(f"its `p_chosen` is {probability}, which does not prefer the chosen answer")
    if note := word_of(row, *RATIONALES):
        more["note"] = note
    return label.model_copy(update=more) if more else label


def _scores(row: Row, labels: Sequence[Label]) -> list[Label]:
    """A score for each of two answers, in the order of the first vote; none where the layout has scores of its own."""
    if any(label.score is not None and label.name is None for label in labels):
        return []
    for names in SCORES:
        if all(row.get(name) is not None for name in names):
            return [Label(about=(place,), score=number_of(row[name], name)) for place, name in enumerate(names)]
    return []


def _is_tag(name: str, value: Any) -> bool:
    if name in NOT_TAGS or name in READ or value is None or value == "":
        return False
    return isinstance(value, bool | int | float) or (isinstance(value, str) and len(value) <= LONGEST)
