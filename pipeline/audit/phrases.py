"""Words by which an answer refuses, or says what wrote it, in several languages.

The patterns are for RE2, which DuckDB and Arrow run over whole columns: no look-around, no back references, and `\\b` is
where an ASCII word ends. They are few on purpose: each is a sentence that hardly stands in an honest answer. The names and
phrases are those that filters of published mixtures look for (the identity and refusal filters of open-instruct).
"""

from __future__ import annotations

_APOSTROPHE = "['’]"
_CANNOT = (
    f"(?:cannot|can not|can{_APOSTROPHE}t|won{_APOSTROPHE}t|will not|am unable to|am not able to|"
    f"{_APOSTROPHE}m unable to|{_APOSTROPHE}m not able to)"
)
_DO = (
    "(?:help|assist|comply|fulfil|provide|answer|support|create|generate|write|engage|discuss|share|continue|do that|"
    "participate|respond|give|offer)"
)
_LAB = (
    "(?:openai|anthropic|google|deepmind|meta ai|mistral(?: ai)?|deepseek|alibaba|moonshot(?: ai)?|microsoft|xai|zhipu|"
    "01\\.ai|ai2|the allen institute|nvidia|cohere)"
)
_MODEL = (
    "(?:chatgpt|gpt-?[345][\\w.-]*|claude|gemini|bard|llama|qwen|deepseek|mistral|grok|kimi|copilot|tülu|tulu|olmo|gemma|"
    "phi-?[234])"
)
_AI = "(?:ai|a\\.i\\.|artificial intelligence|(?:large )?language model|ai language model|chatbot)"

REFUSALS = (
    f"\\bi(?:{_APOSTROPHE}m| am) (?:very |really |so )?(?:sorry|afraid)\\b[^.!?\\n]{{0,40}}\\bi {_CANNOT}\\b",
    f"\\bi ?{_CANNOT} {_DO}\\b",
    "\\bi (?:must|have to|will have to) (?:decline|refuse)\\b",
    "\\bi (?:respectfully )?decline to\\b",
    "\\bkann ich (?:ihnen |dir )?(?:dabei |damit |hierbei )?(?:leider )?nicht (?:helfen|behilflich sein|beantworten)",
    "\\bje (?:suis désolée?|regrette)[^.!?\\n]{0,40}je ne (?:peux|puis) pas\\b",
    f"\\bje ne (?:peux|puis) pas (?:vous |t{_APOSTROPHE})?(?:aider|répondre|fournir)",
    "\\blo siento[^.!?\\n]{0,20} no puedo\\b",
    "\\bno puedo (?:ayudar|responder|proporcionar)",
    "\\bmi dispiace[^.!?\\n]{0,20} non posso\\b",
    "\\bnon posso (?:aiutar|rispondere|fornire)",
    "\\b(?:desculpe|sinto muito)[^.!?\\n]{0,20} não posso\\b",
    "\\bnão posso (?:ajudar|responder|fornecer)",
    "я не могу (?:помочь|ответить|предоставить)",
    "(?:抱歉|对不起|對不起|很遗憾)[^。！？\\n]{0,20}(?:不能|无法|無法)",
    "我(?:不能|无法|無法)(?:回答|提供|帮助|幫助|协助|協助)",
    "(?:申し訳|すみません)[^。！？\\n]{0,40}(?:できません|お答えできません|いたしかねます)",
    "(?:죄송|미안)[^.!?\\n]{0,40}(?:수 없습니다|없어요|드릴 수 없)",
)
IDENTITIES = (
    f"\\bas an? {_AI}\\b",
    f"\\bi(?:{_APOSTROPHE}m| am)(?: just| only| merely)? an? {_AI}\\b",
    f"\\b(?:i am|i{_APOSTROPHE}m|my name is|call me) {_MODEL}\\b",
    f"\\b(?:developed|created|trained|made|built) by {_LAB}\\b",
    "\\bmy (?:knowledge cutoff|training data|last (?:knowledge )?update)\\b",
    "\\bals (?:ki\\b|ki-|künstliche intelligenz|(?:großes )?sprachmodell)",
    f"\\ben tant qu{_APOSTROPHE}?(?:e )?(?:ia\\b|intelligence artificielle|modèle de langage)",
    "\\bcomo (?:una? |uma? )?(?:ia\\b|inteligencia artificial|inteligência artificial|modelo de lenguaje|modelo de linguagem)",
    "\\bcome (?:un[ao]? )?(?:ia\\b|intelligenza artificiale|modello linguistico)",
    "как (?:искусственный интеллект|языковая модель|ии-)",
    "(?:作为|作為|身为|我是)(?:一个|一個|一款|一名)?(?:ai|人工智能|人工智慧|(?:大型?)?语言模型|(?:大型?)?語言模型)",
    "(?:ai|人工知能|言語モデル)(?:アシスタント)?(?:として|ですので|なので)",
    "(?:ai|인공지능|언어 ?모델)(?: 어시스턴트)?(?:로서|으로서|이기 때문)",
)


def one_of(patterns: tuple[str, ...]) -> str:
    """One pattern for all of these, in any case."""
    return f"(?i)(?:{'|'.join(patterns)})"


PHRASES = {"refusal": one_of(REFUSALS), "identity": one_of(IDENTITIES)}
