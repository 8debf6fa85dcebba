"""Where an answer has no content, or no end."""

from __future__ import annotations

import re
import unicodedata

from pipeline.hygiene.prose import words_of

_OPENERS = re.compile(
    r"(?:thought process|let(?:'|’)?s (?:solve|think|work|break)(?: this| it| through| about| out| down| the problem"
    r"| step by step| by step| together| problem)*|solution|answer|the answer(?: is)?|final answer|here(?:'|’)?s (?:the|my) "
    r"(?:answer|solution|response)|sure(?:[,!]? here(?: is|’s|'s)(?: the| my)? (?:answer|solution|response))?|step 1"
    r"|okay|ok so|certainly|of course|explanation|reasoning|response"
    r"|lösung|antwort|die antwort(?: lautet| ist)?|gedankengang|lass(?:t)? uns(?: das| dieses problem)? schritt für schritt lösen"
    r"|schritt 1|solution étape par étape|réponse|la réponse(?: est)?|résolvons (?:ce problème|cela) étape par étape|étape 1"
    r"|solución|respuesta|la respuesta(?: es)?|proceso de pensamiento|resolvamos (?:este problema|esto) paso a paso|paso 1"
    r"|solução|resposta|soluzione|risposta|вывод|решение|ответ|решим (?:эту )?задачу (?:шаг за шагом|пошагово)"
    r"|解|解答|答案|答|解决方案|思考过程|让我们一步一步(?:地)?(?:解决|思考|来)(?:这个|该)?(?:问题)?"
    r"|かいせつ|解説|解決策|答え|思考プロセス|ステップバイステップで(?:解きましょう|考えましょう)"
    r"|풀이|해설|답|정답|단계별로 (?:풀어|생각해) ?(?:봅시다|보겠습니다))",
    re.IGNORECASE,
)
_SIGNS_AFTER = "\"'”’»)]}*_~>）】」』 \t"
_ENDS = tuple(".!?。！？｡؟।॥։۔።:;")
_OTHER_END = re.compile(
    r"^\s*(?:[-*+•]|\d{1,3}[.)])\s|^\s*\|.*\|$|^\s*(?:```+|~~~+)$|^#{1,6}\s|(?:\$\$|\\\]|\\end\{\w+\*?\})$|https?://\S+$"
)
_SHORT_WORDS = 8


def is_empty(text: str) -> bool:
    """Whether a text has nothing but white space, control and formatting signs (zero-width ones among them)."""
    return all(unicodedata.category(sign)[0] in "ZC" for sign in text)


def is_opener(text: str) -> bool:
    """Whether an answer is only punctuation, or only what an answer begins with: a "master key".

    Such answers make judges say yes to nothing: `:`, `Thought process:`, `Let's solve this problem step by step.` and
    the like (arXiv 2507.08794, table 1), here in nine languages. An empty text is none.
    """
    if is_empty(text):
        return False
    if all(unicodedata.category(sign)[0] in "ZCP" for sign in text):
        return True
    words = " ".join(text.split()).strip(" .,:;!?…。：！？，、*#_-—–>\"'“”‘’`()[]")
    return _OPENERS.fullmatch(words) is not None


def has_no_end(text: str) -> bool:
    """Whether the last line of an answer breaks off: no end mark, or an ellipsis; or a code block is left open.

    An answer of under 8 words needs no full stop, and neither does a last line that is an item of a list, a heading, a
    row of a table, an address, or the end of code or of a formula. An empty text has an end.
    """
    lines = text.rstrip().split("\n")
    if sum(line.lstrip().startswith("```") for line in lines) % 2:
        return True
    last = lines[-1].rstrip(_SIGNS_AFTER)
    if last.endswith(("…", "...")):
        return True
    if len(words_of(text)) < _SHORT_WORDS or _OTHER_END.search(lines[-1].strip()):
        return False
    return not last.endswith(_ENDS) and unicodedata.category(last[-1:] or ".")[0] != "S"
