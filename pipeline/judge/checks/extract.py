"""Find the answer within a response: what it marks as its answer, its code, its JSON."""

from __future__ import annotations

import re

BOXED = re.compile(r"\\boxed\s*\{")
MARKED = re.compile(
    r"(?:####|\b(?:answer|solution|result)\b(?:\s+(?:is|are)\b|\s*[:=]))[ \t]*:?[ \t]*(?P<answer>[^\n]+)", re.IGNORECASE
)
EMPHASIS = re.compile(r"\*\*|__|`")
SENTENCE_END = re.compile(r"(?<=[^\s.])[.!?](?=\s|$)")
FENCE = re.compile(
    r"^[ \t]*(?P<fence>```+|~~~+)[ \t]*(?P<language>[\w+-]*)[^\n]*\n(?P<body>.*?)(?:^[ \t]*(?P=fence)[ \t]*$|\Z)",
    re.M | re.S,
)


def boxed(text: str) -> str | None:
    """What the last `\\boxed{…}` holds, its braces balanced; None when there is none that closes."""
    for match in reversed(list(BOXED.finditer(text))):
        depth = 1
        for place in range(match.end(), len(text)):
            depth += {"{": 1, "}": -1}.get(text[place], 0)
            if depth == 0:
                return text[match.end() : place].strip()
    return None


def marked_answers(text: str) -> list[str]:
    """The readings of the answer that a response marks as its own (`The answer is …`, `#### …`, `\\boxed{…}`).

    The last mark counts. It is read to the end of its sentence and to the end of its line, for either may be meant.
    Empty when nothing is marked.
    """
    if (held := boxed(text)) is not None:
        return [held]
    found = None
    for match in MARKED.finditer(EMPHASIS.sub("", text)):
        found = match
    if found is None:
        return []
    line = found["answer"].strip()
    end = SENTENCE_END.search(line)
    readings = [line[: end.start()].strip(), line] if end else [line]
    return list(dict.fromkeys(reading for reading in readings if reading))


def answers(text: str) -> list[str]:
    """The readings of the marked answer, else the whole response."""
    return marked_answers(text) or [text.strip()]


def code_in(text: str, language: str) -> str:
    """The code of a response: its last fenced block in this language, else its last one in none, else all of it."""
    blocks = [(match["language"].lower(), match["body"]) for match in FENCE.finditer(text)]
    for wanted in ((language, f"{language}3", "py"), ("",)):
        if fitting := [body for given, body in blocks if given in wanted]:
            return fitting[-1]
    return text if not blocks else blocks[-1][1]


def json_in(text: str) -> str:
    """The JSON of a response: its last fenced block marked `json` or not at all, else all of it."""
    blocks = [match["body"] for match in FENCE.finditer(text) if match["language"].lower() in ("json", "")]
    return (blocks[-1] if blocks else text).strip()
