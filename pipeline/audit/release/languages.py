"""The language of a text by its script and, for what is written in Latin or Cyrillic, by its most frequent small words.

It is a heuristic that needs no model and no library: good enough to see that a tenth of a release is German, not to tell
Danish from Norwegian. Texts that it cannot tell are `other`, never the commonest language.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

LOOKED_AT = 1000
LEAST_WORDS = 2
"""So many small words must be there, or a twentieth of all words: one `die` makes no German."""
LEAST_SHARE = 0.05

SCRIPTS = {
    "ja": "\u3040-\u30ff",
    "ko": "\uac00-\ud7af\u1100-\u11ff",
    "zh": "\u3400-\u4dbf\u4e00-\u9fff",
    "ar": "\u0600-\u06ff\u0750-\u077f",
    "he": "\u0590-\u05ff",
    "hi": "\u0900-\u097f",
    "bn": "\u0980-\u09ff",
    "ta": "\u0b80-\u0bff",
    "th": "\u0e00-\u0e7f",
    "el": "\u0370-\u03ff",
    "cyrillic": "\u0400-\u04ff",
    "latin": "a-zA-Z\u00c0-\u024f\u1e00-\u1eff",
}
"""Ranges of letters by the language that they stand for, or by a script that several languages share."""

SMALL_WORDS = {
    "en": "the of and to in is that it for was with as are this be on not by from have you which do no at an or can what how",
    "de": "der die das und ist nicht ein eine zu den von mit sich auf für im dem auch es wird sie als",
    "fr": "le la les des et est une dans que pour qui pas sur du au avec il ce sont par plus",
    "es": "el la los las de que en una por con para se del es no su al como más lo",
    "it": "il la di che un una per non sono con del della le gli nel anche da",
    "pt": "os as de que um uma para com não em do da por se na no mais",
    "nl": "de het een en van is dat in niet te op zijn voor met die ook aan er wordt",
    "pl": "nie na się do to że jest jak ale od po przez dla są",
    "tr": "ve bir bu için ile da de olarak çok daha gibi ne olan var",
    "sv": "och att det som en på är av för med den till inte om ett har",
    "ru": "не на что по это как из за от для но он она то все",
    "uk": "не на що та це як до за від для але він вона або",
}
"""The most frequent words, of two letters or more, of each language that is told by words."""

_LETTERS = {name: re.compile(f"[{ranges}]") for name, ranges in SCRIPTS.items()}
_WORD = re.compile(r"[^\W\d_]+")
_OWNERS: dict[str, list[str]] = {}
for _language, _words in SMALL_WORDS.items():
    for _word in _words.split():
        _OWNERS.setdefault(_word, []).append(_language)


def guess_language(text: str) -> str:
    """The language of a text as its two-letter code, `other` where it cannot be told, of its first 1,000 characters.

    Japanese is what has kana, even between many Chinese signs. A word that several languages share counts for each of
    them by its part.
    """
    text = text[:LOOKED_AT]
    letters = {name: len(pattern.findall(text)) for name, pattern in _LETTERS.items()}
    if not any(letters.values()):
        return "other"
    if letters["ja"] * 10 >= letters["zh"] > 0 or letters["ja"] > max(letters["zh"], letters["latin"]):
        return "ja"
    script = max(letters, key=lambda name: letters[name])
    return _by_words(text) if script in ("latin", "cyrillic") else script


def _by_words(text: str) -> str:
    """The language whose small words are the most frequent ones in a text."""
    words = [word.lower() for word in _WORD.findall(text)]
    scores: dict[str, float] = {}
    for word in words:
        owners = _OWNERS.get(word, ())
        for language in owners:
            scores[language] = scores.get(language, 0.0) + 1 / len(owners)
    if not scores:
        return "other"
    best = max(sorted(scores), key=lambda language: scores[language])
    enough = scores[best] >= LEAST_WORDS or scores[best] >= LEAST_SHARE * len(words)
    return best if enough else "other"


def languages_of(texts: Iterable[str]) -> list[tuple[str, int]]:
    """The languages of texts with how many there are of each, the most frequent first."""
    return sorted(Counter(map(guess_language, texts)).items(), key=lambda item: (-item[1], item[0]))
