"""Examining in rehearsal: kinds of task, criteria, properties, reasons, claims."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from pipeline.models.rehearsal.compare import belief
from pipeline.models.rehearsal.options import Dice, Options, Play
from pipeline.models.rehearsal.words import plain_text, sentences_of, support, words_of

HELD = 0.6
"""The share of a claim's words that a text has to have to speak of it."""
LONGER = 4
"""Shorter words are in every definition."""
DENIALS = frozenset({"no", "not", "never", "none", "without"})


def choose_category(variables: Mapping[str, Any], dice: Dice, options: Options) -> str:
    """The kind whose definition shares most longer words with the question; the dice decide among equals."""
    asked = {word for word in words_of(variables["question"]) if len(word) >= LONGER}
    shared = {name: len(asked & set(words_of(definition))) for name, definition in variables["categories"]}
    best = [name for name, count in shared.items() if count == max(shared.values())]
    chosen: str = best[int(dice.roll() * len(best))]
    return chosen


def judge_criterion(variables: Mapping[str, Any], dice: Dice, options: Options) -> str:
    """What the facts say, whatever the criterion; none where they do not tell the answers apart."""
    first, second, seen = _compare(variables, dice, options)
    return _json(
        {
            "analysis_a": f"It covers {first:.2f} of what is known.",
            "analysis_b": f"It covers {second:.2f} of what is known.",
            "thought": "The one that covers more of it does better on the criterion.",
            "answer": "none" if seen == "tie" else seen,
        }
    )


def rate_properties(variables: Mapping[str, Any], dice: Dice, options: Options) -> str:
    """Each property as much as the answer is supported, one more or less where noise strikes."""
    truth = set(words_of(variables["facts"] or variables["question"]))
    sheet: dict[str, dict[str, int]] = {}
    for letter, place in (("A", "first"), ("B", "second")):
        level = round(3 * min(1.0, max(0.0, support(variables[place], truth))))
        sheet[letter] = {
            name: min(3, max(0, level + (dice.roll() < options.noise) - (dice.roll() < options.noise)))
            for name, _ in variables["properties"]
        }
    return _json(sheet)


def give_reasons(variables: Mapping[str, Any], dice: Dice, options: Options) -> str:
    """Why the preferred answer is better: the words of what is known that it has and the other lacks."""
    better, worse = ("first", "second") if variables["is_first_preferred"] else ("second", "first")
    truth = set(words_of(variables["facts"] or variables["question"]))
    ahead = sorted((set(words_of(variables[better])) & truth) - set(words_of(variables[worse])))
    letter = "A" if variables["is_first_preferred"] else "B"
    rationale = f"Answer {letter} keeps closer to what is known."
    if variables["is_detailed"]:
        rationale += f" It says {', '.join(ahead[:6]) or 'nothing more'}, which the other answer leaves out."
    return _json({"rationale": rationale})


def judge_unlabelled(variables: Mapping[str, Any], dice: Dice, options: Options) -> str:
    """The verdict that the facts support, unless noise or position bias strikes."""
    first, second, seen = _compare(variables, dice, options)
    reason = f"The first answer covers {first:.2f} of what is known, the second {second:.2f}."
    return _json({"reason": reason, "verdict": seen})


def split_claims(variables: Mapping[str, Any], dice: Dice, options: Options) -> str:
    """Every sentence is a claim."""
    claims = [plain_text(sentence)[:600] for sentence in sentences_of(variables["text"])]
    return _json({"claims": claims[: int(variables["most"])]})


def check_claims(variables: Mapping[str, Any], dice: Dice, options: Options) -> str:
    """What the sentence says that has most of a claim's words: the same, or the same with or without a "not"."""
    sentences = [set(words_of(sentence)) for sentence in sentences_of(variables["text"])] or [set()]
    verdicts = {}
    for number, claim in enumerate(variables["claims"], 1):
        words = set(words_of(claim))
        nearest = max(sentences, key=lambda sentence: len(words & sentence))
        speaks = bool(words) and len(words & nearest) / len(words) >= HELD
        denies = bool(words & DENIALS) != bool(nearest & DENIALS)
        relation = "irrelevant" if not speaks else "contradict" if denies else "support"
        if dice.roll() < options.noise:
            relation = {"support": "contradict", "contradict": "support", "irrelevant": "support"}[relation]
        verdicts[f"claim_{number}"] = relation
    return _json(verdicts)


def _compare(variables: Mapping[str, Any], dice: Dice, options: Options) -> tuple[float, float, str]:
    """How well the facts support both answers, and the verdict that this judge believes in: A, B or tie."""
    truth = set(words_of(variables["facts"] or variables["question"]))
    first, second = (support(variables[place], truth) for place in ("first", "second"))
    believed = belief(variables["first"], variables["second"], truth, dice, options)
    return first, second, "tie" if believed == 0.5 else dice.pick({"A": believed, "B": 1 - believed})


def _json(reply: Mapping[str, Any]) -> str:
    return orjson.dumps(reply).decode()


ANSWERS: dict[str, Play] = {
    "judge/category": choose_category,
    "judge/criteria": judge_criterion,
    "judge/properties": rate_properties,
    "judge/rationale": give_reasons,
    "judge/rationale_check": judge_unlabelled,
    "judge/claims": split_claims,
    "judge/claims_check": check_claims,
}
