"""How a model names itself or its maker, and the end of its knowledge, by language; read by `pipeline.hygiene.phrases`."""

from __future__ import annotations

# Names that are words or people's names as well (Llama, Gemma, Yi, Falcon) only with a number.
_MODELS = (
    r"(?:chat ?gpt|gpt-?[0-9][\w.-]*|claude|gemini|google bard|bard|mistral|mixtral|qwen[\w.-]*|tongyi qianwen|deepseek[\w.-]*"
    r"|(?:llama|gemma|phi|yi|falcon|glm|olmo|tulu|vicuna)[ -]?[0-9][\w.-]*|grok|github copilot|copilot|ernie bot|wenxin"
    r"|baichuan|internlm|kimi|chatglm|minimax|doubao|hunyuan|nemotron|command r|open ?assistant|bing chat)"
)
_MAKERS = (
    r"(?:openai|anthropic|google(?: deepmind)?|deepmind|meta(?: ai)?|mistral(?: ai)?|alibaba(?: cloud)?"
    r"|deepseek|xai|microsoft|baidu"
    r"|01\.ai|zhipu(?: ai)?|moonshot(?: ai)?|tencent|bytedance|nvidia|cohere|the allen institute|ai2|ibm"
    r"|apple|amazon)"
)
_AI = r"(?:ai|a\.i\.|artificial intelligence|(?:large )?language model|chatbot|(?:virtual|ai|digital) assistant)"
IDENTITIES: dict[str, tuple[str, ...]] = {
    "en": (
        rf"\b(?:i(?:'m| am)|my name is) (?:actually |called |named )?{_MODELS}\b(?!'s"
        r"| users?\b| fans?\b)",
        rf"\bi(?:'m| am) (?:just |only |simply )?an? (?:[\w-]+ ){{0,3}}?{_AI}(?: (?:model|assistant|program"
        r"|system))?\b(?! (?:engineer|researcher|expert|student|developer|scientist|enthusiast|practitioner"
        r"|ethicist))",
        rf"\bas an? (?:[\w-]+ ){{0,2}}?{_AI}(?: (?:model|assistant|program|system))?,? (?:i|my)\b",
        r"\bi (?:was|am|have been|'ve been) (?:\w+ )?(?:developed|trained|created|made|built|designed) (?:by"
        rf"|at) {_MAKERS}\b",
        r"\b(?:assistant|model|chatbot),? (?:that was |which was )?(?:developed|trained|created|made"
        rf"|built) by {_MAKERS}\b.{{0,40}}\b(?:i|my|me)\b",
    ),
    "de": (
        rf"\bich bin (?:ein |eine )?(?:großes )?(?:{_MODELS}|ki|sprachmodell|ki-\w+|chatbot)\b",
        rf"\bals (?:ki|künstliche intelligenz|sprachmodell|ki-\w+)\b.{{0,30}}\bich\b"
        rf"|\bich wurde von {_MAKERS} (?:entwickelt|trainiert)",
    ),
    "fr": (
        rf"\bje suis (?:une? |l'|le )?(?:grand )?(?:{_MODELS}|ia|intelligence artificielle|modèle de langage)\b",
        r"\ben tant qu[e'] ?(?:ia|une ia|intelligence artificielle|modèle de langage|assistant)\b"
        rf"|\bj'ai été (?:développée?|créée?|entraînée?) par {_MAKERS}\b",
    ),
    "es": (
        rf"\bsoy (?:una? |el )?(?:gran )?(?:{_MODELS}|ia|inteligencia artificial|modelo de lenguaje)\b",
        r"\bcomo (?:un |una )?(?:ia|inteligencia artificial|modelo de lenguaje|asistente virtual)\b"
        rf"|\bfui (?:desarrollado|creado|entrenado) por {_MAKERS}\b",
    ),
    "it": (
        rf"\bsono (?:un[ao']? ?)?(?:grande )?(?:{_MODELS}|ia|intelligenza artificiale|modello linguistico)\b",
        r"\bin quanto (?:ia|intelligenza artificiale|modello linguistico)\b|\bsono stat[oa] (?:sviluppat"
        rf"|creat|addestrat)[oa] da {_MAKERS}\b",
    ),
    "pt": (
        rf"\b(?:eu )?sou (?:uma? |o )?(?:grande )?(?:{_MODELS}|ia|inteligência artificial|modelo de linguagem)\b",
        r"\bcomo (?:um |uma )?(?:ia|inteligência artificial|modelo de linguagem)\b|\bfui (?:desenvolvido"
        rf"|criado|treinado) (?:pela|por) {_MAKERS}\b",
    ),
    "nl": (
        rf"\bik ben (?:een )?(?:groot )?(?:{_MODELS}|ai|taalmodel)\b",
        r"\bals (?:ai|taalmodel|ai-\w+|kunstmatige intelligentie)\b.{0,30}\bik\b",
    ),
    "ru": (
        rf"\bя (?:—|-|–)? ?(?:\w+ ){{0,3}}?(?:{_MODELS}|языковая модель|искусственный интеллект|чат-бот)",
        r"\bкак (?:языковая модель|искусственный интеллект|ии)\b|\bменя (?:создала|разработала"
        r"|обучила) (?:компания )?\w+",
    ),
    "zh": (
        rf"我(?:是|叫)(?:一个|一款|一種|由)?.{{0,20}}?(?:{_MODELS}|通义千问|文心一言|智谱|深度求索|豆包|混元|人工智能|语言模型|語言模型|ai助手|智能助手)",
        r"作为(?:一个|一款|一名)?(?:人工智能|ai|大?语言模型|智能助手)|我(?:是)?由.{1,16}(?:开发|训练|创造|研发)",
    ),
    "ja": (
        rf"(?:私|わたし|僕)は.{{0,20}}?(?:{_MODELS}|ai|人工知能|言語モデル|アシスタント)(?:です|であり|なので|として)",
        r"(?:ai|人工知能|言語モデル)(?:アシスタント)?として|(?:によって|に)(?:開発|訓練|作成)された.{0,16}(?:ai|モデル)です",
    ),
    "ko": (
        rf"(?:저는|나는) .{{0,20}}?(?:{_MODELS}|인공지능|ai|언어 ?모델)",
        r"(?:인공지능|ai|언어 ?모델)(?:로서|으로서|이기 때문에|이므로)",
    ),
    "ar": (r"أنا (?:نموذج لغوي|ذكاء اصطناعي|مساعد ذكي)", r"(?:بصفتي|كوني|كنموذج|باعتباري) (?:نموذج|ذكاء|لغوي|مساعد)"),
}
_LAST = r"(?:knowledge|training|information|data)"
CUTOFFS: dict[str, tuple[str, ...]] = {
    "en": (
        rf"\b(?:my|the model's) (?:\w+ ){{0,2}}?{_LAST} (?:\w+ )?(?:cut-?off|cut off|ends?|stops?"
        r"|(?:only )?(?:goes|extends|runs) (?:up )?(?:to|until))\b",
        r"\b(?:as of|up to|until|since|after) my (?:last|latest|most recent"
        rf"|current)? ?(?:{_LAST} )?(?:(?:cut-?off|update|training|knowledge)\b)",
        r"\bmy (?:last|latest|most recent) (?:knowledge |training )?update\b|\bknowledge cut-?off (?:date|in"
        r"|of|is)\b",
        r"\bi (?:do not|don't|cannot|can't) (?:have )?(?:access (?:to )?)?real-time (?:information|data|access)\b",
    ),
    "de": (
        r"\bmein(?:e|es|em|er)? (?:wissens?(?:stand)?|trainingsdaten|letztes? (?:update"
        r"|aktualisierung))\b.{0,30}\b(?:endet|reicht|reichen|bis|stand|19\d\d|20\d\d)",
    ),
    "fr": (
        r"\b(?:ma|mes) (?:dernière mise à jour|connaissances|données d'entraînement)\b.{0,40}\b(?:s'arrêtent"
        r"|jusqu'|en|19\d\d|20\d\d)",
    ),
    "es": (
        r"\bmi (?:última actualización|conocimiento|fecha de corte)\b.{0,40}\b(?:hasta|termina|llega|es|en"
        r"|20\d\d)",
    ),
    "it": (
        r"\b(?:il mio ultimo aggiornamento|la mia conoscenza|le mie conoscenze)\b.{0,40}\b(?:al|fino|arriva"
        r"|si ferma|20\d\d)",
    ),
    "pt": (
        r"\b(?:minha última atualização|meu conhecimento|meus dados de treinamento)\b.{0,40}\b(?:até|em|vai"
        r"|20\d\d)",
    ),
    "nl": (r"\bmijn (?:kennis|trainingsdata|laatste update)\b.{0,40}\b(?:tot|eindigt|loopt|20\d\d)",),
    "ru": (
        r"\bмо(?:и|его|ё|е) (?:знания|последнее обновление|последнего обновления)\b.{0,40}(?:ограничен|до"
        r"|20\d\d)",
    ),
    "zh": (
        r"我的(?:知识|训练数据|數據|数据|信息).{0,12}(?:截止|截至|更新(?:到|至|于))|(?:知识|数据)截止(?:日期|时间|到|于)",
    ),
    "ja": (r"(?:私の|わたしの)(?:知識|学習データ|情報).{0,16}(?:まで|時点)|知識(?:の)?(?:カットオフ|最終更新)",),
    "ko": (r"(?:저의|제|내) (?:지식|학습 ?데이터|정보).{0,16}(?:까지|기준|시점)",),
    "ar": (r"(?:آخر تحديث|معرفتي|بياناتي التدريبية).{0,30}(?:حتى|في عام|20\d\d)",),
}
