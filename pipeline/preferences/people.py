"""Labelled pairs with the votes of people, all of which are kept: MultiPref, HelpSteer, PKU-SafeRLHF, arenas."""

from __future__ import annotations

import math
from typing import Any

from pipeline.preferences.items import GOLD, Label, LabelledItem, make_item
from pipeline.preferences.pairs import read_vote
from pipeline.preferences.turns import Row, answer_of, malformed, part, text_of, turns, word_of
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
        raise malformed("nobody has voted on it")
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
        raise malformed(f"its preference is {value!r}, which prefers nothing")
    vote: Vote = "a" if value < 0 else "b" if value > 0 else "tie"
    return Label(about=(0, 1), annotator=annotator, vote=vote, strength=abs(float(value)))


def pku_saferlhf(row: Row) -> LabelledItem:
    """PKU-SafeRLHF: `better_response_id` (0 or 1) decides; which is safer, and which is safe, are kept by name."""
    sides = {0: "a", 1: "b"}
    labels = []
    for column, name in (("better_response_id", None), ("safer_response_id", "safer")):
        if (place := row.get(column)) is not None:
            if place not in sides:
                raise malformed(f"`{column}` is {place!r}, neither 0 nor 1")
            labels.append(
                Label(about=(0, 1), annotator="human" if name else GOLD, name=name, vote=read_vote(sides[place]))
            )
    for place in sides:
        if (is_safe := row.get(f"is_response_{place}_safe")) is not None:
            labels.append(Label(about=(place,), annotator="human", name="safe", score=float(is_safe)))
    answers = [
        {"text": text_of(row, f"response_{place}"), "model": word_of(row, f"response_{place}_source") or "unknown"}
        for place in sides
    ]
    return make_item(
        "pku_saferlhf", turns(row.get("prompt"), "prompt"), answers, labels, category=word_of(row, "prompt_source")
    )


def arena(row: Row) -> LabelledItem:
    """Chatbot Arena: two whole conversations, `model_a`, `model_b` and the `winner`, or `winner_model_a` … `winner_tie`."""
    messages, ends = part(
        turns(row["conversation_a"], "conversation_a"), turns(row["conversation_b"], "conversation_b")
    )
    answers = [
        answer_of(end, model=word_of(row, f"model_{side}") or "unknown") for end, side in zip(ends, "ab", strict=True)
    ]
    told = [name for name in ("model_a", "model_b", "tie") if row.get(f"winner_{name}") in (1, True)]
    winner = word_of(row, "winner") or (told[0] if len(told) == 1 else "nobody")
    label = Label(about=(0, 1), annotator="human", vote=read_vote(winner.removesuffix(" (bothbad)")))
    more = {"item": word_of(row, "question_id", "id"), "category": word_of(row, "language")}
    return make_item("arena", messages, answers, [label], **more)
