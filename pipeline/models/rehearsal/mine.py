"""Mining in rehearsal: extractive questions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

from pipeline.models.rehearsal.options import Dice, Options, Play
from pipeline.models.rehearsal.words import plain_text, sentences_of, words_of

VERB = re.compile(
    r"^(?P<subject>(?:\S+\s+){0,7}?\S+?)\s+(?P<verb>is|are|was|were|has|have|can|must|means|makes|keeps|takes|gives|runs|holds)\s"
)


def mine_questions(variables: Mapping[str, Any], dice: Dice, options: Options) -> str:
    """Extractive questions: a sentence, a question about its subject, and the sentence as the answer."""
    sentences = sentences_of(variables["passage"])
    items = []
    for _ in range(min(int(variables["count"]), len(sentences))):
        evidence = sentences.pop(int(dice.roll() * len(sentences)))
        question = question_about(evidence, variables["heading"] or variables["title"])
        if dice.roll() < options.misquote:
            evidence = " ".join(["Allegedly", *evidence.split()[1:]])
        plain = plain_text(evidence)
        items.append(
            {
                "evidence": evidence[:1000],
                "analysis": f"The sentence states a fact of {len(plain.split())} words that a reader may look for.",
                "question": question[:400],
                "answer": plain[:2000],
            }
        )
    return orjson.dumps({"items": items}).decode()


def question_about(sentence: str, topic: str) -> str:
    """A question that the sentence answers and that stands on its own."""
    plain = plain_text(sentence).strip(" -:.")
    about = f" (in {topic})" if topic else ""
    if match := VERB.match(plain):
        return f"What {match['verb']} {match['subject']}{about}?"
    longest = sorted(set(words_of(plain)), key=lambda word: (-len(word), word))[:3]
    return f"How are {' and '.join(longest)} connected{about}?" if longest else f"What is {plain}{about}?"


ANSWERS: dict[str, Play] = {
    "mine/qa": mine_questions,
}
