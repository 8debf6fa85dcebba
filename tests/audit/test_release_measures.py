"""The measures of a release by themselves: against numbers reckoned by hand, other libraries, and their own symmetries."""

from __future__ import annotations

import math
import random
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from pipeline.audit.accuracy import wilson
from pipeline.audit.phrases import PHRASES
from pipeline.audit.release.catalogue import BY_GATE, FIGURES, NEEDS, SPECS
from pipeline.audit.release.coverage import effective_number, largest_share
from pipeline.audit.release.figures import Measured, Standing, distance, share_of, standing
from pipeline.audit.release.intervals import area_of, difference
from pipeline.audit.release.jury import chance_of_error, jury, voter_error
from pipeline.audit.release.languages import guess_language, languages_of
from pipeline.audit.release.probe import Probe, run_probe
from pipeline.audit.release.report import compare
from pipeline.land.gates import REMEDIES, Gates, check
from warehouse.connection import SQL, literal
from warehouse.sources import source_sql

ROOT = Path(__file__).parents[2]

# --- areas -----------------------------------------------------------------------------------------------------------

LEADS = st.lists(st.tuples(st.sampled_from("abcd"), st.integers(-3, 3).map(float)), min_size=1, max_size=40)


def value_of(leads: list[tuple[str, float]]) -> float:
    found = area_of(leads)
    assert found is not None
    return found.value


@pytest.mark.parametrize(
    ("leads", "area"),
    [([1.0], 1.0), ([0.0], 0.5), ([-2.0], 0.0), ([1.0, -1.0], 0.5), ([2.0, -1.0], 0.75), ([1.0, 0.0], 0.875)],
)
def test_an_area_by_hand(leads: list[float], area: float) -> None:
    """Of (2, -1): 2 is above -2 and above 1, -1 is above -2 and not above 1: three of four."""
    assert value_of([(str(at), lead) for at, lead in enumerate(leads)]) == area


def test_nothing_has_no_area() -> None:
    assert area_of([]) is None


@given(LEADS)
def test_an_area_is_that_of_scikit_learn_over_both_sides(leads: list[tuple[str, float]]) -> None:
    scores = [lead for _, lead in leads] + [-lead for _, lead in leads]
    labels = [1] * len(leads) + [0] * len(leads)
    assert value_of(leads) == pytest.approx(roc_auc_score(labels, scores))


@given(LEADS, st.randoms())
def test_an_area_knows_neither_order_nor_side(leads: list[tuple[str, float]], chance: random.Random) -> None:
    turned = [(document, -lead) for document, lead in leads]
    assert value_of(turned) == pytest.approx(1 - value_of(leads))
    shuffled = list(leads)
    chance.shuffle(shuffled)
    assert area_of(shuffled) == area_of(leads)


@given(LEADS, st.integers(2, 4))
def test_more_pairs_of_the_same_documents_make_nothing_surer(leads: list[tuple[str, float]], times: int) -> None:
    one, many = area_of(leads), area_of(leads * times)
    assert one is not None
    assert many is not None
    assert many.value == pytest.approx(one.value)
    assert (one.low is None) == (len({document for document, _ in leads}) < 2)
    if one.low is not None:
        assert many.low == pytest.approx(one.low)
        assert many.high == pytest.approx(one.high)


def test_the_interval_of_an_area_covers_the_truth() -> None:
    """Leads of normals with mean 0.5: the area is P(d + d' > 0) = Φ(1 / √2); 500 sets of 100 documents with two pairs each."""
    truth = 0.5 * (1 + math.erf(0.5))
    draw = random.Random(3)
    inside = 0
    for _ in range(500):
        of_document = [draw.gauss(0.5, math.sqrt(0.5)) for _ in range(100)]
        leads = [(str(at), middle + draw.gauss(0, math.sqrt(0.5))) for at, middle in enumerate(of_document) for _ in "ab"]
        found = area_of(leads)
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        inside += found.low <= truth <= found.high
    assert 0.92 <= inside / 500 <= 0.98


def test_the_interval_of_a_difference_is_newcombes() -> None:
    """Newcombe 1998, table II, example (a): 56 of 70 against 48 of 80, method 10."""
    one, other = share_of(56, 70), share_of(48, 80)
    assert one is not None
    assert other is not None
    found = difference(one, other)
    assert found.value == pytest.approx(0.2)
    assert (found.low, found.high) == (pytest.approx(0.0524, abs=5e-5), pytest.approx(0.3339, abs=5e-5))


@given(st.integers(0, 30), st.integers(0, 30))
def test_a_difference_changes_its_sign_with_its_sides(one: int, other: int) -> None:
    a, b = share_of(one, 30), share_of(other, 30)
    assert a is not None
    assert b is not None
    there, back = difference(a, b), difference(b, a)
    assert there.value == -back.value
    assert there.low == pytest.approx(-(back.high or 0))


def test_a_value_without_an_interval_differs_without_one() -> None:
    assert difference(Measured(3.0, 5), Measured(1.0, 4)) == Measured(2.0, 4)
    (change,) = compare({"effective_sources": Measured(3.0, 5)}, {"effective_sources": Measured(1.0, 4)})
    assert not change.is_clear


# --- juries ----------------------------------------------------------------------------------------------------------


def test_a_jury_by_hand() -> None:
    """Three pairs on which both voters are for the label, one on which they part: they agree in three of four."""
    found = jury({(2, 0): 3, (1, 1): 1, (1, 0): 50})
    error = (1 - math.sqrt(0.5)) / 2
    both_wrong = error**2 / (error**2 + (1 - error) ** 2)
    assert found is not None
    assert found.agreement == Measured(0.75, 4, *wilson(3, 4))
    assert found.voter_error.value == pytest.approx(error)
    assert found.label_noise.value == pytest.approx((3 * both_wrong + 0.5) / 4)


@pytest.mark.parametrize("p", [0.6, 0.8, 0.95])
def test_the_errors_of_one_coin_voters_are_found_again(p: float) -> None:
    """Three voters of accuracy p and the label of the majority: it errs in 3pq² + q³."""
    q, n = 1 - p, 10**9
    found = jury({(3, 0): round(n * (p**3 + q**3)), (2, 1): round(n * (3 * p * p * q + 3 * p * q * q))})
    assert found is not None
    assert found.voter_error.value == pytest.approx(q, abs=1e-6)
    assert found.label_noise.value == pytest.approx(3 * p * q * q + q**3, abs=1e-6)


def test_labels_against_their_jury_are_wrong() -> None:
    found = jury({(0, 2): 7})
    assert found is not None
    assert (found.agreement.value, found.label_noise.value) == (1.0, 1.0)
    assert found.label_noise.low is not None
    assert found.label_noise.low < 1


def test_a_jury_that_agrees_by_chance_says_nothing() -> None:
    assert voter_error(0.5) == voter_error(0.3) == 0.5
    assert chance_of_error(4, 0.5) == chance_of_error(0, 0.1) == 0.5
    assert chance_of_error(10_000, 0.1) == pytest.approx(0, abs=1e-9)
    assert chance_of_error(-10_000, 0.1) == pytest.approx(1)


@pytest.mark.parametrize("votes", [{}, {(1, 0): 9}, {(0, 0): 3}])
def test_one_voter_is_no_jury(votes: dict[tuple[int, int], int]) -> None:
    assert jury(votes) is None


# --- coverage and languages ------------------------------------------------------------------------------------------


def test_spread_by_hand() -> None:
    assert largest_share([("a", 3), ("b", 1)]) == share_of(3, 4)
    assert effective_number([("a", 5), ("b", 5)]) == Measured(pytest.approx(2.0), 10)
    one = effective_number([("a", 3), ("b", 1)])
    assert one is not None
    assert one.value == pytest.approx(4 / 3**0.75)
    assert largest_share([]) is effective_number([]) is None


@given(st.lists(st.integers(1, 50), min_size=1, max_size=20))
def test_a_number_of_equals_is_between_one_and_all(sizes: list[int]) -> None:
    found = effective_number([(str(at), size) for at, size in enumerate(sizes)])
    assert found is not None
    assert 1 - 1e-9 <= found.value <= len(sizes) + 1e-9


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The river turns the wheel of the mill, and the stone grinds what is put under it.", "en"),
        ("Der Fluss dreht das Rad der Mühle, und der Stein mahlt das Korn nicht von selbst.", "de"),
        ("La rivière fait tourner la roue du moulin, et les meules sont dans une salle.", "fr"),
        ("El río hace girar la rueda del molino y las piedras que muelen el grano.", "es"),
        ("Il fiume fa girare la ruota del mulino e la pietra che non è di legno.", "it"),
        ("O rio faz girar a roda do moinho, mas não há uma pedra para os grãos.", "pt"),
        ("De rivier draait het rad van de molen en de steen is niet van hout.", "nl"),
        ("Rzeka obraca koło młyna, ale nie jest to kamień, który się obraca do końca.", "pl"),
        ("Река вращает колесо мельницы, но это не камень, а дерево, что и как.", "ru"),
        ("Річка обертає колесо млина, але це не камінь, що та як він є.", "uk"),
        ("川が水車を回し、石臼が穀物を挽く。", "ja"),
        ("河水转动磨坊的水轮，石磨把谷物磨成粉。", "zh"),
        ("강물이 물레방아를 돌립니다.", "ko"),
        ("النهر يدير عجلة الطاحونة", "ar"),
        ("הנהר מסובב את גלגל הטחנה", "he"),
        ("แม่น้ำหมุนกังหัน", "th"),
        ("Ο ποταμός γυρίζει τον τροχό", "el"),
        ("42 = 6 × 7 🌾", "other"),
        ("xqzt vfkp", "other"),
        ("", "other"),
    ],
)
def test_a_language_is_told_by_script_and_small_words(text: str, language: str) -> None:
    assert guess_language(text) == language


def test_languages_are_counted_most_frequent_first() -> None:
    assert languages_of(["the mill of it", "강물이", "and this is", "???", "물"]) == [("en", 2), ("ko", 2), ("other", 1)]


@settings(max_examples=200)
@given(st.text(max_size=60))
def test_any_text_has_a_language_or_none(text: str) -> None:
    assert guess_language(text) == guess_language(text + " ")


# --- phrases ---------------------------------------------------------------------------------------------------------

REFUSALS = [
    "I'm sorry, but I can't help with that.", "I’m sorry, but I can’t assist with this.", "I cannot provide that.",
    "I am unable to answer the question.", "I'm not able to help you.", "I must decline.", "I have to refuse this request.",
    "Das kann ich leider nicht beantworten.", "Je suis désolé, mais je ne peux pas le faire.",
    "Je ne peux pas vous aider.", "Lo siento, pero no puedo.", "No puedo ayudarte con eso.", "Mi dispiace, ma non posso.",
    "Desculpe, mas não posso.", "К сожалению, я не могу помочь.", "抱歉，我不能回答这个问题。", "我无法提供。",
    "申し訳ありませんが、お答えできません。", "죄송하지만 도와드릴 수 없습니다.",
]  # fmt: skip
IDENTITIES = [
    "As an AI, I have no feelings.", "As an AI language model, I", "As a large language model", "I'm an AI.",
    "I am just an AI", "I am ChatGPT", "My name is Claude.", "I was developed by OpenAI.", "trained by Google",
    "My knowledge cutoff is 2023.", "Als KI habe ich", "Als Sprachmodell", "En tant qu'IA,", "Como modelo de lenguaje,",
    "Como IA,", "Come modello linguistico,", "Как языковая модель, я", "作为一个人工智能", "作为AI", "AIとして",
    "인공지능으로서",
]  # fmt: skip
INNOCENT = [
    "The mill cannot grind without water.", "You can help by turning the wheel.", "The asset is an airfoil.",
    "Sorry is what the miller was.", "I can help with that.", "She said that she cannot help it.", "Claude Monet painted it.",
    "The aid was developed by farmers.", "Es kann nicht regnen.", "No se puede saber.", "人工智能是一门学科。", "I canned pears.",
    "As an aid to memory", "I was made by hand", "Ask Claude.", "",
]  # fmt: skip


def matches(kind: str, text: str) -> bool:
    row = duckdb.execute(f"SELECT regexp_matches({literal(text)}, {literal(PHRASES[kind])})").fetchone()
    assert row is not None
    return bool(row[0])


@pytest.mark.parametrize(
    ("kind", "text"), [*(("refusal", text) for text in REFUSALS), *(("identity", text) for text in IDENTITIES)]
)
def test_a_phrase_is_known_in_any_case(kind: str, text: str) -> None:
    assert matches(kind, text)
    assert matches(kind, f"Well. {text.upper()}")


@pytest.mark.parametrize("text", INNOCENT)
@pytest.mark.parametrize("kind", PHRASES)
def test_honest_words_are_no_such_phrase(kind: str, text: str) -> None:
    assert not matches(kind, text)


def test_the_views_look_for_the_same_phrases_and_sources() -> None:
    words = " ".join((SQL / "views.sql").read_text(encoding="utf-8").split())
    for pattern in PHRASES.values():
        assert " ".join(literal(pattern).split()) in words
    assert " ".join(source_sql("d.uri").split()) in words


# --- bounds ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "found", "stands"),
    [
        ("longer_chosen", Measured(0.6, 100, 0.5, 0.7), "ok"),
        ("longer_chosen", Measured(0.7, 100, 0.64, 0.76), "unclear"),
        ("longer_chosen", Measured(0.8, 100, 0.7, 0.9), "over"),
        ("longer_chosen", Measured(0.2, 100, 0.1, 0.3), "over"),
        ("longer_chosen", Measured(0.3, 100, 0.2, 0.4), "unclear"),
        ("label_noise", Measured(0.3, 10, 0.2, 0.4), "unclear"),
        ("label_noise", Measured(0.3, 10), "over"),
        ("label_accuracy", Measured(0.5, 10, 0.4, 0.6), "over"),
        ("label_accuracy", Measured(0.6, 10, 0.5, 0.7), "unclear"),
        ("label_accuracy", Measured(0.7, 10, 0.5, 0.8), "ok"),
        ("leakage", Measured(0.0, 10, 0.0, 0.3), "ok"),
        ("effective_sources", Measured(1.0, 10), "told"),
    ],
)
def test_how_a_figure_stands_to_its_bound(name: str, found: Measured, stands: Standing) -> None:
    assert standing(name, found) == stands


def test_every_figure_has_a_gate_words_and_a_bound_that_makes_sense() -> None:
    assert len(FIGURES) == len(BY_GATE) == len(SPECS)
    counted = [name for name in Gates.model_fields if name not in BY_GATE]
    assert counted == ["min_pairs", "min_documents", "min_position_consistency", "max_failed_share", "max_pending_share"]
    assert list(REMEDIES) == [*counted, *(spec.gate for spec in SPECS)] == list(Gates.model_fields)
    for spec in SPECS:
        assert spec.meaning
        assert spec.remedy
        assert spec.absent
        assert (spec.bound is None) == (spec.why == ""), spec.name
        assert not spec.is_two_sided or (spec.side == "max" and spec.bound is not None and spec.bound > 0.5)
    assert {spec.part for spec in SPECS} >= set(NEEDS)


def test_an_open_gate_is_neither_measured_nor_told() -> None:
    assert Gates().asked == []
    narrow = Gates(max_length_auc=0.6, min_effective_sources=2)
    assert narrow.asked == ["length_auc", "effective_sources"]
    assert "max_length_auc" not in {result.name for result in check(Gates(), {})}


@pytest.mark.parametrize(("value", "passes"), [(0.6, True), (0.4, True), (0.61, False), (0.39, False)])
def test_a_gate_holds_a_figure_from_both_sides(value: float, passes: bool) -> None:
    assert distance("length_auc", value) == pytest.approx(max(value, 1 - value))
    result = next(r for r in check(Gates(max_length_auc=0.6), {"length_auc": value}) if r.name == "max_length_auc")
    assert (result.passed, result.value) == (passes, value)
    assert passes or "compare answers of one length" in result.sentence
    assert ("from the other side" in result.sentence) == (value < 0.5)


def test_what_does_not_occur_breaks_no_gate_and_what_was_not_measured_does() -> None:
    def of(vacant: set[str]) -> tuple[bool, str]:
        result = next(r for r in check(Gates(max_leakage=0), {}, vacant) if r.name == "max_leakage")
        return result.passed, result.sentence

    assert of({"leakage"}) == (True, "leakage: no case of it, at most 0 wanted")
    passed, sentence = of(set())
    assert not passed
    assert "not measured" in sentence
    assert "give the release a second split" in sentence


def test_the_page_says_of_every_figure_what_the_catalogue_says() -> None:
    page = (ROOT / "docs" / "release_audit.md").read_text(encoding="utf-8")
    rows = {line.split(" | ")[0].strip("| `"): line for line in page.splitlines() if line.startswith("| `")}
    assert set(rows) == set(FIGURES)
    for name, row in rows.items():
        spec = FIGURES[name]
        sides = f"{round(1 - (spec.bound or 0), 3):g} to {spec.bound:g}" if spec.is_two_sided else None
        bound = sides or ("none" if spec.bound is None else f"{'≥' if spec.side == 'min' else '≤'} {spec.bound:g}")
        assert row == f"| `{name}` | {bound} | {spec.why or 'to know'} | {spec.meaning} |"


# --- the probe -------------------------------------------------------------------------------------------------------

WORDS = [f"{a}{b}{c}" for a in "bdgk" for b in "aeiou" for c in "lmnrst"]


def drawn(count: int = 400, *, seed: int = 0, documents: int = 40) -> list[tuple[str, str, str]]:
    """Pairs of random words: nothing tells chosen from rejected."""
    draw = random.Random(seed)
    return [
        (f"doc_{at % documents:03d}", *(" ".join(draw.choices(WORDS, k=draw.randint(20, 40))) for _ in "cr"))
        for at in range(count)
    ]


def probed(pairs: list[tuple[str, str, str]]) -> Probe:
    found = run_probe(pairs)
    assert found is not None
    return found


def test_the_probe_finds_nothing_where_nothing_is() -> None:
    found = probed(drawn())
    assert found.auc.low is not None
    assert found.auc.high is not None
    assert found.auc.low < 0.5 < found.auc.high
    assert len(found.chosen) == len(found.rejected) == 20


def test_the_probe_finds_a_planted_phrase_and_names_it() -> None:
    """In two of five rejected answers: those are told for certain, the others by chance."""
    pairs = [
        (document, chosen, f"{rejected} kindly note" if at % 5 < 2 else rejected)
        for at, (document, chosen, rejected) in enumerate(drawn())
    ]
    found = probed(pairs)
    assert found.auc.value > 0.65
    assert {gram.text for gram in found.rejected[:3]} == {"kindly", "note", "kindly note"}
    assert found.rejected[0].rejected == pytest.approx(0.4)
    assert found.rejected[0].chosen == 0
    assert all(gram.weight < 0 for gram in found.rejected)
    assert all(gram.weight > 0 for gram in found.chosen)


def test_the_probe_does_not_learn_documents() -> None:
    """Each document has a word of its own that stands in all its chosen answers: it tells nothing of other documents."""
    pairs = [(document, f"{chosen} {document} x", f"{rejected} x") for document, chosen, rejected in drawn(documents=8)]
    assert probed(pairs).auc.value < 0.6
    seen = [(f"doc_{at}", chosen, rejected) for at, (_, chosen, rejected) in enumerate(pairs)]
    assert probed(seen).auc.value > 0.8, "were it not for the folds by document, it would"


def test_a_phrase_that_only_makes_answers_longer_is_not_in_matched_pairs() -> None:
    tail = " kindly note" * 10
    pairs = [
        (document, chosen, rejected + tail if at % 2 else rejected)
        for at, (document, chosen, rejected) in enumerate(drawn(600))
    ]
    found = probed(pairs)
    assert found.matched is not None
    assert found.auc.value > 0.7
    assert found.matched.value < found.auc.value
    sizes = [(len(chosen), len(rejected)) for _, chosen, rejected in pairs]
    assert found.matched.n == sum(min(each) >= 0.9 * max(each) for each in sizes)


def test_dense_scripts_and_signs_are_words() -> None:
    pairs = [(document, f"水車が回る** {chosen}", rejected) for document, chosen, rejected in drawn(100)]
    assert {"水 車", "* *", "回"} <= {gram.text for gram in probed(pairs).chosen}


@pytest.mark.parametrize("pairs", [[], drawn(49), drawn(100, documents=4)])
def test_few_pairs_or_documents_are_not_probed(pairs: list[tuple[str, str, str]]) -> None:
    assert run_probe(pairs) is None


def test_texts_without_a_word_tell_nothing() -> None:
    found = probed([(f"doc_{at}", " ", "\n") for at in range(60)])
    assert (found.auc.value, found.chosen, found.rejected) == (0.5, [], [])


def test_the_probe_says_the_same_twice() -> None:
    assert run_probe(drawn(120)) == run_probe(drawn(120))
