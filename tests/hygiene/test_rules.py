"""Markers, repetition, languages, likeness and endings: the exact number or the exact words of each rule."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.hygiene.endings import has_no_end, is_empty, is_opener
from pipeline.hygiene.language import Language, differ, language_of
from pipeline.hygiene.likeness import alike
from pipeline.hygiene.markers import chat_marker, template_slot
from pipeline.hygiene.prose import sentences_of, without_code, words_of
from pipeline.hygiene.repetition import LIMITS, repetition, shares_of

# --- prose -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "prose"),
    [
        ("a `b` c", "a   c"),
        ("a\n```python\nx = 1\n```\nb", "a\n \nb"),
        ("a\n```\nnever closed", "a\n```\nnever closed"),
        ("a ``b ` c`` d", "a   d"),
        ("no code", "no code"),
    ],
)
def test_code_is_left_out_when_it_is_closed(text: str, prose: str) -> None:
    assert " ".join(without_code(text).split()) == " ".join(prose.split())


def test_words_and_sentences() -> None:
    assert words_of("The miller's 2 stones, 石臼だ!") == ["the", "miller's", "2", "stones", "石", "臼", "だ"]
    assert sentences_of('One. "Two!" Three\nFour。Five') == ["One.", '"Two!"', "Three", "Four。", "Five"]


# --- markers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "marker"),
    [
        ("Yes.<|im_end|>", "<|im_end|>"),
        ("<|im_start|>assistant\nYes.", "<|im_start|>"),
        ("[INST] Why? [/INST] Yes.", "[INST]"),
        ("<s>[INST]", "[INST]"),
        ("<<SYS>> be brief", "<<SYS>>"),
        ("Yes.</s>", None),
        ("Yes.\n### Instruction: go on", "### Instruction:"),
        ("Yes.\n\nHuman: and then?", "Human:"),
        ("USER: hello", "USER:"),
        ("<think>hm</think> Yes.", "<think>"),
        ("hm</think> Yes.", "</think>"),
        ("Yes <end_of_turn>", "<end_of_turn>"),
        ("Yes <|endoftext|>", "<|endoftext|>"),
        ("<eos>", "<eos>"),
        ("<｜begin▁of▁sentence｜>Yes.", "<|begin▁of▁sentence|>"),
        ("a <|> b <=|> c <[^>] d [|~] e", None),
        ("Yes, `<|im_end|>` ends a turn.", None),
        ("```\n<|im_start|>user\n```\nshows it.", None),
        ("a < b and c > d", None),
        ("[IMPORTANT] read this", None),
        ("The human: a history", None),
        ("### Response times\nThey vary.", None),
        ("He is an ASSISTANT: no.", None),
        ("<b>bold</b> <s>old</s>", None),
        ("a list [A] and [B]", None),
        ("", None),
    ],
)
def test_chat_markers(text: str, marker: str | None) -> None:
    assert chat_marker(text) == marker


@pytest.mark.parametrize(
    ("text", "slot"),
    [
        ("Dear {{ name }}, hello", "{{ name }}"),
        ("{{user.name|title}}", "{{user.name|title}}"),
        ("{% if x %}yes{% endif %}", "{% if x %}"),
        ("Sent on [insert date here].", "[insert date here]"),
        ("Sincerely, [Your Name]", "[Your Name]"),
        ("<your answer here>", "<your answer here>"),
        ("x^{{n}} and \\frac{{a}}{{b}}", None),
        ("`{{ name }}` is a slot", None),
        ("see [your account](https://x.org)", None),
        ("f(x) = {x}", None),
        ("", None),
    ],
)
def test_template_slots(text: str, slot: str | None) -> None:
    assert template_slot(text) == slot


# --- repetition ------------------------------------------------------------------------------------------------------


def test_shares_of_lines_paragraphs_and_sentences() -> None:
    assert shares_of("aa\naa\nbbbb") == pytest.approx(
        {"lines": 1 / 3, "line_characters": 0.25, "paragraphs": 0, "paragraph_characters": 0, "sentence_characters": 0}
    )
    shares = shares_of("It is so. It is so. It is not so here.")
    assert shares["sentence_characters"] == pytest.approx(9 / 36)
    assert shares_of("Yes. Yes. Yes.")["sentence_characters"] == 0, "two words are no sentence worth counting"
    assert shares_of("a\n\nb\n\na")["paragraphs"] == pytest.approx(1 / 3)
    assert shares_of("") == dict.fromkeys(shares, 0)
    assert shares_of("}\n}\n|---|\n|---|")["lines"] == 0, "lines without a letter or digit do not count"


def test_shares_of_n_grams_by_hand() -> None:
    words = [f"w{number:02}" for number in range(60)]
    shares = shares_of(" ".join(words))
    assert {kind: share for kind, share in shares.items() if share} == {}
    again = shares_of(" ".join([*words, *words[:6]]))
    assert again["top_2"] == pytest.approx(4 / 66)
    assert again["top_4"] == pytest.approx(8 / 66)
    assert again["again_5"] == again["again_6"] == pytest.approx(6 / 66)
    assert again["again_7"] == 0
    assert "top_2" not in shares_of(" ".join(words[:49]))


def test_a_loop_is_repetition_but_for_its_first_word() -> None:
    kind, share = repetition("grind " * 60) or ("", 0.0)
    assert (kind, share) == ("again_10", pytest.approx(59 / 60))
    assert repetition("石臼" * 60) is not None


def test_limits_can_be_set_one_by_one() -> None:
    text = "aa\naa\nbbbb\ncccc"
    assert repetition(text) is None
    assert repetition(text, LIMITS | {"lines": 0.2}) == ("lines", 0.25)
    assert repetition("It is so here. " * 2, LIMITS | {"sentence_characters": 1.0}) is None


def test_code_does_not_count_as_repetition() -> None:
    assert repetition("Do this:\n```\n" + "pass\n" * 20 + "```\nThat is all there is to it.") is None
    assert repetition("Do this:\n```\n" + "pass\n" * 20) is not None, "a block that is never closed is no code block"


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(["mill", "stone", "a", "石", "\n", ".", "\n\n", "```"]), max_size=120).map(" ".join))
def test_shares_are_shares(text: str) -> None:
    assert all(0 <= share <= 1 for share in shares_of(text).values())


# --- languages -------------------------------------------------------------------------------------------------------

TEXTS = {
    "en": "The runner stone turns above the bedstone, and the grain is ground between the two of them.",
    "de": "Der Läufer dreht sich über dem Bodenstein, und das Korn wird zwischen den beiden gemahlen.",
    "fr": "La meule courante tourne au-dessus de la meule dormante, et le grain est moulu entre les deux.",
    "es": "La muela volandera gira sobre la solera y el grano se muele entre las dos piedras del molino.",
    "it": "La macina superiore gira sopra quella inferiore e il grano è macinato tra le due pietre del mulino.",
    "pt": "A mó de cima gira sobre a mó de baixo, e o grão é moído entre as duas pedras do moinho.",
    "nl": "De loper draait boven de ligger, en het graan wordt tussen de twee stenen van de molen gemalen.",
    "sv": "Löparen roterar ovanför liggaren, och säden mals mellan de två stenarna som är av granit.",
    "pl": "Kamień biegun obraca się nad leżakiem, a ziarno jest mielone między nimi i nie jest to trudne.",
    "tr": "Üst taş alt taşın üzerinde döner ve tahıl bu iki taş arasında un olarak çok ince öğütülür, daha sonra elenir.",
    "ru": "Верхний жёрнов вращается над нижним, и зерно перемалывается между ними, как это было и раньше.",
    "uk": "Верхнє жорно обертається над нижнім, і зерно перемелюється між ними, як це було й раніше, але не завжди.",
    "el": "Η πάνω μυλόπετρα γυρίζει πάνω από την κάτω.",
    "he": "אבן הריחיים העליונה מסתובבת מעל התחתונה.",
    "ar": "يدور حجر الرحى العلوي فوق الحجر السفلي، والحبوب تطحن بين هذا وذلك في كل يوم من الأيام على مهل.",
    "fa": "سنگ رویی آسیاب بر روی سنگ زیرین می چرخد و دانه ها را در بین این دو سنگ آرد می کند.",
    "hi": "ऊपर का पाट नीचे के पाट के ऊपर घूमता है और अनाज दोनों के बीच में पिसता है।",
    "th": "หินโม่ตัวบนหมุนอยู่เหนือหินตัวล่าง",
    "zh": "上面的磨石在下面的磨石上转动，谷物在两者之间被磨碎。",
    "ja": "上の石臼が下の石臼の上で回り、穀物はその間で挽かれます。",
    "ko": "위쪽 맷돌이 아래쪽 맷돌 위에서 돌아갑니다.",
}


@pytest.mark.parametrize("code", TEXTS)
def test_a_language_is_recognised(code: str) -> None:
    found = language_of(TEXTS[code])
    assert found is not None
    assert found.code == code


def test_every_language_differs_from_every_other() -> None:
    for one, text in TEXTS.items():
        for other, another in TEXTS.items():
            assert (differ(text, another) is None) == (one == other), (one, other)


@pytest.mark.parametrize(
    "text", ["", "Why?", "ok", "42", "🙂🙂🙂", "E = mc²", "x1 y2 z3", "Москва Paris 東京 Αθήνα", "`the and of to in is`"]
)
def test_short_and_mixed_texts_are_not_decided(text: str) -> None:
    assert language_of(text) is None
    assert differ(text, TEXTS["ja"]) is None
    assert differ(TEXTS["en"], text) is None


def test_where_words_do_not_decide_the_script_still_does() -> None:
    assert language_of("Runner stone turning quickly") == Language("latin", None)
    assert language_of("a = k; b = v; s = o; a, v, s, k = f(a, v, s)") == Language("latin", None), "no Czech"
    assert differ("Runner stone turning quickly", TEXTS["en"]) is None
    assert differ("Runner stone turning quickly", TEXTS["zh"]) == ("latin", "han")
    assert differ(TEXTS["en"], TEXTS["zh"]) == ("en", "zh")


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=80), st.text(max_size=80))
def test_differing_is_symmetric_and_never_of_oneself(one: str, other: str) -> None:
    found = differ(one, other)
    assert differ(one, one) is None
    assert differ(other, one) == (found[::-1] if found else None)


# --- likeness --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "share"),
    [
        ("abcdef", "abcdef", 1.0),
        ("ABC  def", "abc def", 1.0),
        ("abcdef", "abcdeg", 1 / 3),
        ("abcde", "fghij", 0.0),
        ("abc", "abc", 1.0),
        ("abc", "abd", 0.0),
        ("", "", 1.0),
        ("", "a", 0.0),
        ("cafe\u0301s", "caf\u00e9s", 1.0),
        ("石臼が回る", "石臼が回る", 1.0),
    ],
)
def test_likeness(one: str, other: str, share: float) -> None:
    assert alike(one, other) == pytest.approx(share)
    assert alike(other, one) == alike(one, other)


# --- endings ---------------------------------------------------------------------------------------------------------

KEYS = [
    # arXiv 2507.08794, table 1
    ".", ",", ":", "Thought process:", "Let's solve this problem step by step.", "Solution", "解", "かいせつ", "Respuesta",
    # and their like in five languages
    "Answer:", "The answer is:", "**Solution:**", "Step 1:", "Sure, here is the answer:", "Let’s think step by step.",
    "Lösung:", "Antwort:", "Die Antwort lautet:", "Schritt 1:", "Lass uns das Schritt für Schritt lösen.",
    "Solution étape par étape", "Réponse :", "La réponse est", "Étape 1 :", "Résolvons ce problème étape par étape.",
    "Solución:", "La respuesta es:", "Proceso de pensamiento:", "Resolvamos este problema paso a paso.", "Paso 1",
    "答案：", "解答", "思考过程：", "让我们一步一步解决这个问题", "...", "—", "(?)", "! \n .",
]  # fmt: skip


@pytest.mark.parametrize("key", KEYS)
def test_a_master_key_is_an_opener(key: str) -> None:
    assert is_opener(key)
    assert is_opener(f"  {key}\n")
    assert not is_opener(f"{key} the runner stone")


@pytest.mark.parametrize("text", ["", " ", "42", "Paris", "👍", "√2", "Solutions of salt", "yes", "Step 12", "好"])
def test_a_short_answer_is_none(text: str) -> None:
    assert not is_opener(text)


@pytest.mark.parametrize(
    ("text", "empty"),
    [("", True), (" \n\t", True), ("\u200b\ufeff", True), ("\u00a0", True), (".", False), ("a", False), ("👍", False)],
)
def test_what_is_empty(text: str, empty: bool) -> None:
    assert is_empty(text) is empty


@pytest.mark.parametrize(
    ("text", "breaks_off"),
    [
        ("The runner stone turns above the bed stone.", False),
        ("The runner stone turns above the bed stone and the", True),
        ("The runner stone turns above the bed stone …", True),
        ("The runner stone turns...", True),
        ("Paris", False),
        ("", False),
        ('He said: "The runner stone turns above the bed stone."', False),
        ("**The runner stone turns above the bed stone!**", False),
        ("These are the parts of a mill that turn:\n- the runner stone\n- the sails", False),
        ("This is how a mill is built, in code:\n```\nbuild()\n```", False),
        ("This is how a mill is built, in code:\n```\nbuild()", True),
        ("The area of the stone that grinds is\n$$ r^2 \\pi $$", False),
        ("You can read all about mills on this page: https://mill.org/a", False),
        ("上面的磨石在下面的磨石上转动。", False),
        ("上面的磨石在下面的磨石上转", True),
        ("I hope that you have fun at the mill today 🙂", False),
    ],
)
def test_where_an_answer_breaks_off(text: str, breaks_off: bool) -> None:
    assert has_no_end(text) is breaks_off
