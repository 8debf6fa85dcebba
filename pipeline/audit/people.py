"""Labelled pairs with the votes of several people, all of which are kept: MultiPref, HelpSteer2-Preference, HelpSteer3."""

from __future__ import annotations

import math
from typing import Any

from pipeline.audit.items import GOLD, Label, LabelledItem, make_item
from pipeline.audit.pairs import Row, text_of, turns, word_of
from schemas.errors import Unanswerable
from schemas.rows import Vote

NEITHER = -100
"""The strength by which HelpSteer2-Preference says that neither answer is valid."""
ASPECTS = {"overall_pref": None, "helpful_pref": "helpful", "truthful_pref": "truthful", "harmless_pref": "harmless"}
CLEARLY, SLIGHTLY = 2.0, 1.0


def multipref(row: Row) -> LabelledItem:
    """MultiPref: four raw votes a pair, two of crowd workers and two of experts, overall and for three aspects."""
    labels = [
        label
        for kind in ("normal", "expert")
        for number, said in enumerate(row.get(f"{kind}_worker_annotations") or ())
        for label in _votes_of(said, f"{kind}:{said.get('evaluator') or number}")
    ]
    if not any(label.name is None for label in labels):
        raise Unanswerable("malformed_row", "nobody has voted on it")
    answers = [
        {"text": text_of(row, f"completion_{side}"), "model": word_of(row, f"model_{side}") or "unknown"}
        for side in "ab"
    ]
    more = {"item": word_of(row, "comparison_id"), "category": word_of(row, "category")}
    return make_item("multipref", turns(row.get("text"), "text"), answers, labels, **more)


def _votes_of(said: Any, annotator: str) -> list[Label]:
    labels = []
    for column, name in ASPECTS.items():
        word = str(said.get(column) or "").lower()
        vote: Vote | None = "a" if word.startswith("a-is") else "b" if word.startswith("b-is") else None
        if "tie" in word:
            labels.append(Label(about=(0, 1), annotator=annotator, name=name, vote="tie", strength=0.0))
        elif vote is not None:
            strength = CLEARLY if "clearly" in word else SLIGHTLY
            labels.append(Label(about=(0, 1), annotator=annotator, name=name, vote=vote, strength=strength))
    return labels


def helpsteer2_preference(row: Row) -> LabelledItem:
    """HelpSteer2-Preference: a signed strength from -3 (the first is much better) to 3; every annotator's is kept."""
    answers = [{"text": text_of(row, f"response_{number}")} for number in (1, 2)]
    labels = [_signed(row.get("preference_strength"), GOLD)]
    for number, said in enumerate(row.get("all_preferences_unprocessed") or ()):
        if said.get("strength") != NEITHER:
            labels.append(_signed(said.get("strength"), f"annotator:{number}"))
    return make_item("helpsteer2_preference", turns(row.get("prompt"), "prompt"), answers, labels)


def helpsteer3(row: Row) -> LabelledItem:
    """HelpSteer3-Preference: a conversation, two answers, a signed overall preference and up to three people's own."""
    answers = [{"text": text_of(row, f"response{number}")} for number in (1, 2)]
    labels = [_signed(row.get("overall_preference"), GOLD)]
    for number, said in enumerate(row.get("individual_preference") or ()):
        if isinstance(said, dict) and said.get("score") is not None:
            labels.append(_signed(said["score"], f"annotator:{number}"))
    more = {"category": word_of(row, "domain")}
    return make_item("helpsteer3", turns(row.get("context"), "context"), answers, labels, **more)


def _signed(value: Any, annotator: str) -> Label:
    """A signed strength as a vote: below 0 the first answer is better, 0 is a tie."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value == NEITHER:
        raise Unanswerable("malformed_row", f"its preference is {value!r}, which prefers nothing")
    vote: Vote = "a" if value < 0 else "b" if value > 0 else "tie"
    return Label(about=(0, 1), annotator=annotator, vote=vote, strength=abs(float(value)))
