"""Which language a text is in, by its script and its commonest words; short and mixed texts are not decided.

No model is needed. Scripts that one language alone writes decide by themselves; among those that share Latin, Cyrillic
or Arabic letters, the words that a language cannot do without decide. Where they do not, only the script is known.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cache

from pipeline.hygiene.prose import without_code

FEWEST_LETTERS = 12
"""Letters that a script needs before a text is said to be in it; a sign of Han, kana or Hangul counts three."""
FEWEST_WORDS, FEWEST_DIFFERENT = 6, 3
LEAST_SHARE, LEAST_LEAD = 0.15, 1.6
"""A language is decided when so much of the words are its commonest ones, with so many times the weight of the next."""
MOST_READ = 4000

_SCRIPTS: dict[str, str] = {
    "latin": "A-Za-z\u00aa\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u1e00-\u1eff", "greek": "\u0370-\u03ff\u1f00-\u1fff",
    "cyrillic": "\u0400-\u052f", "armenian": "\u0530-\u058f", "hebrew": "\u0590-\u05ff",
    "arabic": "\u0620-\u064a\u066e-\u06d3\u0750-\u077f", "devanagari": "\u0900-\u097f", "bengali": "\u0980-\u09ff",
    "gurmukhi": "\u0a00-\u0a7f", "gujarati": "\u0a80-\u0aff", "tamil": "\u0b80-\u0bff", "telugu": "\u0c00-\u0c7f",
    "kannada": "\u0c80-\u0cff", "malayalam": "\u0d00-\u0d7f", "thai": "\u0e00-\u0e7f", "georgian": "\u10a0-\u10ff",
    "ethiopic": "\u1200-\u137f", "khmer": "\u1780-\u17ff",
    "kana": "\u3041-\u30ff", "hangul": "\u1100-\u11ff\uac00-\ud7a3",
    "han": "\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003134f",
}  # fmt: skip
_OF_ONE_LANGUAGE = {
    "greek": "el", "armenian": "hy", "hebrew": "he", "thai": "th", "georgian": "ka", "khmer": "km", "hangul": "ko",
    "tamil": "ta", "telugu": "te", "kannada": "kn", "malayalam": "ml", "gurmukhi": "pa", "gujarati": "gu",
}  # fmt: skip
_DENSE = ("kana", "hangul", "han")
_WORDS: dict[str, dict[str, str]] = {
    "latin": {
        "en": "the of and to in is that it was for on are with as be this have from at by not or which you an can they we will",
        "de": "der die das und ist nicht ein eine zu den mit auf für von sich des dem im auch werden wird als sind es ich sie",
        "fr": "de à le la les et est un une des du que qui dans pour pas sur plus par ne se avec il sont au ce vous cette ou",
        "es": "de a el la los las y es que un una en del por con no se para su al lo más como pero sus le o este son está muy",
        "it": "a il la di che è un una e per non con sono del della si le i da nel come più al anche questo ha gli alla dei",
        "pt": "de o a os as e é que um uma em do da no na não para com por se mais como dos das ao seu são você foi ou também",
        "nl": "de het een en van is dat niet te zijn op voor met die aan er om ook als door naar bij wordt maar worden heeft",
        "sv": "och att det är en som på för av med inte den till har om ett de kan vi eller från var sig så men jag när",
        "da": "og at det er en til på som med ikke af den for har der et kan de vi eller fra var sig så men jeg også når",
        "pl": "w i nie na się z do to że jest jak o co ale po od za jego tak przez dla są być oraz czy może które",
        "cs": "a v se na je že to s z do o i jako ale pro jsou by k tak po být jeho které nebo také jsem bylo může",
        "ro": "și în de la a este că nu cu o un pe pentru din care sunt mai se prin sau fi al ce au fost după aceasta",
        "tr": "ve bir bu için ile da de olarak çok daha en gibi ne olan kadar değil sonra ya veya ancak var mı her ben",
        "fi": "ja on ei se että oli hän mutta ovat kun niin myös joka tai ole sen voi mitä jos kuin siitä vain ovat nyt",
        "id": "yang dan di itu dengan untuk tidak ini dari dalam akan pada juga adalah ke bisa oleh atau saya ada mereka",
        "vi": "là và của có không được cho một những các trong người với để này khi đã như từ đó cũng nhưng bạn",
        "hu": "a az és hogy nem egy is van meg de csak ez volt már még mint vagy ha kell lehet nagyon azt ezt el fel",
    },
    "cyrillic": {
        "ru": "и в не на что с это как по но из у он за от так для же все или был его если они чтобы также может быть",
        "uk": "і в не на що з це як до але із у він за від так для та все або був його якщо вони щоб також може бути є",
        "bg": "и в не на че с това как по но от е той за са да се или беше ако те също може ще много които които като",
    },
    "arabic": {
        "ar": "في من على إلى أن هذا التي الذي هو ما لا عن مع كان هذه كل بعد قد أو ذلك هي كما لم إن بين",
        "fa": "و در به از که این را با است برای آن یک خود تا کرد بر هم نیز می شد یا اما باید شود هر",
        "ur": "کے کی میں ہے اور سے کا کو اس نے پر یہ کہ ہیں بھی ایک نہیں جو کر تھا وہ ہو گیا لئے",
    },
    "devanagari": {
        "hi": "के है में की और से का को पर यह ने एक हैं नहीं भी कि इस जो कर लिए था हो वह तो",
        "mr": "आणि आहे या हे ते च्या मध्ये एक आहेत होते करून नाही साठी होता असे केली त्या की तर पण",
    },
    "bengali": {"bn": "এবং এই থেকে করে একটি হয় তার না যে জন্য সঙ্গে আর কিন্তু তিনি ও এর হয়েছে"},
    "ethiopic": {"am": "እና ነው ላይ ውስጥ ወደ ከ ይህ የ ግን ነበር"},
}
# Not `\w`: the vowel signs of Devanagari and its like are none.
_WORD = re.compile(r"[^\s\d_.,;:!?…()\[\]{}<>\"'«»“”„‘’`*/|=+&@#%।॥،؛؟—–-]+")


@dataclass(frozen=True, slots=True)
class Language:
    """The script of a text, and its language (ISO 639-1) where that is decided."""

    script: str
    code: str | None


def language_of(text: str) -> Language | None:
    """The language of the prose of a text, as far as its first 4,000 characters tell; None when not even its script is
    clear: too few letters, or no script with two thirds of them."""
    prose = without_code(text)[:MOST_READ]
    counts = Counter({script: found for script, letters in _letters().items() if (found := len(letters.findall(prose)))})
    for script in _DENSE:
        counts[script] *= 3
    if counts["kana"] * 10 > counts["han"]:  # Japanese is written in both; a few borrowed signs do not make it
        counts["kana"] += counts.pop("han", 0)
    total = counts.total()
    script = max(counts, key=lambda each: (counts[each], each), default="")
    if total < FEWEST_LETTERS or counts[script] * 3 < total * 2:
        return None
    if script in ("kana", "han"):
        return Language("han", "ja" if script == "kana" else "zh")
    return Language(script, _OF_ONE_LANGUAGE.get(script) or _by_words(prose, script))


def common_words(code: str | None) -> frozenset[str]:
    """The commonest words of a language, those that tell it from others; none of one that is not known."""
    return next((known[code] for script in _WORDS if code in (known := _known(script))), frozenset()) if code else frozenset()


def differ(one: str, other: str) -> tuple[str, str] | None:
    """The languages or scripts of two texts when they surely differ; None when they agree or one is not decided."""
    first, second = language_of(one), language_of(other)
    if first is None or second is None:
        return None
    if first.code and second.code:
        return (first.code, second.code) if first.code != second.code else None
    return (first.script, second.script) if first.script != second.script else None


def _by_words(prose: str, script: str) -> str | None:
    """The language whose commonest words a text has most of; None when too few are there, or two have nearly as many."""
    words = [word.lower() for word in _WORD.findall(prose)]
    if len(words) < FEWEST_WORDS:
        return None
    known = _known(script)
    shared = Counter(word for its in known.values() for word in its)
    votes = {code: [word for word in words if word in its] for code, its in known.items()}
    # A word of several languages speaks for each of them with its share.
    weights = {code: sum(1 / shared[word] for word in its) for code, its in votes.items()}
    ranked = sorted(weights, key=lambda code: (-weights[code], code))
    lead = weights[ranked[1]] * LEAST_LEAD if len(ranked) > 1 else 0.0
    # Names of variables look like the one-letter words of Czech or Polish.
    is_various = len(set(votes[ranked[0]])) >= FEWEST_DIFFERENT and len({each for each in votes[ranked[0]] if len(each) > 1}) > 1
    is_clear = is_various and len(votes[ranked[0]]) >= LEAST_SHARE * len(words) and weights[ranked[0]] >= lead
    return ranked[0] or None if is_clear else None


@cache
def _letters() -> dict[str, re.Pattern[str]]:
    return {script: re.compile(f"[{signs}]") for script, signs in _SCRIPTS.items()}


@cache
def _known(script: str) -> dict[str, frozenset[str]]:
    return {code: frozenset(words.split()) for code, words in _WORDS.get(script, {"": ""}).items()}
