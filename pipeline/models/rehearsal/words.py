"""What the rehearsal model can see in a text: sentences, words, and how much of what is known an answer repeats."""

from __future__ import annotations

import re

BLOCK = re.compile(r"\n\s*\n|\n(?=\s*(?:[-*+#>|]|\d+[.)]|```))|```[^\n]*")
"""Where one paragraph, list item, table row or heading ends; a sentence may run over lines but not over these."""
CODE = re.compile(r"^ {0,3}```.*?(?:^ {0,3}```[^\n]*$|\Z)", re.MULTILINE | re.DOTALL)
SENTENCE = re.compile(r"\S.*?(?:[.!?](?=\s|$)|[。！？]|$)", re.DOTALL)
WORD = re.compile(r"\w+")
MARKUP = re.compile(r"[*`#>|]+")
LEAST_WORDS = 4
WORDLESS = -1.0


def support(answer: str, truth: set[str]) -> float:
    """How good an answer is: the share of true words it has, less a quarter of the share of its words that are not true.

    An answer without a word is worse than any with one.
    """
    words = set(words_of(answer))
    if not words:
        return WORDLESS
    if not truth:
        return 0.0
    return len(words & truth) / len(truth) - 0.25 * len(words - truth) / len(words)


def sentences_of(text: str) -> list[str]:
    """The sentences of a text that are long enough to ask about, each once; the whole text when none is. Code is none."""
    text = CODE.sub("\n\n", text)
    found = list(
        dict.fromkeys(
            match.group().strip() for block in BLOCK.split(text) for match in SENTENCE.finditer(block.strip())
        )
    )
    return [sentence for sentence in found if len(sentence.split()) >= LEAST_WORDS and sentence[0] not in "#|<"] or [
        text.strip()
    ] * bool(text.strip())


def plain_text(text: str) -> str:
    """A sentence without its markup, on one line."""
    return " ".join(MARKUP.sub("", text).split()).lstrip("-+ ")


def words_of(text: str) -> list[str]:
    """The words of a text in small letters."""
    return WORD.findall(text.lower())
