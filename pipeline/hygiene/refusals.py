"""How a refusal begins, and how one says that one does not know, by language; read by `pipeline.hygiene.phrases`."""

from __future__ import annotations

_HELP = (
    r"(?:help|assist|comply|fulfil+|provide|create|generate|write|produce|answer|engage|continue|support"
    r"|discuss|give|offer"
    r"|participate|respond|do that|do this|share|recommend)"
)
_CANNOT = (
    r"(?:can ?not|can't|could not|couldn't|won't|will not|am unable to|'m unable to|am not able to|'m not able to"
    r"|must decline to)"
)
REFUSALS: dict[str, tuple[str, ...]] = {
    "en": (
        r"\bi(?:'m| am)(?: very| so| really)? (?:sorry|afraid),? ?(?:but "
        rf"|that )?(?:as an? [\w -]{{1,40}}, ?)?i {_CANNOT}\b",
        rf"\bi(?: {_CANNOT}|'m unable to|'m not able to) (?:[\w-]+ ){{0,2}}?{_HELP}\b",
        rf"\bi(?:'m| am) (?:unable|not able) to (?:[\w-]+ ){{0,2}}?{_HELP}\b",
        r"\bi (?:must|have to|need to) (?:respectfully )?(?:decline|refuse)\b"
        r"|\bi (?:respectfully )?(?:decline|refuse) to\b",
        r"\bi(?:'m| am) not (?:comfortable|willing|allowed|permitted) (?:to|with|discussing|providing|helping)\b",
        r"^(?:sorry|apologies|unfortunately),? (?:but )?i (?:can ?not|can't|won't|am unable|am not able)\b",
        r"\b(?:goes|is) against my (?:guidelines|programming|policies|policy|ethical)|\bviolates (?:my|our"
        r"|openai's) (?:guidelines|polic)",
        rf"\bas an? (?:ai|a\.i\.|artificial intelligence|language model)[\w ,-]{{0,40}}\bi {_CANNOT}\b",
    ),
    "de": (
        r"\bich kann (?:dir|ihnen|euch)?(?: \w+){0,3} ?(?:leider|dabei|damit|hierbei"
        r"|das)?(?: \w+){0,3} nicht (?:weiter)?(?:helfen|behilflich|beantworten|dienen|entsprechen)",
        r"\btut mir leid,? (?:aber )?(?:ich|das|dabei|da) (?:kann|darf|werde)(?: ich)?\b.{0,60}\bnicht\b",
        r"\bleider (?:kann|darf) ich\b.{0,60}\b(?:nicht|keine)\b|\bich (?:muss|möchte) (?:das |dies )?ablehnen\b",
    ),
    "fr": (
        r"\bje (?:suis|regrette),? ?(?:vraiment )?(?:désolée?)?,? ?(?:mais )?je ne (?:peux|puis) pas\b",
        r"\bje ne (?:peux|puis) (?:malheureusement )?pas (?:vous |t'|te |y )?(?:aider|répondre|fournir"
        r"|accéder|satisfaire|continuer)",
        r"\bje (?:dois|préfère) (?:décliner|refuser)\b|\bje ne suis pas en mesure (?:de|d')",
    ),
    "es": (
        r"\blo siento,? (?:pero )?no (?:puedo|podré|me es posible)\b|\bno puedo (?:ayudar(?:te|le|los)?"
        r"|cumplir|proporcionar|responder|asistir)",
        r"\b(?:me temo|lamento) (?:que|decir que) no puedo\b|\bdebo (?:rechazar|declinar)\b"
        r"|\bno estoy en condiciones de\b",
    ),
    "it": (
        r"\bmi (?:dis?spiace|scuso),? (?:ma )?non (?:posso|sono in grado)\b",
        r"\bnon (?:posso|sono in grado di) (?:aiutar(?:ti|la|vi)|fornire|rispondere|soddisfare|assister(?:ti|la))",
    ),
    "pt": (
        r"\b(?:desculpe|sinto muito|lamento),? (?:mas )?(?:eu )?não (?:posso|consigo|poderei)\b",
        r"\bnão (?:posso|consigo) (?:ajudar|ajudá-lo|atender|fornecer|responder|auxiliar)",
    ),
    "nl": (
        r"\bhet spijt me,? (?:maar )?(?:ik kan|daar kan ik)\b.{0,60}\b(?:niet|geen)\b",
        r"\b(?:ik kan|kan ik) (?:je|u|hier|daar)?(?: \w+){0,3} ?niet (?:mee )?(?:helpen|aan voldoen"
        r"|beantwoorden)|\bik moet (?:dit|dat) weigeren\b",
    ),
    "ru": (
        r"\b(?:извините|простите|к сожалению),? (?:но )?я не (?:могу|в состоянии)",
        r"\bя не (?:могу|смогу) (?:вам |тебе )?(?:помочь|предоставить|ответить|выполнить|помогать)",
    ),
    "zh": (
        r"(?:抱歉|对不起|對不起|很遗憾)[,。!]? ?(?:但)?(?:我|作为|身为|本人)?.{0,16}(?:不能|无法|無法|不可以|没办法)",
        r"我(?:不能|无法|無法)(?:提供|协助|協助|帮助|幫助|回答|满足|参与|生成|继续)",
    ),
    "ja": (
        r"(?:申し訳(?:ありません|ございません)|すみません|ごめんなさい).{0,40}(?:できません|できかねます|いたしかねます|お答えでき)",
        r"(?:お手伝い|お答え|提供|対応|回答|ご支援)(?:すること)?(?:は|が)?(?:できません|できかねます|いたしかねます)",
    ),
    "ko": (
        r"(?:죄송(?:합니다|하지만|하지만요)|미안하지만).{0,40}(?:없습니다|없어요|못합니다|불가능)",
        r"(?:도와드릴|답변(?:해 ?드릴|할)|제공(?:해 ?드릴|할)) 수(?:는|가)? 없",
    ),
    "ar": (
        r"(?:عذرا|عذرًا|آسف|أعتذر|للأسف).{0,30}(?:لا أستطيع|لا يمكنني|لا أقدر)",
        r"(?:لا أستطيع|لا يمكنني|لست قادرا على) (?:مساعدتك|تقديم|الإجابة|المساعدة)",
    ),
}
ABSTENTIONS: dict[str, tuple[str, ...]] = {
    "en": (
        r"\bi (?:do not|don't|really don't) know\b(?! about| how to tell)|\bi(?:'m| am) not sure\b"
        r"|\bi have no (?:idea|information)\b",
        r"\b(?:the|this|that) (?:passage|text|context|document|source|article|information)(?: provided"
        r"| given)? (?:does not|doesn't|do not) (?:say|mention|state|contain|answer|provide|specify|include"
        r"|tell)",
        r"\b(?:there is|there's|i have) (?:not enough|insufficient|no) (?:information|context|data)\b"
        r"|\bit (?:is|was) not (?:mentioned|stated|specified)\b",
        r"\bcan(?:not| not|'t) be (?:answered|determined) (?:from|based on|with)\b|\bunanswerable\b",
    ),
    "de": (
        r"\b(?:das )?weiß ich nicht\b|\bich weiß (?:es|das|die antwort|darauf)?(?: \w+){0,2} ?nicht\b",
        r"\b(?:der text|die passage|der abschnitt|der kontext) (?:sagt|nennt|enthält|erwähnt"
        r"|gibt)\b.{0,40}\b(?:nicht|nichts|keine)\b",
    ),
    "fr": (
        r"\bje (?:ne )?sais pas\b|\bje l'ignore\b",
        r"\ble (?:texte|passage|contexte|document) ne (?:dit|mentionne|précise|contient|répond"
        r"|fournit) (?:pas|rien|aucune)\b",
    ),
    "es": (
        r"\bno (?:lo )?sé\b|\bdesconozco\b",
        r"\bel (?:texto|pasaje|contexto|documento) no (?:dice|menciona|indica|contiene|responde|especifica)\b",
    ),
    "it": (
        r"\bnon (?:lo )?so\b",
        r"\bil (?:testo|brano|contesto|documento) non (?:dice|menziona|indica|contiene|specifica)\b",
    ),
    "pt": (
        r"\b(?:eu )?não sei\b",
        r"\bo (?:texto|trecho|contexto|documento) não (?:diz|menciona|indica|contém|especifica)\b",
    ),
    "nl": (
        r"\b(?:dat )?weet ik niet\b|\bik weet (?:het|dat)? ?niet\b",
        r"\bde (?:tekst|passage|context) (?:zegt|vermeldt|noemt|bevat)\b.{0,30}\b(?:niet|geen|niets)\b",
    ),
    "ru": (r"\bя не знаю\b", r"\bв (?:тексте|отрывке|контексте) (?:не (?:сказано|указано|упоминается)|нет)"),
    "zh": (
        r"我不知道|我不清楚|不得而知",
        r"(?:文中|文章|段落|原文|上下文|资料)(?:中)?(?:没有|未|并未)(?:提到|提及|说明|给出|包含)",
    ),
    "ja": (
        r"(?:わかりません|分かりません|存じません)",
        r"(?:本文|文章|文脈|資料)(?:に|には|では)(?:記載|言及|説明)(?:が|は|されて)?(?:ありません|いません)",
    ),
    "ko": (
        r"모르겠(?:습니다|어요)|알 수 없(?:습니다|어요)",
        r"(?:본문|지문|문맥|문서)에(?:는|서는)? .{0,20}(?:언급|나와|명시).{0,8}(?:없|않)",
    ),
    "ar": (r"لا أعرف|لا أعلم|لست متأكدا", r"(?:النص|السياق|المستند|الفقرة) لا (?:يذكر|تذكر|يحتوي|يوضح)"),
}
