"""The prose of a response: its text without code, in words, sentences, lines and paragraphs."""

from __future__ import annotations

import re

_FENCED = re.compile(r"^[ \t]*(```+|~~~+)[^\n]*\n.*?^[ \t]*\1[ \t]*$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"(`+)(?!`)[^\n]*?(?<!`)\1(?!`)")
# Scripts written without blanks between words: each sign is a word of its own.
_DENSE = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
_WORD = re.compile(rf"[{_DENSE}]|[^\W_{_DENSE}]+(?:['’][^\W_{_DENSE}]+)*")
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+|(?<=[.!?…][\"'”’)\]*_])\s+|(?<=[。！？｡])|\n+")


def without_code(text: str) -> str:
    """A text with a blank in place of fenced blocks that are closed and of spans in backticks."""
    if "`" not in text and "~~~" not in text:
        return text
    return _INLINE.sub(" ", _FENCED.sub(" \n", text))


def words_of(text: str) -> list[str]:
    """The words in lower case; in scripts without blanks (Han, kana, Thai, Lao, Burmese, Khmer) every sign is one."""
    return _WORD.findall(text.lower())


def sentences_of(text: str) -> list[str]:
    """The sentences, by their end marks and by lines; abbreviations cut one in two, which comparing them bears."""
    return [stripped for each in _SENTENCE_END.split(text) if each and (stripped := each.strip())]
