"""Labelled groups of more than two answers as they are published, and answers that are rated or labelled one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipeline.preferences.items import Label, LabelledItem, make_item
from pipeline.preferences.turns import Row, malformed, number_of, one_answer, part, text_of, turns, word_of

ATTRIBUTES = ("helpfulness", "correctness", "coherence", "complexity", "verbosity")
STYLES = ("concise", "plain", "markdown")


def texts_of(row: Row, column: str) -> list[str]:
    """The list of texts in a column."""
    value = row.get(column)
    if not isinstance(value, list) or not value or not all(isinstance(each, str) for each in value):
        raise malformed(f"`{column}` is not a list of texts")
    return value


def rewardbench2(row: Row) -> LabelledItem:
    """RewardBench 2: `chosen` and `rejected` are lists; the category is `subset`, and `id` pairs up Ties (`ref:7`, `tied:7`)."""
    chosen, rejected = texts_of(row, "chosen"), texts_of(row, "rejected")
    models = row.get("models")
    names = models if isinstance(models, list) and len(models) == len(chosen) + len(rejected) else None
    answers = [
        {"text": text, "model": str(names[place]) if names else "unknown"}
        for place, text in enumerate([*chosen, *rejected])
    ]
    more = {"item": word_of(row, "id"), "category": word_of(row, "subset")}
    labels = right_and_wrong(len(chosen), len(rejected))
    return make_item("rewardbench2", turns(row.get("prompt"), "prompt"), answers, labels, **more)


def rm_bench(row: Row) -> LabelledItem:
    """RM-Bench: three right and three wrong answers, each concise, detailed in plain text, and detailed in Markdown."""
    chosen, rejected = texts_of(row, "chosen"), texts_of(row, "rejected")
    if len(chosen) != len(STYLES) or len(rejected) != len(STYLES):
        raise malformed("it has not three styles of right and three of wrong answers")
    answers = [
        {"text": text, "style": style} for side in (chosen, rejected) for text, style in zip(side, STYLES, strict=True)
    ]
    more = {"item": word_of(row, "id"), "category": word_of(row, "domain")}
    return make_item("rm_bench", turns(row.get("prompt"), "prompt"), answers, right_and_wrong(3, 3), **more)


def right_and_wrong(right: int, wrong: int) -> list[Label]:
    """A score of 1 for each right answer and of 0 for each wrong one."""
    return [Label(about=(place,), score=float(place < right)) for place in range(right + wrong)]


def helpsteer2(rows: Sequence[Row]) -> LabelledItem:
    """HelpSteer2: the answers to one prompt stand one below another, each with five ratings from 0 to 4.

    The overall score is helpfulness; the others are kept by name.
    """
    labels = []
    for place, row in enumerate(rows):
        for name in ATTRIBUTES:
            value: Any = row.get(name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise malformed(f"`{name}` holds {type(value).__name__}, not a number")
            labels.append(Label(about=(place,), score=float(value), name=name))
            if name == ATTRIBUTES[0]:
                labels.append(Label(about=(place,), score=float(value)))
    answers = [{"text": text_of(row, "response")} for row in rows]
    return make_item("helpsteer2", turns(rows[0].get("prompt"), "prompt"), answers, labels)


def ultrafeedback(row: Row) -> LabelledItem:
    """UltraFeedback: four `completions` to an `instruction`, each rated from 1 to 5 by GPT-4 in four aspects.

    The overall score is the mean of the ratings. The set's own `overall_score` is kept by its name and not believed:
    2,628 answers have a 10 there that should be a 1 (argilla/ultrafeedback-binarized-preferences says how it came about).
    """
    answers, labels = [], []
    for place, completion in enumerate(row["completions"]):
        answers.append({"text": text_of(completion, "response"), "model": word_of(completion, "model") or "unknown"})
        ratings = []
        for name, said in sorted((completion.get("annotations") or {}).items()):
            rating = _rating(said.get("Rating") if isinstance(said, dict) else None)
            if rating is not None:
                ratings.append(rating)
                note = said.get("Rationale") or None
                labels.append(Label(about=(place,), annotator="gpt-4", name=name, score=rating, note=note))
        if ratings:
            labels.append(Label(about=(place,), annotator="gpt-4", score=sum(ratings) / len(ratings)))
        for name in ("overall_score", "fine-grained_score"):
            if completion.get(name) is not None:
                score = number_of(completion[name], name)
                labels.append(Label(about=(place,), annotator="gpt-4", name=name, score=score))
    if not labels:
        raise malformed("no answer is rated")
    category = word_of(row, "source")
    return make_item("ultrafeedback", turns(row["instruction"], "instruction"), answers, labels, category=category)


def _rating(value: Any) -> float | None:
    """A rating of UltraFeedback, which is text; what is not applicable is missing."""
    try:
        return number_of(float(value), "Rating")
    except (TypeError, ValueError):
        return None


def openhermes(row: Row) -> LabelledItem:
    """OpenHermesPreferences: candidates of several models in `ranks` (1 is the best), and the pair that was drawn of them."""
    texts, ranks = texts_of(row, "candidates_completions"), row["ranks"]
    models = row.get("candidate_policies") or ["unknown"] * len(texts)
    answers = [{"text": text, "model": str(model)} for text, model in zip(texts, models, strict=True)]
    labels = [
        Label(about=(place,), annotator="PairRM", score=-number_of(rank, "ranks"))
        for place, rank in zip(range(len(texts)), ranks, strict=True)
    ]
    messages, ends = part(turns(row["chosen"], "chosen"), turns(row["rejected"], "rejected"))
    drawn = [texts.index(end["content"]) if end["content"] in texts else -1 for end in ends]
    if -1 in drawn or drawn[0] == drawn[1]:
        raise malformed("`chosen` and `rejected` are no two of its candidates")
    labels.append(Label(about=(drawn[0], drawn[1]), vote="a"))
    more = {"category": word_of(row, "category", "source")}
    return make_item("openhermes", messages or turns(row["prompt"], "prompt"), answers, labels, **more)


def ranked(row: Row) -> LabelledItem:
    """`context, completions` with a `rank` each, 0 the best, as NeMo-RL takes them."""
    answers, labels = [], []
    for place, each in enumerate(row["completions"]):
        answers.append(one_answer(each["completion"], "completion", model=word_of(each, "model") or "unknown"))
        labels.append(Label(about=(place,), score=-number_of(each["rank"], "rank")))
    return make_item("ranked", turns(row["context"], "context"), answers, labels, item=word_of(row, "id"))


def unpaired(rows: Sequence[Row]) -> LabelledItem:
    """`prompt, completion, label` as KTO takes them: each answer to one prompt is good (true) or bad (false)."""
    answers, labels = [], []
    for place, row in enumerate(rows):
        label: Any = row["label"]
        if label not in (True, False):
            raise malformed(f"`label` is {label!r}, neither true nor false")
        answers.append(one_answer(row["completion"], "completion", model=word_of(row, "model") or "unknown"))
        labels.append(Label(about=(place,), score=float(label)))
    return make_item("unpaired", turns(rows[0]["prompt"], "prompt"), answers, labels)
