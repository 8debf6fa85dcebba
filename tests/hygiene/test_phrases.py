"""Refusals, abstentions, identities and cut-off dates in twelve languages, and sentences that only look like them."""

from __future__ import annotations

import hashlib

import pytest

from pipeline.hygiene.identities import CUTOFFS, IDENTITIES
from pipeline.hygiene.phrases import HEAD_CHARACTERS, LISTS, RULES, Topic, flat, say
from pipeline.hygiene.refusals import ABSTENTIONS, REFUSALS
from schemas.fingerprints import canonical_json

SAID: dict[Topic, list[str]] = {
    "refusal": [
        "I'm sorry, but I can't help with that.",
        "I’m sorry, I cannot assist with this request.",
        "Sorry, I can't do that.",
        "I cannot provide instructions for this.",
        "Unfortunately, I am unable to help you here.",
        "Hello! I'm afraid I can't discuss this topic.",
        "I must respectfully decline.",
        "As an AI language model, I cannot have opinions.",
        "I'm not comfortable helping with this.",
        "Es tut mir leid, aber ich kann dabei nicht helfen.",
        "Ich kann Ihnen dabei leider nicht weiterhelfen.",
        "Leider kann ich diese Anfrage nicht beantworten.",
        "Je suis désolé, mais je ne peux pas vous aider.",
        "Je ne peux malheureusement pas répondre à cette question.",
        "Lo siento, pero no puedo ayudarte con eso.",
        "Mi dispiace, ma non posso aiutarti.",
        "Desculpe, mas não posso ajudar com isso.",
        "Het spijt me, maar ik kan u daar niet mee helpen.",
        "Извините, но я не могу помочь с этим.",
        "К сожалению, я не могу выполнить этот запрос.",
        "抱歉，我无法提供相关信息。",
        "对不起，作为一个AI，我不能回答这个问题。",
        "申し訳ありませんが、そのご質問にはお答えできません。",
        "죄송합니다. 그 요청은 도와드릴 수 없습니다.",
        "عذرًا، لا أستطيع مساعدتك في ذلك.",
    ],
    "abstention": [
        "I don't know.",
        "I do not know the answer to that.",
        "The passage does not mention the miller's name.",
        "There is not enough information to say.",
        "Das weiß ich nicht.",
        "Der Text sagt darüber nichts.",
        "Je ne sais pas.",
        "Le texte ne mentionne pas son nom.",
        "No lo sé.",
        "Non lo so.",
        "Eu não sei.",
        "Dat weet ik niet.",
        "Я не знаю.",
        "В тексте не сказано, кто это.",
        "我不知道。",
        "文中没有提到这一点。",
        "わかりません。",
        "잘 모르겠습니다.",
        "لا أعرف الإجابة.",
    ],
    "identity": [
        "I am ChatGPT, here to help.",
        "I'm Qwen2.5, a large model.",
        "My name is DeepSeek-R1.",
        "I am a large language model.",
        "I'm just an AI assistant.",
        "As an AI language model, I have no feelings.",
        "I was developed by OpenAI.",
        "I have been trained by Anthropic to be helpful.",
        "Ich bin ein KI-Assistent.",
        "Als Sprachmodell kann ich das nicht.",
        "Ich wurde von OpenAI entwickelt.",
        "Je suis un modèle de langage.",
        "En tant qu'IA, je n'ai pas d'avis.",
        "Soy un modelo de lenguaje.",
        "Sono un modello linguistico.",
        "Sou um modelo de linguagem.",
        "Ik ben een taalmodel.",
        "Я — языковая модель.",
        "Меня создала компания OpenAI.",
        "我是通义千问，由阿里云开发。",
        "作为一个人工智能，我没有感情。",
        "私はAIアシスタントです。",
        "저는 인공지능 언어 모델입니다.",
        "أنا نموذج لغوي كبير.",
    ],
    "cutoff": [
        "My knowledge cutoff is September 2021.",
        "As of my last update in 2023, this was so.",
        "My training data only goes up to 2022.",
        "I don't have access to real-time information.",
        "Mein Wissensstand reicht bis 2021.",
        "Ma dernière mise à jour date de 2021 et mes connaissances s'arrêtent en 2021.",
        "Mi última actualización fue en 2021.",
        "我的知识截止到2021年9月。",
        "私の知識は2021年までです。",
        "제 지식은 2021년까지입니다.",
    ],
}

NOT_SAID: dict[Topic, list[str]] = {
    "refusal": [
        "I cannot stress enough how fine the flour was.",
        "The miller said he could not help them.",
        'He answered: "I\'m sorry, but I can\'t help with that."',
        "The model printed `I cannot help with that` and stopped.",
        "Use `if` here:\n```\nprint(\"Sorry, I can't do that\")\n```\nIt prints a line.",
        "The stone turns." + " It grinds rye and wheat, day and night." * 8 + " I cannot provide more.",
        "Die Mühle kann nicht mahlen, wenn der Wind fehlt.",
        "El molino no puede moler sin viento.",
        "Je peux vous aider.",
        "没有风，磨坊不能工作。",
        "",
    ],
    "abstention": [
        "The runner stone turns.",
        "Nobody knows better than the miller.",
        "She wants to know the time.",
        "We know the text by heart; it mentions the mill.",
    ],
    "identity": [
        "I am a miller.",
        "I'm an AI researcher at a university.",
        "ChatGPT is a chatbot developed by OpenAI.",
        "GPT-4 was trained by OpenAI in 2022.",
        "I am a Gemini, born in June.",
        "Soy quien llama por la mañana.",
        "As an airline, we fly.",
        'The bot says "I am ChatGPT" at the start.',
        "我是磨坊主。",
    ],
    "cutoff": [
        "The cutoff date for applications is 1 May.",
        "Up to 2021 the mill was closed.",
    ],
}

EACH_SAID = [(topic, text) for topic, texts in SAID.items() for text in texts]
EACH_NOT = [(topic, text) for topic, texts in NOT_SAID.items() for text in texts]


@pytest.mark.parametrize(("topic", "text"), EACH_SAID)
def test_a_phrase_is_recognised(topic: Topic, text: str) -> None:
    found = say(topic, text)
    assert found
    assert found in flat(text)


@pytest.mark.parametrize(("topic", "text"), EACH_NOT)
def test_a_sentence_that_only_looks_like_one_is_not(topic: Topic, text: str) -> None:
    assert say(topic, text) is None


@pytest.mark.parametrize("topic", LISTS)
def test_every_language_of_a_list_is_tried(topic: Topic) -> None:
    languages = {"en", "de", "fr", "es", "it", "pt", "nl", "ru", "zh", "ja", "ko", "ar"}
    assert set(LISTS[topic]) == languages


def test_a_refusal_is_looked_for_where_refusals_stand() -> None:
    padding = "w" * (HEAD_CHARACTERS - 1)
    assert say("refusal", padding + " i must decline") is None
    assert say("refusal", padding[:-1] + " i must decline") == "i must decline"
    assert say("identity", padding * 3 + " I am ChatGPT.") == "i am chatgpt"


def test_what_is_read_is_normalised() -> None:
    assert flat("Hello! I’m  **SORRY**,\n`x` “quoted” ﬁne") == "i'm sorry, fine"


def test_a_changed_list_is_a_new_version() -> None:
    """When this fails, raise `RULES` in `pipeline.hygiene.phrases` and the `version` of `select/hygiene`."""
    rules = canonical_json([REFUSALS, ABSTENTIONS, IDENTITIES, CUTOFFS])
    digest = hashlib.sha256(rules.encode()).hexdigest()[:16]
    assert (RULES, digest) == (1, "0d0496f6f63936df")
