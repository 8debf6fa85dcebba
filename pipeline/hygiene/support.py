"""Whether what an answer says stands in a text."""

from __future__ import annotations

from pipeline.hygiene.language import common_words, language_of
from pipeline.hygiene.prose import words_of
from prompts.inert import BREAK


def overlap(answer: str, facts: str) -> float | None:
    """The share of an answer's different words that the facts hold too, in [0, 1]; None if the answer has none.

    The commonest words of the answer's language are left out. It is K-precision (Adlakha et al. 2024, arXiv 2307.16877,
    section 4) over words instead of tokens, each counted once: how much of what is said is there to be read, not
    whether it is true or asked for. Words are compared as they are written, so an answer in other words has little.
    """
    language = language_of(answer)
    words = set(words_of(answer)) - common_words(language.code if language else None)
    return len(words & set(words_of(facts))) / len(words) if words else None


def quotes(evidence: str, text: str) -> bool:
    """Whether a text holds the evidence word for word; white space and broken control tokens do not count."""
    quoted, whole = (" ".join(each.replace(BREAK, "").split()) for each in (evidence, text))
    return bool(quoted) and quoted in whole
