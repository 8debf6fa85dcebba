"""The search for runs of words: exact, against the plainest way to do it, whatever the hashes do."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.contamination.index import Hit, Index
from pipeline.contamination.runs import Item
from pipeline.contamination.words import words_of

FEW_WORDS = st.lists(st.sampled_from(["a", "B", "é", "e\u0301", "水", "ผู้", "नि", "x\u00ady", "7"]), max_size=12).map(" ".join)
ITEMS = st.lists(st.lists(FEW_WORDS, min_size=1, max_size=2).map(tuple), max_size=5).map(
    lambda texts: [Item("set", f"i{number}", each) for number, each in enumerate(texts)]
)
ROWS = st.lists(st.lists(FEW_WORDS, min_size=1, max_size=3).map(tuple), max_size=6)
Run = tuple[str, ...]


def runs_of(text: str, n: int, min_words: int) -> list[Run]:
    """The runs that are searched for."""
    words = words_of(text)
    if len(words) < n:
        return [tuple(words)] if len(words) >= min_words else []
    return [tuple(words[at : at + n]) for at in range(len(words) - n + 1)]


def runs_in(texts: Sequence[str]) -> set[Run]:
    """Every run of every length of a row."""
    found = set()
    for text in texts:
        words = words_of(text)
        found |= {tuple(words[at:end]) for at in range(len(words)) for end in range(at + 1, len(words) + 1)}
    return found


def plainly(items: Sequence[Item], rows: Sequence[Sequence[str]], n: int, min_words: int) -> dict[int, dict[str, float]]:
    """By row, the items it has runs of and how much of them these cover, by sets of words alone."""
    found: dict[int, dict[str, float]] = {}
    for row, texts in enumerate(rows):
        there = runs_in(texts)
        for item in items:
            covered = size = 0
            for text in item.texts:
                runs = runs_of(text, n, min_words)
                length = len(words_of(text))
                marked: set[int] = set()
                for at, run in enumerate(runs):
                    if run in there:
                        marked |= set(range(at, at + len(run)))
                covered += len(marked)
                size += length if runs else 0
            if covered:
                found.setdefault(row, {})[item.name] = covered / size
    return found


@given(ITEMS, ROWS, st.integers(1, 5), st.integers(1, 5), st.sampled_from([1, 2, 5, 64]), st.sampled_from([0.0, 0.5, 1.0]))
def test_the_search_finds_what_plain_sets_find(
    items: list[Item], rows: list[tuple[str, ...]], n: int, less: int, hash_bits: int, min_share: float
) -> None:
    min_words = min(n, less)
    index = Index.build(items, n, min_words, hash_bits=hash_bits)
    hits = list(index.scan(rows, min_share))
    plain = plainly(items, rows, n, min_words)
    wanted = {row: shares for row, shares in plain.items() if max(shares.values()) >= min_share}
    assert [hit.row for hit in hits] == sorted(wanted)
    for hit in hits:
        shares = wanted[hit.row]
        best = max(shares.values())
        first = next(item.name for item in items if shares.get(item.name) == best)
        assert (hit.item.name, hit.share, hit.others) == (first, best, len(shares) - 1)
        assert any(hit.words in runs_in([text]) for text in hit.item.texts)


@given(ITEMS, ROWS, st.integers(1, 4), st.randoms(use_true_random=False))
def test_neither_the_order_of_rows_nor_how_they_come_matters(
    items: list[Item], rows: list[tuple[str, ...]], n: int, chance: random.Random
) -> None:
    index = Index.build(items, n, 1)
    at_once = {hit.row: hit for hit in index.scan(rows)}
    order = list(range(len(rows)))
    chance.shuffle(order)
    assert {order[hit.row]: hit._replace(row=order[hit.row]) for hit in index.scan([rows[at] for at in order])} == at_once
    alone = [(row, hit) for row, texts in enumerate(rows) for hit in index.scan([texts])]
    assert {row: hit._replace(row=row) for row, hit in alone} == at_once


@given(ITEMS, ROWS, st.integers(1, 4))
def test_with_hardly_any_hash_the_hits_are_the_same(items: list[Item], rows: list[tuple[str, ...]], n: int) -> None:
    hits: list[list[Hit]] = [list(Index.build(items, n, 1, hash_bits=bits).scan(rows)) for bits in (1, 3, 64)]
    assert hits[0] == hits[1] == hits[2]


SCRIPTS = {
    "latin": "the great spur wheel drives every pair of stones and has ninety six wooden teeth of apple wood each day",
    "accents": "le grand rouet à dents de bois entraîne chaque paire de meules où l été était né en forêt ça",
    "cyrillic": "большое колесо вращает каждую пару камней и имеет сто зубьев из яблони в этот год а не или ещё да",
    "arabic": "العجلة الكبيرة في الطاحونة تدير كل زوج من الحجارة ولها ستة وتسعون سنا وهي قوية جدا منذ زمن بعيد هنا",
    "hindi": "चक्की का बड़ा पहिया पत्थरों की हर जोड़ी को चलाता है और उसके सेब की लकड़ी से बने दाँत होते",
    "korean": "큰 톱니바퀴는 모든 맷돌 쌍을 돌리며 나무로 만든 여섯 개의 이빨이 있고 주인이 하나씩 바꿀 수 있다 늘 또 다시",
    "japanese": "水 車 は 粉 を ひ く た め に 使 わ れ る 古 い 道 具 で す",
    "thai": "ก ข ค ง จ ฉ ช ซ ญ ด ต ถ ท ธ น บ ป ผ พ ม",
}


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("n", [8, 13])
@pytest.mark.parametrize("planted", [7, 10, 13, 20])
def test_a_planted_stretch_is_found_just_when_it_has_n_words(script: str, n: int, planted: int) -> None:
    words = SCRIPTS[script].split()[:20]
    assert len(words) == 20
    joint = "" if script in ("japanese", "thai") else " "
    index = Index.build([Item("set", "i", (joint.join(words),))], n)
    row = f"Before it, words of no meaning. {joint.join(words[:planted]).upper()}! And after it others."
    hits = list(index.scan([("nothing at all",), (row,)]))
    assert [hit.row for hit in hits] == ([1] if planted >= n else [])
    for hit in hits:
        assert (len(hit.words), hit.runs, hit.share) == (planted, planted - n + 1, planted / 20)


def test_a_text_shorter_than_n_is_searched_for_whole() -> None:
    short, shorter = "one two three four five six seven eight", "one two three four five six seven"
    index = Index.build([Item("set", "short", (short,)), Item("set", "shorter", (shorter,))], 13, 8)
    assert (index.coverage.items, index.coverage.searched, index.coverage.runs) == (2, 1, 1)
    hits = list(index.scan([(f"zero {short} nine",), (f"zero {shorter} ate",)]))
    assert [(hit.row, hit.item.name, hit.share) for hit in hits] == [(0, "short", 1.0)]


def test_texts_of_an_item_and_of_a_row_are_not_read_together() -> None:
    index = Index.build([Item("set", "i", ("a b c", "d e f"))], 3)
    assert list(index.scan([("x b c d e",), ("a b", "c")])) == []
    (hit,) = index.scan([("a b c", "d e f")])
    assert (hit.runs, hit.share, hit.words) == (2, 1.0, ("a", "b", "c"))


def test_the_item_that_is_covered_most_is_named_and_the_others_are_counted() -> None:
    texts = {"long": "a b c d e f g h", "half": "a b c x y z", "none": "q r s"}
    index = Index.build([Item("s", name, (text,)) for name, text in texts.items()], 3)
    (hit,) = index.scan([("a b c d",)])
    assert (hit.item.name, hit.share, hit.others) == ("long", 0.5, 1)


def test_of_equals_the_first_is_named() -> None:
    index = Index.build([Item("s", "one", ("a b c d",)), Item("s", "two", ("b c d e",))], 3)
    (hit,) = index.scan([("b c d",)])
    assert (hit.item.name, hit.share) == ("one", 0.75)


def test_a_share_counts_each_word_of_the_item_once() -> None:
    index = Index.build([Item("s", "i", ("a b a b a b a c",))], 2)
    (hit,) = index.scan([("b a b",)])
    assert (hit.runs, hit.share) == (6, 7 / 8)
    assert list(index.scan([("b a b",)], min_share=0.876)) == []
    assert len(list(index.scan([("b a b",)], min_share=0.875))) == 1


def test_more_finds_than_expected_are_all_kept() -> None:
    text = " ".join(f"w{number}" for number in range(3000))
    (hit,) = Index.build([Item("s", "i", (text,))], 2).scan([(text,)])
    assert (hit.runs, hit.share) == (2999, 1.0)


def test_texts_with_nul_and_half_characters_are_searched() -> None:
    index = Index.build([Item("s", "i", ("a b c",))], 3)
    assert [hit.row for hit in index.scan([("a\0b c",), ("x", "\0\0"), ("\ud800 a b c é",), ("",)])] == [0, 2]


def test_an_index_of_nothing_finds_nothing() -> None:
    assert list(Index.build([], 3).scan([("a b c",)])) == []
    assert list(Index.build([Item("s", "i", ("a",))], 3).scan([("a b c",)])) == []


@pytest.mark.parametrize(("n", "min_words"), [(0, None), (3, 0), (3, 4)])
def test_numbers_that_mean_nothing_are_refused(n: int, min_words: int | None) -> None:
    with pytest.raises(ValueError, match="word"):
        Index.build([], n, min_words)
