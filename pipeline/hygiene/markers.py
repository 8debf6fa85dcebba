"""What leaks out of a chat template or a prompt template into an answer.

Closed code blocks and spans in backticks are left out: an answer about chat templates may show one. The control tokens
are those that `prompts.inert` breaks in what a judge is shown.
"""

from __future__ import annotations

import re
import unicodedata

from pipeline.hygiene.prose import without_code
from prompts.inert import BREAK, CONTROL_TOKEN

_TOKEN = re.compile(
    r"<\|[\w▁][^<>|\n]{0,58}\|>|</?\w{1,40}(?:[:/]\w{1,40})*>|\[/?[A-Z][A-Z_]{1,60}\]|\[\|/?\w{1,40}\|\]|<</?SYS>>"
)
# A single `<s>` is HTML for struck-out text, and `[IMPORTANT]` is emphasis: these tell nothing.
_HTML = re.compile(r"</?(?:s|image|video|audio|filename|mask)>|\[/?(?!INST|SYS)[A-Z][A-Z_]*\]", re.IGNORECASE)
_ROLES = re.compile(
    r"^\s{0,3}(?:#{2,3} ?(?:Instruction|Response|Input|System|Human|User|Assistant)s? ?:"
    r"|(?:\*\*)?(?:Human|USER|ASSISTANT|SYSTEM|<human>|<bot>) ?:(?:\*\*)?(?=\s|$)"
    r"|(?:BEGINNING OF CONVERSATION|END OF CONVERSATION)\b)",
    re.MULTILINE,
)
_THINKING = re.compile(r"</?(?:think|thinking|thought|scratchpad|reasoning|reflection|answer|final_answer|tool_call)>", re.I)
_SLOT = re.compile(
    r"(?<![\\\w^_{}$])\{\{-?\s*[A-Za-z_][\w.]*(?:\s*\|[^{}\n]{0,60})?\s*-?\}\}"
    r"|\{%-?\s*(?:if|for|set|endif|endfor|else|include|block|macro)\b[^%\n]{0,100}%\}"
    r"|[\[<](?:insert|enter|add|fill in|your) (?:[\w'-]+ ){0,5}[\w'-]+ ?(?:here)?[\]>](?!\()",
    re.IGNORECASE,
)


def chat_marker(text: str) -> str | None:
    """The first marker of a turn, a role or a thought in a text, of at most 60 characters; None when there is none."""
    # Some families write `｜` for `|`; their tokenizers look for it after NFKC.
    words = unicodedata.normalize("NFKC", without_code(text).replace(BREAK, ""))
    found = [match for pattern in (_ROLES, _THINKING) if (match := pattern.search(words))]
    if CONTROL_TOKEN.search(words):
        found += [match for match in _TOKEN.finditer(words) if CONTROL_TOKEN.search(match.group())]
    found = [match for match in found if not _HTML.fullmatch(match.group())]
    first = min(found, key=lambda match: match.start(), default=None)
    return None if first is None else " ".join(first.group().split())[:60]


def template_slot(text: str) -> str | None:
    """The first slot of a template that nobody filled (`{{ name }}`, `[insert date here]`); None when there is none."""
    match = _SLOT.search(without_code(text))
    return None if match is None else " ".join(match.group().split())[:60]
