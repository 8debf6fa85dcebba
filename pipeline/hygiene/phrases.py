"""Phrases that give a response away: it refuses, does not know, names its maker, or tells where its knowledge ends.

Patterns are tried on a normalised text (`flat`): lower case, straight quotes, single blanks. A refusal is looked for
where refusals stand, in the first characters: "I cannot stress enough" further down is none. A phrase in quotation marks
or in code does not count. `RULES` is the version of all lists here; raise it, and the `version` of what uses them, when
a list changes.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Literal

from pipeline.hygiene.identities import CUTOFFS, IDENTITIES
from pipeline.hygiene.prose import without_code
from pipeline.hygiene.refusals import ABSTENTIONS, REFUSALS

RULES = 1
Topic = Literal["refusal", "abstention", "identity", "cutoff"]
HEAD_CHARACTERS = 240
"""Where a refusal or an abstention must begin, of the normalised text without its greeting."""
LONGEST_PHRASE = 120
MOST_READ = 20_000
"""Characters of a text that are read at all: an answer says who it is before that."""

LISTS: dict[Topic, dict[str, tuple[str, ...]]] = {
    "refusal": REFUSALS, "abstention": ABSTENTIONS, "identity": IDENTITIES, "cutoff": CUTOFFS,
}  # fmt: skip
OTHER_SCRIPTS = {"ru", "zh", "ja", "ko", "ar"}
IN_HEAD: frozenset[Topic] = frozenset({"refusal", "abstention"})

_QUOTED = re.compile(
    r"\"[^\"\n]{0,300}\"|«[^»\n]{0,300}»|„[^“”\"\n]{0,300}[“”\"]|「[^」\n]{0,300}」|^>.*$",
    re.MULTILINE,
)
_GREETING = re.compile(
    r"^(?:(?:hi|hello|hey|dear \w+|thank you[^.!]{0,60}|thanks[^.!]{0,60}|certainly|sure|of course)[!,. ]+)+"
)


def say(topic: Topic, text: str) -> str | None:
    """The words in which a text is of a topic, of at most 80 characters of the normalised text; None if it is not."""
    words = flat(text[:MOST_READ])
    if topic in IN_HEAD:
        words = words[: HEAD_CHARACTERS + LONGEST_PHRASE]
    for pattern in _patterns(topic, is_ascii=words.isascii()):
        if (match := pattern.search(words)) and (topic not in IN_HEAD or match.start() < HEAD_CHARACTERS):
            return match.group()[:80].strip()
    return None


def flat(text: str) -> str:
    """A text as the patterns read it: no code, nothing quoted, NFKC, lower case, straight quotes, single blanks."""
    plain = unicodedata.normalize("NFKC", without_code(text))
    plain = _QUOTED.sub(" ", plain.replace("“", '"').replace("”", '"'))
    plain = plain.replace("’", "'").replace("‘", "'").replace("`", "'").replace("*", "")
    return _GREETING.sub("", " ".join(plain.lower().split()))


@cache
def _patterns(topic: Topic, *, is_ascii: bool) -> tuple[re.Pattern[str], ...]:
    """All patterns of a topic; of those in other scripts than Latin none is in a text of ASCII alone."""
    languages = LISTS[topic].keys() - (OTHER_SCRIPTS if is_ascii else set())
    return tuple(re.compile(pattern) for name in LISTS[topic] if name in languages for pattern in LISTS[topic][name])
