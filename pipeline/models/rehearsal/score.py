"""Scoring in rehearsal: how much of what is known an answer holds, on whatever scale is asked for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from pipeline.models.rehearsal.options import Dice, Options, Play
from pipeline.models.rehearsal.words import support, words_of

SPREAD = 0.12
"""How unsure a likelihood is, as a share of the scale."""
SILENCE = 0.9
"""How likely it says "N/A" of an answer that states nothing of what is known."""


def score_one(variables: Mapping[str, Any], dice: Dice, options: Options) -> str | dict[str, float]:
    """The score that the facts support, unless noise strikes; as likelihoods where the number alone is wanted."""
    truth = _truth(variables)
    if variables["number"]:
        return _likelihoods(variables, truth, options)
    said = _score(variables, variables["response"], truth, dice, options)
    reason = f"It covers {support(variables['response'], truth):.2f} of what is known."
    return _json({"reason": reason, "score": said} if variables["explain"] else {"score": said})


def score_group(variables: Mapping[str, Any], dice: Dice, options: Options) -> str:
    """The scores that the facts support; position bias gives the answer shown first the best one."""
    truth = _truth(variables)
    said: dict[str, Any] = {}
    for each in variables["answers"]:
        score = _score(variables, each["text"], truth, dice, options)
        if not said and dice.roll() < options.position_bias:
            score = variables["most"]
        reason = f"It covers {support(each['text'], truth):.2f} of what is known."
        said[each["name"]] = {"reason": reason, "score": score} if variables["explain"] else score
    return _json(said)


def criticise(variables: Mapping[str, Any], dice: Dice, options: Options) -> str:
    """A critique of what is missing and what is too much; the score that follows from it."""
    truth = _truth(variables)
    words = set(words_of(variables["response"]))
    missing, extra = sorted(truth - words)[:3], sorted(words - truth)[:3]
    critique = f"Missing: {', '.join(missing) or 'nothing'}. Not borne out: {', '.join(extra) or 'nothing'}."
    if variables["wanted"] == "critique":
        return critique
    score = _score({**variables, "not_applicable": False}, variables["response"], truth, dice, options)
    return _json({"score": score} if variables["wanted"] == "score" else {"critique": critique, "score": score})


def rank_all(variables: Mapping[str, Any], dice: Dice, options: Options) -> str:
    """Scores and order by support. Noise turns the order round, and half the time the scores with it."""
    truth = _truth(variables)
    good = {each["name"]: support(each["text"], truth) for each in variables["answers"]}
    if variables["inverted"]:
        good = {name: -value for name, value in good.items()}
    first = variables["answers"][0]["name"]
    if dice.roll() < options.position_bias:
        good[first] = max(good.values()) + 1
    believed = {name: -value for name, value in good.items()} if dice.roll() < options.noise else good
    ranking = [[name for name in good if believed[name] == value] for value in sorted(set(believed.values()))[::-1]]
    scored = good if dice.roll() < 0.5 else believed
    places = sorted(set(scored.values()))
    steps = max(1, len(places) - 1)
    scores = {name: 1 + round(4 * places.index(value) / steps) for name, value in scored.items()}
    return _json({"thought": f"{ranking[0][0]} holds most.", "scores": scores, "ranking": ranking})


def _score(variables: Mapping[str, Any], answer: str, truth: set[str], dice: Dice, options: Options) -> int | str:
    """A score of the scale; "N/A" for an answer that states nothing of what is known, where that may be said."""
    if variables["not_applicable"] and not truth & set(words_of(answer)):
        return "N/A"
    least, most = int(variables["least"]), int(variables["most"])
    score = least + round(max(0.0, support(answer, truth)) * (most - least))
    return least + most - score if dice.roll() < options.noise else score


def _likelihoods(variables: Mapping[str, Any], truth: set[str], options: Options) -> dict[str, float]:
    """A hill around the score that the facts support, and a smaller one, as high as there is noise, where its opposite is."""
    numbers: Sequence[int] = range(variables["least"], variables["most"] + 1)
    width = SPREAD * (len(numbers) - 1)
    top = numbers[0] + max(0.0, support(variables["response"], truth)) * (len(numbers) - 1)
    hill = [math.exp(-(((number - top) / width) ** 2) / 2) for number in numbers]
    silent = variables["not_applicable"] and not truth & set(words_of(variables["response"]))
    unit = (1 - SILENCE if silent else 1.0) / sum(hill)
    shares = {
        str(number): ((1 - options.noise) * straight + options.noise * turned) * unit
        for number, straight, turned in zip(numbers, hill, reversed(hill), strict=True)
    }
    return shares | ({"N/A": SILENCE} if silent else {})


def _truth(variables: Mapping[str, Any]) -> set[str]:
    return set(words_of(variables["facts"] or variables["question"]))


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


ANSWERS: dict[str, Play] = {
    "judge/rubric": score_one,
    "judge/rubric_group": score_group,
    "judge/critique": criticise,
    "judge/listwise": rank_all,
}
