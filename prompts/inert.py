"""Text as mere words: nothing in it is taken for a turn of a conversation, by whatever tokenizer.

A chat template joins turns with control tokens, and a tokenizer finds them in data as well. Here they are broken in two.
"""

from __future__ import annotations

import re
import unicodedata

BREAK = "\u200b"
"""What makes a control token inert: a zero-width space inside it."""

_NAMES = "|".join(
    [
        "s|bos|eos|pad|unk|mask|sep|cls|[se]op|eo[adhmt]|think",  # Llama, Mistral, ChatGLM, InternLM, Qwen, BERT
        r"(?:start|end|begin)_of_\w{1,40}|unused\d{1,6}|ctrl\d{1,6}",  # Gemma
        r"tools?|tool_\w{1,40}|image|video|audio|\w{1,20}_soft_token",  # Qwen, LLaVA, Gemma
        r"[A-Z_]{1,60}_TOKEN|TOKENS_UNUSED_\d{1,6}|SPECIAL_\d{1,6}",  # Cohere, InternLM, Nemotron
        r"reserved_\d{1,6}|extra_id_\d{1,6}|extra_\d{1,6}",  # Baichuan, T5, Nemotron
        r"seed:\w{1,40}(?:/\w{1,40})?",  # Seed-OSS
        r"fim_\w{1,20}|file_sep|repo_?name|filename",  # StarCoder
    ]
)
CONTROL_TOKEN = re.compile(
    rf"<(?=[|\[]|/?(?:{_NAMES})>|<?/?SYS>)"
    r"|(?P<closing>(?<=\|)>)"
    r"|\[(?=\||/?[a-z]?[A-Z][A-Z_]{1,60}\]|e~\[)"  # EXAONE; Mistral, BERT and ChatGLM; MiniMax
    r"|\](?=~!?b[\[\]])"  # MiniMax
    r"|>(?=>[A-Z]{1,40}<<)"  # Falcon
    r"|<(?=\s{0,8}/?\s{0,8}\w{1,40}\s{1,8}[0-9a-fA-F]{10}\s{0,8}>)"  # our own fences, and what looks like them
)
"""Where the control tokens of the common model families open or close; a tokenizer would take them for turns."""


class _Flat(dict[int, str]):
    """Each character as NFKC has it, where that is one character: some tokenizers look for control tokens after it."""

    def __missing__(self, code: int) -> str:
        normal = unicodedata.normalize("NFKC", chr(code))
        self[code] = normal if len(normal) == 1 else chr(code)
        return self[code]


_FLAT = _Flat()


def inert(text: str) -> str:
    """`text` with its chat control tokens (`<|…|>`, `[INST]`, `</s>` …) broken in two: mere words.

    Tokens in full-width letters and other forms that Unicode takes for the same are broken too. Nothing is taken away.
    """
    text = str(text)
    flat = text if text.isascii() else text.translate(_FLAT)
    pieces, here = [], 0
    for match in CONTROL_TOKEN.finditer(flat):
        place = match.start() if match.lastgroup == "closing" else match.end()
        pieces += [text[here:place], BREAK]
        here = place
    return "".join([*pieces, text[here:]])
